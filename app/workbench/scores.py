"""What the page says of the choice of the layer."""

from mars.fitted.effect import SteeringEffect
from mars.geometry.layer_selection import LayerScores

from ..results import Effect, Recommendation, Scores


def told(found: LayerScores, effect: SteeringEffect | None) -> Scores:
    """The three text-only scores and their mean, in words and units, with the chosen layer and its reason."""
    return Scores(
        curves={
            "direction consistency": found.consistency.numpy(),
            "class separability": found.separability.numpy(),
            "safety margin": found.margin.numpy(),
            "mean": found.mean.numpy(),
        },
        units={
            "direction consistency": "cosine",
            "class separability": "log ratio",
            "safety margin": "units of s",
            "mean": "0 to 1",
        },
        meanings={
            "direction consistency": "whether training and validation text agree on the direction",
            "class separability": "how far harmful and harmless text lie apart, against their own spread",
            "safety margin": "the gap between low harmful and high harmless text; below 0 they overlap",
            "mean": "mean of the three, each scaled from 0 to 1 over the layers that may be chosen",
        },
        eligible=found.eligible.numpy(),
        chosen=found.layer,
        reason=found.reason,
        effect=effect and _effect(effect),
    )


def _effect(found: SteeringEffect) -> Effect:
    """The change of the refusal score at gain 1, or the gain next to it that was measured."""
    at = min(range(len(found.gains)), key=lambda index: abs(found.gains[index] - 1))
    return Effect(
        gain=float(found.gains[at]),
        curves={label: change[:, at].numpy() for label, change in found.score.items()},
        texts=found.texts,
        unsteered=found.unsteered,
        recommended=found.recommended and Recommendation(*found.recommended),
    )
