"""What the layer x gain map costs, beside a forward per cell and beside batches from one cached prefix."""

from collections.abc import Mapping

import torch
from torch import Tensor

from benchmarks import peers
from benchmarks.measured import TOLERANCE, Measured, Peer, check, described, spreads
from benchmarks.models import random_artifact
from benchmarks.timing import ratios, spread, take_turns
from mars.artifact.artifact import Artifact
from mars.effect.sweep import GAINS, sweep, sweep_naive
from mars.media.prompt import Prompt
from mars.model.inputs import encode
from mars.model.loaded_model import LoadedModel


def gain_map(model: LoadedModel, artifact: Artifact, prompt: Prompt, repetitions: int, *, sampled: bool) -> Measured:
    """All layers and nine gains, against a forward per cell, a batch per layer, and one batch of all cells.

    The batches run the last token alone, each from a prefix that it reads itself and caches, as the map does. Steered
    by addition, no two cells share a row. sampled: of the forwards per cell a few stand for all.
    """
    inputs = encode(model, [prompt])
    cells = model.n_layers * len(GAINS)
    layers = (0, model.n_layers // 2, model.n_layers - 1) if sampled else tuple(range(model.n_layers))
    gains = (GAINS[0], GAINS[-1]) if sampled else GAINS
    columns = [GAINS.index(gain) for gain in gains]
    rivals = {
        "map": lambda: sweep(model, artifact, prompt, strategy="addition"),
        "naive map": lambda: sweep_naive(model, artifact, prompt, strategy="addition", layers=layers, gains=gains),
        "batch per layer": lambda: peers.map_by_layers(model, artifact, prompt, "addition", GAINS),
        "batch of all cells": lambda: peers.map_in_one_batch(model, artifact, prompt, "addition", GAINS),
        "prefill": lambda: peers.bare(model, [inputs]),
    }
    fast = rivals["map"]()
    of_map = {"refusal_scores": fast.refusal_scores, "kl": fast.kl}
    if model.dtype == torch.float32:
        slow = rivals["naive map"]()
        sampled_cells = {name: values[list(layers)][:, columns] for name, values in of_map.items()}
        _check_agree(sampled_cells, {name: getattr(slow, name) for name in of_map}, "the naive map")
        check(torch.equal(fast.tokens[list(layers)][:, columns], slow.tokens), "tokens differ from the naive map")
        _check_agree(of_map, rivals["batch per layer"](), "a batch per layer")
        _check_agree(of_map, rivals["batch of all cells"](), "one batch of all cells")
    distinct = len(torch.stack(list(of_map.values()), dim=-1).flatten(0, 1).unique(dim=0))
    times = take_turns(rivals, repetitions)
    # The naive run makes one forward more than it has cells, the unsteered one.
    scale = cells / (len(layers) * len(gains) + 1)
    sample = f"timed on {len(layers) * len(gains)} of its cells" if sampled else "timed whole"
    return Measured(
        {
            "map.speedup": ratios(times["naive map"], times["map"], scale),
            "map.prefills": ratios(times["map"], times["prefill"]),
            "map.of_batch_per_layer": ratios(times["map"], times["batch per layer"]),
            "map.of_one_batch": ratios(times["map"], times["batch of all cells"]),
        },
        spreads(times),
        [
            Peer.of("a forward per cell", [scale * seconds for seconds in times["naive map"]], times["map"]),
            Peer.of("a batch per layer from one cached prefix", times["batch per layer"], times["map"]),
            Peer.of("one batch of all cells from one cached prefix", times["batch of all cells"], times["map"]),
        ],
        f"{described(model, prompt)}, {model.n_layers} layers x {len(GAINS)} gains, {distinct} of {cells} cells "
        f"distinct; the forward per cell is {sample}.",
    )


def _check_agree(ours: Mapping[str, Tensor], theirs: Mapping[str, Tensor], whose: str) -> None:
    for name, values in ours.items():
        difference = (values - theirs[name]).abs().max()
        check(difference <= TOLERANCE, f"{name} differ from those of {whose} by {difference}")


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
        "tokens": inputs["input_ids"].shape[1],
        "layers": model.n_layers,
        "cells": model.n_layers * gains,
        "map_seconds": spread(times["map"]).value,
        "prefill_seconds": spread(times["prefill"]).value,
        "prefills": ratios(times["map"], times["prefill"]).value,
    }
