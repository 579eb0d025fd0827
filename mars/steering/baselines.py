"""What MARS is compared with, each in its plainest published form."""

from dataclasses import dataclass

import torch
from torch import Tensor

from mars.steering.base import Edit, check_gain, step
from mars.types import Geometry


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
        geometry = self.geometry.to(hidden.device)
        strength = torch.full((len(hidden),), self.gain * geometry.length, device=hidden.device)
        return step(hidden, strength, geometry.direction)


@dataclass(frozen=True)
class GatedAddition:
    """h + 1[<h - mu-, r^> > margin] gain R r^, not re-centred (after VLM-Guard 2502.10486, alpha fixed)."""

    geometry: Geometry
    gain: float = 1.0

    def __post_init__(self) -> None:
        check_gain(self.gain)

    def __call__(self, hidden: Tensor) -> Edit:
        geometry = self.geometry.to(hidden.device)
        sigma = (hidden.float() - geometry.mean_harmless) @ geometry.direction
        strength = (sigma > geometry.harmless_q99).float() * self.gain * geometry.length
        return step(hidden, strength, geometry.direction)


@dataclass(frozen=True)
class Adaptive:
    """gain clip(w sigma + b, 0, hi) r^ with sigma = <h - mu-, r^>, not re-centred: AdaSteer's generic form.

    AdaSteer (2504.09466) fits w, b and hi by hand for each model; here they come from text alone (our choice):
    0 where 99 % of harmless text lies, w margin + b = 0, and the whole trust region at the harmful centroid,
    w R + b = hi = rho. So w = rho / (R - margin) and b = -w margin; where harmless text reaches beyond the
    harmful centroid the ramp is a step.
    """

    geometry: Geometry
    gain: float = 1.0

    def __post_init__(self) -> None:
        check_gain(self.gain)

    def __call__(self, hidden: Tensor) -> Edit:
        geometry = self.geometry.to(hidden.device)
        highest = max(geometry.radius, 0.0)
        w = highest / max(geometry.length - geometry.harmless_q99, 1e-6)
        sigma = (hidden.float() - geometry.mean_harmless) @ geometry.direction
        wanted = (w * (sigma - geometry.harmless_q99)).clamp(0, highest)
        return step(hidden, self.gain * wanted, geometry.direction)


@dataclass(frozen=True)
class Shift:
    """h - b: moves the modality to where text lies and adds nothing along r^ (after CMRM 2410.09047)."""

    geometry: Geometry

    def __call__(self, hidden: Tensor) -> Edit:
        moved = (hidden.float() - self.geometry.bias.to(hidden.device)).to(hidden.dtype)
        return Edit(moved, torch.zeros(len(hidden), device=hidden.device))
