"""Rates with their intervals."""

from math import sqrt
from typing import NamedTuple

Z_95 = 1.959964


class Interval(NamedTuple):
    """A rate with its Wilson 95 % interval."""

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
