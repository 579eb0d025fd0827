"""Curves of two models over the relative depth of their layers."""

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go
from numpy.typing import NDArray

from .frame import framed
from .palette import LIGHT

HEIGHT = 340
DASHES = ("solid", "dot")
"""Of the first and of the second model."""


def by_depth(
    names: Sequence[str], depths: Sequence[NDArray], curves: Sequence[Mapping[str, NDArray]], unit: str, told: str
) -> go.Figure:
    """A line a model and label; the first model solid, the second dotted.

    depths: (layer,), 0 to 1, of each model; curves: label -> (layer,); told: the chart in a sentence.
    """
    figure = go.Figure()
    for name, depth, of_model, dash in zip(names, depths, curves, DASHES, strict=True):
        for label, values in of_model.items():
            figure.add_scatter(
                x=depth,
                y=values,
                name=f"{name}, {label}",
                mode="lines+markers",
                line={"color": LIGHT[label], "dash": dash, "width": 2},
                marker={"size": 5, "color": LIGHT[label]},
                hovertemplate=f"{name}, {label}<br>depth %{{x:.2f}}<br>%{{y:.2f}} {unit}<extra></extra>",
            )
    framed(figure, HEIGHT, told)
    figure.update_xaxes(title_text="relative depth: 0 the first decoder layer, 1 the last", range=[-0.02, 1.02])
    figure.update_yaxes(title_text=unit)
    return figure
