"""Results as they are printed and kept: figures by name, peers, the machine."""

import os
import platform
from importlib.metadata import version
from typing import Any

import torch

from benchmarks.measured import Measured
from mars.model.loaded_model import LoadedModel

FEATURES = ("avx2", "avx512_f", "avx512_bf16", "amx_bf16")
"""What a processor may have for matrix products, as torch names it."""


def say(measured: Measured) -> Measured:
    print(measured.note)
    for name, figure in measured.figures.items():
        print(f"  {name} {figure.value:.3f} [{figure.low:.3f}, {figure.high:.3f}]")
    for peer in measured.peers:
        ran = f"{peer.times_ours.value:.2f} times our time" if peer.times_ours else f"did not run: {peer.error}"
        print(f"  {peer.name}: {ran}", flush=True)
    return measured


def as_results(found: list[Measured]) -> dict[str, Any]:
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
