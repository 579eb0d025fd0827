"""Why a layer was chosen, and what steering does at each."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from numpy.typing import NDArray


@dataclass(frozen=True)
class Recommendation:
    """The layer and gain with the largest rise on harmful text that all but spare harmless text."""

    layer: int
    gain: float
    harmful: float
    """Rise of P_ref on harmful text, 0 to 1."""
    harmless: float
    """Rise of P_ref on harmless text."""


@dataclass(frozen=True)
class Effect:
    """What steering does to validation text, measured at the fit."""

    curves: Mapping[str, Mapping[str, NDArray]]
    """Name -> "harmful" or "harmless" -> mean, low and high end of 95 %, (layer, 3): the change of the refusal score,
    and the share of replies that refuse where that was measured."""
    units: Mapping[str, str]
    """Name -> what the axis says."""
    texts: Mapping[str, int]
    """How many of each label."""
    unsteered: Mapping[str, float]
    """Mean P_ref of each label without steering."""
    recommended: Recommendation | None
    """None where no edit raises refusal of harmful text by a point."""


@dataclass(frozen=True)
class Scores:
    """Why the layer was chosen, from text alone, and what steering at each layer does."""

    curves: Mapping[str, NDArray]
    """Name -> (layer,); NaN where a layer has none. The mean is last."""
    units: Mapping[str, str]
    """Name -> what the axis says."""
    meanings: Mapping[str, str]
    """Name -> the score in a sentence."""
    eligible: NDArray
    """(layer,) bool: whether a layer may be chosen."""
    chosen: int
    reason: str
    effect: Effect | None = None
    """None where it was not measured."""

    @property
    def recommended(self) -> Recommendation | None:
        return self.effect.recommended if self.effect else None

    def chosen_by(self, layer: int, gain: float) -> tuple[Literal["scores", "effect"], ...]:
        """What chooses a layer and a gain: the three scores, with gain 1, or the effect on validation text."""
        found = self.recommended
        choices = {"scores": (self.chosen, 1.0), "effect": (found.layer, found.gain) if found else None}
        return tuple(name for name, choice in choices.items() if choice == (layer, gain))
