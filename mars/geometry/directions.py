"""Difference of means: the refusal direction at every layer, from text alone.

Knows no model: tensors in, tensors out.
"""

from typing import NamedTuple

import torch
from torch import Tensor

TRUST_QUANTILE = 0.99
"""Quantile that bounds the trust region and sets the optional margin; our reconstruction."""


HARMLESS_QUANTILE = 0.95
"""How far out a meaningless input is that is brought half way to the harmful centroid; our reconstruction."""


class TextCentroids(NamedTuple):
    """What harmful and harmless text say at every layer."""

    mean_harmful: Tensor
    """mu+: (layer, d_model), float32."""
    mean_harmless: Tensor
    """mu-: (layer, d_model), float32."""
    radius: Tensor
    """rho, 0.99 quantile of <h - mu-, r^> over harmful text: (layer,)."""
    harmless_q99: Tensor
    """0.99 quantile of <h - mu-, r^> over harmless text: (layer,)."""


def mean(values: Tensor) -> Tensor:
    """Mean over prompts, accumulated in float64 and returned in float32.

    values: (prompt, layer, d_model) -> (layer, d_model). Raises ValueError where there is no prompt.
    """
    if values.shape[0] == 0:
        raise ValueError("A mean needs at least one prompt; the set is empty.")
    return values.double().mean(dim=0).float()


def unit(direction: Tensor) -> Tensor:
    """Unit vector along the last axis; raises ValueError where a vector has no length."""
    length = direction.norm(dim=-1, keepdim=True)
    if bool((length == 0).any()):
        raise ValueError(
            "The refusal direction has length zero: harmful and harmless text have the same mean. "
            "Check that the contrast set has two different classes."
        )
    return direction / length


def distance_along(values: Tensor, mean_harmless: Tensor, direction: Tensor) -> Tensor:
    """sigma = <h - mu-, r^>, the distance beyond harmless text along the unit refusal direction.

    values: (prompt, layer, d_model), the others (layer, d_model) -> (prompt, layer).
    """
    return torch.einsum("pld,ld->pl", values - mean_harmless, direction)


def text_centroids(harmful: Tensor, harmless: Tensor) -> TextCentroids:
    """Fit centroids, trust region and margin on the direction split of the contrast set.

    harmful, harmless: (prompt, layer, d_model), float32, finite. That the direction is the difference of the
    means is stated by the paper; the two quantiles are our reconstruction. Raises ValueError on an empty class
    or on classes with equal means.
    """
    mean_harmful, mean_harmless = mean(harmful), mean(harmless)
    direction = unit(mean_harmful - mean_harmless)
    reach_harmful = distance_along(harmful, mean_harmless, direction)
    reach_harmless = distance_along(harmless, mean_harmless, direction)
    return TextCentroids(
        mean_harmful,
        mean_harmless,
        radius=torch.quantile(reach_harmful, TRUST_QUANTILE, dim=0),
        harmless_q99=torch.quantile(reach_harmless, TRUST_QUANTILE, dim=0),
    )


def amplification(reach: Tensor, length: Tensor) -> Tensor:
    """How many times over sigma is added at gain 1 in a medium, by what its meaningless inputs bear: (layer,).

    Images and videos carry the evidence attenuated. A meaningless one as far out as the 0.95 quantile is brought to
    half way between the centroids at most, harmful evidence beyond it further; our reconstruction. At least 1, which
    may bring it further too; 1 for text, which is not attenuated.

    reach: sigma of meaningless media after re-centering: (prompt, layer); length: R, the distance between the
    centroids: (layer,).
    """
    quantile = torch.quantile(reach, HARMLESS_QUANTILE, dim=0).clamp_min(1e-6 * length)
    return (length / (2 * quantile) - 1).clamp_min(1)
