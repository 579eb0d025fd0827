"""What steering does to the first token of text, by layer and gain, and what it recommends."""

from typing import NamedTuple

from torch import Tensor

MAX_HARMLESS_RISE = 0.02
"""How much P_ref of harmless text may rise at a recommended layer and gain."""

MIN_HARMFUL_RISE = 0.01
"""How much P_ref of harmful text has to rise for anything to be recommended."""


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
    refusals: dict[str, Tensor]
    """Share of texts that refuse at gain 1, by the verdict on the whole reply, with its Wilson interval, by label:
    (layer, 3); empty where it was not asked for."""
    unsteered_refusals: dict[str, float]
    """The same share without steering, by label; empty as well."""
    recommended: Recommendation | None
    """The largest rise on harmful text for which harmless text rises by at most MAX_HARMLESS_RISE; None where it
    is below MIN_HARMFUL_RISE, as where it is refused without steering already."""

    def told(self, layer: int) -> str:
        """What is recommended beside the layer that the text-only scores chose, and which is in use, in sentences."""
        in_use = f"In use, unless you choose: layer {layer}, of the text-only scores, at gain 1."
        best = self.recommended
        if best is None:
            return (
                "By its effect on validation text no layer is recommended: no edit raises P_ref of harmful text, "
                f"{self.unsteered['harmful']:.1%} without steering, by a point while harmless text rises by "
                f"{MAX_HARMLESS_RISE:.0%} at most. {in_use}"
            )
        agreement = (
            "The text-only scores choose the same layer."
            if best.layer == layer
            else f"The text-only scores disagree: they choose layer {layer}."
        )
        return (
            f"By its effect on validation text, layer {best.layer} at gain {best.gain:g} is recommended: P_ref of "
            f"harmful text rises by {100 * best.harmful:.1f} points, of harmless text by {100 * best.harmless:.1f}. "
            f"{agreement} {in_use}"
        )
