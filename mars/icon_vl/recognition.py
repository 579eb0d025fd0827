"""Whether Icon-VL's connector recognises what is shown. Where it does not, replies about it mean little.

Its prototypes say what an image is like as two softmaxes: one over the things whose drawings it learnt, one over the
photographed kinds of the vision encoder's classifier. Of an image unlike all of them both are spread out.
"""

import torch

from mars.analysis.outside import Reason
from mars.media.prompt import Prompt
from mars.model.inputs import encode
from mars.model.loaded_model import LoadedModel

SURE = 0.76
"""Least share of the likeliest thing or kind. Of 90 drawings of things for validation, drawn anew, one lies below it,
and of 20 meaningless images 19 do (`python -m scripts.outside --model icon-vl` counts)."""
PIXELS = {"image": "pixel_values", "video": "pixel_values_videos"}


def recognised(model: LoadedModel, prompt: Prompt) -> float:
    """The share of the likeliest thing or kind, of a video in the frame where it is greatest: 0 to 1."""
    inner = model.model
    pixels = encode(model, [prompt])[PIXELS[prompt.modality]].flatten(0, -4).to(inner.connector.position.dtype)
    with torch.inference_mode():
        whole = inner.connector.pooled(inner.vision_encoder(pixels))[:, -1]
        return float(inner.connector.prototypes(whole).amax())


def unrecognised(model: LoadedModel, prompt: Prompt) -> Reason | None:
    """Why what is said of an image or a video means little; None of words alone, and of another model."""
    if model.model.config.model_type != "icon_vl" or prompt.modality not in PIXELS:
        return None
    share = recognised(model, prompt)
    if share >= SURE:
        return None
    shown = "this image" if prompt.modality == "image" else "any frame of this video"
    return Reason(
        "image",
        f"The connector recognises nothing in {shown} with certainty (likeliest: {share:.0%}): it is unlike the "
        "drawings and the kinds of photograph that it knows, and what is said of it means little.",
    )
