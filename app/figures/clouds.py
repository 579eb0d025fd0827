"""Clouds of activations at one layer, before and after re-centering: one panel, or the pair with its layers."""

from collections.abc import Collection, Iterator, Sequence
from textwrap import wrap
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from .frame import framed, plain
from .palette import LIGHT, STAR, SYMBOLS, TRANSPARENT

HEIGHT = 430
PAIR_HEIGHT, NARROW_HEIGHT = 560, 960
"""Pixels of a pair with its scrubber: side by side, and one over the other."""
SCRUBBER = {"wide": 0.14, "narrow": 0.32}
"""Share of the width before the scrubber, for the buttons that play it."""
WILD = 2.0
"""Times the spread of the drawn layer."""
STEP = 350
"""Milliseconds from one layer to the next while the scrubber plays."""
CROWD, MULTITUDE = 300, 2000
"""Points beyond which marks are smaller, and beyond which WebGL draws them, which follows no point between layers."""
AS_IMAGES = {"image": "square", "video": "circle"}
"""Marker that shows an image, or a video's; its rim says the label."""
THUMBNAIL = 26
"""Pixels of a mark that shows its image."""
LINE = 32
"""Characters of a line of a hover label, so that it fits into a panel on a phone."""


def cloud_panel(
    points: NDArray,
    modalities: Sequence[str],
    labels: Sequence[str],
    titles: Sequence[str],
    stars: NDArray,
    star_titles: Sequence[str],
    axes: tuple[str, str],
    ranges: tuple[tuple[float, float], tuple[float, float]],
    description: str,
    thumbnails: Sequence[str] = (),
    star_thumbnails: Sequence[str] = (),
) -> go.Figure:
    """Draw points by label (colour) and modality (shape), this visit's prompts as stars on top.

    points: (point, 2) with modality, label ("harmful", "harmless" or "neutral") and title of each; stars:
    (star, 2); ranges: of x and y, the same for both panels of a pair, so that they may be compared; thumbnails: data
    URL of what each point or star shows, "" for nothing, which go into `meta` of its trace.
    """
    figure = go.Figure()
    modalities, labels, titles = np.array(modalities), np.array(labels), np.array(titles, dtype=object)
    thumbnails = np.array(thumbnails or [""] * len(points), dtype=object)
    for label, modality, rows in _clouds(labels, modalities):
        _add_cloud(figure, points[rows], titles[rows], thumbnails[rows], label, modality, len(points))
    for number, star in enumerate(stars):
        _add_star(figure, number, star, star_titles, star_thumbnails)
    framed(figure, HEIGHT, description)
    figure.update_layout(hovermode="closest", margin={"l": 52, "r": 8, "t": 8, "b": 46})
    figure.update_xaxes(title_text=axes[0], range=ranges[0])
    figure.update_yaxes(title_text=axes[1], range=ranges[1])
    return figure


def cloud_pair(
    points: NDArray,
    modalities: Sequence[str],
    labels: Sequence[str],
    titles: Sequence[str],
    stars: NDArray,
    star_titles: Sequence[str],
    axes: tuple[str, str],
    names: tuple[str, str],
    description: str,
    thumbnails: Sequence[str] = (),
    star_thumbnails: Sequence[str] = (),
    shown: Collection[str] | None = None,
    layer: int = 0,
    path: NDArray | None = None,
    star_path: NDArray | None = None,
    rows_of: str = "",
    as_images: bool = False,
    own: int = 0,
) -> go.Figure:
    """Both panels of a pair in one figure, whose zoom is one and whose traces know their twins.

    points: (2, point, 2) before and after, stars: (2, star, 2); names: what stands over each panel; shown: modalities
    and labels that are not hidden, "star" for those of this visit, None for all; layer: the one drawn; path,
    star_path: the same at every layer, (layer, 2, point, 2) and (layer, 2, star, 2), for a scrubber through
    them; rows_of: name of the clouds, so that a selection is kept in figures of the same ones; as_images: whether
    points with thumbnails show these as their marks, which more than MULTITUDE points never do; own: how many points,
    at their end, are of a visitor's own set, "own" among what is shown. Other arguments as in `cloud_panel`.
    """
    is_multitude = points.shape[1] > MULTITUDE
    as_images, path = as_images and not is_multitude, None if is_multitude else path
    figure = make_subplots(rows=1, cols=2, horizontal_spacing=0.06, shared_yaxes=True)
    modalities, labels, titles = np.array(modalities), np.array(labels), np.array(titles, dtype=object)
    thumbnails = np.array(thumbnails or [""] * points.shape[1], dtype=object)
    shown = {*SYMBOLS, "harmful", "harmless", "neutral", "own", "star"} if shown is None else set(shown)
    is_own = np.arange(points.shape[1]) >= points.shape[1] - own
    clouds = [
        (label, modality, rows & (is_own == of_visitor), of_visitor)
        for of_visitor in ([False, True] if own else [False])
        for label, modality, rows in _clouds(labels, modalities)
        if (rows & (is_own == of_visitor)).any()
    ]
    traces = len(clouds) + stars.shape[1]
    for panel in (0, 1):
        where = {"row": 1, "col": panel + 1}
        for label, modality, rows, of_visitor in clouds:
            _add_cloud(
                figure, points[panel][rows], titles[rows], thumbnails[rows], label, modality, points.shape[1],
                visible={modality, label, *["own"] * of_visitor} <= shown, as_images=as_images, is_own=of_visitor,
                **where,
            )  # fmt: skip
            figure.data[-1].meta = {**(figure.data[-1].meta or {}), "rows": np.flatnonzero(rows).tolist()}
        for number, star in enumerate(stars[panel]):
            _add_star(figure, number, star, star_titles, star_thumbnails, visible="star" in shown, **where)
        figure.add_annotation(
            text=names[panel], x=0, xref=f"x{panel + 1 if panel else ''} domain", xanchor="left", y=1,
            yref=f"y{panel + 1 if panel else ''} domain", yanchor="bottom", showarrow=False,
            font={"size": 13, "color": LIGHT["ink"]},
        )  # fmt: skip
    for number, trace in enumerate(figure.data):
        trace.meta = {**(trace.meta or {}), "twin": (number + traces) % (2 * traces)}
    framed(figure, PAIR_HEIGHT, description)
    everywhere = [points, stars]
    if path is not None:
        kept = _as_wide(path, points)
        everywhere += [*path[kept], *star_path[kept]]
    ranges = shared_ranges(*everywhere)
    figure.update_xaxes(title_text=axes[0], range=ranges[0], fixedrange=False)
    figure.update_yaxes(range=ranges[1], fixedrange=False, showticklabels=True)
    figure.layout.xaxis2.matches = "x"
    figure.update_yaxes(title_text=axes[1])
    bottom = 118 if path is not None else 50
    figure.update_layout(
        hovermode="closest", dragmode="pan", uirevision=axes[0], margin={"l": 52, "r": 8, "t": 26, "b": bottom},
        modebar={"bgcolor": TRANSPARENT, "color": LIGHT["muted"], "activecolor": LIGHT["ink"], "uirevision": True},
        newselection={"line": {"color": LIGHT["ink"], "width": 1, "dash": "dot"}},
        meta={**figure.layout.meta, "zooms": True, "rows_of": rows_of,
              "wide": _stacked(False), "narrow": _stacked(True)},
    )  # fmt: skip
    if path is not None:
        _add_scrubber(figure, path, star_path, [rows for _, _, rows, _ in clouds], layer)
        for form, start in SCRUBBER.items():
            figure.layout.meta[form] |= {"sliders[0].x": start, "sliders[0].len": 1 - start}
    return figure


def _as_wide(path: NDArray, points: NDArray) -> NDArray:
    """Layers at which 98 % of the points spread at most WILD times as far as at the drawn one: (layer,) of bool.

    The others run over the edges of the plot, which early layers of a real model would otherwise blow up.
    """
    if not points.size:
        return np.ones(len(path), dtype=bool)
    low, high = np.quantile(path, (0.01, 0.99), axis=2)
    drawn_low, drawn_high = np.quantile(points, (0.01, 0.99), axis=1)
    return ((high - low) <= WILD * (drawn_high - drawn_low)).all(axis=(1, 2))


def _stacked(is_narrow: bool) -> dict:
    """Where both panels lie: side by side, or one over the other."""
    domains = ([0, 1], [0.57, 1], [0, 1], [0, 0.43]) if is_narrow else ([0, 0.455], [0, 1], [0.545, 1], [0, 1])
    names = ("xaxis.domain", "yaxis.domain", "xaxis2.domain", "yaxis2.domain")
    return dict(zip(names, domains, strict=True)) | {"height": NARROW_HEIGHT if is_narrow else PAIR_HEIGHT}


def _add_scrubber(
    figure: go.Figure, path: NDArray, star_path: NDArray, clouds: Sequence[NDArray], layer: int
) -> None:
    """Frames of all layers, a slider over them and a button that plays; plotly moves each point to its next place."""
    figure.frames = [
        go.Frame(
            name=str(number),
            data=[
                {"x": places[:, 0], "y": places[:, 1]}
                for panel in (0, 1)
                for places in (*(at[panel][rows] for rows in clouds), *stars[panel][:, None])
            ],
            traces=list(range(len(figure.data))),
        )
        for number, (at, stars) in enumerate(zip(path, star_path, strict=True))
    ]

    def moving(milliseconds: int) -> dict:
        transition = {"duration": milliseconds, "easing": "linear"}
        frame = {"duration": milliseconds, "redraw": False}
        return {"mode": "immediate", "fromcurrent": True, "transition": transition, "frame": frame}

    names = [frame.name for frame in figure.frames]
    steps = [{"label": name, "value": name, "method": "animate", "args": [[name], moving(0)]} for name in names]
    quiet = {"bgcolor": LIGHT["surface"], "bordercolor": LIGHT["rule"], "font": {"color": LIGHT["ink"], "size": 12}}
    figure.update_layout(
        sliders=[{
            "active": layer, "steps": steps, "y": 0, "yanchor": "top",
            "pad": {"t": 50, "b": 0},
            "currentvalue": {"prefix": "layer ", "font": {"color": LIGHT["ink"], "size": 13}, "xanchor": "right"},
            "bgcolor": LIGHT["rule"], "bordercolor": LIGHT["muted"], "activebgcolor": LIGHT["ink"],
            "tickcolor": LIGHT["muted"], "font": {"color": LIGHT["muted"], "size": 11},
        }],
        updatemenus=[{
            "type": "buttons", "direction": "right", "x": 0, "xanchor": "left", "y": 0, "yanchor": "top",
            "showactive": False, "pad": {"t": 62, "r": 0}, **quiet,
            "buttons": [{"label": "▶", "method": "animate", "args": [None, moving(STEP)]},
                        {"label": "❚❚", "method": "animate", "args": [[None], moving(0)]}],
        }],
    )  # fmt: skip


def shared_ranges(*pictures: NDArray) -> tuple[tuple[float, float], tuple[float, float]]:
    """Ranges of x and y that hold all points of all pictures, (point, 2) each, with a little air."""
    joint = np.concatenate([picture.reshape(-1, 2) for picture in pictures])
    if not len(joint):
        return (-1.0, 1.0), (-1.0, 1.0)
    low, high = joint.min(axis=0), joint.max(axis=0)
    air = np.maximum(0.06 * (high - low), 1e-6)
    low, high = low - air, high + air
    return (float(low[0]), float(high[0])), (float(low[1]), float(high[1]))


def _clouds(labels: NDArray, modalities: NDArray) -> Iterator[tuple[str, str, NDArray]]:
    """Label, modality and points of each cloud that there is, bool (point,), in the order that they are drawn in."""
    for label in ("neutral", "harmless", "harmful"):
        for modality in SYMBOLS:
            rows = (labels == label) & (modalities == modality)
            if rows.any():
                yield label, modality, rows


def _add_star(
    figure: go.Figure, number: int, star: NDArray, titles: Sequence[str], thumbnails: Sequence[str], **where: Any
) -> None:
    """A trace of its own, so that of two stars on one spot the upper one hides the number of the other."""
    figure.add_scatter(
        x=star[:1], y=star[1:], mode="markers+text", name="this visit", text=[str(number + 1)],
        textfont={"size": 11, "color": LIGHT["surface"], "weight": 600}, textposition="middle center",
        customdata=[[titles[number]]], hovertext=_lines(titles[number : number + 1]),
        marker={"symbol": STAR, "size": 25, "color": LIGHT["ink"], "line": {"color": LIGHT["surface"], "width": 1.5}},
        hovertemplate="%{hovertext}<extra></extra>", meta=_seen(thumbnails[number : number + 1]), **where,
    )  # fmt: skip


def _add_cloud(
    figure: go.Figure,
    points: NDArray,
    titles: NDArray,
    thumbnails: NDArray,
    label: str,
    modality: str,
    crowd: int,
    as_images: bool = False,
    visible: bool = True,
    is_own: bool = False,
    **where: int,
) -> None:
    """crowd: points of all clouds; is_own: whether these are of a visitor's own set; where: the panel."""
    name = f"{'your set: ' * is_own}{modality}, {label}"
    is_neutral, symbol, seen = label == "neutral", SYMBOLS[modality], _seen(thumbnails)
    marker = {
        "symbol": f"{symbol}-open" if is_neutral else symbol,
        "size": 8 if crowd < CROWD else 7 if crowd <= MULTITUDE else 5,
        "color": LIGHT[label], "opacity": 0.6 if is_neutral else 0.68,
        "line": {"width": 1 if is_neutral else 0.5, "color": LIGHT["neutral" if is_neutral else "surface"]},
    }  # fmt: skip
    if is_own:
        marker |= {"size": marker["size"] + 2, "opacity": 0.95, "line": {"width": 1.8, "color": LIGHT["ink"]}}
    if as_images and seen:
        seen |= {"as_images": True}
        marker |= {"symbol": AS_IMAGES[modality], "size": THUMBNAIL, "opacity": 1}
        marker |= {"line": {"width": 2, "color": LIGHT[label]}}
    figure.add_trace(
        (go.Scattergl if crowd > MULTITUDE else go.Scatter)(
            x=points[:, 0], y=points[:, 1], mode="markers", name=name, marker=marker,
            customdata=titles[:, None], hovertext=_lines(titles),
            hovertemplate=f"%{{hovertext}}<br>{name}<extra></extra>", meta=seen,
            visible=visible,
        ),
        **where,
    )  # fmt: skip


def _lines(titles: Sequence[str]) -> list[str]:
    return ["<br>".join(plain(line) for line in wrap(title, LINE, break_long_words=False)) for title in titles]


def _seen(thumbnails: Sequence[str]) -> dict[str, Any] | None:
    """What a trace keeps of its points for the panel to show beside them, apart from their data."""
    return {"thumbnails": list(thumbnails)} if any(thumbnails) else None
