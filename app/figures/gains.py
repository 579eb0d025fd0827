"""The layer x gain map: what steering at each layer with each gain does to the first token of one prompt."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from .frame import framed, layer_axis
from .palette import LIGHT

HEIGHT = 380
READABLE = 12
"""Layers up to which each cell says its number."""
FAR = 8.0
"""Nats of a refusal score at which colours end: odds of three thousand to one."""


def score_map(
    scores: NDArray,
    saturated: NDArray,
    tokens: Sequence[Sequence[str]],
    layers: Sequence[int],
    gains: Sequence[float],
    selected: tuple[int, float],
) -> go.Figure:
    """Refusal score of the first token in nats: half-way colours at 0, where refusing and answering are as likely.

    scores, saturated, tokens: (layer, gain); selected: layer and gain that are framed, where they are in the map.
    """  # fmt: skip
    end = float(min(FAR, max(1.0, np.abs(scores).max())))
    sentence = f"Refusal score by layer and gain, from {scores.min():.1f} to {scores.max():.1f} nats."
    return _map(scores, saturated, tokens, layers, gains, selected, (-end, end), "refusal score (nats)", sentence)


def damage_map(
    kl: NDArray,
    saturated: NDArray,
    tokens: Sequence[Sequence[str]],
    layers: Sequence[int],
    gains: Sequence[float],
    selected: tuple[int, float],
) -> go.Figure:
    """KL of the steered first token from the unsteered one, in nats: how much the edit changed at all.

    Axes as in `score_map`.
    """  # fmt: skip
    sentence = f"KL from the unsteered first token by layer and gain, up to {kl.max():.1f} nats."
    end = float(max(1e-3, kl.max()))
    return _map(kl, saturated, tokens, layers, gains, selected, (0.0, end), "KL (nats)", sentence)


def _map(
    values: NDArray,
    saturated: NDArray,
    tokens: Sequence[Sequence[str]],
    layers: Sequence[int],
    gains: Sequence[float],
    selected: tuple[int, float],
    ends: tuple[float, float],
    unit: str,
    description: str,
) -> go.Figure:
    rows = np.arange(len(gains))
    figure = go.Figure()
    figure.add_heatmap(
        z=values.T, x=list(layers), y=rows, zmin=ends[0], zmax=ends[1], xgap=1, ygap=1, name=unit,
        colorscale=[[0, LIGHT["surface"]], [0.5, LIGHT["rule"]], [1, LIGHT["full"]]],
        customdata=np.stack([np.broadcast_to(np.array([f"{gain:g}" for gain in gains], dtype=object), values.shape),
                             np.array([[_plain(token) for token in row] for row in tokens], dtype=object)], -1)
        .transpose(1, 0, 2),
        texttemplate="%{z:.1f}" if len(layers) <= READABLE else None, textfont={"size": 11, "color": LIGHT["ink"]},
        hovertemplate=f"layer %{{x}}, gain %{{customdata[0]}}<br>{unit}: %{{z:.2f}}"
                      "<br>likeliest first token “%{customdata[1]}”<extra></extra>",
        colorbar={"thickness": 8, "len": 0.5, "orientation": "h", "x": 0, "xanchor": "left", "y": 1,
                  "yanchor": "bottom", "outlinewidth": 1, "outlinecolor": LIGHT["rule"], "nticks": 4,
                  "tickfont": {"size": 11},
                  "title": {"text": unit, "side": "top", "font": {"size": 12}}},
    )  # fmt: skip
    at = np.argwhere(saturated)
    figure.add_scatter(
        x=[layers[layer] + 0.36 for layer, _ in at], y=[gain + 0.32 for _, gain in at], mode="markers",
        name="trust region reached", hoverinfo="skip",
        marker={"size": 5, "color": LIGHT["surface"], "line": {"color": LIGHT["ink"], "width": 1}},
    )  # fmt: skip
    framed(figure, HEIGHT, description)
    if selected[0] in layers and selected[1] in gains:
        row = list(gains).index(selected[1])
        figure.add_shape(
            type="rect", x0=selected[0] - 0.5, x1=selected[0] + 0.5, y0=row - 0.5, y1=row + 0.5,
            line={"color": LIGHT["harmless"], "width": 2.5},
        )  # fmt: skip
    figure.update_layout(hovermode="closest", clickmode="event", margin={"l": 48, "r": 8, "t": 56, "b": 46})
    layer_axis(figure, len(layers))
    figure.update_yaxes(
        title_text="gain (times the strength)", tickvals=rows, ticktext=[f"{gain:g}" for gain in gains],
        range=[-0.5, len(gains) - 0.5], showgrid=False,
    )  # fmt: skip
    return figure


def _plain(text: str) -> str:
    return text.replace("\n", "↵").replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
