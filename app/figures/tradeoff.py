"""What refusing harmful requests costs in refused harmless ones: one point a strategy, one chart a modality."""

from collections.abc import Iterable, Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from .frame import framed
from .palette import LIGHT, SYMBOLS

HEIGHT = 440
RANGE = (-0.03, 1.03)
MARGIN = {"l": 52, "r": 22, "t": 10, "b": 46}
LABEL_GAP = 14.5
"""Fewest pixels from one label's middle to the next."""
LEFT = 0.5
"""Marks with fewer harmless requests refused than this have their labels in one column, while they fit."""
COLUMN_GAP = 0.03
LETTER = 0.022
"""About what a letter of a label takes of the width of the chart."""
SPOT, CROWD = 0.03, 8
"""More than so many strategies that differ by so little share one label; hover and table tell them apart."""
WORDS = {"text": "text", "image": "pictures", "video": "clips"}


def tradeoff(
    names: Sequence[str],
    harmful: NDArray,
    harmless: NDArray,
    modality: str,
    leading: str = "mars",
    reference: str = "unsteered",
) -> go.Figure:
    """Share of harmful requests refused (up) against share of harmless ones refused (right).

    names: of the strategies; harmful, harmless: rate, low and high of each as fractions, (strategy, 3); the
    leading strategy is drawn strongest, the reference as an open mark.
    """
    harmful, harmless = np.asarray(harmful, dtype=float), np.asarray(harmless, dtype=float)
    figure = go.Figure()
    weights = [0 if name == leading else 1 if name == reference else 2 for name in names]
    for row in sorted(range(len(names)), key=lambda row: -weights[row]):
        _add_strategy(figure, names[row], harmful[row], harmless[row], SYMBOLS[modality], weights[row])
    _add_labels(figure, names, harmful, harmless, leading)
    framed(figure, HEIGHT, _sentence(names, harmful, harmless, modality, leading, reference))
    figure.update_layout(hovermode="closest", margin=MARGIN)
    axis = {"range": RANGE, "tickvals": np.linspace(0, 1, 6), "tickformat": ".0%"}
    figure.update_xaxes(title_text="harmless requests refused", title_font_color=LIGHT["harmless"], **axis)
    figure.update_yaxes(title_text="harmful requests refused", title_font_color=LIGHT["harmful"], **axis)
    return figure


def spread(ideal: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Positions as near as may be to the ideal ones, in their order, at least gap apart, within low and high.

    Neighbours that are too close are moved apart about their common middle. Where all together do not fit, they
    stand evenly from low to high.
    """
    order = sorted(range(len(ideal)), key=lambda index: ideal[index])
    if (len(order) - 1) * gap > high - low:
        places = np.linspace(low, high, len(order))
        return [float(places[order.index(index)]) for index in range(len(ideal))]
    blocks: list[list[int]] = []
    starts: list[float] = []
    for index in order:
        blocks.append([index])
        starts.append(_start([index], ideal, gap, low, high))
        while len(blocks) > 1 and starts[-1] < starts[-2] + len(blocks[-2]) * gap:
            merged = blocks[-2] + blocks[-1]
            blocks[-2:], starts[-2:] = [merged], [_start(merged, ideal, gap, low, high)]
    placed = {
        index: start + offset * gap
        for block, start in zip(blocks, starts, strict=True)
        for offset, index in enumerate(block)
    }
    return [placed[index] for index in range(len(ideal))]


def _start(block: Sequence[int], ideal: Sequence[float], gap: float, low: float, high: float) -> float:
    """Where a block of labels begins that lie gap apart and as near as may be to where they belong."""
    start = sum(ideal[index] - offset * gap for offset, index in enumerate(block)) / len(block)
    return min(max(start, low), high - (len(block) - 1) * gap)


def _add_strategy(figure: go.Figure, name: str, up: NDArray, right: NDArray, symbol: str, weight: int) -> None:
    color = LIGHT["neutral" if weight == 2 else "ink"]

    def bars(interval: NDArray) -> dict:
        rate, low, high = interval
        return {"type": "data", "symmetric": False, "array": [high - rate], "arrayminus": [rate - low],
                "color": color, "thickness": 1, "width": 0}  # fmt: skip

    figure.add_scatter(
        x=[right[0]], y=[up[0]], mode="markers", name=name, error_x=bars(right), error_y=bars(up),
        marker={"symbol": f"{symbol}-open" if weight == 1 else symbol, "size": 9 if weight == 2 else 12,
                "color": color, "line": {"color": color if weight == 1 else LIGHT["surface"], "width": 1.5}},
        hovertemplate=f"<b>{_words(name)}</b><br>harmful refused {_interval(up)}"
                      f"<br>harmless refused {_interval(right)}<extra></extra>",
    )  # fmt: skip


def _add_labels(figure: go.Figure, names: Sequence[str], harmful: NDArray, harmless: NDArray, leading: str) -> None:
    """Names beside their intervals, one under the other: those on the left in a column, the others by their marks."""
    pixels = HEIGHT - MARGIN["t"] - MARGIN["b"]
    told = _told(names, harmful[:, 0], harmless[:, 0], leading)
    at = {row: (RANGE[1] - harmful[row, 0]) / (RANGE[1] - RANGE[0]) * pixels for row in told}
    places = spread(list(at.values()), LABEL_GAP, 8, pixels - 8)
    left = sorted((row for row in told if harmless[row, 0] < LEFT), key=lambda row: harmless[row, 2])
    while left and harmless[left[-1], 2] + _width(told[row] for row in left) > RANGE[1]:
        left.pop()
    column = harmless[left[-1], 2] + COLUMN_GAP if left else 0.0
    for (row, text), place in zip(told.items(), places, strict=True):
        is_leading = names[row] == leading
        _, low, high = harmless[row]
        is_after = row in left or high + _width([text]) < RANGE[1]
        figure.add_annotation(
            x=high if is_after else low, y=harmful[row, 0], ay=place - at[row],
            axref="x", ax=column if row in left else high + COLUMN_GAP if is_after else low - COLUMN_GAP,
            xanchor="left" if is_after else "right", text=text,
            showarrow=True, arrowhead=0, arrowwidth=1, arrowcolor=LIGHT["rule"], standoff=2,
            font={"size": 12, "color": LIGHT["ink" if is_leading else "muted"], "weight": 600 if is_leading else 400},
        )  # fmt: skip


def _width(texts: Iterable[str]) -> float:
    """What labels one under the other take beside their marks, as a share of the chart's width."""
    return COLUMN_GAP + LETTER * max(map(len, texts))


def _told(names: Sequence[str], up: NDArray, right: NDArray, leading: str) -> dict[int, str]:
    """Rows that get a label, and its text: all of them, but of a crowd on one spot the first stands for the rest."""
    told: dict[int, str] = {}
    left_over = sorted(range(len(names)), key=lambda row: names[row] != leading)
    while left_over:
        first = left_over[0]
        crowd = [row for row in left_over if max(abs(up[row] - up[first]), abs(right[row] - right[first])) <= SPOT]
        if len(crowd) <= CROWD:
            crowd = [first]
        told[first] = _words(names[first]) + (f" and {len(crowd) - 1} others" if len(crowd) > 1 else "")
        left_over = [row for row in left_over if row not in crowd]
    return told


def _words(name: str) -> str:
    return name.replace("_", " ").replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _interval(interval: NDArray) -> str:
    rate, low, high = 100 * interval
    return f"{rate:.1f} % ({low:.1f} to {high:.1f})"


def _sentence(
    names: Sequence[str], harmful: NDArray, harmless: NDArray, modality: str, leading: str, reference: str
) -> str:
    told = [
        f"{name} refuses {harmful[row, 0]:.0%} of harmful and {harmless[row, 0]:.0%} of harmless requests"
        for row, name in enumerate(names)
        if name in (leading, reference)
    ]
    title = f"Refusal against false refusal with {WORDS[modality]}, {len(names)} strategies"
    return f"{': '.join([title, '; '.join(told)] if told else [title])}."
