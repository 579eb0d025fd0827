"""The layer x gain map of one prompt: what steering at each layer with each gain does to first token or reply."""

from collections.abc import Sequence
from textwrap import wrap

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from .frame import framed, layer_axis, plain
from .palette import LIGHT, TRANSPARENT

HEIGHT = 406
FEW = 32
"""Layers up to which initials are of full size."""
FAR = 5.0
"""Nats of a refusal score at which colours end, on every map: odds of 150 to one."""
DAMAGE = 1.0
"""Nats of KL at which colours end, or the largest where that is more."""
PINS = "AB"
"""What the pinned cells are called, in their order."""
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
    title: str = "",
    pins: Sequence[tuple[int, float]] = (),
) -> go.Figure:
    """Refusal score of the first token in nats, on a scale centred at 0, where refusing and answering are as likely.

    scores, saturated, tokens: (layer, gain); selected: layer and gain that are framed, where they are in the map;
    title: whose map it is; pins: layers and gains that bear a letter. Capped cells (saturated) are hatched.
    """
    sentence = f"Refusal score by layer and gain, from {scores.min():.1f} to {scores.max():.1f} nats."
    colors = [[0, LIGHT["harmless"]], [0.5, LIGHT["surface"]], [1, LIGHT["harmful"]]]
    figure = _map(scores, saturated, tokens, layers, gains, "refusal score (nats)", (-FAR, FAR), colors)
    return _laid_out(figure, HEIGHT, sentence, layers, gains, selected, 84, title, pins)


def damage_map(
    kl: NDArray,
    saturated: NDArray,
    tokens: Sequence[Sequence[str]],
    layers: Sequence[int],
    gains: Sequence[float],
    selected: tuple[int, float],
    title: str = "",
    pins: Sequence[tuple[int, float]] = (),
) -> go.Figure:
    """KL of the steered first token from the unsteered one, in nats: damage, where the prompt is harmless.

    Axes as in `score_map`.
    """
    sentence = f"KL from the unsteered first token by layer and gain, up to {kl.max():.1f} nats."
    colors = [[0, LIGHT["surface"]], [1, LIGHT["ink"]]]
    ends = (0.0, float(max(DAMAGE, kl.max())))
    figure = _map(kl, saturated, tokens, layers, gains, "KL (nats)", ends, colors)
    return _laid_out(figure, HEIGHT, sentence, layers, gains, selected, 84, title, pins)


def _map(
    values: NDArray,
    saturated: NDArray,
    tokens: Sequence[Sequence[str]],
    layers: Sequence[int],
    gains: Sequence[float],
    unit: str,
    ends: tuple[float, float],
    colors: list,
) -> go.Figure:
    capped = np.where(saturated, "<br>capped by the trust region", "")
    told = [np.broadcast_to(np.array([f"{gain:g}" for gain in gains], dtype=object), values.shape),
            np.array([[plain(token) for token in row] for row in tokens], dtype=object), capped]  # fmt: skip
    figure = go.Figure()
    figure.add_heatmap(
        z=values.T, x=list(layers), y=np.arange(len(gains)), zmin=ends[0], zmax=ends[1], xgap=1, ygap=1, name=unit,
        colorscale=colors, customdata=np.stack(told, -1).transpose(1, 0, 2),
        hovertemplate=f"layer %{{x}}, gain %{{customdata[0]}}<br>{unit}: %{{z:.2f}}"
                      "<br>likeliest first token “%{customdata[1]}”%{customdata[2]}<extra></extra>",
        colorbar={"thickness": 8, "len": 0.6, "orientation": "h", "x": 0, "xanchor": "left", "y": 1,
                  "yanchor": "bottom", "outlinewidth": 1, "outlinecolor": LIGHT["rule"], "nticks": 5,
                  "tickfont": {"size": 11}, "ypad": 8,
                  "title": {"text": unit, "side": "top", "font": {"size": 12}}},
    )  # fmt: skip
    _hatch(figure, np.argwhere(saturated), layers)
    return figure


def _hatch(figure: go.Figure, cells: NDArray, layers: Sequence[int]) -> None:
    """Hatch cells, (cell, 2) by row of layer and gain: rectangles that None parts."""
    x, y = [], []
    for layer, gain in cells:
        left, low = layers[layer] - 0.5, gain - 0.5
        x += [left, left + 1, left + 1, left, left, None]
        y += [low, low, low + 1, low + 1, low, None]
    figure.add_scatter(
        x=x, y=y, mode="lines", line={"width": 0}, fill="toself", hoverinfo="skip", name="capped by the trust region",
        fillpattern={"shape": "/", "size": 7, "solidity": 0.18, "fgcolor": LIGHT["ink"], "bgcolor": TRANSPARENT},
    )  # fmt: skip


def verdict_cells(
    kinds: Sequence[Sequence[str]],
    told: Sequence[Sequence[str]],
    layers: Sequence[int],
    gains: Sequence[float],
    selected: tuple[int, float],
    pins: Sequence[tuple[int, float]] = (),
    title: str = "",
) -> go.Figure:
    """The verdict on each reply, by the colour of its cell and its initial.

    kinds: keys of VERDICTS, (layer, gain); told: reason and first words of each, for the hover label; selected, pins
    and title as in `score_map`.
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
    height = ROW * len(gains) + 96
    return _laid_out(
        figure, height, f"Verdicts by layer and gain: {counts}.", layers, gains, selected, 34, title, pins
    )


def _laid_out(
    figure: go.Figure,
    height: int,
    description: str,
    layers: Sequence[int],
    gains: Sequence[float],
    selected: tuple[int, float],
    top: int,
    title: str,
    pins: Sequence[tuple[int, float]],
) -> go.Figure:
    """Cells with their axes; top: pixels above them."""
    rows = np.arange(len(gains))
    framed(figure, height, f"{title}: {description}" if title else description)
    if title:
        figure.add_annotation(
            text=plain(title), x=0, xref="paper", xanchor="left", y=1, yref="paper", yanchor="top", yshift=top,
            showarrow=False, align="left", font={"size": 13, "color": LIGHT["ink"], "weight": 600},
        )  # fmt: skip
    if selected[0] in layers and selected[1] in gains:
        row = list(gains).index(selected[1])
        figure.add_shape(
            type="rect", x0=selected[0] - 0.5, x1=selected[0] + 0.5, y0=row - 0.5, y1=row + 0.5,
            line={"color": LIGHT["ink"], "width": 2.5},
        )  # fmt: skip
    for letter, (layer, gain) in zip(PINS, pins, strict=False):
        if layer in layers and gain in gains:
            figure.add_annotation(
                text=letter, x=layer, y=list(gains).index(gain), showarrow=False, bgcolor=LIGHT["surface"],
                bordercolor=LIGHT["ink"], borderpad=2, font={"size": 12, "color": LIGHT["ink"], "weight": 600},
            )  # fmt: skip
    figure.update_layout(plot_bgcolor=LIGHT["rule"])
    figure.update_layout(hovermode="closest", clickmode="event", margin={"l": 48, "r": 8, "t": top, "b": 46})
    layer_axis(figure, len(layers))
    figure.update_yaxes(
        title_text="gain (times the strength)", tickvals=rows, ticktext=[f"{gain:g}" for gain in gains],
        range=[-0.5, len(gains) - 0.5], showgrid=False,
    )  # fmt: skip
    return figure


def _lines(text: str) -> str:
    return "<br>".join(plain(line) for line in wrap(text, LINE))
