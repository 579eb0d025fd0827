"""Where one prompt lies along the refusal direction, layer by layer, against harmful and harmless text."""

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from .frame import framed, layer_axis, mark_layer
from .palette import LIGHT, STAR, SYMBOLS

HEIGHT = 290
WORDS = {"text": "in words", "image": "as an image", "video": "as a video"}


def layer_curves(
    bands: Mapping[str, NDArray],
    before: NDArray | None,
    after: NDArray | None,
    modality: str,
    selected: int,
    chosen: int,
    twins: Sequence[tuple[str, NDArray]] = (),
) -> go.Figure:
    """Refusal coordinate s per layer: text bands, the prompt before and after re-centering, its twins after it.

    bands: for "harmful" and "harmless" text the 5, 50 and 95 % quantiles of s, (layer, 3); before, after:
    (layer,) each, or None where nothing has been run; selected, chosen: layers, from 0; twins: modality and
    re-centred curve, (layer,), of each. Without unit.
    """
    n_layers = len(bands["harmful"])
    layers = np.arange(n_layers)
    figure = go.Figure()
    for label in ("harmless", "harmful"):
        _add_band(figure, layers, bands[label], label)
    for level, name in ((-1, "harmless text"), (1, "harmful text")):
        figure.add_hline(y=level, line={"color": LIGHT["rule"], "width": 1}, layer="below", name=name)
    for twin_modality, curve in twins:
        _add_twin(figure, layers, curve, twin_modality)
    if before is not None and after is not None:
        _add_prompt(figure, layers, before, after, modality)
    mark_layer(figure, selected)
    figure.add_annotation(
        x=chosen, y=1, yref="paper", yanchor="bottom", text="chosen", showarrow=False,
        font={"size": 12, "color": LIGHT["muted"]}, yshift=-1,
    )  # fmt: skip
    framed(figure, HEIGHT, _sentence(before, after, selected))
    figure.update_layout(hovermode="x", hoverdistance=-1, margin_t=22, clickmode="event")
    layer_axis(figure, n_layers)
    low, high = _range(bands, before, after, *(curve for _, curve in twins))
    figure.update_yaxes(title_text="refusal coordinate s", range=[low, high])
    _say_what_is_cut(figure, _curves(bands, before, after, *(curve for _, curve in twins)), low, high)
    return figure


def _curves(bands: Mapping[str, NDArray], *prompts: NDArray | None) -> NDArray:
    """All that is drawn, (curve, layer)."""
    drawn = [column for band in bands.values() for column in np.asarray(band).T]
    return np.stack(drawn + [curve for curve in prompts if curve is not None])


def _range(bands: Mapping[str, NDArray], *prompts: NDArray | None) -> tuple[float, float]:
    """Range of s that shows every layer but the first eighth in full, where s is still wild, and always -2 to 2."""
    curves = _curves(bands, *prompts)
    settled = curves[:, max(1, curves.shape[1] // 8) :]
    settled = settled if settled.size else curves
    low, high = min(-2.0, float(settled.min())), max(2.0, float(settled.max()))
    air = 0.05 * (high - low)
    return low - air, high + air


def _say_what_is_cut(figure: go.Figure, curves: NDArray, low: float, high: float) -> None:
    beyond = np.flatnonzero(((curves < low) | (curves > high)).any(axis=0))
    if not len(beyond):
        return
    layers = "layer 0" if len(beyond) == 1 else f"layers 0 to {beyond.max()}"
    extreme = curves[:, beyond].ravel()[np.abs(curves[:, beyond]).argmax()]
    figure.add_annotation(
        x=1, xref="paper", y=0, yref="paper", xanchor="right", yanchor="bottom", showarrow=False,
        text=f"{layers}: cut, up to {extreme:.1f} (in the table)", font={"size": 12, "color": LIGHT["muted"]},
    )  # fmt: skip


def _add_band(figure: go.Figure, layers: NDArray, band: NDArray, label: str) -> None:
    low, middle, high = band.T
    figure.add_scatter(
        x=np.concatenate([layers, layers[::-1]]),
        y=np.concatenate([high, low[::-1]]),
        fill="toself", fillcolor=LIGHT[f"{label}_band"], line={"width": 0}, mode="lines",
        hoverinfo="skip", name=f"{label} text, 5 to 95 %",
    )  # fmt: skip
    figure.add_scatter(
        x=layers, y=middle, mode="lines", line={"color": LIGHT[label], "width": 1.5},
        hovertemplate=f"{label} text, median %{{y:.2f}}<extra></extra>", name=f"{label} text, median",
    )  # fmt: skip


def _add_prompt(figure: go.Figure, layers: NDArray, before: NDArray, after: NDArray, modality: str) -> None:
    ink = LIGHT["ink"]
    figure.add_scatter(
        x=layers, y=before, mode="lines", line={"color": ink, "width": 1.5, "dash": "5px,4px"},
        hovertemplate="this prompt, before %{y:.2f}<extra></extra>", name="this prompt, before",
    )  # fmt: skip
    figure.add_scatter(
        x=layers, y=after, mode="lines+markers", line={"color": ink, "width": 2.25},
        marker={"color": ink, "size": 7, "symbol": SYMBOLS.get(modality, STAR)},
        hovertemplate="this prompt, re-centred %{y:.2f}<extra></extra>", name="this prompt, re-centred",
    )  # fmt: skip


def _add_twin(figure: go.Figure, layers: NDArray, curve: NDArray, modality: str) -> None:
    name = f"the same {WORDS[modality]}, re-centred"
    figure.add_scatter(
        x=layers, y=curve, mode="lines+markers", line={"color": LIGHT["neutral"], "width": 1.5},
        marker={"color": LIGHT["surface"], "size": 7, "symbol": SYMBOLS[modality],
                "line": {"color": LIGHT["neutral"], "width": 1.5}},
        hovertemplate=f"{name} %{{y:.2f}}<extra></extra>", name=name,
    )  # fmt: skip


def _sentence(before: NDArray | None, after: NDArray | None, selected: int) -> str:
    if before is None or after is None:
        return "Refusal coordinate by layer for harmful and harmless text. No prompt has been run yet."
    return (
        f"Refusal coordinate by layer. At layer {selected} this prompt lies at {before[selected]:.2f} "
        f"before and {after[selected]:.2f} after re-centering; -1 is the mean of harmless, +1 of harmful text."
    )
