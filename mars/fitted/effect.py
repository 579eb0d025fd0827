"""What steering does to the first token of text, by layer and gain, and what it recommends."""

from typing import NamedTuple

from torch import Tensor

MAX_HARMLESS_RISE = 0.02
"""How much P_ref of harmless text may rise at a recommended layer and gain."""


class Recommendation(NamedTuple):
    """A layer and a gain, chosen by the effect on validation text."""

    layer: int
    gain: float
    harmful: float
    """Rise of P_ref on harmful text, 0 to 1."""
    harmless: float
    """Rise of P_ref on harmless text."""


class SteeringEffect(NamedTuple):
    """Means over validation text, with 95 % bootstrap intervals over texts. Tensors are float32."""

    gains: tuple[float, ...]
    score: dict[str, Tensor]
    """Change of the first-token refusal score, in nats, by label: (layer, gain, 3), of mean, low and high end."""
    rise: dict[str, Tensor]
    """Change of P_ref, the probability that the first token opens a refusal, by label: (layer, gain, 3)."""
    texts: dict[str, int]
    """How many texts of each label."""
    unsteered: dict[str, float]
    """Mean P_ref without steering, by label."""
    recommended: Recommendation | None
    """The largest rise on harmful text for which harmless text rises by at most MAX_HARMLESS_RISE; None where no edit
    raises harmful text by a point, as where it is refused without steering already."""
