"""What lies outside Pocket-VL's world, which is known to the word; and outside what was fitted, for any model."""

from torch import Tensor

from mars.analysis.outside import Reason, other_system, unlike_clouds
from mars.artifact.artifact import Artifact
from mars.media.prompt import Prompt
from mars.pocket_vl.world.known import LARGEST_SIDE, strange_size, unknown_words

POCKET_VL = "pocket-vl"
SHOWN_WORDS = 4


def reasons_outside(
    name: str, artifact: Artifact, prompt: Prompt, values: Tensor, layer: int | None = None
) -> tuple[Reason, ...]:
    """Every reason why the numbers on a prompt mean little; none where it is like what was fitted.

    name: of the model; values: the residual stream at the last prompt position, (layer, d_model). Pocket-VL's world
    is known: there words and sizes decide on images and videos, whose hidden states tell how something is asked.
    """
    if name != POCKET_VL:
        return _given(other_system(artifact, prompt), unlike_clouds(artifact, values, prompt.modality, layer))
    by_state = unlike_clouds(artifact, values, "text", layer) if prompt.modality == "text" else None
    return _given(other_system(artifact, prompt), _unknown(prompt), _strange(prompt), by_state)


def _unknown(prompt: Prompt) -> Reason | None:
    words = unknown_words(prompt.text)
    if not words:
        return None
    shown = ", ".join(f"“{word}”" for word in words[:SHOWN_WORDS])
    more = f" and {len(words) - SHOWN_WORDS} more" if len(words) > SHOWN_WORDS else ""
    return Reason("words", f"Pocket-VL's world has no {shown}{more}.")


def _strange(prompt: Prompt) -> Reason | None:
    size = strange_size(prompt)
    if size is None:
        return None
    return Reason(
        "size",
        f"The {prompt.modality} has {size[0]} x {size[1]} pixels; Pocket-VL was made for square drawings of at most "
        f"{LARGEST_SIDE}.",
    )


def _given(*reasons: Reason | None) -> tuple[Reason, ...]:
    return tuple(reason for reason in reasons if reason is not None)
