"""Rates and areas with their intervals."""

from collections.abc import Sequence
from math import sqrt
from typing import NamedTuple

Z_95 = 1.959964


class Interval(NamedTuple):
    """A share with its 95 % interval."""

    rate: float
    low: float
    high: float


def wilson(successes: float, n: int, z: float = Z_95) -> Interval:
    """Wilson score interval of a rate (Wilson 1927); a mean count over draws need not be whole.

    Raises ValueError on an impossible count.
    """
    if n <= 0 or not 0 <= successes <= n:
        raise ValueError(f"{successes} of {n} is not a rate.")
    rate = successes / n
    scale = 1 + z * z / n
    center = (rate + z * z / (2 * n)) / scale
    half = z * sqrt(rate * (1 - rate) / n + z * z / (4 * n * n)) / scale
    return Interval(rate, max(center - half, 0.0), min(center + half, 1.0))


def auc(scores: Sequence[float], is_positive: Sequence[bool], z: float = Z_95, steps: int = 10_000) -> Interval:
    """Area under the ROC curve: how often a positive scores above a negative, ties counting half.

    The interval is Newcombe's score interval (2006, his method 5), which keeps its width where the area is 1: all
    areas, on a grid of `steps`, from which the one found lies within z standard errors as they would be there. Raises
    ValueError where there is no positive or no negative.
    """
    positive = [score for score, is_one in zip(scores, is_positive, strict=True) if is_one]
    negative = [score for score, is_one in zip(scores, is_positive, strict=True) if not is_one]
    pairs = len(positive) * len(negative)
    if not pairs:
        raise ValueError("An area under the ROC curve needs a positive and a negative.")
    found = sum((above > below) + 0.5 * (above == below) for above in positive for below in negative) / pairs
    more = (len(positive) + len(negative)) / 2 - 1

    def is_near(area: float) -> bool:
        spread = area * (1 - area) * (1 + more * (1 - area) / (2 - area) + more * area / (1 + area)) / pairs
        return abs(found - area) <= z * sqrt(spread)

    near = [step / steps for step in range(steps + 1) if is_near(step / steps)] or [found]
    return Interval(found, min(found, *near), max(found, *near))
