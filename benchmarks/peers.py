"""The same work as one would write it with plain transformers, or with nnsight where it runs."""

from collections.abc import Callable, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from mars.artifact.artifact import Artifact
from mars.geometry.divergence import kl_divergence
from mars.media.prompt import Prompt
from mars.model.generation import branch, prefill
from mars.model.loaded_model import LoadedModel
from mars.refusal import refusal_score
from mars.steering import STRATEGIES, Steering, Unsteered


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
def generated(model: LoadedModel, inputs: dict[str, Any], new: int) -> list[int]:
    """Greedy tokens of transformers' own generate."""
    tokens = model.model.generate(**inputs, max_new_tokens=new, do_sample=False)
    return tokens[0, inputs["input_ids"].shape[1] :].tolist()


def generated_twice(
    model: LoadedModel, inputs: dict[str, Any], new: int, layer: int, steering: Steering
) -> tuple[list[int], list[int]]:
    """Unsteered and steered replies, one after the other."""
    unsteered = generated(model, inputs, new)
    with hooked(model.layers[layer], steering):
        return unsteered, generated(model, inputs, new)


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


def map_by_branches(
    model: LoadedModel, artifact: Artifact, prompt: Prompt, strategy: str, gains: Sequence[float]
) -> tuple[Tensor, Tensor]:
    """The layer x gain map from one cached prefix: a branch per layer with a row per gain.

    Returns refusal scores and KL in nats, each (layer, gain).
    """
    prefix = prefill(model, prompt)
    unsteered = next(branch(model, prefix, (Unsteered(),), 0, max_new_tokens=1)).logits[0]
    scores, kl = [], []
    for layer in range(model.n_layers):
        geometry = artifact.geometry(layer, prompt.modality).to(model.layer_device(layer))
        rows = [STRATEGIES[strategy](geometry, gain) for gain in gains]
        logits = next(branch(model, prefix, rows, layer, max_new_tokens=1)).logits
        scores.append(refusal_score(logits, artifact.refusal_ids))
        kl.append(kl_divergence(unsteered, logits))
    return torch.stack(scores), torch.stack(kl)


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
