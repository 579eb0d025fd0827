"""The three text-only scores of every layer, their mean, and the effect of steering: one chart under the other."""

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from .frame import framed, layer_axis, mark_layer
from .palette import LIGHT

ROW_HEIGHT = 150


def score_rows(
    scores: Mapping[str, NDArray],
    units: Mapping[str, str],
    selected: int,
    chosen: int,
    eligible: NDArray,
    effects: Mapping[str, Mapping[str, NDArray]] | None = None,
    recommended: int | None = None,
) -> go.Figure:
    """One row per score, and one per effect of steering that was measured; layers along the bottom.

    scores: name -> (layer,), NaN where a layer has none; units: name of a score or effect -> axis title; selected,
    chosen, recommended: layers, from 0; eligible: (layer,) bool, whether a layer may be chosen; effects: name ->
    "harmful" and "harmless" -> mean, low and high end, (layer, 3). The last score is drawn stronger.
    """
    names, effects = list(scores), effects or {}
    n_layers = len(eligible)
    layers = np.arange(n_layers)
    rows = len(names) + len(effects)
    figure = make_subplots(rows=rows, cols=1, shared_xaxes=True, vertical_spacing=0.3 / rows)
    for row, name in enumerate(names, start=1):
        is_last = row == len(names)
        sizes = np.where(layers == chosen, 11, 6)
        figure.add_scatter(
            x=layers, y=scores[name], mode="lines+markers", name=name, row=row, col=1,
            line={"color": LIGHT["ink"], "width": 2.25 if is_last else 1.5},
            marker={"color": LIGHT["ink"], "size": sizes},
            hovertemplate=f"layer %{{x}}<br>{name} %{{y:.3f}}<extra></extra>",
        )  # fmt: skip
        _title(figure, name, units[name], selected, row)
        if not eligible.all():
            figure.add_vrect(
                x0=float(layers[~eligible].min()) - 0.5, x1=n_layers - 0.5, fillcolor=LIGHT["shade"],
                line_width=0, layer="below", row=row, col=1,
            )  # fmt: skip
    told = f"Three text-only scores by layer and their mean; layer {chosen} has the largest mean." if names else ""
    for row, (name, effect) in enumerate(effects.items(), start=len(names) + 1):
        for label in ("harmless", "harmful"):
            _add_effect(figure, layers, effect[label], label, name, units[name], recommended, row)
        _title(figure, name, units[name], selected, row)
        figure.update_yaxes(rangemode="tozero", row=row, col=1)
        harmful, harmless = (effect[label][selected, 0] for label in ("harmful", "harmless"))
        told += f" {name}, layer {selected}: harmful text {harmful:.2f} {units[name]}, harmless text {harmless:.2f}."
    framed(figure, ROW_HEIGHT * rows, told)
    figure.update_layout(hovermode="x", hoverdistance=-1, margin={"l": 64, "r": 12, "t": 24, "b": 46})
    layer_axis(figure, n_layers, title="")
    figure.update_xaxes(title_text="layer (decoder block)", row=rows, col=1)
    return figure


def _title(figure: go.Figure, name: str, unit: str, selected: int, row: int) -> None:
    """What one row shows, and the selected layer in it."""
    figure.update_yaxes(title_text=unit, nticks=4, row=row, col=1)
    mark_layer(figure, selected, row=row, col=1)
    figure.add_annotation(
        x=0, xref="x domain", y=1, yref="y domain", text=name, showarrow=False, xanchor="left", yanchor="bottom",
        font={"size": 13, "color": LIGHT["ink"]}, row=row, col=1,
    )  # fmt: skip


def _add_effect(
    figure: go.Figure, layers: NDArray, effect: NDArray, label: str, name: str, unit: str, large: int | None, row: int
) -> None:
    """large: layer whose mark is large."""
    mean, low, high = effect.T
    figure.add_scatter(
        x=np.concatenate([layers, layers[::-1]]), y=np.concatenate([high, low[::-1]]), fill="toself", mode="lines",
        fillcolor=LIGHT[f"{label}_band"], line={"width": 0}, hoverinfo="skip", name=f"{label} text, {name}, 95 %",
        row=row, col=1,
    )  # fmt: skip
    figure.add_scatter(
        x=layers, y=mean, mode="lines+markers", name=f"{label} text, {name}", row=row, col=1,
        line={"color": LIGHT[label], "width": 1.5},
        marker={"color": LIGHT[label], "size": np.where(layers == large, 11, 6)},
        customdata=np.stack([low, high], axis=1),
        hovertemplate=f"{label} text %{{y:.2f}} {unit} (%{{customdata[0]:.2f}} to %{{customdata[1]:.2f}})"
                      "<extra></extra>",
    )  # fmt: skip
