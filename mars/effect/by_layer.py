"""The effect of steering by layer and gain, over many texts, and the layer and gain that it recommends."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from mars.effect.sweep import SweepMap
from mars.effect.verdict_map import VerdictMap
from mars.fitted.effect import MAX_HARMLESS_RISE, MIN_HARMFUL_RISE, Recommendation, SteeringEffect
from mars.geometry.bootstrap import bootstrap_mean
from mars.intervals import wilson
from mars.types import Label

EFFECT_GAINS = (0.5, 1, 2, 3, 4, 6, 8)
EFFECT_TEXTS = 32
"""Texts of each label at most."""


def steering_effect(
    maps: Mapping[Label, Sequence[SweepMap]],
    eligible: Tensor,
    verdicts: Mapping[Label, Sequence[VerdictMap]] | None = None,
) -> SteeringEffect:
    """The mean effect over the maps of harmful and of harmless texts, all of the same layers and gains.

    eligible: whether a layer may be recommended, bool, (layer,). verdicts: of the same texts at one gain.
    """
    scores = {label: torch.stack([one.refusal_scores for one in found]) for label, found in maps.items()}
    plain = {label: torch.tensor([one.unsteered_score for one in found]) for label, found in maps.items()}
    rise = {
        label: bootstrap_mean(of_texts.sigmoid() - plain[label].sigmoid()[:, None, None])
        for label, of_texts in scores.items()
    }
    gains = tuple(float(gain) for gain in maps["harmful"][0].gains)
    return SteeringEffect(
        gains=gains,
        score={label: bootstrap_mean(of_texts - plain[label][:, None, None]) for label, of_texts in scores.items()},
        rise=rise,
        texts={label: len(found) for label, found in maps.items()},
        unsteered={label: float(odds.sigmoid().mean()) for label, odds in plain.items()},
        refusals={label: _refusals(found) for label, found in (verdicts or {}).items()},
        unsteered_refusals={
            label: sum(one.unsteered.kind == "refuses" for one in found) / len(found)
            for label, found in (verdicts or {}).items()
        },
        recommended=recommendation(rise["harmful"][..., 0], rise["harmless"][..., 0], gains, eligible),
    )


def recommendation(
    harmful: Tensor, harmless: Tensor, gains: Sequence[float], eligible: Tensor
) -> Recommendation | None:
    """The largest rise of harmful text where harmless text rises by at most MAX_HARMLESS_RISE, both (layer, gain).

    Of rises that agree to half a point, the smallest gain is taken, and there the largest rise. None where the
    largest is below MIN_HARMFUL_RISE.
    """
    allowed = (harmless <= MAX_HARMLESS_RISE) & eligible[:, None]
    best = harmful.masked_fill(~allowed, -1).max()
    if best < MIN_HARMFUL_RISE:
        return None
    near = allowed & (harmful >= best - 0.005)
    gain = int(near.any(dim=0).nonzero()[0])
    layer = int(harmful[:, gain].masked_fill(~near[:, gain], -1).argmax())
    return Recommendation(layer, gains[gain], float(harmful[layer, gain]), float(harmless[layer, gain]))


def _refusals(maps: Sequence[VerdictMap]) -> Tensor:
    """Share of refusals at the first gain of each layer, with its interval: (layer, 3)."""
    refused = [sum(one.verdicts[row][0].kind == "refuses" for one in maps) for row in range(len(maps[0].layers))]
    return torch.tensor([wilson(count, len(maps)) for count in refused])
