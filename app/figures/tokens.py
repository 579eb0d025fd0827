"""The refusal coordinate all over one prompt: by position and layer, over a picture, along a clip."""

from collections.abc import Sequence
from itertools import groupby, pairwise

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from .frame import framed, plain
from .palette import LIGHT, SYMBOLS

MAP_HEIGHT = 360
PATCHES_HEIGHT, PATCHES_WIDTH = 420, 520
FRAMES_HEIGHT = 340
STRIP = 0.34
"""Share of the frames' chart that the film strip takes."""
LARGE = 1.8
"""Times that an enlarged chart is as high, and patches as wide; the film strip takes what a chart gains."""
MEDIUM_ROOM = 8
"""Tokens whose room all patches of the prompt share at most, or as many as there are steps in time."""
LABEL = 10.5
"""Pixels that a token's label needs; the chart scrolls sideways where there are fewer."""
MOST_LABELS = 80
"""Tokens that are labelled at most; of more, every second, third, and so on."""


def position_map(
    coordinates: NDArray,
    kinds: Sequence[str],
    tokens: Sequence[str],
    frames: Sequence[int | None],
    selected: int,
) -> go.Figure:
    """Colour says s at each position (right) and layer (up); colours end at -1 and +1, where text has its means.

    coordinates: (position, layer), dimensionless; kinds: "text", "image" or "video" of each position; frames: step
    in time of each, from 0, or None. Each token of text is labelled by itself; patches stand closer together.
    """
    length, n_layers = coordinates.shape
    edges = _edges(kinds, frames)
    names = [f"“{token}”" if kind == "text" else _patch(kind, frame)
             for token, kind, frame in zip(tokens, kinds, frames, strict=True)]  # fmt: skip
    figure = go.Figure()
    figure.add_heatmap(
        z=coordinates.T, x=edges, y=np.arange(n_layers), zmin=-1, zmax=1, showscale=False, name="s",
        colorscale=[[0, LIGHT["harmless"]], [0.5, LIGHT["surface"]], [1, LIGHT["harmful"]]],
        customdata=np.broadcast_to(
            np.array([f"position {position}, {_visible(name)}" for position, name in enumerate(names)], dtype=object),
            (n_layers, length),
        ),
        hovertemplate="%{customdata}<br>layer %{y}: s = %{z:.2f}<extra></extra>",
    )  # fmt: skip
    figure.add_shape(
        type="rect", x0=edges[0], x1=edges[-1], y0=selected - 0.5, y1=selected + 0.5,
        line={"color": LIGHT["ink"], "width": 1.5},
    )  # fmt: skip
    framed(figure, MAP_HEIGHT, _told(coordinates, selected, length))
    labelled = min(edges[-1] - edges[0], MOST_LABELS + MEDIUM_ROOM)
    figure.layout.meta = {**figure.layout.meta, "least": round(LABEL * labelled) + 60}
    figure.update_layout(hovermode="closest", clickmode="event", margin={"l": 48, "r": 12, "t": 10, "b": 48})
    figure.update_yaxes(
        title_text="layer (decoder block)", dtick=max(1, round(n_layers / 8)), range=[-0.5, n_layers - 0.5],
        showgrid=False,
    )  # fmt: skip
    places, labels = _labels(kinds, tokens, frames, edges)
    title = "tokens of the prompt" + (" (numbers: steps in time)" if any(f is not None for f in frames) else "")
    figure.update_xaxes(
        title_text=title, range=[edges[0], edges[-1]], showgrid=False, tickvals=places,
        ticktext=[_visible(label) for label in labels], tickangle=-90, tickfont={"size": 11}, automargin=True,
    )  # fmt: skip
    for start in edges[_starts(kinds, frames)[1:]]:
        figure.add_shape(
            type="line", x0=start, x1=start, y0=-0.5, y1=n_layers - 0.5,
            line={"color": LIGHT["neutral"], "width": 1, "dash": "dot"},
        )  # fmt: skip
    return figure


def patches(values: NDArray, picture: str, is_stretched: bool = False, is_large: bool = False) -> go.Figure:
    """Patches of one image at one layer, laid over it, in the colours of s from -1 to +1, where text has its means.

    values: s of each patch, (row, column), dimensionless; picture: a data URL; is_stretched: whether colours span
    these patches alone; is_large: whether the chart is enlarged.
    """
    rows, columns = values.shape
    low, high = float(values.min()), float(values.max())
    clear, harmful, harmless = LIGHT["harmful_clear"], LIGHT["harmful_veil"], LIGHT["harmless_veil"]
    ends, colors = (-1.0, 1.0), [[0, harmless], [0.5, LIGHT["harmless_clear"]], [0.5, clear], [1, harmful]]
    if is_stretched:
        ends, colors = (low, max(high, low + 1e-6)), [[0, clear], [1, harmful]]
    figure = go.Figure()
    figure.add_layout_image(
        source=picture, xref="x", yref="y", x=0.5, y=0.5, sizex=columns, sizey=rows, sizing="stretch",
        layer="below", xanchor="left", yanchor="top",
    )  # fmt: skip
    figure.add_heatmap(
        z=values, x=np.arange(1, columns + 1), y=np.arange(1, rows + 1), xgap=1, ygap=1,
        zmin=ends[0], zmax=ends[1], colorscale=colors, name="s",
        colorbar={"thickness": 10, "len": 1, "outlinewidth": 0, "nticks": 5, "tickformat": ".2f",
                  "title": {"text": "s", "side": "top"}},
        hovertemplate="row %{y}, column %{x}<br>s = %{z:.3f}<extra></extra>",
    )  # fmt: skip
    larger = LARGE if is_large else 1
    framed(
        figure, round(larger * PATCHES_HEIGHT),
        f"{rows} x {columns} patches over the image; s lies between {low:.2f} and {high:.2f}.",
        round(larger * PATCHES_WIDTH),
    )  # fmt: skip
    figure.update_layout(hovermode="closest", margin={"l": 44, "r": 8, "t": 10, "b": 44})
    axis = {"showgrid": False, "tick0": 1, "dtick": max(1, round(max(rows, columns) / 8)), "constrain": "domain"}
    figure.update_xaxes(title_text="patch column", range=[0.5, columns + 0.5], **axis)
    figure.update_yaxes(title_text="patch row", range=[rows + 0.5, 0.5], scaleanchor="x", **axis)
    return figure


def frames(
    mean: NDArray,
    low: NDArray,
    high: NDArray,
    pictures: Sequence[str],
    times: Sequence[float],
    is_large: bool = False,
) -> go.Figure:
    """One value per step in time under the film strip: the mean s of its patches, the bar from least to most.

    mean, low, high: (step,), dimensionless; pictures: frames as data URLs, a whole number of them to each step
    where the model joins frames; times: seconds of each frame; is_large: whether the film strip is enlarged.
    """
    height = round((LARGE if is_large else 1) * FRAMES_HEIGHT)
    strip = 1 - (1 - STRIP) * FRAMES_HEIGHT / height
    steps = len(mean)
    joined = len(pictures) / steps
    figure = go.Figure()
    for number, picture in enumerate(pictures):
        figure.add_layout_image(
            source=picture, xref="x", yref="paper", x=(number + 0.5) / joined - 0.5, y=1 - strip + 0.02,
            sizex=0.94 / joined, sizey=strip - 0.03, sizing="contain", xanchor="center", yanchor="bottom",
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
    framed(figure, height, f"Mean refusal coordinate of {steps} steps in time: {told}.")
    figure.update_layout(hovermode="closest", margin={"l": 52, "r": 12, "t": 8, "b": 46})
    figure.update_xaxes(
        title_text="time in the video (seconds)", range=[-0.5, steps - 0.5], tickvals=np.arange(steps),
        ticktext=[f"{second:.1f}" for second in step_times(times, steps)], showgrid=False,
    )  # fmt: skip
    low_end, high_end = min(-1.2, float(low.min()) - 0.1), max(1.35, float(high.max()) + 0.1)
    figure.update_yaxes(title_text="refusal coordinate s", range=[low_end, high_end], domain=[0, 1 - strip])
    return figure


def step_times(times: Sequence[float], steps: int) -> list[float]:
    """Seconds of each step in time: the mean of the frames that it joins."""
    return [float(np.mean(part)) for part in np.array_split(np.asarray(times, dtype=float), steps)]


def _patch(kind: str, frame: int | None) -> str:
    return (
        f"patch of step {frame + 1}"
        if frame is not None
        else f"patch of the {'video' if kind == 'video' else 'image'}"
    )


def _starts(kinds: Sequence[str], frames: Sequence[int | None]) -> list[int]:
    """First position of each run of words, patches or one frame."""
    runs = groupby(range(len(kinds)), key=lambda position: (kinds[position], frames[position]))
    return [next(run) for _, run in runs]


def _edges(kinds: Sequence[str], frames: Sequence[int | None]) -> NDArray:
    """Where each position begins, and where the last one ends: a token of text is 1 wide, the first is at 0."""
    patches = sum(kind != "text" for kind in kinds)
    room = min(1.0, max(MEDIUM_ROOM, len({*frames} - {None})) / patches) if patches else 1.0
    return np.concatenate([[0.0], np.cumsum([1.0 if kind == "text" else room for kind in kinds])]) - 0.5


def _labels(
    kinds: Sequence[str], tokens: Sequence[str], frames: Sequence[int | None], edges: NDArray
) -> tuple[list[float], list[str]]:
    """Ticks: every token of text, as far as they are not too many, and one in the middle of each run of patches."""
    starts = [*_starts(kinds, frames), len(kinds)]
    runs = [(start, end) for start, end in pairwise(starts) if kinds[start] != "text"]
    words = [position for position, kind in enumerate(kinds) if kind == "text"]
    words = words[:: -(-len(words) // MOST_LABELS) or 1]
    ticks = [((edges[word] + edges[word + 1]) / 2, tokens[word]) for word in words]
    for start, end in runs:
        label = f"{end - start} patches" if frames[start] is None else str(frames[start] + 1)
        ticks.append(((edges[start] + edges[end]) / 2, label))
    ticks.sort()
    return [float(place) for place, _ in ticks], [label for _, label in ticks]


def _told(coordinates: NDArray, selected: int, length: int) -> str:
    return (
        f"Refusal coordinate at {length} positions and {coordinates.shape[1]} layers. At layer {selected} the last "
        f"position lies at {coordinates[-1, selected]:.2f}."
    )


def _visible(text: str) -> str:
    """A token of which one sees something."""
    shown = plain(text)
    return shown if shown.strip() else "␣"
