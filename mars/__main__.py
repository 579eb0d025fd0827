"""Command line: `python -m mars fit`, `eval`, `sweep`, `presets` and `cache`, which `mars-lens` has too."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

from mars.artifact.artifact import Artifact, contrast_of
from mars.atomic_file import atomic_write
from mars.bundled import OWN_CONTRAST, model_source
from mars.datasets.case import Case
from mars.effect.sweep import GAINS, sweep
from mars.effect.verdict_map import GAINS as VERDICT_GAINS
from mars.effect.verdict_map import verdict_map
from mars.evaluation.evaluate import TABLE, Settings, measure, measure_on
from mars.evaluation.strategies import STRATEGY_SPECS, draws_of
from mars.fitted.calibration import DEFAULT_REPLY_TOKENS
from mars.fitted.fitted import ChosenBy
from mars.fitting.fit import EffectOf
from mars.icon_vl.cache_command import add_cache
from mars.media.prompt import Prompt
from mars.model.activation_cache import ActivationCache, default_folder
from mars.model.presets import WEIGHTS_SHARE, as_table, read_presets
from mars.options import add_artifact, add_model, add_ray, artifact_folder, cluster_of, load_of
from mars.printing import ProgressBar, print_effect, print_notes, print_results, print_sweep, print_verdict_map
from mars.verdict import verdict
from mars.verdict.custom_judge import BUNDLED, named_judge

TEST_SET = "test"
"""Name of the bundled test split."""
PROG = "python -m mars"


def main(arguments: list[str] | None = None, prog: str = PROG) -> int:
    options = _parser(prog).parse_args(arguments)
    try:
        options.run(options)
    except (ValueError, OSError) as error:  # what the engine says of bad input is a ValueError throughout
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(
            "\nStopped. An evaluation with --json goes on here when the same command is given again.", file=sys.stderr
        )
        return 130
    return 0


def _parser(prog: str = PROG) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=prog, description=__doc__)
    commands = parser.add_subparsers(required=True)

    fitting = commands.add_parser("fit", help="fit direction, re-centering and layer choice; write an artifact")
    add_model(fitting)
    fitting.add_argument("--out", required=True, type=Path, help="folder of the artifact")
    fitting.add_argument(
        "--contrast", type=Path, help=f"contrast set (default: the model's own {OWN_CONTRAST}, else the bundled one)"
    )
    fitting.add_argument(
        "--neutral", type=Path, help="folder of meaningless images and videos (default: random colours)"
    )
    fitting.add_argument("--batch-size", type=int, default=16, help="prompts at once; halved where memory runs out")
    fitting.add_argument(
        "--cache",
        type=Path,
        default=default_folder(),
        help="folder of activations that were captured before (default: %(default)s)",
    )
    fitting.add_argument("--no-cache", action="store_true", help="capture everything anew and keep nothing")
    fitting.add_argument(
        "--effect",
        choices=get_args(EffectOf),
        default="scores",
        help="what of steering's effect on validation text is measured by layer: first tokens (scores, the default), "
        "whole replies too (verdicts), or nothing",
    )
    fitting.add_argument("--no-umap", action="store_true", help="leave the UMAP images to the page")
    add_ray(fitting)
    fitting.set_defaults(run=_fit)

    listing = commands.add_parser("presets", help="models worth trying, by the memory that they take")
    listing.add_argument("--memory", type=float, metavar="GIB", help="leave out what does not run in so much")
    listing.set_defaults(run=_presets)

    add_cache(commands, ProgressBar)

    mapping = commands.add_parser("sweep", help="the layer x gain map of one prompt: its first token, or verdicts")
    add_model(mapping)
    add_artifact(mapping)
    mapping.add_argument("--text", default="", help="the request")
    mapping.add_argument("--media", type=Path, help="file of an image or a video")
    mapping.add_argument("--gains", type=float, nargs="+", help=f"default: {GAINS}; of verdicts, {VERDICT_GAINS}")
    mapping.add_argument(
        "--verdicts",
        action="store_true",
        help="generate and judge a reply a cell, for models whose first token does not tell",
    )
    mapping.add_argument("--json", type=Path, help="write the map here")
    mapping.set_defaults(run=_sweep)

    judging = commands.add_parser("eval", help="refusal, false refusal and utility of strategies on a set")
    add_model(judging)
    add_artifact(judging)
    judging.add_argument(
        "--set",
        default="test",
        help="test (the bundled split), a published benchmark, or a JSONL, CSV, TSV, JSON or Parquet file of yours",
    )
    judging.add_argument(
        "--columns",
        nargs="+",
        default=(),
        metavar="PART=NAME",
        help="columns of a file of yours that have no usual name, as label=is_bad; parts: text, label, media, group, "
        "expected",
    )
    judging.add_argument(
        "--folder", type=Path, help="where a published benchmark lies (default: fetch it, if it can be)"
    )
    judging.add_argument(
        "--strategies",
        nargs="+",
        default=["unsteered", "addition", "mars"],
        help=f"all, or of, with commas or spaces: {', '.join(STRATEGY_SPECS)}",
    )
    judging.add_argument(
        "--per-cell", type=int, default=200, help="cases per modality and label of the bundled split"
    )
    judging.add_argument(
        "--by",
        choices=get_args(ChosenBy),
        default=Settings.by,
        help="what chooses layer and gain: the paper's scores of text, with gain 1 (default), or the effect on text",
    )
    judging.add_argument("--layer", type=int, help="in place of the one chosen")
    judging.add_argument("--gain", type=float, help="in place of the one chosen")
    judging.add_argument("--seed", type=int, default=Settings.seed, help="of the random directions")
    judging.add_argument(
        "--max-new-tokens",
        type=int,
        help="length of a reply (default: where the fit found at most 5 %% of replies undecided, "
        f"{DEFAULT_REPLY_TOKENS} where it did not measure that)",
    )
    judging.add_argument(
        "--max-rows", type=int, default=Settings.max_rows, help="replies in one batch; fewer need less memory"
    )
    judging.add_argument(
        "--window",
        type=int,
        default=Settings.window,
        help="cases read ahead to share batches; fewer need less memory",
    )
    judging.add_argument(
        "--judge",
        metavar="MODULE:FUNCTION",
        help=f"from a reply to a verdict, its kind, or whether it refuses (default: {BUNDLED})",
    )
    judging.add_argument(
        "--json", type=Path, help="write the results here; FILE.run beside it keeps finished cases until then"
    )
    judging.add_argument(
        "--table",
        type=Path,
        help=f"folder ending with {TABLE} of a row a case and strategy (default with --ray: beside --json)",
    )
    add_ray(judging)
    judging.set_defaults(run=_eval)
    return parser


def _presets(options: argparse.Namespace) -> None:
    presets = read_presets()
    if options.memory is not None:
        presets = [p for p in presets if p.four_bit_gib <= WEIGHTS_SHARE * options.memory]
    print(as_table(presets))


def _fit(options: argparse.Namespace) -> None:
    from mars.pocket_vl.splits import own_clouds

    given = {
        "contrast": options.contrast or contrast_of(model_source(options.model)),
        "neutral": options.neutral,
        "clouds": own_clouds(options.model),
        "effect": options.effect,
        "with_umap": not options.no_umap,
        "batch_size": options.batch_size,
        "progress": ProgressBar(),
        "notice": lambda sentence: print(f"\nnote: {sentence}", file=sys.stderr, flush=True),
    }
    folder = None if options.no_cache else options.cache.resolve()
    load = load_of(options)
    if options.ray:
        with cluster_of(options) as cluster:
            artifact = Artifact.fit_on(cluster, load, cache=folder, **given)
    else:
        model = load()
        cache = None if folder is None else ActivationCache(folder, model)
        artifact = Artifact.fit(model, cache=cache, **given)
    artifact.save(options.out)
    print(artifact.scores.reason)
    if artifact.effect:
        print_effect(artifact)
    print_notes(artifact)
    print(f"Wrote {options.out}.")


def _sweep(options: argparse.Namespace) -> None:
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
    model = load_of(options)()
    artifact = Artifact.load(artifact_folder(options), model)
    prompt = Prompt.of(options.text, options.media)
    bar = ProgressBar()
    told = {"gains": options.gains or GAINS, "progress": lambda done, total: bar("cells", done, total)}
    if options.verdicts:
        told["gains"] = options.gains or VERDICT_GAINS
        found = verdict_map(model, artifact, prompt, **told)
        print_verdict_map(found, artifact.layer)
    else:
        found = sweep(model, artifact, prompt, **told)
        print_sweep(found, artifact.layer)
    print_notes(artifact)
    if options.json:
        atomic_write(options.json, (json.dumps(found.as_json(), indent=1) + "\n").encode())
        print(f"Wrote {options.json}.")


def _eval(options: argparse.Namespace) -> None:
    settings = Settings(
        layer=options.layer,
        gain=options.gain,
        by=options.by,
        seed=options.seed,
        max_new_tokens=options.max_new_tokens,
        max_rows=options.max_rows,
        window=options.window,
        judge=named_judge(options.judge) if options.judge else verdict,
    )
    strategies = [name for part in options.strategies for name in part.replace(",", " ").split()]
    strategies = list(STRATEGY_SPECS) if strategies == ["all"] else strategies
    draws_of(strategies)
    load, folder = load_of(options), artifact_folder(options)
    bar, run_path = ProgressBar(), _run_path(options)

    def asked() -> dict[str, Any]:
        return {
            "cases": _cases(options),
            "strategies": strategies,
            "settings": settings,
            "run_path": run_path,
            "progress": lambda done, total: bar("cases", done, total),
        }

    if options.ray:
        with cluster_of(options) as cluster:
            results = measure_on(cluster, load, folder, **asked())
    else:
        model = load()
        results = measure(model, Artifact.load(folder, model), **asked())
    results["settings"] |= {"set": options.set}
    if options.set == TEST_SET:
        results["settings"] |= {"per_cell": options.per_cell}
    print_results(results)
    if options.json:
        atomic_write(options.json, (json.dumps(results, indent=1) + "\n").encode())
        print(f"Wrote {options.json}.")
    if run_path and run_path.suffix == TABLE:
        print(f"Wrote {run_path}.")
    elif run_path:
        run_path.unlink()


def _run_path(options: argparse.Namespace) -> Path | None:
    """Where finished cases are kept: in a table, or in a file until the results are written."""
    if options.table and options.table.suffix != TABLE:
        raise ValueError(f"--table is {options.table}; the name of the folder has to end with {TABLE}.")
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
    if options.table or not options.json:
        return options.table
    return options.json.with_suffix(TABLE) if options.ray else options.json.with_name(options.json.name + ".run")


def _cases(options: argparse.Namespace) -> Sequence[Case]:
    if options.set == TEST_SET:
        from mars.pocket_vl.splits import test_cases

        if options.per_cell < 1:
            raise ValueError(f"--per-cell is {options.per_cell}; a rate needs at least 1 case.")
        return test_cases(options.per_cell)
    from mars.datasets.benchmarks import load_set

    own = Path(options.set)
    folder = options.folder and options.folder.resolve()
    return load_set(own.resolve() if own.is_file() else options.set, folder, options.columns)


if __name__ == "__main__":
    sys.exit(main())
