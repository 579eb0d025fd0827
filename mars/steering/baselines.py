"""What MARS is compared with, each in its plainest published form."""

from dataclasses import dataclass

import torch
from torch import Tensor

from mars.records import Geometry
from mars.steering.base import Edit, check_gain, step


@dataclass(frozen=True)
class Unsteered:
    """The identity. A strategy like the others, so that nothing asks whether there is one."""

    def __call__(self, hidden: Tensor) -> Edit:
        return Edit(hidden, torch.zeros(len(hidden), device=hidden.device))


@dataclass(frozen=True)
class Addition:
    """h + gain R r^ for every input, without a gate (Arditi et al. 2406.11717; CAA 2312.06681)."""

    geometry: Geometry
    gain: float = 1.0
    """alpha: 1 moves by the distance between the two text centroids."""

    def __post_init__(self) -> None:
        check_gain(self.gain)

    def __call__(self, hidden: Tensor) -> Edit:
        strength = torch.full((len(hidden),), self.gain * self.geometry.length, device=hidden.device)
        return step(hidden, strength, self.geometry.direction)


@dataclass(frozen=True)
class GatedAddition:
    """h + 1[<h - mu-, r^> > margin] gain R r^, not re-centred (after VLM-Guard 2502.10486, alpha fixed)."""

    geometry: Geometry
    gain: float = 1.0

    def __post_init__(self) -> None:
        check_gain(self.gain)

    def __call__(self, hidden: Tensor) -> Edit:
        direction = self.geometry.direction
        sigma = (hidden.float() - self.geometry.mean_harmless) @ direction
        strength = (sigma > self.geometry.margin).float() * self.gain * self.geometry.length
        return step(hidden, strength, direction)
