"""In which dtype this machine's processor is faster with a model: measured, since processors differ either way."""

from copy import deepcopy
from time import perf_counter, thread_time
from typing import Any

import torch
from torch import Tensor

BF16, FP32 = torch.bfloat16, torch.float32
ROWS, PROMPT_TOKENS, REPLY_TOKENS = 2, 64, 48
"""What is timed: two replies side by side, of one prompt."""
ROUNDS = 6
"""Both dtypes take turns, and the fastest round counts: other work on the machine only ever slows one down."""
MOST_SECONDS = 1.0
"""After which no further round is begun, as on a machine that has much other work."""
SAVING = 0.2
"""Share of the time that float32 has to save, since it takes twice the memory."""


def faster_dtype(model: Any) -> torch.dtype:
    """bfloat16, or float32 where that is faster by a fifth, or where a layer cannot be run by itself.

    It is measured on one decoder layer, which takes about half a second.
    model: a transformers model on torch's meta device, without weights.
    """
    try:
        seconds = reply_seconds(model)
    except Exception:  # of a family whose decoder takes other inputs; it can be used all the same
        return FP32
    return FP32 if seconds[FP32] < (1 - SAVING) * seconds[BF16] else BF16


@torch.inference_mode()
def reply_seconds(model: Any) -> dict[torch.dtype, float]:
    """Seconds that the first decoder layer takes for a prefill and a whole reply in each dtype, on this processor.

    Of processor time, in which waiting for other programs does not count.
    model: as `faster_dtype` takes it; the layer computes with made-up weights.
    """
    width = model.config.get_text_config(decoder=True).hidden_size
    prompt = torch.full((ROWS, PROMPT_TOKENS, width), 0.01)
    decoders = {dtype: _first_layer(model, dtype) for dtype in (BF16, FP32)}
    prefills: dict[torch.dtype, list[float]] = {dtype: [] for dtype in decoders}
    steps: dict[torch.dtype, list[float]] = {dtype: [] for dtype in decoders}
    begun = perf_counter()
    while len(steps[FP32]) < ROUNDS and not (steps[FP32] and perf_counter() > begun + MOST_SECONDS):
        for dtype, decoder in decoders.items():
            prefill, step = _timed(decoder, prompt.to(dtype))
            prefills[dtype].append(prefill)
            steps[dtype].append(step)
    return {dtype: min(prefills[dtype]) + REPLY_TOKENS * min(steps[dtype]) for dtype in decoders}


def _first_layer(model: Any, dtype: torch.dtype) -> Any:
    """The decoder with one layer and without word embeddings, by far its largest part, which is not needed here."""
    decoder = deepcopy(model.get_decoder())
    decoder.layers = decoder.layers[:1]
    decoder.embed_tokens = None
    decoder = decoder.to_empty(device="cpu").to(dtype).requires_grad_(False)
    for tensor in (*decoder.parameters(), *decoder.buffers()):
        tensor.fill_(0.01)
    return decoder


def _timed(decoder: Any, prompt: Tensor) -> tuple[float, float]:
    """Processor seconds of a prefill and of a decoding step. prompt: embeddings, (row, position, d_model)."""
    begun = thread_time()
    cache = decoder(inputs_embeds=prompt, use_cache=True).past_key_values
    prefilled = thread_time()
    decoder(inputs_embeds=prompt[:, :1], past_key_values=cache, use_cache=True)
    return prefilled - begun, thread_time() - prefilled
