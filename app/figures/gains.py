"""The layer x gain map of one prompt: what steering at each layer with each gain does to first token or reply."""

from collections.abc import Sequence
from textwrap import wrap

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from .frame import framed, layer_axis
from .palette import LIGHT

HEIGHT = 380
READABLE = 12
"""Layers up to which each cell says its number."""
FEW = 32
"""Layers up to which initials are of full size."""
FAR = 8.0
"""Nats of a refusal score at which colours end: odds of three thousand to one."""
VERDICTS = {
    "refuses": ("muted", "surface"),
    "complies": ("surface", "ink"),
    "deflects": ("full", "ink"),
    "broken": ("harmful", "surface"),
    "undecided": ("rule", "ink"),
    "not judged": ("harmless_band", "ink"),
}
"""Verdict -> colour of its cell, and of the initial in it."""
ROW = 46
"""Pixels of a gain in the map of verdicts."""
LINE = 60
"""Characters of a line of a hover label."""


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
    return _laid_out(figure, HEIGHT, description, layers, gains, selected, top=56)


def verdict_cells(
    kinds: Sequence[Sequence[str]],
    told: Sequence[Sequence[str]],
    layers: Sequence[int],
    gains: Sequence[float],
    selected: tuple[int, float],
) -> go.Figure:
    """The verdict on each reply, by the colour of its cell and its initial.

    kinds: keys of VERDICTS, (layer, gain); told: reason and first words of each, for the hover label; selected as in
    `score_map`.
    """  # fmt: skip
    kinds, rows = np.array(kinds, dtype=object), np.arange(len(gains))
    size = 12 if len(layers) <= FEW else 9
    at = [f"{gain:g}" for gain in gains]
    labels = np.array([[(gain, _lines(row[column])) for row in told] for column, gain in enumerate(at)])
    figure = go.Figure()
    for kind, (fill, ink) in VERDICTS.items():
        here = (kinds == kind).T
        if not here.any():
            continue
        figure.add_heatmap(
            z=np.where(here, 1.0, np.nan), x=list(layers), y=rows, zmin=0, zmax=1, xgap=1, ygap=1,
            name=kind, colorscale=[[0, LIGHT[fill]], [1, LIGHT[fill]]], showscale=False, hoverongaps=False,
            customdata=labels, text=np.where(here, kind[0].upper(), ""), texttemplate="%{text}",
            textfont={"size": size, "color": LIGHT[ink]},
            hovertemplate=f"layer %{{x}}, gain %{{customdata[0]}}: <b>{kind}</b><br>%{{customdata[1]}}"
                          "<extra></extra>",
        )  # fmt: skip
    counts = ", ".join(f"{kind} {int((kinds == kind).sum())}" for kind in VERDICTS if (kinds == kind).any())
    height = ROW * len(gains) + 70
    _laid_out(figure, height, f"Verdicts by layer and gain: {counts}.", layers, gains, selected, top=8)
    return figure.update_layout(plot_bgcolor=LIGHT["rule"])


def _laid_out(
    figure: go.Figure,
    height: int,
    description: str,
    layers: Sequence[int],
    gains: Sequence[float],
    selected: tuple[int, float],
    top: int,
) -> go.Figure:
    """Cells with their axes; top: pixels above them."""
    rows = np.arange(len(gains))
    framed(figure, height, description)
    if selected[0] in layers and selected[1] in gains:
        row = list(gains).index(selected[1])
        figure.add_shape(
            type="rect", x0=selected[0] - 0.5, x1=selected[0] + 0.5, y0=row - 0.5, y1=row + 0.5,
            line={"color": LIGHT["harmless"], "width": 2.5},
        )  # fmt: skip
    figure.update_layout(hovermode="closest", clickmode="event", margin={"l": 48, "r": 8, "t": top, "b": 46})
    layer_axis(figure, len(layers))
    figure.update_yaxes(
        title_text="gain (times the strength)", tickvals=rows, ticktext=[f"{gain:g}" for gain in gains],
        range=[-0.5, len(gains) - 0.5], showgrid=False,
    )  # fmt: skip
    return figure


def _lines(text: str) -> str:
    return "<br>".join(_plain(line) for line in wrap(text, LINE))


def _plain(text: str) -> str:
    return text.replace("\n", "↵").replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
