"""The same work as one would write it with plain transformers, or with nnsight where it runs."""

import copy
from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from mars.artifact.artifact import Artifact
from mars.effect.sweep import cell_steering
from mars.geometry.divergence import kl_divergence
from mars.media.prompt import Prompt
from mars.model.capture import batches_of
from mars.model.generation import Prefix, prefill
from mars.model.inputs import encode
from mars.model.loaded_model import LoadedModel
from mars.refusal import refusal_score
from mars.steering import Rows, Steering, Unsteered

NO_TOKEN = 2**31 - 1
"""What ends no reply, being in no vocabulary."""


@contextmanager
def hooked(block: torch.nn.Module, steering: Steering):
    """Edit the last position of the prompt with a forward hook, as the code of papers does."""

    def edit(module, inputs, output):  # noqa: ARG001
        hidden = output[0] if isinstance(output, tuple) else output
        if hidden.shape[1] == 1:  # a decoding step
            return output
        hidden = hidden.clone()
        hidden[:, -1] = steering(hidden[:, -1]).hidden
        return (hidden, *output[1:]) if isinstance(output, tuple) else hidden

    handle = block.register_forward_hook(edit)
    try:
        yield
    finally:
        handle.remove()


@torch.inference_mode()
def generated(model: LoadedModel, inputs: dict[str, Any], new: int) -> list[list[int]]:
    """Greedy tokens of transformers' own generate, row by row."""
    ends = list(model.end_tokens) or NO_TOKEN
    tokens = model.model.generate(**inputs, max_new_tokens=new, do_sample=False, eos_token_id=ends)
    return tokens[:, inputs["input_ids"].shape[1] :].tolist()


def generated_twice(
    model: LoadedModel, inputs: dict[str, Any], new: int, layer: int, steering: Steering
) -> list[list[int]]:
    """Unsteered and steered replies to one prompt, one after the other."""
    unsteered = generated(model, inputs, new)
    with hooked(model.layers[layer], steering):
        return [*unsteered, *generated(model, inputs, new)]


def replies(model: LoadedModel, prompts: Sequence[Prompt], size: int, new: int) -> list[str]:
    """Replies by generate in batches of `size`, in order of the prompts."""
    found: dict[int, str] = {}
    for batch in batches_of(prompts, size):
        tokens = generated(model, encode(model, [prompts[index] for index in batch]), new)
        found.update(zip(batch, model.tokenizer.batch_decode(tokens, skip_special_tokens=True), strict=True))
    return [found[index] for index in range(len(prompts))]


@torch.inference_mode()
def bare(model: LoadedModel, batches: Sequence[dict[str, Any]]) -> Tensor:
    """The forward alone, of batches that are encoded already: logits at the last position, (prompt, vocabulary)."""
    return torch.cat([model.model(**b, use_cache=False, logits_to_keep=1).logits[:, -1] for b in batches])


@contextmanager
def strided_head(model: LoadedModel):
    """Hand the output embedding what transformers hand it, without the hook of `hand_head_contiguous_rows`.

    All other peers run on the model with the hook, so that nobody pays for what a hook of one line mends.
    """
    hooks = model.model.get_output_embeddings()._forward_pre_hooks
    removed = dict(hooks)
    hooks.clear()
    try:
        yield
    finally:
        hooks.update(removed)


@torch.inference_mode()
def steered_rows(model: LoadedModel, prefix: Prefix, edits: Mapping[int, Sequence[Steering]]) -> Tensor:
    """Logits of the last token, run in one batch from a cached prefix: (row, vocabulary), float32 on the CPU.

    A row per edit, in order of the layers; each layer has a forward hook that edits its own rows.
    """
    handles, rows = [], 0
    for layer, steering in edits.items():
        own = slice(rows, rows + len(steering))
        handles.append(model.layers[layer].register_forward_hook(_editing_rows(own, Rows(tuple(steering)))))
        rows = own.stop
    cache = copy.deepcopy(prefix.cache)
    cache.batch_repeat_interleave(rows)
    try:
        last = prefix.last_token.expand(rows, -1)
        output = model.model(input_ids=last, past_key_values=cache, use_cache=True, logits_to_keep=1)
    finally:
        for handle in handles:
            handle.remove()
    return output.logits[:, -1].float().cpu()


def _editing_rows(own: slice, steering: Rows) -> Callable:
    def edit(module, inputs, output):  # noqa: ARG001
        hidden = (output[0] if isinstance(output, tuple) else output).clone()
        hidden[own, -1] = steering(hidden[own, -1]).hidden
        return (hidden, *output[1:]) if isinstance(output, tuple) else hidden

    return edit


def map_by_layers(
    model: LoadedModel, artifact: Artifact, prompt: Prompt, strategy: str, gains: Sequence[float]
) -> dict[str, Tensor]:
    """The layer x gain map from one cached prefix by a batch per layer with a row per gain.

    Returns refusal scores and KL in nats, each (layer, gain).
    """
    prefix = prefill(model, prompt)
    layers, edits = cell_steering(model, artifact, prompt, gains, None, strategy)
    unsteered = steered_rows(model, prefix, {0: [Unsteered()]})
    logits = torch.cat([steered_rows(model, prefix, {layer: edits[layer]}) for layer in layers])
    return _as_map(artifact, unsteered[0], logits, len(layers))


def map_in_one_batch(
    model: LoadedModel, artifact: Artifact, prompt: Prompt, strategy: str, gains: Sequence[float]
) -> dict[str, Tensor]:
    """As `map_by_layers`, by one batch with a row per cell, and one more that is unsteered."""
    prefix = prefill(model, prompt)
    layers, edits = cell_steering(model, artifact, prompt, gains, None, strategy)
    edits[0] = [Unsteered(), *edits[0]]
    logits = steered_rows(model, prefix, edits)
    return _as_map(artifact, logits[0], logits[1:], len(layers))


def _as_map(artifact: Artifact, unsteered: Tensor, logits: Tensor, layers: int) -> dict[str, Tensor]:
    found = {
        "refusal_scores": refusal_score(logits, artifact.refusal_ids),
        "kl": kl_divergence(unsteered, logits),
    }
    return {name: values.view(layers, -1) for name, values in found.items()}


@torch.inference_mode()
def all_hidden_states(model: LoadedModel, batches: Sequence[dict[str, Any]]) -> Tensor:
    """Activations by output_hidden_states: (prompt, layer, d_model); the last layer's is after the final norm."""
    found = []
    for batch in batches:
        output = model.model(**batch, use_cache=False, logits_to_keep=1, output_hidden_states=True)
        found.append(torch.stack([hidden[:, -1] for hidden in output.hidden_states[1:]], dim=1).float().cpu())
    return torch.cat(found)


def with_nnsight(model: LoadedModel, batches: Sequence[dict[str, Any]]) -> Callable[[], Tensor]:
    """Activations by nnsight, ready to be called. Raises ImportError where it is not installed."""
    from nnsight import NNsight, save

    wrapped = NNsight(model.model)
    blocks = wrapped.model.language_model.layers

    @torch.inference_mode()
    def run() -> Tensor:
        found = []
        for batch in batches:
            with wrapped.trace(**batch, use_cache=False, logits_to_keep=1):
                saved = save([block.output[:, -1] for block in blocks])
            found.append(torch.stack(saved, dim=1).float().cpu())
        return torch.cat(found)

    return run
