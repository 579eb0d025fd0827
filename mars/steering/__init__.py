"""Steering strategies: pure functions of the hidden state, interchangeable by name."""

from collections.abc import Callable
from types import MappingProxyType

import torch

from mars.steering.base import Edit, Intervention, Rows, Steering
from mars.steering.baselines import Adaptive, Addition, GatedAddition, Shift, Unsteered
from mars.steering.mars import Mars
from mars.types import Geometry

__all__ = [
    "STRATEGIES",
    "Adaptive",
    "Addition",
    "Edit",
    "GatedAddition",
    "Intervention",
    "Mars",
    "Rows",
    "Shift",
    "Steering",
    "Unsteered",
]


def _without_recentering(geometry: Geometry) -> Geometry:
    return geometry._replace(bias=torch.zeros_like(geometry.bias))


STRATEGIES: MappingProxyType[str, Callable[[Geometry, float], Steering]] = MappingProxyType(
    {
        "unsteered": lambda geometry, gain: Unsteered(),  # noqa: ARG005
        "addition": Addition,
        "gated_addition": GatedAddition,
        "mars": Mars,
        "mars_no_recentering": lambda geometry, gain: Mars(_without_recentering(geometry), gain),
        "mars_no_gate": lambda geometry, gain: Mars(geometry, gain, form="constant"),
        "mars_no_trust_region": lambda geometry, gain: Mars(geometry, gain, use_trust_region=False),
        "mars_gap": lambda geometry, gain: Mars(geometry, gain, form="gap"),
        "mars_traversal": lambda geometry, gain: Mars(geometry, gain, form="traversal"),
        "mars_margin": lambda geometry, gain: Mars(geometry, gain, gate_threshold=geometry.harmless_q99),
        "shift": lambda geometry, gain: Shift(geometry),  # noqa: ARG005
        "adaptive": Adaptive,
    }
)
"""Every formula by the name it has in results: (geometry, gain) -> Steering.

`mars.evaluation.strategies` holds what is compared: these, the same ones at other layers or tokens, controls with a
direction of their own, and system prompts.
"""
