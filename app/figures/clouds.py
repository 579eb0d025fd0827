"""Clouds of activations at one layer, before or after re-centering: one panel of a pair."""

from collections.abc import Sequence
from textwrap import wrap

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from .frame import framed
from .palette import LIGHT, STAR, SYMBOLS

HEIGHT = 430
CROWD = 300
"""Points beyond which marks are smaller."""
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
    size = 6.5 if len(points) < CROWD else 5.5
    for label in ("neutral", "harmless", "harmful"):
        for modality, symbol in SYMBOLS.items():
            rows = (labels == label) & (modalities == modality)
            if rows.any():
                _add_cloud(figure, points[rows], titles[rows], thumbnails[rows], label, modality, symbol, size)
    if len(stars):
        figure.add_scatter(
            x=stars[:, 0], y=stars[:, 1], mode="markers+text", name="this visit",
            text=[str(number + 1) for number in range(len(stars))], textposition="top right",
            textfont={"size": 12, "color": LIGHT["ink"]}, customdata=np.array(star_titles, dtype=object)[:, None],
            marker={"symbol": STAR, "size": 16, "color": LIGHT["ink"],
                    "line": {"color": LIGHT["surface"], "width": 1.5}},
            hovertext=_lines(star_titles), hovertemplate="%{hovertext}<extra></extra>", meta=_seen(star_thumbnails),
        )  # fmt: skip
    framed(figure, HEIGHT, description)
    figure.update_layout(hovermode="closest", margin={"l": 52, "r": 8, "t": 8, "b": 46})
    figure.update_xaxes(title_text=axes[0], range=ranges[0])
    figure.update_yaxes(title_text=axes[1], range=ranges[1])
    return figure


def shared_ranges(*pictures: NDArray) -> tuple[tuple[float, float], tuple[float, float]]:
    """Ranges of x and y that hold all points of all pictures, (point, 2) each, with a little air."""
    joint = np.concatenate([picture.reshape(-1, 2) for picture in pictures])
    if not len(joint):
        return (-1.0, 1.0), (-1.0, 1.0)
    low, high = joint.min(axis=0), joint.max(axis=0)
    air = np.maximum(0.06 * (high - low), 1e-6)
    low, high = low - air, high + air
    return (float(low[0]), float(high[0])), (float(low[1]), float(high[1]))


def _add_cloud(
    figure: go.Figure,
    points: NDArray,
    titles: NDArray,
    thumbnails: NDArray,
    label: str,
    modality: str,
    symbol: str,
    size: float,
) -> None:
    is_neutral = label == "neutral"
    figure.add_scatter(
        x=points[:, 0], y=points[:, 1], mode="markers", name=f"{modality}, {label}",
        customdata=titles[:, None], hovertext=_lines(titles),
        marker={
            "symbol": f"{symbol}-open" if is_neutral else symbol,
            "size": size, "color": LIGHT[label], "opacity": 0.6 if is_neutral else 0.68,
            "line": {"width": 1 if is_neutral else 0.5, "color": LIGHT["neutral" if is_neutral else "surface"]},
        },
        hovertemplate=f"%{{hovertext}}<br>{modality}, {label}<extra></extra>",
        meta=_seen(thumbnails),
    )  # fmt: skip


def _lines(titles: Sequence[str]) -> list[str]:
    return ["<br>".join(wrap(title, LINE, break_long_words=False)) for title in titles]


def _seen(thumbnails: Sequence[str]) -> dict[str, list[str]] | None:
    """What a trace keeps of its points for the panel to show beside them, apart from their data."""
    return {"thumbnails": list(thumbnails)} if any(thumbnails) else None
