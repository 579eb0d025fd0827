"""Command line: `python -m mars fit` and `python -m mars eval`."""

import argparse
import json
import sys
import time
from importlib.metadata import version
from pathlib import Path

from mars import artifacts
from mars.artifacts import ArtifactError
from mars.contrast import ContrastError, read_contrast
from mars.evaluation import evaluate, summarize
from mars.inputs import PromptError
from mars.media import MediaError
from mars.models import ModelError, load_model
from mars.pipeline import fit
from mars.steering import STRATEGIES

ASSETS = Path(__file__).parent.parent / "assets"
POCKET = ASSETS / "pocket-vl"
REQUESTS = ASSETS / "contrast" / "requests.jsonl"
OWN_CONTRAST = "contrast.jsonl"
"""A model folder that holds this file is fitted on it: a model of a tiny world knows only its own words."""


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except (ModelError, ArtifactError, ContrastError, PromptError, MediaError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m mars", description=__doc__)
    commands = parser.add_subparsers(required=True)

    fitting = commands.add_parser("fit", help="fit direction, re-centering and layer choice; write an artifact")
    fitting.add_argument("--model", default=str(POCKET), help="folder or hub id (default: the bundled model)")
    fitting.add_argument("--revision", help="revision of a hub model")
    fitting.add_argument("--out", required=True, type=Path, help="folder of the artifact")
    fitting.add_argument(
        "--contrast", type=Path, help=f"contrast set (default: the model's own {OWN_CONTRAST}, else the bundled one)"
    )
    fitting.add_argument("--batch-size", type=int, default=16)
    fitting.add_argument("--no-umap", action="store_true", help="leave the UMAP pictures to the page")
    fitting.set_defaults(run=_fit)

    judging = commands.add_parser("eval", help="refusal, false refusal and utility of strategies on a set")
    judging.add_argument("--model", default=str(POCKET), help="folder or hub id (default: the bundled model)")
    judging.add_argument(
        "--artifact", type=Path, help="folder of the artifact (default: artifact/ in the model folder)"
    )
    judging.add_argument("--set", default="test", choices=["test"], help="the bundled test split")
    judging.add_argument("--strategies", default="unsteered,addition,mars", help=f"of: {', '.join(STRATEGIES)}")
    judging.add_argument("--per-cell", type=int, default=200, help="cases per modality and label")
    judging.add_argument("--layer", type=int, help="default: the one chosen from text alone")
    judging.add_argument("--gain", type=float, default=1.0)
    judging.add_argument("--json", type=Path, help="write the results here")
    judging.set_defaults(run=_eval)
    return parser


def _fit(options: argparse.Namespace) -> None:
    model = load_model(options.model, revision=options.revision)
    own = Path(options.model) / OWN_CONTRAST
    contrast = read_contrast(options.contrast or (own if own.is_file() else REQUESTS))
    clouds = None
    if Path(options.model).resolve() == POCKET.resolve():
        from mars.pocket.splits import cloud_prompts

        clouds = cloud_prompts()
    artifact = fit(
        model,
        contrast,
        clouds=clouds,
        with_umap=not options.no_umap,
        batch_size=options.batch_size,
        progress=_Bar(),
    )
    artifacts.save(artifact, options.out)
    print(artifact.scores.reason)
    print(f"Wrote {options.out}.")


def _eval(options: argparse.Namespace) -> None:
    from mars.pocket.splits import test_cases

    model = load_model(options.model)
    artifact = artifacts.load(options.artifact or Path(options.model) / "artifact", model)
    strategies = [name.strip() for name in options.strategies.split(",")]
    bar = _Bar()
    outcomes = evaluate(
        model,
        artifact,
        test_cases(options.per_cell),
        strategies,
        layer=options.layer,
        gain=options.gain,
        progress=lambda done, total: bar("cases", done, total),
    )
    summary = summarize(outcomes)
    for row in summary["rows"]:
        print(
            f"{row['group']:16} {row['strategy']:22} {row['modality']:6} {row['label']:9}"
            f" {row['refusals']:4} of {row['n']:4} refused  {row['rate']:6.1%}  [{row['low']:.1%}, {row['high']:.1%}]"
        )
    for row in summary["utility"]:
        print(f"{'questions':16} {row['strategy']:22} {row['modality']:6} {row['exact']:4} of {row['n']:4} exact")
    if options.json:
        settings = {
            "model": model.name,
            "layer": artifact.layer if options.layer is None else options.layer,
            "gain": options.gain,
            "set": options.set,
            "per_cell": options.per_cell,
        }
        versions = {name: version(name) for name in ("torch", "transformers")}
        hashes = {"contrast": artifact.provenance["contrast_hash"], "template": model.template_hash}
        results = {**summary, "settings": settings, "versions": versions, "hashes": hashes}
        options.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
        print(f"Wrote {options.json}.")


class _Bar:
    """One line on the terminal: step, share done and time left; a line a step where it is no terminal."""

    def __init__(self) -> None:
        self.step = ""
        self.started = 0.0

    def __call__(self, step: str, done: int, total: int) -> None:
        if step != self.step:
            self.step, self.started = step, time.monotonic()
        if sys.stderr.isatty():
            left = (time.monotonic() - self.started) * (total - done) / max(done, 1)
            end = "\n" if done == total else ""
            print(f"\r{step:32} {done:5} of {total:5}  {left:5.0f} s left ", end=end, file=sys.stderr, flush=True)
        elif done == total:
            print(f"{step}: {total}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
