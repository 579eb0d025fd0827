"""Finished comparisons of gallery examples beside a model's artifact, so that the page can open on one at once."""

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mars.atomic_file import atomic_write
from mars.icon_vl.bars.estimates import LABELS, Cells

from ..results import Aggregate, Comparison, Curves, Likely, Receipt, Reply, Verdict

FILE = "opening.json"
"""In a model's folder, beside its artifact; the command in `record.py` writes it."""
FIGURES, COUNTS = "meta.json", "results.json"
"""In the folder of a model that was measured here, its figures on the test split: Pocket-VL's, and Icon-VL's."""


@dataclass(frozen=True)
class Recorded:
    """Comparisons at the chosen layer with gain 1, made with one artifact."""

    opening: str
    """Title of the example that the page opens on."""
    comparisons: Mapping[str, Comparison]
    """Title of an example -> both its replies."""


def read_recorded(folder: Path, artifact_hash: str) -> Recorded | None:
    """What lies in a model's folder; None where nothing does, or it was made with another artifact."""
    path = folder / FILE
    if not path.is_file():
        return None
    stored = json.loads(path.read_text(encoding="utf-8"))
    if stored["artifact"] != artifact_hash:
        return None
    comparisons = {title: _comparison(found) for title, found in stored["comparisons"].items()}
    return Recorded(stored["opening"], comparisons)


def write_recorded(folder: Path, artifact_hash: str, recorded: Recorded) -> Path:
    """Write them into a model's folder."""
    found = {title: _plain(comparison) for title, comparison in recorded.comparisons.items()}
    stored = {"artifact": artifact_hash, "opening": recorded.opening, "comparisons": found}
    path = folder / FILE
    atomic_write(path, (json.dumps(stored, indent=1, ensure_ascii=False) + "\n").encode())
    return path


def read_aggregates(folder: Path) -> tuple[Aggregate, ...]:
    """What MARS does to images and videos of the test split; empty for a model that was not measured so."""
    if (folder / FIGURES).is_file():
        return _of_pocket_vl(json.loads((folder / FIGURES).read_text(encoding="utf-8"))["rows"])
    if (folder / COUNTS).is_file():
        results = json.loads((folder / COUNTS).read_text(encoding="utf-8"))
        return _of_icon_vl(Cells(results), results["settings"]["layer"])
    return ()


def _of_pocket_vl(rows: Sequence[Mapping[str, Any]]) -> tuple[Aggregate, ...]:
    cells = {(row["strategy"], row["modality"], row["label"]): row for row in rows if row["group"] == "main"}

    def counted(modality: str, label: str) -> tuple[int, int, int]:
        before, after = (cells[strategy, modality, label] for strategy in ("unsteered", "mars"))
        return before["refusals"], after["refusals"], after["n"]

    return tuple(
        Aggregate(modality, *counted(modality, "harmful"), *counted(modality, "harmless"))
        for modality in ("image", "video")
        if ("mars", modality, "harmful") in cells
    )


def _of_icon_vl(cells: Cells, layer: int) -> tuple[Aggregate, ...]:
    told = []
    for modality in ("image", "video"):
        found = [cells.rate(modality, label, strategy) for label in LABELS for strategy in ("unsteered", "mars")]
        if None not in found:
            counts, n, n_harmless = [int(one.k) for one in found], found[0].n, found[2].n
            told.append(Aggregate(modality, *counts[:2], n, *counts[2:], n_harmless, layer))
    return tuple(told)


def _plain(comparison: Comparison) -> dict[str, Any]:
    plain = asdict(comparison)
    del plain["generation"]  # of the session that shows it
    plain["curves"] |= {name: _rounded(plain["curves"][name]) for name in ("before", "after")}
    activations = comparison.activations.astype("<f4")
    return plain | {"activations": {"shape": activations.shape, "float32": b64encode(activations.tobytes()).decode()}}


def _rounded(curve: NDArray) -> list[float]:
    return [round(float(s), 5) for s in curve]


def _comparison(plain: dict[str, Any]) -> Comparison:
    curves, kept = plain["curves"], plain["activations"]
    return Comparison(
        **plain
        | {
            "curves": Curves(np.float32(curves["before"]), np.float32(curves["after"]), curves["modality"]),
            "unsteered": _reply(plain["unsteered"]),
            "steered": _reply(plain["steered"]),
            "receipt": Receipt(**plain["receipt"]),
            "activations": np.frombuffer(b64decode(kept["float32"]), "<f4").reshape(kept["shape"]),
        }
    )


def _reply(plain: dict[str, Any]) -> Reply:
    likely = tuple(Likely(**candidate) for candidate in plain["first_tokens"])
    return Reply(**plain | {"verdict": Verdict(**plain["verdict"]), "first_tokens": likely})
