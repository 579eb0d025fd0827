"""A prompt position by position as HTML: its words, tables and sentences. Pure and escaped."""

from html import escape

import numpy as np

from .figures.tokens import step_times
from .markup import caption, signed, table
from .results import TokenMap

MAX_ROWS = 400
"""Rows of the table; a picture may have thousands of patches."""
RAMP = (
    '<p class="ramp"><span>s ≤ −1, like harmless text</span><span class="colours" aria-hidden="true"></span>'
    "<span>s ≥ +1, like harmful text</span></p>"
)
NO_GRID = (
    "The processor of this model does not tell how its patches lie in the picture, so they stand in the map alone."
)
NO_FRAMES = "This model reads the clip in one piece, so its patches cannot be told apart by frame."
NAMES = {"text": "words", "image": "patch", "video": "patch"}


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
    return table(head, rows, f"Numbers: refusal coordinate s at layer {layer}, without unit") + cut


def frames_table(shown: TokenMap, mean: np.ndarray, low: np.ndarray, high: np.ndarray) -> str:
    """One row a step in time."""
    times = step_times(shown.times, len(mean))
    rows = [[str(step + 1), f"{times[step]:.1f}", signed(float(mean[step])), signed(float(low[step])),
             signed(float(high[step]))] for step in range(len(mean))]  # fmt: skip
    return table(["step", "seconds", "mean s", "least", "most"], rows, "Numbers: s by step in time, without unit")


def spread(values: np.ndarray, layer: int, what: str) -> str:
    """How far the patches differ, against what separates harmless from harmful text."""
    low, high = float(values.min()), float(values.max())
    return (
        f'<p class="reading">At layer {layer} the {escape(what)} lie between s = {signed(low)} and {signed(high)}: '
        f"a spread of {high - low:.2f}, where harmless and harmful text are 2 apart at the last position.</p>"
    )


def _where(shown: TokenMap, position: int) -> str:
    """Frame, row and column of a patch, as far as they are known; counted from 1."""
    frame, cell = shown.frames[position], shown.cells[position]
    parts = [] if frame is None else [f"step {frame + 1}"]
    if cell is not None:
        parts.append(f"row {cell[0] + 1}, column {cell[1] + 1}")
    return ", ".join(parts) or "–"
