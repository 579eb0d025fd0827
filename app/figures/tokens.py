"""The refusal coordinate all over one prompt: by position and layer, over a picture, along a clip."""

from collections.abc import Sequence
from itertools import groupby, pairwise

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from .frame import framed
from .palette import LIGHT, SYMBOLS

MAP_HEIGHT = 330
PATCHES_HEIGHT, PATCHES_WIDTH = 420, 520
FRAMES_HEIGHT = 340
STRIP = 0.34
"""Share of the frames' chart that the film strip takes."""
WORDS = {"text": "words", "image": "patches", "video": "patches"}
FEW = 24
"""Positions up to which each is labelled by its token."""
SHORT = 0.15
"""Words and pictures of less than this share of the prompt go without a label, steps in time never."""


def position_map(
    coordinates: NDArray,
    kinds: Sequence[str],
    tokens: Sequence[str],
    frames: Sequence[int | None],
    selected: int,
) -> go.Figure:
    """Colour says s at each position (right) and layer (up); colours end at -1 and +1, where text has its means.

    coordinates: (position, layer), without unit; kinds: "text", "image" or "video" of each position; frames: step
    in time of each, from 0, or None.
    """
    length, n_layers = coordinates.shape
    names = [f"“{token}”" if kind == "text" else _patch(kind, frame)
             for token, kind, frame in zip(tokens, kinds, frames, strict=True)]  # fmt: skip
    figure = go.Figure()
    figure.add_heatmap(
        z=coordinates.T, zmin=-1, zmax=1, showscale=False, name="s",
        colorscale=[[0, LIGHT["harmless"]], [0.5, LIGHT["surface"]], [1, LIGHT["harmful"]]],
        customdata=np.broadcast_to(np.array([_plain(name) for name in names], dtype=object), (n_layers, length)),
        hovertemplate="position %{x}, %{customdata}<br>layer %{y}: s = %{z:.2f}<extra></extra>",
    )  # fmt: skip
    figure.add_shape(
        type="rect", x0=-0.5, x1=length - 0.5, y0=selected - 0.5, y1=selected + 0.5,
        line={"color": LIGHT["ink"], "width": 1.5},
    )  # fmt: skip
    framed(figure, MAP_HEIGHT, _told(coordinates, selected, length))
    figure.update_layout(hovermode="closest", clickmode="event", margin={"l": 48, "r": 12, "t": 10, "b": 48})
    figure.update_yaxes(
        title_text="layer (decoder block)", dtick=max(1, round(n_layers / 8)), range=[-0.5, n_layers - 0.5],
        showgrid=False,
    )  # fmt: skip
    places, labels = _labels(kinds, tokens, frames)
    title = "position in the prompt" + (" (numbers: steps in time)" if any(f is not None for f in frames) else "")
    figure.update_xaxes(
        title_text=title, range=[-0.5, length - 0.5], showgrid=False, tickvals=places,
        ticktext=[_plain(label) for label in labels], tickangle=-60 if length <= FEW else 0, automargin=True,
    )  # fmt: skip
    for start in _starts(kinds, frames)[1:]:
        figure.add_shape(
            type="line", x0=start - 0.5, x1=start - 0.5, y0=-0.5, y1=n_layers - 0.5,
            line={"color": LIGHT["neutral"], "width": 1, "dash": "dot"},
        )  # fmt: skip
    return figure


def patches(values: NDArray, picture: str) -> go.Figure:
    """Patches of one picture at one layer, laid over it: the stronger the colour, the further towards harmful.

    values: s of each patch, (row, column), without unit; picture: a data URL. The colours span these patches alone.
    """
    rows, columns = values.shape
    low, high = float(values.min()), float(values.max())
    figure = go.Figure()
    figure.add_layout_image(
        source=picture, xref="x", yref="y", x=0.5, y=0.5, sizex=columns, sizey=rows, sizing="stretch",
        layer="below", xanchor="left", yanchor="top",
    )  # fmt: skip
    figure.add_heatmap(
        z=values, x=np.arange(1, columns + 1), y=np.arange(1, rows + 1), xgap=1, ygap=1,
        zmin=low, zmax=max(high, low + 1e-6),
        colorscale=[[0, LIGHT["harmful_clear"]], [1, LIGHT["harmful_veil"]]], name="s",
        colorbar={"thickness": 10, "len": 1, "outlinewidth": 0, "nticks": 5, "tickformat": ".2f",
                  "title": {"text": "s", "side": "top"}},
        hovertemplate="row %{y}, column %{x}<br>s = %{z:.3f}<extra></extra>",
    )  # fmt: skip
    framed(
        figure, PATCHES_HEIGHT,
        f"{rows} x {columns} patches over the picture; s lies between {low:.2f} and {high:.2f}.",
        PATCHES_WIDTH,
    )  # fmt: skip
    figure.update_layout(hovermode="closest", margin={"l": 44, "r": 8, "t": 10, "b": 44})
    axis = {"showgrid": False, "tick0": 1, "dtick": max(1, round(max(rows, columns) / 8)), "constrain": "domain"}
    figure.update_xaxes(title_text="patch column", range=[0.5, columns + 0.5], **axis)
    figure.update_yaxes(title_text="patch row", range=[rows + 0.5, 0.5], scaleanchor="x", **axis)
    return figure


def frames(mean: NDArray, low: NDArray, high: NDArray, pictures: Sequence[str], times: Sequence[float]) -> go.Figure:
    """One value per step in time under the film strip: the mean s of its patches, the bar from least to most.

    mean, low, high: (step,), without unit; pictures: frames as data URLs, a whole number of them to each step
    where the model joins frames; times: seconds of each frame.
    """
    steps = len(mean)
    joined = len(pictures) / steps
    figure = go.Figure()
    for number, picture in enumerate(pictures):
        figure.add_layout_image(
            source=picture, xref="x", yref="paper", x=(number + 0.5) / joined - 0.5, y=1 - STRIP + 0.02,
            sizex=0.94 / joined, sizey=STRIP - 0.03, sizing="contain", xanchor="center", yanchor="bottom",
        )  # fmt: skip
    ink = LIGHT["ink"]
    figure.add_scatter(
        x=np.arange(steps), y=mean, mode="lines+markers", name="mean of the patches",
        line={"color": ink, "width": 1.5}, marker={"color": ink, "size": 9, "symbol": SYMBOLS["video"]},
        error_y={"type": "data", "symmetric": False, "array": high - mean, "arrayminus": mean - low, "color": ink,
                 "thickness": 1, "width": 3},
        customdata=np.stack([low, high], axis=1),
        hovertemplate="mean s %{y:.2f}<br>patches from %{customdata[0]:.2f} to %{customdata[1]:.2f}<extra></extra>",
    )  # fmt: skip
    for level, label in ((-1, "harmless"), (1, "harmful")):
        figure.add_hline(y=level, line={"color": LIGHT[label], "width": 1}, layer="below")
        figure.add_annotation(
            x=1, xref="paper", y=level, text=f"mean of {label} text", showarrow=False, xanchor="right",
            yanchor="bottom", font={"size": 12, "color": LIGHT[label]},
        )  # fmt: skip
    told = ", ".join(f"{value:.2f}" for value in mean)
    framed(figure, FRAMES_HEIGHT, f"Mean refusal coordinate of {steps} steps in time: {told}.")
    figure.update_layout(hovermode="closest", margin={"l": 52, "r": 12, "t": 8, "b": 46})
    figure.update_xaxes(
        title_text="time in the clip (seconds)", range=[-0.5, steps - 0.5], tickvals=np.arange(steps),
        ticktext=[f"{second:.1f}" for second in step_times(times, steps)], showgrid=False,
    )  # fmt: skip
    low_end, high_end = min(-1.2, float(low.min()) - 0.1), max(1.35, float(high.max()) + 0.1)
    figure.update_yaxes(title_text="refusal coordinate s", range=[low_end, high_end], domain=[0, 1 - STRIP])
    return figure


def step_times(times: Sequence[float], steps: int) -> list[float]:
    """Seconds of each step in time: the mean of the frames that it joins."""
    return [float(np.mean(part)) for part in np.array_split(np.asarray(times, dtype=float), steps)]


def _patch(kind: str, frame: int | None) -> str:
    return (
        f"patch of step {frame + 1}"
        if frame is not None
        else f"patch of the {'clip' if kind == 'video' else 'picture'}"
    )


def _starts(kinds: Sequence[str], frames: Sequence[int | None]) -> list[int]:
    """First position of each run of words, patches or one frame."""
    runs = groupby(range(len(kinds)), key=lambda position: (kinds[position], frames[position]))
    return [next(run) for _, run in runs]


def _labels(
    kinds: Sequence[str], tokens: Sequence[str], frames: Sequence[int | None]
) -> tuple[list[float], list[str]]:
    """Ticks: tokens where there are few, else one in the middle of each run that has room for it."""
    length = len(kinds)
    if length <= FEW:
        return list(range(length)), list(tokens)
    starts = [*_starts(kinds, frames), length]
    places, labels = [], []
    for start, end in pairwise(starts):
        frame = frames[start]
        if frame is not None or (end - start) / length >= SHORT:
            places.append((start + end - 1) / 2)
            labels.append(WORDS[kinds[start]] if frame is None else str(frame + 1))
    return places, labels


def _told(coordinates: NDArray, selected: int, length: int) -> str:
    return (
        f"Refusal coordinate at {length} positions and {coordinates.shape[1]} layers. At layer {selected} the last "
        f"position lies at {coordinates[-1, selected]:.2f}."
    )


def _plain(text: str) -> str:
    """Text that plotly does not take for markup; blanks and line ends made visible."""
    shown = text.replace("\n", "↵").replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return shown if shown.strip() else "␣"
