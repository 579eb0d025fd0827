"""python -m benchmarks --json FILE [--quick]: every figure side by side with its peers, in one process."""

import argparse
import json
import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from benchmarks import measures
from benchmarks.memory import capture_memory
from benchmarks.models import ONE_GPU, REAL_VOCABULARY, TWO_CORES, Size, prompt_of, random_model, short_prompts
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
FEATURES = ("avx2", "avx512_f", "avx512_bf16", "amx_bf16")
"""What a processor may have for matrix products, as torch names it."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--json", type=Path, required=True, metavar="FILE", help="where the results go")
    parser.add_argument("--quick", action="store_true", help="the figures with a bar alone, with fewer repetitions")
    options = parser.parse_args()
    model = random_model(TWO_CORES)
    results: dict[str, Any] = {"machine": machine(model), "quick": options.quick}
    options.json.parent.mkdir(parents=True, exist_ok=True)

    def keep(found: dict[str, Any]) -> None:
        """Write at once, since what follows takes long."""
        results.update(found)
        options.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")

    keep(as_results([*run(model, options.quick), *heads(1 if options.quick else 3)]))
    if not options.quick:
        keep({"growth": growth(model)})
    if torch.cuda.is_available():
        del model
        large = random_model(ONE_GPU, device="cuda", dtype=torch.bfloat16)
        keep({"gpu": {"machine": machine(large), **as_results(run_on_gpu(large))}})
    print(f"Wrote {options.json}.")


def run(model: LoadedModel, quick: bool) -> list[measures.Measured]:
    """The seven figures with a bar on two cores, each printed as it is measured."""
    repetitions = 3 if quick else 7
    return [
        say(measures.side_by_side(model, prompt_of(model, 1000), 32, repetitions)),
        # The naive map is 145 forwards, which is repetition enough to take three turns.
        say(measures.gain_map(model, prompt_of(model, 400), 3, sampled=quick)),
        say(measures.capturing(model, short_prompts(48 if quick else 192), repetitions)),
        say(capture_memory(250 if quick else 1000, 2 if quick else 3)),
        say(measures.steering_a_step(model, prompt_of(model, 400), 24, repetitions)),
        say(measures.effect_in_fit(load_model("pocket-vl"), read_contrast(OWN_SET), 1 if quick else 3)),
    ]


def heads(repetitions: int) -> list[measures.Measured]:
    """What a head with a real vocabulary gets, on the CPU, in each dtype."""
    return [
        say(measures.head_rows(random_model(REAL_VOCABULARY, dtype=dtype), short_prompts(16), repetitions))
        for dtype in DTYPES
    ]


def run_on_gpu(model: LoadedModel) -> list[measures.Measured]:
    """The figures at a published model's size on one GPU."""
    return [
        say(measures.side_by_side(model, prompt_of(model, 1000), 32, 3)),
        say(measures.gain_map(model, prompt_of(model, 400), 3, sampled=True)),
        say(measures.capturing(model, short_prompts(192), 3)),
        say(measures.steering_a_step(model, prompt_of(model, 400), 24, 3)),
    ]


def growth(model: LoadedModel) -> dict[str, list[dict[str, float]]]:
    """How the cost of the map grows with the prompt, the layers and the cells, one of them at a time."""
    found: dict[str, list[dict[str, float]]] = {"tokens": [], "layers": [], "cells": []}
    for tokens in LENGTHS:
        found["tokens"].append(measures.growth(model, prompt_of(model, tokens), 9))
    for gains in GAINS:
        found["cells"].append(measures.growth(model, prompt_of(model, 400), gains))
    for layers in LAYERS:
        deeper = random_model(Size(**{**TWO_CORES._asdict(), "num_hidden_layers": layers}))
        found["layers"].append(measures.growth(deeper, prompt_of(deeper, 400), 9))
    for axis, points in found.items():
        print(f"map over {axis}: " + ", ".join(f"{p[axis]:g}: {p['prefills']:.2f} prefills" for p in points))
    return found


def say(measured: measures.Measured) -> measures.Measured:
    print(measured.note)
    for name, figure in measured.figures.items():
        print(f"  {name} {figure.value:.3f} [{figure.low:.3f}, {figure.high:.3f}]")
    for peer in measured.peers:
        ran = f"{peer.times_ours.value:.2f} times our time" if peer.times_ours else f"did not run: {peer.error}"
        print(f"  {peer.name}: {ran}", flush=True)
    return measured


def as_results(found: list[measures.Measured]) -> dict[str, Any]:
    """Figures under their two-part names, peers with a row each, wall times and notes, as JSON values."""
    results: dict[str, Any] = {"peers": [], "seconds": {}, "notes": {}}
    for measured in found:
        for name, figure in measured.figures.items():
            question, part = name.split(".")
            results.setdefault(question, {})[part] = figure._asdict()
            results["notes"][name] = measured.note
        took = results["seconds"].setdefault(question, {})
        took.update({name: seconds._asdict() for name, seconds in measured.seconds.items()})
        for peer in measured.peers:
            row = {
                name: value._asdict() if isinstance(value, tuple) else value for name, value in peer._asdict().items()
            }
            results["peers"].append({"question": question, **row})
    return results


def machine(model: LoadedModel) -> dict[str, Any]:
    """The machine, and its load before the run, by which the noise of the ratios can be judged."""
    on_gpu = model.device.type == "cuda"
    return {
        "device": torch.cuda.get_device_name() if on_gpu else platform.processor() or platform.machine(),
        "features": [name for name in FEATURES if torch.cpu.get_capabilities().get(name)],
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        "parameters": model.n_parameters,
        "layers": model.n_layers,
        "d_model": model.d_model,
        "dtype": str(model.dtype),
        "system": platform.platform(terse=True),
        "versions": {"python": platform.python_version(), **{n: version(n) for n in ("torch", "transformers")}},
    }


if __name__ == "__main__":
    main()
