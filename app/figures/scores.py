"""The three text-only scores of every layer and their mean, one small chart under the other."""

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from .frame import framed, layer_axis, mark_layer
from .palette import LIGHT

HEIGHT = 600


def score_rows(
    scores: Mapping[str, NDArray], units: Mapping[str, str], selected: int, chosen: int, eligible: NDArray
) -> go.Figure:
    """One row per score, layers along the bottom.

    scores: name -> (layer,), NaN where a layer has none; units: name -> axis title; selected, chosen: layers,
    from 0; eligible: (layer,) bool, whether a layer may be chosen. The last row is drawn stronger.
    """
    names = list(scores)
    n_layers = len(eligible)
    layers = np.arange(n_layers)
    figure = make_subplots(rows=len(names), cols=1, shared_xaxes=True, vertical_spacing=0.075)
    for row, name in enumerate(names, start=1):
        is_last = row == len(names)
        sizes = np.where(layers == chosen, 11, 6)
        figure.add_scatter(
            x=layers, y=scores[name], mode="lines+markers", name=name, row=row, col=1,
            line={"color": LIGHT["ink"], "width": 2.25 if is_last else 1.5},
            marker={"color": LIGHT["ink"], "size": sizes},
            hovertemplate=f"layer %{{x}}<br>{name} %{{y:.3f}}<extra></extra>",
        )  # fmt: skip
        figure.update_yaxes(title_text=units[name], nticks=4, row=row, col=1)
        mark_layer(figure, selected, row=row, col=1)
        figure.add_annotation(
            x=0, xref="x domain", y=1, yref="y domain", text=name, showarrow=False, xanchor="left", yanchor="bottom",
            font={"size": 13, "color": LIGHT["ink"]}, row=row, col=1,
        )  # fmt: skip
        if not eligible.all():
            figure.add_vrect(
                x0=float(layers[~eligible].min()) - 0.5, x1=n_layers - 0.5, fillcolor=LIGHT["shade"],
                line_width=0, layer="below", row=row, col=1,
            )  # fmt: skip
    framed(figure, HEIGHT, f"Three text-only scores by layer and their mean; layer {chosen} has the largest mean.")
    figure.update_layout(hovermode="x", hoverdistance=-1, margin={"l": 64, "r": 12, "t": 24, "b": 46})
    layer_axis(figure, n_layers, title="")
    figure.update_xaxes(title_text="layer (decoder block)", row=len(names), col=1)
    return figure
