"""Which layer to steer, chosen from text alone.

That the choice weighs directional consistency, class separability and safety margin on a text-only validation
split is stated by the paper (arXiv 2606.31876); the three formulas and their mean are our reconstruction.
No multimodal data is touched.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from mars.geometry.directions import mean, unit
from mars.geometry.projection import refusal_coordinate

ELIGIBLE_SHARE = 0.8
"""Layers at or beyond this share of the depth are not considered."""
_TINY = 1e-12


class LayerScores(NamedTuple):
    """Three text-only scores per layer, and the layer they choose. All tensors (layer,), float32."""

    consistency: Tensor
    """cos(r_train, r_validation)."""
    separability: Tensor
    """log of (mean s+ - mean s-)^2 / (var s+ + var s-), on the validation split."""
    margin: Tensor
    """5 % quantile of harmful s minus 95 % quantile of harmless s: positive where the classes do not touch."""
    mean: Tensor
    """Mean of the three after min-max over the eligible layers; NaN for a layer that is not eligible."""
    eligible: Tensor
    """Whether a layer may be chosen: bool."""

    @property
    def layer(self) -> int:
        """The chosen layer: the eligible one with the largest mean score."""
        return int(torch.nan_to_num(self.mean, nan=-torch.inf).argmax())

    @property
    def reason(self) -> str:
        """Why this layer, in a sentence."""
        layer = self.layer
        return (
            f"Layer {layer} has the highest mean score ({self.mean[layer]:.2f} of 1) among layers 0 to "
            f"{int(self.eligible.sum()) - 1}: direction consistency {self.consistency[layer]:.3f}, "
            f"log separability {self.separability[layer]:.2f}, margin {self.margin[layer]:+.2f} in units of s."
        )


def eligible_layers(n_layers: int) -> Tensor:
    """Layers l < 0.8 L, at least the first: (layer,) bool."""
    layers = torch.arange(n_layers)
    return (layers < ELIGIBLE_SHARE * n_layers) | (layers == 0)


def score_layers(harmful: Tensor, harmless: Tensor, mean_harmful: Tensor, mean_harmless: Tensor) -> LayerScores:
    """Score every layer on the validation split, with the direction of the training split.

    harmful, harmless: validation activations (prompt, layer, d_model), at least two prompts each; the means are
    those of the training split, (layer, d_model). Raises ValueError on fewer prompts.
    """
    if min(len(harmful), len(harmless)) < 2:
        raise ValueError(
            "Choosing a layer needs at least two harmful and two harmless validation requests; got "
            f'{len(harmful)} and {len(harmless)}. Mark more requests with split "validation".'
        )
    train = unit(mean_harmful - mean_harmless)
    validation = unit(mean(harmful) - mean(harmless))
    above = refusal_coordinate(harmful, mean_harmful, mean_harmless)
    below = refusal_coordinate(harmless, mean_harmful, mean_harmless)

    consistency = (train * validation).sum(dim=-1)
    spread = above.var(dim=0) + below.var(dim=0)
    separability = ((above.mean(dim=0) - below.mean(dim=0)) ** 2 / spread.clamp_min(_TINY)).clamp_min(_TINY).log()
    margin = torch.quantile(above, 0.05, dim=0) - torch.quantile(below, 0.95, dim=0)

    eligible = eligible_layers(harmful.shape[1])
    curves = torch.stack([_min_max(curve, eligible) for curve in (consistency, separability, margin)])
    return LayerScores(consistency, separability, margin, curves.mean(dim=0), eligible)


def _min_max(curve: Tensor, eligible: Tensor) -> Tensor:
    """Scale a curve to 0..1 over the eligible layers, NaN elsewhere; a constant curve counts 0."""
    low, high = curve[eligible].min(), curve[eligible].max()
    scaled = (curve - low) / (high - low) if high > low else torch.zeros_like(curve)
    return scaled.masked_fill(~eligible, torch.nan)
