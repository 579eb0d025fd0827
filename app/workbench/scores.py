"""What the page says of the choice of the layer."""

from mars.fitted.effect import SteeringEffect
from mars.geometry.layer_selection import LayerScores

from ..results import Effect, Recommendation, Scores


def told(found: LayerScores, effect: SteeringEffect | None, note: str = "") -> Scores:
    """The three text-only scores and their mean, in words and units, with the chosen layer and its reason.

    note: what is to be said beside the reason.
    """
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
        reason=f"{found.reason} {note}".rstrip(),
        effect=effect and _effect(effect),
    )


def _effect(found: SteeringEffect) -> Effect:
    """The change of the refusal score at gain 1, or the gain next to it that was measured, and what replies do."""
    at = min(range(len(found.gains)), key=lambda index: abs(found.gains[index] - 1))
    change, refusals = f"steering effect at gain {found.gains[at]:g}", "replies that refuse at gain 1"
    curves = {change: {label: nats[:, at].numpy() for label, nats in found.score.items()}}
    if found.refusals:
        curves[refusals] = {label: shares.numpy() for label, shares in found.refusals.items()}
    return Effect(
        curves=curves,
        units={change: "nats", refusals: "share"},
        texts=found.texts,
        unsteered=found.unsteered,
        recommended=found.recommended and Recommendation(*found.recommended),
    )
