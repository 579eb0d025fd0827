"""Times side by side: rivals take turns, so that whatever slows the machine for a while slows all of them."""

import time
from collections.abc import Callable, Sequence
from statistics import median
from typing import NamedTuple

import torch


class Spread(NamedTuple):
    """A figure over its repetitions; `value` is the median."""

    value: float
    """Median."""
    low: float
    """Smallest."""
    high: float
    """Largest."""


def spread(values: Sequence[float]) -> Spread:
    """Median and range. Raises ValueError on no value."""
    if not values:
        raise ValueError("A figure needs at least one repetition.")
    return Spread(median(values), min(values), max(values))


def ratios(numerators: Sequence[float], denominators: Sequence[float], scale: float = 1.0) -> Spread:
    """Spread of numerator / denominator * scale, repetition by repetition: each pair was timed side by side."""
    return spread([scale * above / below for above, below in zip(numerators, denominators, strict=True)])


def take_turns(rivals: dict[str, Callable[[], object]], repetitions: int) -> dict[str, list[float]]:
    """Seconds of each rival in each repetition. The first round only warms up; every second one runs backwards."""
    times: dict[str, list[float]] = {name: [] for name in rivals}
    for repetition in range(-1, repetitions):
        order = list(rivals) if repetition % 2 == 0 else list(rivals)[::-1]
        for name in order:
            seconds = seconds_of(rivals[name])
            if repetition >= 0:
                times[name].append(seconds)
    return times


def seconds_of(work: Callable[[], object]) -> float:
    """Wall time of a call, work on a GPU included."""
    _wait()
    start = time.perf_counter()
    work()
    _wait()
    return time.perf_counter() - start


def _wait() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
