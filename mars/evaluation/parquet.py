"""Finished cases as a table: a folder of Parquet files with a row a case and strategy.

pandas, polars and DuckDB open it as it is, and an evaluation that was stopped or killed goes on from it.

Each file is written aside and moved into place whole, so a kill leaves no half of one. Columns:

- case, hash: number in the set, and SHA-256 of all that the input holds, pixels included; no words, no images
- modality, label, group, strategy, draw: as in the report; draw tells random directions apart
- reply, refused, exact: what was said, the judge's verdict, whether it is the expected reply (null if there is none)
- refusal_score: odds that the first token opens a refusal, in nats
- strength, kl: step along the steering direction, and KL(unsteered || this) in nats, at the first token
- coordinates: refusal coordinate s of every layer at the last prompt position, re-centred, after the edit
- settings: model, layer, gain, seed, versions and hashes, as JSON
- error: null, or why the case has no outcome; such a row has no strategy, and its case is asked again
"""

import json
import os
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from mars.datasets.case import CaseInfo
from mars.evaluation.checkpoint import Run, RunFileError, differences_of
from mars.evaluation.outcomes import CaseResult, Outcome

WORDS = pa.dictionary(pa.int32(), pa.string())
SCHEMA = pa.schema(
    {
        "case": pa.int64(),
        "hash": pa.string(),
        "modality": WORDS,
        "label": WORDS,
        "group": WORDS,
        "strategy": WORDS,
        "draw": pa.int32(),
        "reply": pa.string(),
        "refused": pa.bool_(),
        "exact": pa.bool_(),
        "refusal_score": pa.float64(),
        "strength": pa.float64(),
        "kl": pa.float64(),
        "coordinates": pa.list_(pa.float32()),
        "settings": WORDS,
        "error": pa.string(),
    }
)
OUTCOME = [name for name in Outcome._fields if name != "coordinates"]


class RunTable(Run):
    """The finished cases of one evaluation, in a folder of Parquet files."""

    def __init__(self, folder: str | Path, settings: dict[str, Any]) -> None:
        """Go on with the folder, or begin it. Raises RunFileError where it was made with other settings."""
        super().__init__()
        self.folder = Path(folder)
        self._settings = json.dumps(settings)
        if self.folder.exists() and not self.folder.is_dir():
            raise self._foreign()
        self.folder.mkdir(parents=True, exist_ok=True)
        for torn in self.folder.glob(".*.tmp"):
            torn.unlink(missing_ok=True)
        for path in sorted(self.folder.glob("*.parquet")):
            self._read(path)

    def keep(self, answers: Iterable[CaseResult]) -> None:
        rows = []
        for answered in answers:
            news = self._news(answered)
            if answered.error:
                rows.append(_row(answered.case, answered.info) | {"error": answered.error})
            else:
                rows += [_row(answered.case, answered.info) | outcome._asdict() for outcome in news]
                self._remember(answered.info.hash, news)
        if rows:
            rows = [{"settings": self._settings, "error": None} | row for row in rows]
            self._write(pa.Table.from_pylist(_encodable(rows), schema=SCHEMA), f"{uuid.uuid4().hex}.parquet")

    def _read(self, path: Path) -> None:
        """Take in a file; rows of cases that failed are taken out of it."""
        try:
            table = pq.read_table(path, schema=SCHEMA)
            settings = table["settings"].unique().to_pylist()
            rows = table.drop_columns(["settings", "coordinates"]).to_pylist()
        except (pa.ArrowException, OSError, KeyError, ValueError) as error:
            raise self._foreign() from error
        for other in settings:
            if differences := differences_of(json.loads(other), json.loads(self._settings)):
                raise RunFileError(
                    f"{self.folder} was begun with another setting: {', '.join(differences)}. "
                    "Delete it to begin anew, or name another folder."
                )
        for row in rows:
            if row["error"] is None:
                self._remember(row["hash"], [Outcome(**{name: row[name] for name in OUTCOME})])
        whole = table.filter(pa.compute.is_null(table["error"]))
        if not len(whole):
            path.unlink()
        elif len(whole) < len(table):
            self._write(whole, path.name)

    def _write(self, table: pa.Table, name: str) -> None:
        part = self.folder / f".{name}.tmp"
        pq.write_table(table, part)
        os.replace(part, self.folder / name)

    def _foreign(self) -> RunFileError:
        return RunFileError(f"{self.folder} is not the table of an evaluation. Delete it, or name another folder.")


def _row(case: int, info: CaseInfo | None) -> dict[str, Any]:
    """What a row says of its case; nothing where the case could not be decoded."""
    if info is None:
        return {"case": case}
    kept = ("hash", "modality", "label", "group")
    return {"case": case, **{name: getattr(info, name) for name in kept}}


def _encodable(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows without halves of characters, which UTF-8 has not; a model may write them."""

    def told(value: Any) -> Any:
        return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value

    return [{name: told(value) for name, value in row.items()} for row in rows]
