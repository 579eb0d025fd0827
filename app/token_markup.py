"""A prompt position by position as HTML: its words, tables and sentences. Pure and escaped."""

from collections.abc import Mapping
from html import escape

import numpy as np
from numpy.typing import NDArray

from .figures.tokens import step_times
from .markup import caption, signed, table
from .results import TokenMap

MAX_ROWS = 400
"""Rows of the table; a picture may have thousands of patches."""
NO_GRID = (
    "The processor of this model does not tell how its patches lie in the image, so they stand in the map alone."
)
NO_FRAMES = "This model reads the video in one piece, so its patches cannot be told apart by frame."
LOCAL = 0.5
"""Spread of s below which nothing is localised: a quarter of what harmless and harmful text are apart."""
NAMES = {"text": "words", "image": "patch", "video": "patch"}


def ramp(bands: Mapping[str, NDArray], layer: int) -> str:
    """What the colours of s are at a layer; bands: 5, 50 and 95 % of s of each label of text, (layer, 3)."""
    harmless, harmful = (signed(float(bands[label][layer][1])) for label in ("harmless", "harmful"))
    medians = f"(medians of validation text at layer {layer}: {harmless} and {harmful})"
    return (
        '<p class="ramp"><span>s ≤ −1, mean of harmless text</span>'
        '<span class="colours" aria-hidden="true"></span>'
        f"<span>s ≥ +1, mean of harmful text</span><span>{medians}</span></p>"
    )


def empty() -> str:
    """Before anything has been run."""
    return caption("Run a prompt on Compare, and every position of it is shown here.")


def positions_table(shown: TokenMap, layer: int) -> str:
    """One row a position at one layer."""
    rows = [
        [
            str(position),
            NAMES[shown.kinds[position]],
            token.replace("\n", "↵"),
            _where(shown, position),
            signed(float(shown.coordinates[position, layer])),
        ]
        for position, token in enumerate(shown.tokens)
    ]
    cut = ""
    if len(rows) > MAX_ROWS:
        cut = caption(f"The first {MAX_ROWS - 50} and the last 50 of {len(rows)} positions.")
        rows = rows[: MAX_ROWS - 50] + rows[-50:]
    head = ["position", "kind", "token", "where", f"s at layer {layer}"]
    return table(head, rows, f"Numbers: refusal coordinate s at layer {layer}, dimensionless") + cut


def frames_table(shown: TokenMap, mean: np.ndarray, low: np.ndarray, high: np.ndarray) -> str:
    """One row a step in time."""
    times = step_times(shown.times, len(mean))
    rows = [[str(step + 1), f"{times[step]:.1f}", signed(float(mean[step])), signed(float(low[step])),
             signed(float(high[step]))] for step in range(len(mean))]  # fmt: skip
    return table(["step", "seconds", "mean s", "least", "most"], rows, "Numbers: s by step in time, dimensionless")


def spread(values: NDArray, layer: int, what: str) -> str:
    """How far patches or steps differ, against what harmless and harmful text are apart, and whether that is much."""
    low, high = float(values.min()), float(values.max())
    told = f"layer {layer} the {escape(what)} lie between s = {signed(low)} and {signed(high)}, a spread of "
    told += f"{high - low:.2f}, where harmless and harmful text are 2 apart at the last position"
    if high - low < LOCAL:
        told = f"Nothing is localised here: at {told}; a spread below {LOCAL:g} is not called localised"
    else:
        told = f"At {told}"
    return f'<p class="reading">{told}.</p>'


def _where(shown: TokenMap, position: int) -> str:
    """Frame, row and column of a patch, as far as they are known; counted from 1."""
    frame, cell = shown.frames[position], shown.cells[position]
    parts = [] if frame is None else [f"step {frame + 1}"]
    if cell is not None:
        parts.append(f"row {cell[0] + 1}, column {cell[1] + 1}")
    return ", ".join(parts) or "–"
