"""What is measured, one function per question. Each checks that both sides agree before it times them."""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch

from benchmarks import peers
from benchmarks.models import random_artifact
from benchmarks.timing import Spread, ratios, seconds_of, spread, take_turns
from mars.datasets.contrast import ContrastSet
from mars.effect.sweep import GAINS, sweep, sweep_naive
from mars.fitting.fit import fit
from mars.media.prompt import Prompt
from mars.model.capture import batches_of, capture
from mars.model.generation import branch, prefill
from mars.model.inputs import encode
from mars.model.loaded_model import LoadedModel
from mars.steering import STRATEGIES, Unsteered

TOLERANCE = 1e-4
"""Greatest difference of scores, logits and activations from the naive path, in float32."""


class Peer(NamedTuple):
    """The same work done otherwise."""

    name: str
    seconds: Spread | None
    """None where it did not run."""
    times_ours: Spread | None
    """Its time divided by ours."""
    error: str | None = None


class Measured(NamedTuple):
    """The answer to one question."""

    figures: dict[str, Spread]
    """By the name that the figure has in results."""
    seconds: dict[str, Spread]
    """Wall times behind the figures."""
    peers: list[Peer]
    note: str
    """What was run, in a sentence."""


def side_by_side(model: LoadedModel, prompt: Prompt, new: int, repetitions: int) -> Measured:
    """Both replies with layer curves and the intervention log, against one plain generate."""
    artifact, layer = random_artifact(model), model.n_layers // 2
    geometry = artifact.geometry(layer, "text").to(model.layer_device(layer))
    steering = STRATEGIES["addition"](geometry, 4.0)
    inputs = encode(model, [prompt])

    def ours() -> tuple[list[int], list[int]]:
        prefix = prefill(model, prompt)
        steps = list(branch(model, prefix, (Unsteered(), steering), layer, max_new_tokens=new))
        artifact.coordinates(steps[0].activations, "text", recentered=True)
        _check(steps[0].strengths[1] > 0, "the log shows no step")
        return tuple([step.tokens[row] for step in steps] for row in (0, 1))

    def twice() -> tuple[list[int], list[int]]:
        return peers.generated_twice(model, inputs, new, layer, steering)

    found, expected = ours(), twice()
    _check(len(found[0]) == new, f"the reply ended after {len(found[0])} tokens")
    if model.dtype == torch.float32:
        _check(found == expected, "tokens differ from those of generate")
    times = take_turns(
        {"side by side": ours, "generate": lambda: peers.generated(model, inputs, new), "generate twice": twice},
        repetitions,
    )
    return Measured(
        {"side_by_side.ratio": ratios(times["side by side"], times["generate"])},
        _spreads(times),
        [_peer("generate twice with a hook", times["generate twice"], times["side by side"])],
        f"{_length(model, prompt)} prompt tokens, {new} new; steered by addition at layer {layer}.",
    )


def gain_map(model: LoadedModel, prompt: Prompt, repetitions: int, *, sampled: bool) -> Measured:
    """All layers and nine gains, against a forward per cell and against a branch per layer from one cached prefix.

    Every cell differs, so that no two share a row.
    """
    artifact, inputs = random_artifact(model), encode(model, [prompt])
    cells = model.n_layers * len(GAINS)
    layers = (0, model.n_layers // 2, model.n_layers - 1) if sampled else tuple(range(model.n_layers))
    gains = (GAINS[0], GAINS[-1]) if sampled else GAINS

    def ours():
        return sweep(model, artifact, prompt, strategy="addition")

    def naive():
        return sweep_naive(model, artifact, prompt, strategy="addition", layers=layers, gains=gains)

    def branches():
        return peers.map_by_branches(model, artifact, prompt, "addition", GAINS)

    fast, slow, branched = ours(), naive(), branches()
    columns = [GAINS.index(gain) for gain in gains]
    if model.dtype == torch.float32:
        for name in ("refusal_scores", "kl"):
            difference = getattr(fast, name)[list(layers)][:, columns] - getattr(slow, name)
            _check(
                difference.abs().max() <= TOLERANCE, f"{name} differ from the naive map by {difference.abs().max()}"
            )
        _check(torch.equal(fast.tokens[list(layers)][:, columns], slow.tokens), "tokens differ from the naive map")
        for name, theirs in zip(("refusal_scores", "kl"), branched, strict=True):
            difference = (getattr(fast, name) - theirs).abs().max()
            _check(difference <= TOLERANCE, f"{name} differ from those of a branch per layer by {difference}")
    times = take_turns(
        {
            "map": ours,
            "naive map": naive,
            "branch per layer": branches,
            "prefill": lambda: peers.bare(model, [inputs]),
        },
        repetitions,
    )
    # The naive run makes one forward more than it has cells, the unsteered one.
    scale = cells / (len(layers) * len(gains) + 1)
    sample = f"timed on {len(layers) * len(gains)} of its cells" if sampled else "timed whole"
    return Measured(
        {
            "map.speedup": ratios(times["naive map"], times["map"], scale),
            "map.prefills": ratios(times["map"], times["prefill"]),
        },
        _spreads(times),
        [
            _peer("a forward per cell", [scale * seconds for seconds in times["naive map"]], times["map"]),
            _peer("a branch per layer from one cached prefix", times["branch per layer"], times["map"]),
        ],
        f"{_length(model, prompt)} prompt tokens, {model.n_layers} layers x {len(GAINS)} gains; the forward per cell "
        f"is {sample}.",
    )


def capturing(model: LoadedModel, prompts: list[Prompt], repetitions: int) -> Measured:
    """Activations of all layers at the last position, against the forward alone on the same batches."""
    order = batches_of(prompts, 16)
    batches = [encode(model, [prompts[index] for index in batch]) for batch in order]
    flat = [index for batch in order for index in batch]
    ours = capture(model, prompts)
    if model.dtype == torch.float32:
        difference = (peers.all_hidden_states(model, batches) - ours.values[flat])[:, :-1].abs().max()
        _check(difference <= TOLERANCE, f"activations differ from output_hidden_states by {difference}")
        difference = (peers.bare(model, batches).float().cpu() - ours.logits[flat]).abs().max()
        _check(difference <= TOLERANCE, f"logits differ from the forward's by {difference}")
    rivals: dict[str, Callable[[], Any]] = {
        "bare forward": lambda: peers.bare(model, batches),
        "capture": lambda: capture(model, prompts),
        "output_hidden_states": lambda: peers.all_hidden_states(model, batches),
    }
    error = None
    try:
        rivals["nnsight"] = peers.with_nnsight(model, batches)
        rivals["nnsight"]()
    except Exception as failure:  # whatever a package that is not ours raises is what is recorded
        rivals.pop("nnsight", None)
        error = f"{type(failure).__name__}: {failure}"
    times = take_turns(rivals, repetitions)
    found = [_peer("output_hidden_states=True", times["output_hidden_states"], times["capture"])]
    found.append(
        Peer("nnsight", None, None, error) if error else _peer("nnsight", times["nnsight"], times["capture"])
    )
    return Measured(
        {"capture.throughput": ratios(times["bare forward"], times["capture"])},
        _spreads(times),
        found,
        f"{len(prompts)} prompts in batches of 16; tokenizing counts for the capture and not for the bare forward.",
    )


def head_rows(model: LoadedModel, prompts: list[Prompt], repetitions: int) -> Measured:
    """Last rows of a batch for a head with a real vocabulary: contiguous, against transformers' strided slice.

    For the product with the head's weights alone, and for the forward that ends in it.
    """
    weight, inputs = model.model.get_output_embeddings().weight, encode(model, prompts)
    source = torch.Generator().manual_seed(0)
    positions = torch.randn(len(prompts), 64, model.d_model, generator=source).to(weight)
    last, contiguous = positions[:, -1:], positions[:, -1:].contiguous()

    def strided_forward() -> torch.Tensor:
        with peers.strided_head(model):
            return peers.bare(model, [inputs])

    rivals = {
        "head": lambda: torch.nn.functional.linear(contiguous, weight),
        "strided head": lambda: torch.nn.functional.linear(last, weight),
        "forward": lambda: peers.bare(model, [inputs]),
        "strided forward": strided_forward,
    }
    if model.dtype == torch.float32:
        for ours in ("head", "forward"):
            difference = (rivals[ours]() - rivals[f"strided {ours}"]()).abs().max()
            _check(difference <= TOLERANCE, f"logits of a strided slice differ by {difference}")
    times = take_turns(rivals, repetitions)
    dtype = str(model.dtype).removeprefix("torch.")
    return Measured(
        {
            f"head_{dtype}.product": ratios(times["strided head"], times["head"]),
            f"head_{dtype}.forward": ratios(times["strided forward"], times["forward"]),
        },
        _spreads(times),
        [
            _peer(f"a strided slice for the head, {dtype}", times["strided head"], times["head"]),
            _peer(f"the forward with it, {dtype}", times["strided forward"], times["forward"]),
        ],
        f"{len(prompts)} rows for a head of {weight.shape[1]} -> {weight.shape[0]:,}, alone and after "
        f"{model.n_layers} layers.",
    )


def steering_a_step(model: LoadedModel, prompt: Prompt, steps: int, repetitions: int) -> Measured:
    """A decoding step with an edit at every token against one without, the two taking turns step by step."""
    artifact, layer = random_artifact(model), model.n_layers // 2
    geometry = artifact.geometry(layer, "text").to(model.layer_device(layer))
    rows = (Unsteered(), STRATEGIES["mars_no_gate"](geometry, 1.0))
    prefix = prefill(model, prompt)
    times: dict[str, list[float]] = {"steered": [], "plain": []}
    for _ in range(repetitions):
        steered = branch(model, prefix, rows, layer, site="every", max_new_tokens=steps + 1)
        plain = branch(model, prefix, rows, layer, site="first", max_new_tokens=steps + 1)
        next(steered), next(plain)
        total = {"steered": 0.0, "plain": 0.0}
        for step in range(steps):
            pair = [("steered", steered), ("plain", plain)]
            for name, steps_of in pair if step % 2 else pair[::-1]:
                total[name] += seconds_of(lambda steps_of=steps_of: next(steps_of))
        for name in times:
            times[name].append(total[name] / steps)
    ratio = ratios(times["steered"], times["plain"])
    return Measured(
        {"step.overhead": Spread(*(part - 1 for part in ratio))},
        _spreads(times),
        [],
        f"{steps} steps of two rows after {_length(model, prompt)} prompt tokens.",
    )


def effect_in_fit(model: LoadedModel, contrast: ContrastSet, repetitions: int) -> Measured:
    """What the effect of steering by layer and gain adds to a fit."""
    rivals = {
        "fit with effect": lambda: fit(model, contrast, effect="scores"),
        "fit": lambda: fit(model, contrast, effect="none"),
    }
    times = take_turns(rivals, repetitions)
    ratio = ratios(times["fit with effect"], times["fit"])
    return Measured(
        {"fit.effect": Spread(*(part - 1 for part in ratio))},
        _spreads(times),
        [],
        f"A fit of {model.name} on {len(contrast.requests)} requests, without UMAP.",
    )


def growth(model: LoadedModel, prompt: Prompt, gains: int, repetitions: int = 1) -> dict[str, float]:
    """The cost of the map of all layers and `gains` gains, in seconds and in prefills."""
    artifact, inputs = random_artifact(model), encode(model, [prompt])
    spaced = tuple(0.25 * (index + 1) for index in range(gains))
    times = take_turns(
        {
            "map": lambda: sweep(model, artifact, prompt, strategy="addition", gains=spaced),
            "prefill": lambda: peers.bare(model, [inputs]),
        },
        repetitions,
    )
    return {
        "tokens": _length(model, prompt),
        "layers": model.n_layers,
        "cells": model.n_layers * gains,
        "map_seconds": spread(times["map"]).value,
        "prefill_seconds": spread(times["prefill"]).value,
        "prefills": ratios(times["map"], times["prefill"]).value,
    }


def _spreads(times: dict[str, list[float]]) -> dict[str, Spread]:
    return {name: spread(values) for name, values in times.items()}


def _peer(name: str, its: list[float], ours: list[float]) -> Peer:
    return Peer(name, spread(its), ratios(its, ours))


def _length(model: LoadedModel, prompt: Prompt) -> int:
    return encode(model, [prompt])["input_ids"].shape[1]


def _check(holds: bool, otherwise: str) -> None:
    """Raise AssertionError: the time of a wrong result means nothing."""
    if not holds:
        raise AssertionError(f"The benchmark is void: {otherwise}.")
