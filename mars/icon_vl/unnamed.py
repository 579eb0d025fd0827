"""Whether Icon-VL's connector finds a name for an image. Where it finds none, replies about the image mean little.

It learnt to put the word embeddings of a name at the visual positions, the last of them at the end, after line
breaks. Of an image unlike the drawings that it learnt from, the last position holds a line break, or nothing that is
near to a word.
"""

import torch
from torch.linalg import vector_norm
from torch.nn.functional import normalize

from mars.analysis.outside import Reason
from mars.media.prompt import Prompt
from mars.model.inputs import encode
from mars.model.loaded_model import LoadedModel

NEAR = 0.55
"""Least cosine of the last visual position with a word embedding: of 90 drawings of things for validation, drawn
anew, three lie below it or at a line break (`python -m scripts.outside --model icon-vl` counts)."""


def last_word(model: LoadedModel, prompt: Prompt) -> tuple[str, float]:
    """The word nearest to the last visual position of a prompt's image, and the cosine between the two."""
    pixels = encode(model, [prompt])["pixel_values"]
    embeddings = model.model.get_input_embeddings().weight
    with torch.inference_mode():
        found = normalize(model.model.visual_embeddings(pixels)[-1, -1].float(), dim=0)
        lengths = vector_norm(embeddings, dim=1, dtype=torch.float32)
        cosines = (embeddings @ found.to(embeddings)).float() / lengths
    nearest = int(cosines.argmax())
    return model.tokenizer.decode([nearest]), float(cosines[nearest])


def unnamed(model: LoadedModel, prompt: Prompt) -> Reason | None:
    """Why what is said of an image means little; None of words alone, of a video, and of another model."""
    if model.model.config.model_type != "icon_vl" or prompt.modality != "image":
        return None
    word, cosine = last_word(model, prompt)
    if word.strip() and cosine >= NEAR:
        return None
    return Reason(
        "image",
        "The connector finds no name for this image: it is unlike the drawings that it learnt from, as most "
        "photographs are, and what is said of the image means little.",
    )
