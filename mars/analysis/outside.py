"""What makes a prompt one on which the numbers of an artifact mean little: it is unlike what was fitted."""

from typing import NamedTuple

from torch import Tensor

from mars.artifact.artifact import Artifact
from mars.media.prompt import Prompt
from mars.types import Modality

BOUND = 0.99
"""Share of held-out prompts that lie nearer than a prompt that is said to be outside: one in a hundred of them is."""


class Reason(NamedTuple):
    """One way in which a prompt lies outside what was fitted."""

    kind: str
    """"hidden state", "words", "size", "image" or "system message"."""
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


def other_system(artifact: Artifact, prompt: Prompt) -> Reason | None:
    """Why a prompt is outside by its system message, with which no artifact is fitted; None where it has none."""
    if not prompt.system:
        return None
    fitted = artifact.provenance.get("system")
    alone = f", but with “{fitted}” alone" if fitted else ""
    return Reason(
        "system message",
        f"The artifact was not fitted with this system message{alone}: one shifts every hidden state and may "
        "itself decide what is refused, so the refusal direction, the biases and the trust region need not hold.",
    )
