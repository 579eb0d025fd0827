"""Re-centering: bring a modality back to where text lives, by what meaningless media do to a harmless request.

That multimodal activations are centred by a neutral mean is stated by the paper (arXiv 2606.31876); that they
are put back at the centroid of harmless text is our reconstruction. The sign of the bias is measured, never
assumed.
"""

from torch import Tensor

from mars.geometry.bootstrap import bootstrap_mean
from mars.geometry.projection import refusal_coordinate


def modality_bias(neutral_mean: Tensor, mean_harmless: Tensor) -> Tensor:
    """b = n - mu-: what a meaningless image or video adds to a harmless request, at every layer.

    Both (layer, d_model) -> (layer, d_model).
    """
    return neutral_mean - mean_harmless


def recenter(values: Tensor, bias: Tensor) -> Tensor:
    """h~ = h - b. values: (..., d_model), bias broadcast against it."""
    return values - bias


def bias_along(
    neutral: Tensor, harmless: Tensor, mean_harmful: Tensor, mean_harmless: Tensor, seed: int = 0
) -> Tensor:
    """How far meaningless media move a request towards refusal, with a 95 % bootstrap interval: (layer, 3).

    neutral, harmless: the same requests with media and in words, in the same order, (prompt, layer, d_model). The
    columns are the mean shift and its 2.5 and 97.5 % quantiles over requests drawn anew, in units of s.
    """
    shift = refusal_coordinate(neutral, mean_harmful, mean_harmless)
    shift = shift - refusal_coordinate(harmless, mean_harmful, mean_harmless)
    return bootstrap_mean(shift, seed)
