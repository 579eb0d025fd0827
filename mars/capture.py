"""Activations of every decoder layer at the last prompt position, for many prompts."""

from collections.abc import Callable, Sequence

import torch

from mars.hooks import capturing
from mars.inputs import encode, shape
from mars.models import LoadedModel
from mars.records import Activations, Prompt

Progress = Callable[[int, int], None]
"""Called with how many prompts are done, and of how many."""


@torch.inference_mode()
def capture(
    model: LoadedModel, prompts: Sequence[Prompt], batch_size: int = 16, progress: Progress | None = None
) -> Activations:
    """Block outputs and next-token logits at the last prompt position, in the order of the prompts.

    Prompts are batched by modality and number of frames, left-padded. Raises PromptError for a prompt that the
    model cannot read, ModelError where an activation is not finite, naming layer and dtype.
    """
    if not prompts:
        raise ValueError("There is no prompt to capture activations of.")
    values = torch.empty(len(prompts), model.n_layers, model.d_model)
    logits: list[torch.Tensor | None] = [None] * len(prompts)
    done = 0
    for batch in _batches(prompts, batch_size):
        inputs = encode(model, [prompts[index] for index in batch])
        with capturing(model.layers) as captured:
            output = model.model(**inputs, use_cache=False, logits_to_keep=1)
        values[batch] = captured.stacked()
        for index, row in zip(batch, output.logits[:, -1].float().cpu(), strict=True):
            logits[index] = row
        done += len(batch)
        if progress:
            progress(done, len(prompts))
    model.check_finite(values)
    return Activations(values, torch.stack(logits))


def _batches(prompts: Sequence[Prompt], size: int) -> list[list[int]]:
    """Indices of prompts, grouped by shape and by similar length so that little padding is computed."""
    order = sorted(range(len(prompts)), key=lambda i: (*shape(prompts[i]), len(prompts[i].text)))
    batches: list[list[int]] = []
    for index in order:
        last = batches[-1] if batches else None
        if last and len(last) < size and shape(prompts[last[0]]) == shape(prompts[index]):
            last.append(index)
        else:
            batches.append([index])
    return batches
