"""What refusing harmful requests costs in refused harmless ones: one point a strategy, one chart a modality."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from .frame import framed
from .palette import CROSSED, LIGHT, SYMBOLS

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
BREAKS = 0.05
"""Share of broken replies from which a strategy breaks the model, and is marked so."""
WORDS = {"text": "text", "image": "pictures", "video": "clips"}


class Mark(NamedTuple):
    """One strategy: rate, low and high of refusals of harmful requests (up) and of harmless ones (right)."""

    name: str
    up: NDArray
    right: NDArray
    broken: NDArray
    """Shares of broken replies to harmful and harmless requests; NaN where not known."""

    @property
    def breaks(self) -> bool:
        return bool((self.broken >= BREAKS).any())


def tradeoff(
    names: Sequence[str],
    harmful: NDArray,
    harmless: NDArray,
    modality: str,
    broken: NDArray | None = None,
    leading: str = "mars",
    reference: str = "unsteered",
) -> go.Figure:
    """Share of harmful requests refused (up) against share of harmless ones refused (right).

    names: of the strategies; harmful, harmless: rate, low and high of each as fractions, (strategy, 3); broken: share
    of broken replies to harmful and to harmless requests, (strategy, 2), NaN or None where that is not known. The
    leading strategy is drawn strongest, the reference as an open mark, and one that breaks the model as `CROSSED`.
    """
    broken = np.full((len(names), 2), np.nan) if broken is None else broken
    marks = [Mark(*row) for row in zip(names, np.array(harmful), np.array(harmless), np.array(broken), strict=True)]
    figure = go.Figure()
    weights = [0 if name == leading else 1 if name == reference else 2 for name in names]
    for row in sorted(range(len(names)), key=lambda row: (marks[row].breaks, -weights[row])):
        _add_strategy(figure, marks[row], SYMBOLS[modality], weights[row])
    _add_labels(figure, marks, leading)
    framed(figure, HEIGHT, _sentence(marks, modality, leading, reference))
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


def _add_strategy(figure: go.Figure, mark: Mark, symbol: str, weight: int) -> None:
    name, up, right, broken = mark
    color = LIGHT["neutral" if weight == 2 and not mark.breaks else "ink"]
    is_open = mark.breaks or weight == 1
    if is_open:
        symbol = CROSSED[symbol] if mark.breaks else f"{symbol}-open"

    def bars(interval: NDArray) -> dict:
        rate, low, high = interval
        return {"type": "data", "symmetric": False, "array": [high - rate], "arrayminus": [rate - low],
                "color": color, "thickness": 1, "width": 0}  # fmt: skip

    figure.add_scatter(
        x=[right[0]], y=[up[0]], mode="markers", name=name, error_x=bars(right), error_y=bars(up),
        marker={"symbol": symbol, "size": 15 if mark.breaks else 9 if weight == 2 else 12, "color": color,
                "line": {"color": color if is_open else LIGHT["surface"], "width": 1.5}},
        hovertemplate=f"<b>{_words(name)}</b><br>harmful refused {_interval(up)}"
                      f"<br>harmless refused {_interval(right)}"
                      f"<br>replies broken: harmful {_share(broken[0])}, harmless {_share(broken[1])}<extra></extra>",
    )  # fmt: skip


def _add_labels(figure: go.Figure, marks: Sequence[Mark], leading: str) -> None:
    """Names beside their intervals, one under the other: those on the left in a column, the others by their marks."""
    pixels = HEIGHT - MARGIN["t"] - MARGIN["b"]
    told = _told(marks, leading)
    at = {row: (RANGE[1] - marks[row].up[0]) / (RANGE[1] - RANGE[0]) * pixels for row in told}
    places = spread(list(at.values()), LABEL_GAP, 8, pixels - 8)
    left = sorted((row for row in told if marks[row].right[0] < LEFT), key=lambda row: marks[row].right[2])
    while left and marks[left[-1]].right[2] + _width(told[row] for row in left) > RANGE[1]:
        left.pop()
    column = marks[left[-1]].right[2] + COLUMN_GAP if left else 0.0
    for (row, text), place in zip(told.items(), places, strict=True):
        is_leading = marks[row].name == leading
        _, low, high = marks[row].right
        is_after = row in left or high + _width([text]) < RANGE[1]
        before = max(low - COLUMN_GAP, RANGE[0] + _width([text]))  # on its interval, not out of the chart
        figure.add_annotation(
            x=high if is_after else low, y=marks[row].up[0], ay=place - at[row],
            axref="x", ax=column if row in left else high + COLUMN_GAP if is_after else before,
            xanchor="left" if is_after else "right", text=text,
            showarrow=True, arrowhead=0, arrowwidth=1, arrowcolor=LIGHT["rule"], standoff=2,
            font={"size": 12, "color": LIGHT["ink" if is_leading else "muted"], "weight": 600 if is_leading else 400},
        )  # fmt: skip


def _width(texts: Iterable[str]) -> float:
    """What labels one under the other take beside their marks, as a share of the chart's width."""
    return COLUMN_GAP + LETTER * max(map(len, texts))


def _told(marks: Sequence[Mark], leading: str) -> dict[int, str]:
    """Rows that get a label, and its text: all of them, but of a crowd on one spot the first stands for the rest.

    One that breaks the model says so, and stands only for others that do.
    """

    def is_beside(one: Mark, other: Mark) -> bool:
        apart = max(abs(one.up[0] - other.up[0]), abs(one.right[0] - other.right[0]))
        return apart <= SPOT and one.breaks == other.breaks

    told: dict[int, str] = {}
    left_over = sorted(range(len(marks)), key=lambda row: marks[row].name != leading)
    while left_over:
        first = left_over[0]
        crowd = [row for row in left_over if is_beside(marks[row], marks[first])]
        if len(crowd) <= CROWD:
            crowd = [first]
        told[first] = _words(marks[first].name) + (f" and {len(crowd) - 1} others" if len(crowd) > 1 else "")
        told[first] += ", broken" if marks[first].breaks else ""
        left_over = [row for row in left_over if row not in crowd]
    return told


def _words(name: str) -> str:
    return name.replace("_", " ").replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _interval(interval: NDArray) -> str:
    rate, low, high = 100 * interval
    return f"{rate:.1f} % ({low:.1f} to {high:.1f})"


def _share(share: float) -> str:
    return "–" if np.isnan(share) else f"{100 * share:.1f} %"


def _sentence(marks: Sequence[Mark], modality: str, leading: str, reference: str) -> str:
    told = [
        f"{mark.name} refuses {mark.up[0]:.0%} of harmful and {mark.right[0]:.0%} of harmless requests"
        for mark in marks
        if mark.name in (leading, reference)
    ]
    if breaking := [mark.name for mark in marks if mark.breaks]:
        told.append(f"{BREAKS:.0%} of replies or more are broken under {', '.join(breaking)}")
    title = f"Refusal against false refusal with {WORDS[modality]}, {len(marks)} strategies"
    return f"{': '.join([title, '; '.join(told)] if told else [title])}."
