"""Rates of what was measured, and differences of two, with bootstrap 95 % intervals over things.

A thing is drawn with all of its wordings and draws, which are not independent. Where all things are alike, as where
none is refused, such an interval has no width.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from mars.geometry.bootstrap import DRAWS, ENDS
from mars.icon_vl.bars.cells import Cell

LABELS = ("harmful", "harmless")


class Estimate(NamedTuple):
    """A rate, or a difference of two, with its interval."""

    k: float
    """How often; of a difference, how many more of the same n."""
    n: int
    value: float
    low: float
    high: float


def bootstrap(statistic: Callable[[Tensor], Tensor], things: int, seed: int = 0) -> tuple[float, float]:
    """2.5 and 97.5 % quantiles of a statistic over things drawn anew.

    statistic: (draw, thing) numbers of things -> (draw,).
    """
    drawn = torch.randint(things, (DRAWS, things), generator=torch.Generator().manual_seed(seed))
    low, high = torch.quantile(statistic(drawn), torch.tensor(ENDS, dtype=torch.float64)).tolist()
    return low, high


def rate(cell: Cell) -> Estimate:
    """The rate of a cell: of all inputs, whatever their thing."""
    counts = _counts(cell, list(cell.things))
    k, n = (int(total) for total in counts.sum(0))
    return Estimate(k, n, k / n, *bootstrap(lambda drawn: _rates(counts, drawn), len(counts)))


def difference(cell: Cell, other: Cell) -> Estimate:
    """The rate of a cell less that of another on the same things, which are drawn together.

    k and n are in inputs of the other. Raises ValueError where the things differ.
    """
    if cell.things.keys() != other.things.keys():
        raise ValueError(f"{cell.kind} and {other.kind} were measured on different things: measure both again.")
    counts, others = (_counts(one, list(cell.things)) for one in (cell, other))
    (k, n), (k_other, n_other) = (map(int, one.sum(0)) for one in (counts, others))
    more = k * n_other / n - k_other
    ends = bootstrap(lambda drawn: _rates(counts, drawn) - _rates(others, drawn), len(counts))
    return Estimate(round(more, 6), n_other, round(more / n_other, 12), *ends)


def _counts(cell: Cell, things: Sequence[str]) -> Tensor:
    """(thing, 2), float64: how often, and of how many."""
    return torch.tensor([cell.things[thing] for thing in things], dtype=torch.float64)


def _rates(counts: Tensor, drawn: Tensor) -> Tensor:
    totals = counts[drawn].sum(1)
    return totals[:, 0] / totals[:, 1]


class Cells:
    """What was measured, by kind, label, strategy and what is counted; None of what was not."""

    def __init__(self, results: dict[str, Any]) -> None:
        self._cells = {(c.kind, c.label, c.strategy, c.what): c for c in (Cell(**row) for row in results["cells"])}

    def __call__(self, kind: str, label: str, strategy: str = "unsteered", what: str = "refused") -> Cell | None:
        return self._cells.get((kind, label, strategy, what))

    def rate(self, kind: str, label: str, strategy: str = "unsteered", what: str = "refused") -> Estimate | None:
        """The rate of one cell."""
        cell = self(kind, label, strategy, what)
        return None if cell is None else rate(cell)

    def rise(self, kind: str, label: str, strategy: str, what: str = "refused") -> Estimate | None:
        """By how much a strategy raises the unsteered rate."""
        steered, plain = (self(kind, label, name, what) for name in (strategy, "unsteered"))
        return None if steered is None or plain is None else difference(steered, plain)


def points(estimate: Estimate) -> str:
    """A difference in points."""
    return f"{100 * estimate.value:.1f}"
