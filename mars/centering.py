"""Re-centering: bring a modality back to where text lives, by what meaningless media do to a harmless request.

That multimodal activations are centred by a neutral mean is stated by the paper (arXiv 2606.31876); that they
are put back at the centroid of harmless text is our reconstruction. The sign of the bias is measured, never
assumed.
"""

from torch import Tensor


def modality_bias(neutral_mean: Tensor, mean_harmless: Tensor) -> Tensor:
    """b = n - mu-: what a meaningless picture or clip adds to a harmless request, at every layer.

    Both (layer, d_model) -> (layer, d_model).
    """
    return neutral_mean - mean_harmless


def recenter(values: Tensor, bias: Tensor) -> Tensor:
    """h~ = h - b. values: (..., d_model), bias broadcast against it."""
    return values - bias
