"""Finished cases as a table: a folder of Parquet files with a row per case and strategy.

pandas, polars and DuckDB open it as it is, and an evaluation that was stopped or killed resumes from it. Each file is
written atomically, so a kill leaves no half of one. Columns:

- case, hash: number in the set, and SHA-256 of all that the input holds, pixels included; no words, no images
- modality, label, group, strategy, draw: as in the report; draw is the number of the random direction
- reply, cut: the text, and whether the length allowed ended it
- verdict, reason, refused: what the reply does, why that is thought, and whether the verdict is "refuses"
- exact: whether the reply is the expected one (null if there is none)
- refusal_score: log odds that the first token opens a refusal, in nats
- strength, kl: step along the steering direction, and KL(unsteered || this) in nats, at the first token
- coordinates: refusal coordinate s of every layer at the last prompt position, re-centred, after the edit
- settings: model, layer, gain, seed, versions and hashes, as JSON
- error: null, or why the case has no outcome; such a row has no strategy, and its case is run again
"""

import json
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from mars.atomic_file import atomic_write
from mars.datasets.case import CaseInfo
from mars.evaluation.checkpoint import Run, RunFileError
from mars.evaluation.outcomes import CaseResult

CATEGORY = pa.dictionary(pa.int32(), pa.string())
SCHEMA = pa.schema(
    {
        "case": pa.int64(),
        "hash": pa.string(),
        "modality": CATEGORY,
        "label": CATEGORY,
        "group": CATEGORY,
        "strategy": CATEGORY,
        "draw": pa.int32(),
        "reply": pa.string(),
        "cut": pa.bool_(),
        "verdict": CATEGORY,
        "reason": pa.string(),
        "refused": pa.bool_(),
        "exact": pa.bool_(),
        "refusal_score": pa.float64(),
        "strength": pa.float64(),
        "kl": pa.float64(),
        "coordinates": pa.list_(pa.float32()),
        "settings": CATEGORY,
        "error": pa.string(),
    }
)


class RunTable(Run):
    """The finished cases of one evaluation, in a folder of Parquet files."""

    kind = "folder"

    def __init__(self, folder: str | Path, settings: dict[str, Any]) -> None:
        """Resume the folder, or begin it. Raises RunFileError where it was begun with other settings."""
        super().__init__(folder, settings)
        if self.path.exists() and not self.path.is_dir():
            raise self._not_a_run()
        self.path.mkdir(parents=True, exist_ok=True)
        for leftover in self.path.glob(".*.part"):
            leftover.unlink(missing_ok=True)
        for path in sorted(self.path.glob("*.parquet")):
            self._read(path)

    def keep(self, results: Iterable[CaseResult]) -> None:
        rows = []
        for result in results:
            if result.error:
                rows.append(_row(result.case, result.info) | {"error": result.error})
            else:
                new = self._new_outcomes(result)
                rows += [_row(result.case, result.info) | outcome.stored for outcome in new]
                self._remember(result.info.hash, new)
        if rows:
            common = {"settings": json.dumps(self.settings), "error": None}
            table = pa.Table.from_pylist([_encodable(common | row) for row in rows], schema=SCHEMA)
            _write(table, self.path / f"{uuid.uuid4().hex}.parquet")

    def _read(self, path: Path) -> None:
        """Take in a file; rows of cases that failed are taken out of it."""
        try:
            table = pq.read_table(path, schema=SCHEMA)
            settings = table["settings"].unique().to_pylist()
            rows = table.drop_columns(["settings", "coordinates"]).to_pylist()
        except (pa.ArrowException, OSError, KeyError, ValueError) as error:
            raise self._not_a_run() from error
        for stored in settings:
            self._check_settings(json.loads(stored))
        for row in rows:
            if row["error"] is None:
                self._remember(row["hash"], [self._read_outcome(row)])
        finished = table.filter(pa.compute.is_null(table["error"]))
        if not len(finished):
            path.unlink()
        elif len(finished) < len(table):
            _write(finished, path)

    def _not_a_run(self) -> RunFileError:
        return RunFileError(f"{self.path} is not the table of an evaluation. Delete it, or name another folder.")


def _write(table: pa.Table, path: Path) -> None:
    content = pa.BufferOutputStream()
    pq.write_table(table, content)
    atomic_write(path, content.getvalue())


def _row(case: int, info: CaseInfo | None) -> dict[str, Any]:
    """The columns that describe a case; its number alone where the case could not be decoded."""
    if info is None:
        return {"case": case}
    kept = ("hash", "modality", "label", "group")
    return {"case": case, **{name: getattr(info, name) for name in kept}}


def _encodable(row: dict[str, Any]) -> dict[str, Any]:
    """A row without lone surrogates, which UTF-8 cannot encode; a model may write them."""
    return {
        name: value.encode("utf-8", "replace").decode() if isinstance(value, str) else value
        for name, value in row.items()
    }
