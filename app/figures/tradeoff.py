"""What refusing harmful requests costs in refused harmless ones: a row a strategy, a chart a modality."""

from collections.abc import Sequence
from textwrap import wrap
from typing import NamedTuple

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from .frame import framed, plain
from .palette import CROSSED, LIGHT, SYMBOLS, TRANSPARENT

ROW = 24
"""Pixels of a strategy."""
LETTER = 6.6
"""About what a letter of a strategy's name takes, in pixels."""
BREAKS = 0.05
"""Share of broken replies from which a strategy breaks the model, and is marked so."""
LABELS = ("harmful", "harmless")
LINE = 56
"""Characters of a line of a hover label."""


class Strategy(NamedTuple):
    """One row of the chart; everything by harmful and harmless requests, in this order."""

    name: str
    rates: NDArray
    """Share refused, and low and high end of its interval, as fractions: (2, 3)."""
    n: Sequence[int]
    broken: NDArray
    """Shares of broken replies, (2,); NaN where not known."""
    summary: str = ""
    """What it is, in a sentence; empty where that is not known."""

    @property
    def breaks(self) -> bool:
        return bool((self.broken >= BREAKS).any())


def tradeoff(
    strategies: Sequence[Strategy], modality: str, leading: str = "mars", reference: str = "unsteered"
) -> go.Figure:
    """Shares of harmful and of harmless requests refused, side by side in a row a strategy, from the top.

    The row of the leading strategy is shaded, a dotted line says how much of harmful requests the reference refuses,
    and marks of a strategy that breaks the model are `CROSSED`.
    """
    figure = go.Figure()
    for index, label in enumerate(LABELS):
        _add_label(figure, strategies, index, label, SYMBOLS[modality])
    for row, strategy in enumerate(strategies):
        if strategy.name == leading:
            figure.add_hrect(row - 0.5, row + 0.5, fillcolor=LIGHT["selected"], line_width=0, layer="below")
        if strategy.name == reference:
            line = {"color": LIGHT["harmful"], "width": 1, "dash": "dot"}
            figure.add_vline(strategy.rates[0, 0], line=line, layer="below")
    framed(figure, ROW * len(strategies) + 74, _sentence(strategies, modality, leading, reference))
    labels = [_label(strategy) for strategy in strategies]
    ticks = [
        f"<b>{label}</b>" if strategy.name == leading else label
        for strategy, label in zip(strategies, labels, strict=True)
    ]
    figure.update_layout(
        hovermode="closest", scattermode="group", scattergap=0.45, showlegend=True,
        margin={"l": round(LETTER * max(map(len, labels))) + 10, "r": 14, "t": 26, "b": 48},
        legend={"orientation": "h", "x": 0, "xref": "container", "y": 1, "yref": "container", "yanchor": "top",
                "entrywidth": 56, "itemclick": False, "itemdoubleclick": False, "font": {"size": 12},
                "bgcolor": TRANSPARENT},
    )  # fmt: skip
    figure.update_xaxes(title_text="requests refused", range=(-0.03, 1.03), tickformat=".0%", dtick=0.25)
    figure.update_yaxes(
        type="category", range=(len(strategies) - 0.5, -0.5), tickvals=[strategy.name for strategy in strategies],
        ticktext=ticks, tickfont={"size": 12},
    )  # fmt: skip
    return figure


def _add_label(figure: go.Figure, strategies: Sequence[Strategy], index: int, label: str, symbol: str) -> None:
    """Marks and intervals of all strategies on requests of one label."""
    rate, low, high = np.array([strategy.rates[index] for strategy in strategies]).T
    color = LIGHT[label]
    figure.add_scatter(
        x=rate, y=[strategy.name for strategy in strategies], mode="markers", orientation="h", offsetgroup=label,
        name=label, hovertemplate="%{text}<extra></extra>",
        text=[_hover(strategy) for strategy in strategies],
        customdata=[_interval(strategy.rates[index], strategy.n[index]) for strategy in strategies],
        error_x={"type": "data", "symmetric": False, "array": high - rate, "arrayminus": rate - low,
                 "color": color, "thickness": 1.5, "width": 0},
        marker={"symbol": [CROSSED[symbol] if strategy.breaks else symbol for strategy in strategies],
                "size": [13 if strategy.breaks else 9 for strategy in strategies], "color": color, "opacity": 1,
                "line": {"width": [1.5 if strategy.breaks else 0 for strategy in strategies], "color": color}},
    )  # fmt: skip


def _label(strategy: Strategy) -> str:
    return _words(strategy.name) + (", broken" if strategy.breaks else "")


def _hover(strategy: Strategy) -> str:
    """Everything about a strategy, in lines."""
    told = [f"<b>{_words(strategy.name)}</b>", *map(_words, wrap(strategy.summary, LINE))]
    told += [
        f"{label} refused {_interval(strategy.rates[index], strategy.n[index])}" for index, label in enumerate(LABELS)
    ]
    shares = ", ".join(f"{label} {_share(share)}" for label, share in zip(LABELS, strategy.broken, strict=True))
    return "<br>".join([*told, f"replies broken: {shares}"])


def _words(name: str) -> str:
    return plain(name.replace("_", " "))


def _interval(interval: NDArray, n: int) -> str:
    rate, low, high = 100 * interval
    return f"{rate:.1f} % of {n} ({low:.1f} to {high:.1f})"


def _share(share: float) -> str:
    return "–" if np.isnan(share) else f"{100 * share:.1f} %"


def _sentence(strategies: Sequence[Strategy], modality: str, leading: str, reference: str) -> str:
    told = [
        f"{strategy.name} refuses {strategy.rates[0, 0]:.0%} of harmful and {strategy.rates[1, 0]:.0%} of harmless "
        "requests"
        for strategy in strategies
        if strategy.name in (leading, reference)
    ]
    if breaking := [strategy.name for strategy in strategies if strategy.breaks]:
        told.append(f"{BREAKS:.0%} of replies or more are broken under {', '.join(breaking)}")
    title = f"Refusal against false refusal, {modality}, {len(strategies)} strategies"
    return f"{': '.join([title, '; '.join(told)] if told else [title])}."
