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
    logits: torch.Tensor | None = None
    done = 0
    for batch in batches_of(prompts, batch_size):
        inputs = encode(model, [prompts[index] for index in batch])
        with capturing(model.layers) as captured:
            output = model.model(**inputs, use_cache=False, logits_to_keep=1)
        states = captured.stacked()
        model.check_finite(states)
        values[batch] = states
        # Written in place: held by batch and then stacked, the logits would need their memory twice.
        found = output.logits[:, -1].float().cpu()
        logits = torch.empty(len(prompts), found.shape[-1]) if logits is None else logits
        logits[batch] = found
        done += len(batch)
        if progress:
            progress(done, len(prompts))
    return Activations(values, logits)


def batches_of(prompts: Sequence[Prompt], size: int) -> list[list[int]]:
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
