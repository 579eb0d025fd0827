"""The layer x gain map: how each edit of a prompt changes its first token, for all layers and gains at once.

Every cell shares its prompt with the others, and all layers below its own. So the prompt is prefilled once, and its
last token is run once, as a batch that grows from layer to layer: it starts with the unsteered row alone, and at each
layer the edited rows of that layer join. `sweep_naive` computes the same map by a whole forward per cell.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import torch
from torch import Tensor

from mars.fitted.fitted import Fitted
from mars.geometry.divergence import kl_divergence
from mars.media.prompt import Prompt
from mars.model.generation import Prefix, forward_joining_rows, prefill, row_bytes
from mars.model.hooks import capturing, editing
from mars.model.inputs import encode
from mars.model.load_checks import ModelError
from mars.model.loaded_model import LoadedModel
from mars.refusal import refusal_score
from mars.steering import STRATEGIES, Mars, Steering

GAINS = (0.25, 0.5, 1, 1.5, 2, 3, 4, 6, 8)
PASS_BYTES = 2**29
"""Bytes of the prefix's KV cache that the rows of one pass may repeat; further rows take further passes."""

Progress = Callable[[int, int], None]
"""Called with how many cells are done, and of how many. An exception raised in it ends the sweep."""


class SweepMap(NamedTuple):
    """What steering at each layer with each gain does to the first token of one prompt. Tensors are on the CPU."""

    layers: tuple[int, ...]
    """Layers steered at, one per row of the map."""
    gains: tuple[float, ...]
    """Gains steered with, one per column."""
    refusal_scores: Tensor
    """Log odds, in nats, that the first token opens a refusal (`refusal_score`), float32: (layer, gain)."""
    kl: Tensor
    """KL(unsteered || steered) of the distributions of the first token, in nats, float32: (layer, gain)."""
    saturated: Tensor
    """Whether the trust region capped the step, so that a larger gain changes nothing, bool: (layer, gain)."""
    tokens: Tensor
    """The likeliest first token, int64: (layer, gain)."""
    unsteered_score: float
    """The refusal score without steering, in nats."""
    unsteered_token: int
    """The likeliest first token without steering."""

    def as_json(self) -> dict[str, Any]:
        """All fields but the tokens as JSON values."""
        return {
            "layers": list(self.layers),
            "gains": [float(gain) for gain in self.gains],
            "refusal_scores": self.refusal_scores.tolist(),
            "kl": self.kl.tolist(),
            "saturated": self.saturated.tolist(),
            "unsteered_score": self.unsteered_score,
        }


class _Cell(NamedTuple):
    """What is computed from the logits of one row."""

    score: float
    kl: float
    token: int


class DistinctEdits(NamedTuple):
    """The edits of one layer, those with equal results once."""

    states: Tensor
    """Distinct hidden states, the unsteered one first: (state, d_model)."""
    state_of: list[int]
    """The state that each gain leads to; 0 where it changes nothing."""
    saturated: list[bool]
    """Whether the trust region capped the step of each gain."""


@torch.inference_mode()
def sweep(
    model: LoadedModel,
    artifact: Fitted,
    prompt: Prompt,
    *,
    gains: Sequence[float] = GAINS,
    layers: Sequence[int] | None = None,
    strategy: str = "mars",
    prefix: Prefix | None = None,
    progress: Progress = lambda done, total: None,  # noqa: ARG005
) -> SweepMap:
    """The map of a prompt over layers (by default all) and gains, in about the time of two prefills.

    Edits with equal results share a row: all those of a closed gate, and those that the trust region caps at the same
    length. prefix: the prompt's, where it was prefilled before. Raises ValueError on an unknown strategy, on a gain
    that is negative or not finite and where there is nothing to sweep, ModelError on a layer that does not exist and
    on activations or logits that are not finite, PromptError on a prompt that the model cannot read, ArtifactError on
    a modality that was not fitted.
    """
    layers, steering = cell_steering(model, artifact, prompt, gains, layers, strategy)
    total = len(layers) * len(gains)
    progress(0, total)
    prefix = prefix or prefill(model, prompt)
    edits: dict[int, DistinctEdits] = {}
    outputs: list[Tensor] = [torch.empty(0)] * model.n_layers
    cells: dict[tuple[int, int], _Cell] = {}
    room = max(1, PASS_BYTES // row_bytes(prefix))

    def run_rows_that_fit() -> tuple[list[tuple[int, int]], Tensor]:
        """One pass: its rows as (layer, state), the unsteered one aside, and the logits of all."""
        rows: list[tuple[int, int]] = []

        def join(layer: int, hidden: Tensor) -> Tensor | None:
            outputs[layer] = hidden[:1].clone()
            if layer not in steering:
                return None
            if layer not in edits:
                edits[layer] = distinct_edits(steering[layer], outputs[layer])
            waiting = [state for state in range(1, len(edits[layer].states)) if (layer, state) not in cells]
            joining = waiting[: room - len(rows)]
            rows.extend((layer, state) for state in joining)
            return edits[layer].states[joining]

        return rows, forward_joining_rows(model, prefix, join).cpu()

    rows, logits = run_rows_that_fit()
    unsteered = logits[0]
    model.check_finite(torch.stack([output.float().cpu() for output in outputs], dim=1))
    model.check_logits(logits[:1])
    plain, *found = _cells(logits, unsteered, artifact.refusal_ids)
    cells.update({(layer, 0): plain for layer in layers})
    while True:
        cells.update(zip(rows, found, strict=True))
        done = sum((layer, state) in cells for layer in layers for state in edits[layer].state_of)
        progress(done, total)
        if done == total:
            break
        rows, logits = run_rows_that_fit()
        found = _cells(logits[1:], unsteered, artifact.refusal_ids)
    return _as_map(
        model,
        layers,
        gains,
        [[cells[layer, state] for state in edits[layer].state_of] for layer in layers],
        [edits[layer].saturated for layer in layers],
        plain,
    )


@torch.inference_mode()
def sweep_naive(
    model: LoadedModel,
    artifact: Fitted,
    prompt: Prompt,
    *,
    gains: Sequence[float] = GAINS,
    layers: Sequence[int] | None = None,
    strategy: str = "mars",
) -> SweepMap:
    """The same map by one forward of the whole prompt per cell, without cache or batch: the reference for `sweep`."""
    layers, steering = cell_steering(model, artifact, prompt, gains, layers, strategy)
    inputs = encode(model, [prompt])
    with capturing(model.layers) as captured:
        unsteered = model.model(**inputs, use_cache=False, logits_to_keep=1).logits[:, -1].float().cpu()
    cells, saturated = [], []
    for layer in layers:
        cells.append([])
        for edit in steering[layer]:
            with editing(model.layers, layer, edit):
                logits = model.model(**inputs, use_cache=False, logits_to_keep=1).logits[:, -1].float().cpu()
            cells[-1] += _cells(logits, unsteered[0], artifact.refusal_ids)
        saturated.append([_is_saturated(edit, captured.outputs[layer]) for edit in steering[layer]])
    (plain,) = _cells(unsteered, unsteered[0], artifact.refusal_ids)
    return _as_map(model, layers, gains, cells, saturated, plain)


def cell_steering(
    model: LoadedModel,
    artifact: Fitted,
    prompt: Prompt,
    gains: Sequence[float],
    layers: Sequence[int] | None,
    strategy: str,
) -> tuple[tuple[int, ...], dict[int, list[Steering]]]:
    """The layers to sweep, and the steering of each of their cells, on the layer's device."""
    layers = tuple(range(model.n_layers)) if layers is None else tuple(model.check_layer(layer) for layer in layers)
    if not layers or not gains:
        raise ValueError("There is nothing to sweep: name at least one layer and one gain.")
    if strategy not in STRATEGIES:
        raise ValueError(f"Unknown strategy {strategy!r}. Known are: {', '.join(STRATEGIES)}.")
    steering = {}
    for layer in layers:
        geometry = artifact.geometry(layer, prompt.modality).to(model.layer_device(layer))
        steering[layer] = [STRATEGIES[strategy](geometry, gain) for gain in gains]
    return layers, steering


def distinct_edits(steering: Sequence[Steering], hidden: Tensor) -> DistinctEdits:
    """The distinct results of the edits of one layer. hidden: (1, d_model), its unsteered output."""
    states, state_of = [hidden], []
    for edit in steering:
        edited = edit(hidden).hidden
        same = next((number for number, state in enumerate(states) if torch.equal(state, edited)), None)
        state_of.append(len(states) if same is None else same)
        if same is None:
            states.append(edited)
    return DistinctEdits(torch.cat(states), state_of, [_is_saturated(edit, hidden) for edit in steering])


def _is_saturated(steering: Steering, hidden: Tensor) -> bool:
    """Whether the step would be longer without the trust region; False for a strategy without one."""
    if not isinstance(steering, Mars) or not steering.use_trust_region:
        return False
    return bool(replace(steering, use_trust_region=False)(hidden).strength > steering(hidden).strength)


def _cells(logits: Tensor, unsteered: Tensor, refusal_ids: list[int]) -> list[_Cell]:
    """logits: (row, vocabulary); unsteered: (vocabulary,)."""
    scores, kl = refusal_score(logits, refusal_ids), kl_divergence(unsteered, logits)
    return [_Cell(*row) for row in zip(scores.tolist(), kl.tolist(), logits.argmax(dim=-1).tolist(), strict=True)]


def _as_map(
    model: LoadedModel,
    layers: tuple[int, ...],
    gains: Sequence[float],
    cells: list[list[_Cell]],
    saturated: list[list[bool]],
    unsteered: _Cell,
) -> SweepMap:
    """Cells by layer and gain as tensors. Raises ModelError where a number is not finite."""
    scores, kl, tokens = (
        torch.tensor([[getattr(cell, name) for cell in row] for row in cells]) for name in _Cell._fields
    )
    bad = (~(scores.isfinite() & kl.isfinite())).nonzero()
    if len(bad):
        layer, gain = layers[int(bad[0, 0])], gains[int(bad[0, 1])]
        raise ModelError(
            f"{model.name}: steered at layer {layer} with gain {gain:g}, its logits are not finite in {model.dtype}. "
            "Load the model in a dtype with more room, or sweep smaller gains."
        )
    return SweepMap(
        layers, tuple(gains), scores, kl, torch.tensor(saturated), tokens, unsteered.score, unsteered.token
    )
