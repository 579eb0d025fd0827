"""The points of a cloud that lie in the direction of a prompt: nearest neighbours by cosine."""

from typing import NamedTuple

from torch import Tensor
from torch.nn.functional import normalize


class Nearest(NamedTuple):
    """Points of a cloud by their cosine with one activation, the nearest first."""

    rows: Tensor
    """(neighbour,), int64: which points of the cloud."""
    cosines: Tensor
    """(neighbour,), float64, -1 to 1."""


def nearest_by_cosine(value: Tensor, points: Tensor, origin: Tensor, count: int) -> Nearest:
    """The points with the largest cosine <h - o, p - o> / |h - o||p - o|; of equal ones the earlier first.

    value: (d_model,), points: (point, d_model), origin: (d_model,), all at one layer and re-centred alike. The origin
    matters: what all activations of a layer share lies far from 0, and seen from there the cosine of any two is close
    to 1 (Icon-VL, layer 15: 0.92 in the median, 0.28 seen from between the two means of text). A point at the origin
    has cosine 0. Fewer points than asked for are all returned. Raises ValueError for a count below 1.
    """
    if count < 1:
        raise ValueError(f"The number of neighbours must be 1 or more; got {count}.")
    direction, directions = (normalize(values.double() - origin.double(), dim=-1) for values in (value, points))
    cosines = directions @ direction
    rows = cosines.argsort(descending=True, stable=True)[:count]
    return Nearest(rows, cosines[rows].clamp(-1, 1))
