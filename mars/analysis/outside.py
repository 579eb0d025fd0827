"""What makes a prompt one on which the numbers of an artifact mean little: it is unlike what was fitted."""

from typing import NamedTuple

from torch import Tensor

from mars.artifact.artifact import Artifact
from mars.types import Modality

BOUND = 0.99
"""Share of held-out prompts that lie nearer than a prompt that is said to be outside: one in a hundred of them is."""


class Reason(NamedTuple):
    """One way in which a prompt lies outside what was fitted."""

    kind: str
    """"hidden state", "words", "size" or "image"."""
    told: str
    """It in a sentence."""


def unlike_clouds(artifact: Artifact, values: Tensor, modality: Modality, layer: int | None = None) -> Reason | None:
    """Why a prompt is outside by its hidden state; None where it is not, or the artifact holds too few points.

    values: the residual stream at its last position, (layer, d_model); layer: where it is steered, by default the
    chosen one. At the last position the hidden state tells the form of a question more than what an image shows.
    """
    share = artifact.outlyingness(values[None], modality, layer)
    if share is None or float(share) < BOUND:
        return None
    layers = artifact.layers_around(layer)
    return Reason(
        "hidden state",
        f"At layers {layers[0]} to {layers[-1]} its hidden state lies farther from the prompts that the artifact "
        f"holds of its modality ({modality}) than {float(share):.0%} of these lie from each other.",
    )
