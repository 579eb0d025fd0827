"""python -m benchmarks --json FILE [--quick]: every figure side by side with its peers, in one process.

With --model, on that model and its artifact in place of random weights, a fit and an evaluation among them.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import torch

from benchmarks import fitting, maps, reading, real_model, replies
from benchmarks.measured import Measured
from benchmarks.memory import capture_memory
from benchmarks.models import (
    ICON_VL,
    ONE_GPU,
    REAL_VOCABULARY,
    TWO_CORES,
    Size,
    prompt_of,
    random_artifact,
    random_model,
    short_prompts,
)
from benchmarks.results import as_results, machine, say
from mars.bundled import MODELS, OWN_CONTRAST
from mars.datasets.contrast import read_contrast
from mars.model.loaded_model import LoadedModel
from mars.model.loading import load_model

LENGTHS = (100, 400, 1000, 2000, 4000)
LAYERS = (8, 16, 24, 32)
OWN_SET = MODELS["pocket-vl"] / OWN_CONTRAST
GAINS = (1, 4, 9, 16, 32)
"""Of 16 layers: 16 to 512 cells."""
DTYPES = (torch.float32, torch.bfloat16)
"""In which the head of a real vocabulary is timed."""
GPU_SIZES = {"gpu_icon_vl": ICON_VL, "gpu": ONE_GPU}
"""Name in results -> what is run where there is a GPU."""


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--json", type=Path, required=True, metavar="FILE", help="where the results go")
    parser.add_argument(
        "--quick", action="store_true", help="the figures with a bar alone, with fewer repetitions and cases"
    )
    parser.add_argument("--model", help="folder or bundled name of a real model with its artifact, such as icon-vl")
    parser.add_argument(
        "--dtype",
        choices=[str(dtype).removeprefix("torch.") for dtype in real_model.OTHER],
        help="with --model: in this one alone (default: the one that the model chooses at load, and the other)",
    )
    options = parser.parse_args(arguments)
    if options.dtype and not options.model:
        parser.error("--dtype needs --model: the other figures name their dtypes.")
    results: dict[str, Any] = {"quick": options.quick}
    options.json.parent.mkdir(parents=True, exist_ok=True)

    def keep(found: dict[str, Any]) -> None:
        """Write at once, since what follows takes long."""
        results.update(found)
        options.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")

    if options.model:
        real_model.measure(options.model, options.dtype and getattr(torch, options.dtype), options.quick, keep)
    else:
        model = random_model(TWO_CORES)
        keep({"machine": machine(model)})
        keep(as_results([*run(model, options.quick), *heads(1 if options.quick else 3)]))
        if not options.quick:
            keep({"growth": growth(model)})
        del model
        for name, size in GPU_SIZES.items() if torch.cuda.is_available() else ():
            on_gpu = random_model(size, device="cuda", dtype=torch.bfloat16)
            keep({name: {"machine": machine(on_gpu), **as_results(run_on_gpu(on_gpu))}})
    print(f"Wrote {options.json}.")


def run(model: LoadedModel, quick: bool) -> list[Measured]:
    """The questions whose figures have a bar on two cores, each printed as it is measured."""
    repetitions, artifact = 3 if quick else 7, random_artifact(model)
    return [
        say(replies.side_by_side(model, artifact, prompt_of(model, 1000), 32, repetitions)),
        # The naive map is 145 forwards, which is repetition enough to take three turns.
        say(maps.gain_map(model, artifact, prompt_of(model, 400), 3, sampled=quick)),
        say(reading.capturing(model, short_prompts(48 if quick else 192), repetitions)),
        say(capture_memory(250 if quick else 1000, 2 if quick else 3)),
        say(replies.steering_a_step(model, prompt_of(model, 400), 24, repetitions)),
        say(fitting.effect_in_fit(load_model("pocket-vl"), read_contrast(OWN_SET), 1 if quick else 3)),
    ]


def heads(repetitions: int) -> list[Measured]:
    """What a head with a real vocabulary gets, on the CPU, in each dtype."""
    return [
        say(reading.head_rows(random_model(REAL_VOCABULARY, dtype=dtype), short_prompts(16), repetitions))
        for dtype in DTYPES
    ]


def run_on_gpu(model: LoadedModel) -> list[Measured]:
    """The figures at a published model's size on one GPU."""
    artifact = random_artifact(model)
    return [
        say(replies.side_by_side(model, artifact, prompt_of(model, 1000), 32, 3)),
        say(maps.gain_map(model, artifact, prompt_of(model, 400), 3, sampled=True)),
        say(reading.capturing(model, short_prompts(192), 3)),
        say(replies.steering_a_step(model, prompt_of(model, 400), 24, 3)),
    ]


def growth(model: LoadedModel) -> dict[str, list[dict[str, float]]]:
    """How the cost of the map grows with the prompt, the layers and the cells, one of them at a time."""
    found: dict[str, list[dict[str, float]]] = {"tokens": [], "layers": [], "cells": []}
    for tokens in LENGTHS:
        found["tokens"].append(maps.growth(model, prompt_of(model, tokens), 9))
    for gains in GAINS:
        found["cells"].append(maps.growth(model, prompt_of(model, 400), gains))
    for layers in LAYERS:
        deeper = random_model(Size(**{**TWO_CORES._asdict(), "num_hidden_layers": layers}))
        found["layers"].append(maps.growth(deeper, prompt_of(deeper, 400), 9))
    for axis, points in found.items():
        print(f"map over {axis}: " + ", ".join(f"{p[axis]:g}: {p['prefills']:.2f} prefills" for p in points))
    return found


if __name__ == "__main__":
    main()
