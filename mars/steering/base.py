"""What a steering strategy is: a formula from hidden states to an edit. No model, no files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from mars.types import Modality


class Edit(NamedTuple):
    """What a strategy makes of hidden states."""

    hidden: Tensor
    """Edited residual stream, dtype and device of the input: (row, d_model)."""
    strength: Tensor
    """Length of the step along the steering direction, never negative, float32: (row,)."""


class Steering(Protocol):
    """Turns the residual stream of one layer at one position into an edit of it."""

    def __call__(self, hidden: Tensor) -> Edit:
        """hidden: (row, d_model). Rows are independent of each other; the input is left as it is."""
        ...


def check_gain(gain: float) -> None:
    """Refuse a gain that is negative or not finite: this project steers towards refusal only. Raises ValueError."""
    if not 0 <= gain < float("inf"):
        raise ValueError(
            f"The gain is {gain}; it must be a finite number from 0 up. This project steers towards refusal only."
        )


def step(hidden: Tensor, strength: Tensor, direction: Tensor) -> Edit:
    """Move each row along a unit direction; where strength is 0 the row comes back bit for bit.

    hidden: (row, d_model); strength: (row,) float32; direction: (d_model,) float32.
    """
    length = strength.unsqueeze(1)
    moved = (hidden.float() + length * direction).to(hidden.dtype)
    return Edit(torch.where(length > 0, moved, hidden), strength)


@dataclass(frozen=True)
class Intervention:
    """A strategy at one decoder layer, for each modality that a prompt may have."""

    layer: int
    strategies: Mapping[Modality, Steering]
    weights: Sequence[float] | None = None
    """Fingerprint of the weights that it was fitted on (`mars.model.info`); None steers any model of the shape."""


@dataclass(frozen=True)
class Rows:
    """Gives each row of a batch a strategy of its own: side by side is one forward per token."""

    strategies: tuple[Steering, ...]
    """One per row, in order."""

    def __call__(self, hidden: Tensor) -> Edit:
        if len(hidden) != len(self.strategies):
            raise ValueError(f"Got {len(hidden)} rows for {len(self.strategies)} strategies; they must be as many.")
        edits = [strategy(row[None]) for strategy, row in zip(self.strategies, hidden, strict=True)]
        return Edit(torch.cat([edit.hidden for edit in edits]), torch.cat([edit.strength for edit in edits]))
