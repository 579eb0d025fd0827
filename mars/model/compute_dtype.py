"""In which dtype this machine's processor is faster with a model: measured, since processors differ either way."""

from collections.abc import Callable
from copy import deepcopy
from time import perf_counter
from typing import Any

import torch

ROWS, PROMPT_TOKENS, REPLY_TOKENS = 2, 64, 48
"""What is timed: two replies side by side, of one prompt."""
ROUNDS = 3
"""Of each step the fastest round counts, since other work on the machine only ever slows one down."""


def faster_dtype(model: Any, seconds: Callable[[Any, torch.dtype], float] | None = None) -> torch.dtype:
    """bfloat16, or float32 where that is faster or a layer cannot be run by itself.

    model: a transformers model on torch's meta device, without weights. seconds: what a reply takes in a dtype, up to
        a factor; by default it is measured on one decoder layer, which takes about half a second in all.
    """
    try:
        taken = {dtype: (seconds or reply_seconds)(model, dtype) for dtype in (torch.bfloat16, torch.float32)}
    except Exception:  # of a family whose decoder takes other inputs; it can be used all the same
        return torch.float32
    return min(taken, key=taken.__getitem__)


@torch.inference_mode()
def reply_seconds(model: Any, dtype: torch.dtype) -> float:
    """Seconds that the first decoder layer takes for a prefill and a whole reply, on this machine's processor.

    model: as `faster_dtype` takes it; the layer computes with made-up weights.
    """
    decoder = deepcopy(model.get_decoder())
    decoder.layers = decoder.layers[:1]
    decoder.embed_tokens = None  # by far the largest part, and not computed with
    decoder = decoder.to_empty(device="cpu").to(dtype).requires_grad_(False)
    for tensor in (*decoder.parameters(), *decoder.buffers()):
        tensor.fill_(0.01)
    width = model.config.get_text_config(decoder=True).hidden_size
    prompt = torch.full((ROWS, PROMPT_TOKENS, width), 0.01, dtype=dtype)
    prefills, steps = [], []
    for _ in range(ROUNDS):
        begun = perf_counter()
        cache = decoder(inputs_embeds=prompt, use_cache=True).past_key_values
        prefilled = perf_counter()
        decoder(inputs_embeds=prompt[:, :1], past_key_values=cache, use_cache=True)
        prefills.append(prefilled - begun)
        steps.append(perf_counter() - prefilled)
    return min(prefills) + REPLY_TOKENS * min(steps)
