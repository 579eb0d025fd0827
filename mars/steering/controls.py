"""Controls of specificity: as much steering as MARS gives, along directions that should not matter.

If these raised refusals too, it would be the push that does it and not where it points.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from mars.steering.base import Edit, Steering, step

DRAWS = 10
"""Random directions that are tried."""


@dataclass(frozen=True)
class SubstituteDirection:
    """Gate and strength of one strategy, the step made along another direction."""

    strategy: Steering
    """Decides how far; where it makes no step, none is made."""
    axis: Tensor
    """Unit vector of the step: (d_model,), float32."""

    def __call__(self, hidden: Tensor) -> Edit:
        return step(hidden, self.strategy(hidden).strength, self.axis.to(hidden.device))


def random_axis(direction: Tensor, draw: int, seed: int = 0) -> Tensor:
    """A random unit vector orthogonal to a unit direction, the same for the same seed and draw.

    direction: (d_model,) float32 -> (d_model,), on the same device. Uniform over the directions orthogonal to it.
    """
    source = torch.Generator().manual_seed(1000 * seed + draw)
    axis = torch.randn(len(direction), generator=source, dtype=torch.float64).to(direction.device)
    along = direction.double()
    axis -= (axis @ along) / (along @ along) * along
    return (axis / axis.norm()).float()


def permuted_axes(harmful: Tensor, harmless: Tensor, seed: int = 0) -> Tensor:
    """The difference of means after labels were permuted, at every layer, as unit vectors.

    harmful, harmless: (prompt, layer, d_model) -> (layer, d_model), float32. Labels are permuted in balance: each
    made-up class takes half of both true ones, so that what tells the true classes apart cancels and what is
    left is how the requests of a class differ among themselves. Raises ValueError on fewer than two of a label.
    """
    if min(len(harmful), len(harmless)) < 2:
        raise ValueError("Permuting labels in balance needs at least two harmful and two harmless requests.")
    source = torch.Generator().manual_seed(seed)
    difference = torch.zeros(harmful.shape[1:], dtype=torch.float64)
    for values in (harmful, harmless):
        first, second = torch.randperm(len(values), generator=source).tensor_split(2)
        difference += values[first].double().mean(dim=0) - values[second].double().mean(dim=0)
    return (difference / difference.norm(dim=-1, keepdim=True).clamp_min(1e-12)).float()
