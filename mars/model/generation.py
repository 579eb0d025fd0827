"""One prefill, many branches: a prompt is prefilled once and answered under several strategies in one batch.

Knows no artifact and no file. Where an edit acts is given, never inferred from a sequence length: the last prompt
position runs inside the branch, as its first step.
"""

import copy
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor

from mars.media.prompt import Prompt
from mars.model import kv_cache
from mars.model.hooks import capturing, editing, joining_rows
from mars.model.inputs import encode, equal_length_batches
from mars.model.loaded_model import LoadedModel
from mars.steering import Rows, Steering
from mars.types import TokenStep

Site = Literal["first", "every"]
"""Where an edit acts: at the last prompt position only, or anew at each decoding step."""


class Prefix(NamedTuple):
    """A prompt prefilled up to, not including, its last token. Branches copy it and never change it.

    `side_by_side` makes one prefix of several prompts, a row each.
    """

    last_token: Tensor
    """The token that the branches run first: (prompt, 1)."""
    length: int
    """Positions of the whole prompt, the last token included; of the longest of several."""
    cache: Any
    """KV cache (and recurrent states) of all positions but the last, a row per prompt; None of one-token prompts."""
    position_ids: Tensor
    """Of the last token: (prompt, 1). Not its index for Qwen models, which count an image's grid otherwise."""
    padding: Tensor
    """How many positions of the cache, on the left, are not of the prompt: (prompt,)."""


def prefill(model: LoadedModel, prompt: Prompt) -> Prefix:
    """Prefill all of a prompt but its last token, images included. Raises PromptError."""
    return prefill_together(model, [prompt])


@torch.inference_mode()
def prefill_together(model: LoadedModel, prompts: Sequence[Prompt]) -> Prefix:
    """Prefill prompts of one modality and length in one batch, in which nothing is padded.

    Raises PromptError, and ValueError on prompts of different lengths.
    """
    inputs = encode(model, list(prompts))
    ids = inputs["input_ids"]
    length = ids.shape[1]
    if not bool(inputs["attention_mask"].all()):
        raise ValueError("Prompts that are prefilled together have one length; these have several.")
    shortened = {
        name: value[:, :-1] if isinstance(value, Tensor) and value.shape == ids.shape else value
        for name, value in inputs.items()
    }
    _forget_positions(model)
    cache = None
    if length > 1:
        none = torch.tensor([], dtype=torch.long, device=ids.device)  # 0 would keep the logits of all positions
        cache = model.model(**shortened, use_cache=True, logits_to_keep=none).past_key_values
    return Prefix(
        ids[:, -1:],
        length,
        cache,
        _position_ids(model, shortened, length - 1),
        torch.zeros(len(ids), dtype=torch.long, device=ids.device),
    )


def prefill_each(model: LoadedModel, prompts: Sequence[Prompt], batch_size: int) -> Iterator[tuple[int, Prefix]]:
    """The number and prefix of every prompt, those of one length in a row and prefilled together.

    Raises PromptError for a prompt that the model cannot read.
    """
    for numbers in equal_length_batches(model, prompts, batch_size):
        together = prefill_together(model, [prompts[number] for number in numbers])
        for row, number in enumerate(numbers):
            yield number, _row(together, row)


def _row(prefix: Prefix, row: int) -> Prefix:
    """One prompt of several."""
    chosen = torch.tensor([row], device=prefix.last_token.device)
    return prefix._replace(
        last_token=prefix.last_token[chosen],
        cache=kv_cache.chosen_rows(prefix.cache, chosen),
        position_ids=prefix.position_ids[chosen],
        padding=prefix.padding[chosen],
    )


def side_by_side(prefixes: Sequence[Prefix]) -> Prefix:
    """Prompts as one prefix, the shorter ones padded on the left by positions that a mask hides from all.

    The originals stay as they are. Raises ValueError on a prompt of one token beside longer ones: it has no cache.
    """
    if len(prefixes) == 1:
        return prefixes[0]
    length = max(prefix.length for prefix in prefixes)
    if length > 1 and any(prefix.cache is None for prefix in prefixes):
        raise ValueError("A prompt of one token has no cache to stand beside those of longer prompts.")
    return Prefix(
        torch.cat([prefix.last_token for prefix in prefixes]),
        length,
        kv_cache.stacked([prefix.cache for prefix in prefixes]),
        torch.cat([prefix.position_ids for prefix in prefixes]),
        torch.cat([prefix.padding + length - prefix.length for prefix in prefixes]),
    )


@torch.inference_mode()
def branch(
    model: LoadedModel,
    prefix: Prefix,
    strategies: Sequence[Steering],
    layer: int,
    *,
    of: Sequence[int] | None = None,
    site: Site = "first",
    max_new_tokens: int = 48,
) -> Iterator[TokenStep]:
    """Answer a prefix greedily with one row per strategy, all rows in one batch, a step per token.

    of: number of the prompt in the prefix that each strategy answers, from 0; by default all answer the first.

    The strategy edits the output of one decoder layer at the last prompt position, and with site "every" at each
    later token too. Any number of branches, in any order, with other prompts between their steps, give the tokens of
    separate runs. Stops when every row has ended. Raises ModelError for a layer that does not exist and for
    activations or logits that are not finite, ValueError for fewer than one token.
    """
    model.check_layer(layer)
    if max_new_tokens < 1:
        raise ValueError(f"A reply of {max_new_tokens} tokens cannot be generated; allow at least 1.")
    rows = len(strategies)
    steering = Rows(tuple(strategies))
    chosen_prompts = torch.tensor([0] * rows if of is None else list(of), device=model.device)
    cache = kv_cache.chosen_rows(prefix.cache, chosen_prompts)
    tokens, position_ids = prefix.last_token[chosen_prompts], prefix.position_ids[chosen_prompts]
    padding = prefix.padding[chosen_prompts, None]
    # Where nothing is padded no mask is given: attention then takes the path of a prompt alone.
    mask = torch.arange(prefix.length + max_new_tokens, device=model.device) >= padding if padding.any() else None
    replies: list[list[int]] = [[] for _ in range(rows)]
    finished = [False] * rows
    for index in range(max_new_tokens):
        edits = index == 0 or site == "every"
        with (
            editing(model.layers, layer, steering) if edits else nullcontext() as log,
            capturing(model.layers) if index == 0 else nullcontext() as captured,
        ):
            output = model.model(
                input_ids=tokens,
                attention_mask=None if mask is None else mask[:, : prefix.length + index].long(),
                position_ids=position_ids + index,
                past_key_values=cache,
                use_cache=True,
                logits_to_keep=1,
            )
        activations = captured.stacked() if index == 0 else None
        if activations is not None:
            model.check_finite(activations)
        cache = output.past_key_values
        logits = output.logits[:, -1].float()
        model.check_logits(logits)
        chosen = logits.argmax(dim=-1)
        for row, token in enumerate(chosen.tolist()):
            if finished[row]:
                continue
            if token in model.end_tokens:
                finished[row] = True
            else:
                replies[row].append(token)
        if index == max_new_tokens - 1:
            finished = [True] * rows
        yield TokenStep(
            index=index,
            tokens=tuple(chosen.tolist()),
            texts=tuple(model.tokenizer.batch_decode(replies, skip_special_tokens=True)),
            finished=tuple(finished),
            logits=logits.cpu(),
            strengths=log.strengths if edits else (0.0,) * rows,
            activations=activations,
        )
        if all(finished):
            return
        tokens = chosen[:, None]


@torch.inference_mode()
def forward_joining_rows(model: LoadedModel, prefix: Prefix, join: Callable[[int, Tensor], Tensor | None]) -> Tensor:
    """Run the last token of a prompt as a batch that grows: one row at first, and more after any layer.

    join: called after each layer with its number and its output at the last position, (row, d_model) with the
    unsteered row first; returns the hidden states that join there as rows, (new, d_model), or None. No layer below
    the one at which a row joins is run for it. Returns logits on the model's device, unsteered first, then in order
    of joining: (row, vocabulary), float32. The prefix stays as it is.
    """
    cache = copy.copy(prefix.cache)
    kept = list(cache.layers) if cache is not None else []
    if cache is not None:
        cache.layers = list(kept)

    def widen(layer: int, rows: int) -> None:
        if layer < len(kept):
            cache.layers[layer] = kv_cache.widened(kept[layer], rows)

    def release_and_join(layer: int, hidden: Tensor) -> Tensor | None:
        # The prefix, repeated for all rows, is held for one layer at a time.
        if layer < len(kept):
            cache.layers[layer] = kept[layer]
        return join(layer, hidden)

    with joining_rows(model.layers, widen, release_and_join):
        output = model.model(
            input_ids=prefix.last_token,
            position_ids=prefix.position_ids,
            past_key_values=cache,
            use_cache=cache is not None,
            logits_to_keep=1,
        )
    return output.logits[:, -1].float()


def row_bytes(prefix: Prefix) -> int:
    """Bytes that a further row of `forward_joining_rows` takes at the largest layer of the cache; at least 1."""
    return kv_cache.widest_layer_bytes(prefix.cache) or 1


def _rope_carrier(model: LoadedModel) -> Any | None:
    """The module that stores rope_deltas between calls, in families that have one."""
    inner = getattr(model.model, "model", None)
    return inner if hasattr(inner, "rope_deltas") else None


def _forget_positions(model: LoadedModel) -> None:
    """Of the prompt before, which a Qwen model may apply to a prompt without media."""
    carrier = _rope_carrier(model)
    if carrier is not None:
        carrier.rope_deltas = None


def _position_ids(model: LoadedModel, inputs: dict[str, Any], index: int) -> Tensor:
    """Of the token after inputs that were just run, at `index`: (prompt, 1).

    What a Qwen model stores counts from the largest position so far, which is the last of a video and not of the text
    after it where the video lasts longer than the text (Qwen2.5-VL); `generate` continues from the text, and so
    does this.
    """
    ids = inputs["input_ids"]
    carrier = _rope_carrier(model)
    if carrier is None or carrier.rope_deltas is None:
        return torch.full((len(ids), 1), index, device=ids.device)
    positions, _ = carrier.get_rope_index(**inputs)
    return positions[0, :, -1:] + 1
