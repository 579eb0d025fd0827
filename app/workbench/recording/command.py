"""The command `mars-lens record`: what a model answers to a set of prompts, into a folder that the page opens."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from mars.artifact.artifact import Artifact
from mars.bundled import model_source, shipped_recording
from mars.model.loading import size_in_memory
from mars.options import add_artifact, add_model, add_ray, artifact_folder, cluster_of, load_of
from mars.printing import ProgressBar
from mars.recording.plan import Estimate, Settings, Shape, bandwidth_here, estimate, layer_seconds_of
from mars.recording.prompts import Line, read_lines
from mars.recording.storage import Recording

from ..cards import artifact_words
from ..examples import examples_of
from ..recorded import read_aggregates
from ..session import LiveSession
from .lines import lines_of
from .making import record, record_on

ALL = "all"
PACKAGE = Path(__file__).parents[2]
"""Of the page, whose code asks what is recorded."""


def main(arguments: Sequence[str] | None = None, prog: str = "mars-lens record") -> int:
    """Record, or say what it would take; 1 where something is wrong, which is said in a sentence."""
    options = parser(prog).parse_args(arguments)
    try:
        if not options.plan and options.out is None:
            raise ValueError("--out is missing: name the folder of the recording, or add --plan for an estimate.")
        _planned(options) if options.plan else _recorded(options)
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. The recording goes on here when the same command is given again.", file=sys.stderr)
        return 130
    return 0


def parser(prog: str = "mars-lens record") -> argparse.ArgumentParser:
    """Of the command's options."""
    told = argparse.ArgumentParser(prog=prog, description=__doc__)
    add_model(told)
    add_artifact(told)
    told.add_argument(
        "--prompts", type=Path, metavar="FILE",
        help="JSON lines, CSV or Parquet with text, image or video, label, twin, title, system, and media: keep "
        "where an image or video may be in the recording (default: the model's gallery, with its media)",
    )  # fmt: skip
    told.add_argument(
        "--layers", nargs="+", default=(), help="layers of further replies, or all (default: the chosen one)"
    )
    told.add_argument("--gains", nargs="+", type=float, default=(1.0,), help="gains of replies (default: 1)")
    told.add_argument("--reply-tokens", type=int, default=Settings.reply_tokens, help="length of a reply at most")
    told.add_argument("--harmful-tokens", type=int, help="the same of replies to harmful prompts, where shorter")
    told.add_argument("--verdicts", action="store_true", help="also the map of verdicts: a reply a layer and gain")
    told.add_argument("--hidden-states", action="store_true", help="also the residual stream, in half precision")
    told.add_argument("--results", type=Path, help="results of an evaluation, as `mars-lens eval --json` writes them")
    told.add_argument("--out", type=Path, help="folder of the recording")
    told.add_argument(
        "--bandwidth", type=float, metavar="GB/S", help="with --plan: of the memory where the model is to run, as a "
        "GPU's data sheet has it (default: measured here)",
    )  # fmt: skip
    told.add_argument("--plan", action="store_true", help="say what it takes, load nothing and record nothing")
    add_ray(told)
    return told


def _recorded(options: argparse.Namespace) -> None:
    folder, load, bar = artifact_folder(options), load_of(options), ProgressBar()
    results = json.loads(options.results.read_text(encoding="utf-8")) if options.results else None
    given: dict[str, Any] = {"results": results, "progress": bar}
    if options.ray:
        artifact = Artifact.read(folder)
        with cluster_of(options, (PACKAGE,)) as cluster:
            found = record_on(
                cluster, load, options.out, options.model, folder, _lines(options), _settings(options, artifact),
                **given,
            )  # fmt: skip
    else:
        artifact = Artifact.read(folder)  # what is wrong with the options is said before the model is loaded
        lines, settings = _lines(options), _settings(options, artifact)
        bar("loading the model", 0, 1)
        model = load()
        artifact.check(model)
        bar("loading the model", 1, 1)
        session = LiveSession.of(
            model,
            artifact,
            artifact_name=artifact_words(folder, artifact),
            source=options.model,
            aggregates=read_aggregates(Path(model_source(options.model))),
        )
        found = record(options.out, session, lines, settings, **given)
    print(f"Wrote {options.out}: {len(lines_of_recording(found))} prompts, {found.size / 1e6:.1f} MB.")
    print(f"Open it with: python app.py --recording {options.out}")


def _planned(options: argparse.Namespace) -> None:
    dtype = options.dtype and getattr(torch, options.dtype)
    weights = size_in_memory(options.model, options.revision, dtype, options.quantization, options.trust_remote_code)
    artifact = Artifact.read(artifact_folder(options))
    device = torch.device(options.device or ("cuda" if torch.cuda.is_available() else "cpu"))
    bandwidth = options.bandwidth * 1e9 if options.bandwidth else bandwidth_here(device)
    settings, shape = _settings(options, artifact), Shape.of(artifact)
    found = estimate(_lines(options), settings, shape, weights, bandwidth, layer_seconds())
    for line in told(found, settings, shape, bandwidth):
        print(line)


def layer_seconds() -> float:
    """Seconds of a layer in a pass, as measured when the shipped recording of Pocket-VL was made."""
    return layer_seconds_of(Recording.open(shipped_recording("pocket-vl")).header)


def told(found: Estimate, settings: Settings, shape: Shape, bandwidth: float) -> tuple[str, ...]:
    """An estimate in lines."""
    cells = len(settings.cells)
    return (
        f"{found.prompts} prompts, {cells} cell{'s' * (cells > 1)} each of {shape.n_layers} layers, at most "
        f"{found.passes} forward passes",
        f"time    about {_time(found.seconds)}, at {bandwidth / 1e9:.0f} GB/s of memory",
        f"memory  about {max(found.memory / 2**30, 0.1):.1f} GiB of weights and room to run, 0.5 GiB of libraries",
        f"size    about {found.size / 1e6:.1f} MB",
    )


def lines_of_recording(recording: Recording) -> tuple[str, ...]:
    """Entries that are prompts."""
    return tuple(name for name in recording.names if name.startswith("prompts/"))


def _lines(options: argparse.Namespace) -> tuple[Line, ...]:
    return read_lines(options.prompts) if options.prompts else lines_of(examples_of(options.model))


def _settings(options: argparse.Namespace, artifact: Artifact) -> Settings:
    try:
        layers = range(artifact.n_layers) if list(options.layers) == [ALL] else tuple(map(int, options.layers))
    except ValueError as error:
        raise ValueError(
            f"--layers is {' '.join(options.layers)}; it takes numbers from 0, or the word all."
        ) from error
    return Settings(
        tuple(layers), tuple(options.gains), options.reply_tokens, options.harmful_tokens, options.verdicts,
        options.hidden_states,
    ).at(artifact.layer, artifact.n_layers)  # fmt: skip


def _time(seconds: float) -> str:
    for size, name in ((86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 1.5 * size:
            return f"{seconds / size:.1f} {name}"
    return f"{seconds:.0f} seconds"
