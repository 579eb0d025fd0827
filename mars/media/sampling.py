"""Which frames of a video are kept: evenly in time, in one pass and in bounded memory."""

from collections.abc import Callable, Iterable

import numpy as np
from PIL import Image

from mars.types import Video

RESERVE = 8
"""So many times the frames wanted are held while a video is decoded, for its length is known at its end."""
ROUNDING = 0.002
"""Seconds that a time may be off; containers round to milliseconds."""


def sample(shown: Iterable[tuple[float, Callable[[], Image.Image]]], wanted: int) -> Video:
    """Of frames in order, each with the second at which it comes, those nearest to evenly spaced times.

    shown: frames are made into images as they are kept. At least one.
    A frame is given once, so a video that stands still for long, or has fewer frames than wanted, gives fewer.
    """
    kept: list[tuple[float, Image.Image]] = []
    cell, last, count = 0.0, -1, 0  # seconds of a cell of time, of which the first frame is kept; 0 keeps them all
    now = 0.0
    for seconds, image in shown:
        count += 1
        now = max(now, seconds)
        if cell and _cell(now, cell) <= last:
            continue
        kept.append((now, image()))
        if len(kept) > RESERVE * wanted:
            # Where the rate is constant this keeps every second frame.
            cell = now / (RESERVE * wanted // 2)
            kept = _thinned(kept, cell)
        if cell:
            last = _cell(now, cell)
    chosen = _nearest(np.array([time for time, _ in kept]), wanted)
    size = kept[0][1].size
    return Video(tuple(kept[at][1].resize(size) for at in chosen), tuple(kept[at][0] for at in chosen), count)


def _cell(seconds: float, cell: float) -> int:
    """Number of the cell that a time lies in."""
    return int((seconds + ROUNDING) / cell)


def _thinned(kept: list[tuple[float, Image.Image]], cell: float) -> list[tuple[float, Image.Image]]:
    """The first of each cell; every second where they have no time."""
    if not cell:
        return kept[::2]
    _, first = np.unique([_cell(seconds, cell) for seconds, _ in kept], return_index=True)
    return [kept[at] for at in first]


def _nearest(times: np.ndarray, wanted: int) -> list[int]:
    """Places of the times nearest to `wanted` evenly spaced ones, each once; all where there are no more."""
    if len(times) <= wanted:
        return list(range(len(times)))
    places = times if times[-1] > 0 else np.arange(len(times))
    even = np.linspace(0, places[-1], wanted)
    return np.unique(np.abs(places[:, None] - even).argmin(axis=0)).tolist()
