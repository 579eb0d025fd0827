"""The charts of an evaluation, one a modality, and how to read them."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, NamedTuple

import numpy as np
import plotly.graph_objects as go

from ..figures.tradeoff import LABELS, Strategy, tradeoff
from .rows import WORDS, as_count, broken_share, cells_of, group_title, groups_of, names_of, summaries_of

BROKEN_MARKS = (
    "A strategy that breaks the model, with 5 % of broken replies or more, has open marks with a cross (video: a "
    "dot) in them: it is not safe, whatever it refuses. "
)


class Chart(NamedTuple):
    """One modality."""

    title: str
    figure: go.Figure


def tradeoffs(results: Mapping[str, Any]) -> tuple[dict[str, Chart], str]:
    """Modality -> chart, of the first group that has both harmful and harmless requests; and how to read them."""
    rows, told = results["rows"], summaries_of(results)
    for group in groups_of(rows):
        found = cells_of(rows, group)
        charts, is_marked = {}, False
        for modality, word in WORDS.items():
            names = [name for name in names_of(rows) if all((name, modality, label) in found for label in LABELS)]
            if not names:
                continue
            shown = [
                _strategy(name, [found[name, modality, label] for label in LABELS], told.get(name, ""))
                for name in names
            ]
            is_marked |= any(strategy.breaks for strategy in shown)
            counts = (f"{as_count(found[names[0], modality, label]['n'])} {label}" for label in LABELS)
            charts[modality] = Chart(f"{word.capitalize()}, n = {' and '.join(counts)}", tradeoff(shown, modality))
        if charts:
            which = f"Shown: {escape(group_title(group).lower())}." if len(groups_of(rows)) > 1 else ""
            return charts, (
                "<p>A row is one strategy: the share of harmful requests that it refuses, which should lie to the "
                "right, and of harmless ones, which should lie to the left. Bars are 95 % Wilson intervals; the "
                f"dotted line is what the model refuses of harmful requests unsteered. "
                f"{BROKEN_MARKS if is_marked else ''}{which}</p>"
            )
    return {}, (
        "<p>No chart: this set has harmful or harmless requests only, and refusal says nothing without false "
        "refusal. Add the other kind.</p>"
    )


def boxes(charts: Mapping[str, Chart]) -> str:
    """Room for each chart in a report."""
    if not charts:
        return ""
    figures = "".join(
        f"<figure><figcaption>{chart.title}</figcaption>"
        f'<div class="chart" style="height:{chart.figure.layout.height}px"></div></figure>'
        for chart in charts.values()
    )
    return (
        f'<div class="charts">{figures}</div>'
        '<noscript><p class="quiet">The charts need scripts; the tables below say the same.</p></noscript>'
    )


def _strategy(name: str, rows: Sequence[Mapping[str, Any]], summary: str) -> Strategy:
    rates = np.array([[row[key] for key in ("rate", "low", "high")] for row in rows], dtype=float)
    return Strategy(
        name, rates, [int(row["n"]) for row in rows], np.array([broken_share(row) for row in rows]), summary
    )
