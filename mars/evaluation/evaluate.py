"""Every strategy on the same cases: what is run, what is stored of each reply, and the summary of all."""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from mars.artifact.artifact import Artifact
from mars.datasets.case import Case, CaseInfo
from mars.distributed.executor import Cluster, Executor, run_serial
from mars.evaluation.checkpoint import Run, RunFile
from mars.evaluation.metrics import notes, summarize
from mars.evaluation.outcomes import CaseResult, Outcome
from mars.evaluation.runner import DEFAULT, CaseRunner, Settings, Window, read_window, windows_of
from mars.evaluation.self_check import cannot_check
from mars.evaluation.strategies import STRATEGY_SPECS, StrategyDraw, draws_of
from mars.model.info import Load, ModelInfo, model_info
from mars.model.loaded_model import LoadedModel
from mars.verdict.custom_judge import judge_name
from mars.versions import versions_here

EXAMPLES = 20
"""Cases of each kind that results hold with all replies, to be read; and failures that they name."""
TABLE = ".parquet"
"""What the name of a run ends with that is kept as a table."""

LOST = "Each worker that was given this case died, perhaps because memory ran out."
"""The error of a case that no worker survived."""

Progress = Callable[[int, int], None]
"""Called with how many cases are done, and of how many."""


class EvaluationError(ValueError):
    """Cases that cannot be answered; the message says which, and why."""


class Subject(NamedTuple):
    """What is evaluated; the model itself may be on another machine."""

    info: ModelInfo
    artifact: Artifact
    settings: Settings
    """With layer and length resolved."""
    not_applicable: dict[str, str]
    """Strategies that the model cannot carry out, with the reason."""


def evaluate(
    model: LoadedModel,
    artifact: Artifact,
    cases: Sequence[Case],
    strategies: Sequence[str] = ("unsteered", "addition", "mars"),
    settings: Settings = DEFAULT,
    *,
    progress: Progress = lambda done, total: None,  # noqa: ARG005
) -> Iterator[Outcome]:
    """Answer every case with each of the strategies, names in `STRATEGY_SPECS`; yields as it goes, in order of cases.

    Raises ValueError on an unknown strategy, ModelError on a layer that does not exist, EvaluationError at the first
    case that cannot be answered.
    """
    rows, settings = draws_of(strategies), settings.at(model, artifact)
    make = partial(CaseRunner, model, artifact, settings)
    for result in _each(cases, rows, settings.window, None, run_serial, make, progress):
        if result.error:
            raise EvaluationError(f"Case {result.case} cannot be answered: {result.error}")
        yield from result.outcomes


def measure(
    model: LoadedModel,
    artifact: Artifact,
    cases: Sequence[Case],
    strategies: Sequence[str],
    settings: Settings = DEFAULT,
    *,
    run_path: str | Path | None = None,
    progress: Progress = lambda done, total: None,  # noqa: ARG005
) -> dict[str, Any]:
    """Evaluate and summarize as JSON values: rows, utility, strategies, notes, bias, not_applicable, failures, cases,
    settings, versions, hashes.

    A strategy that the model cannot carry out has no rows but a reason in `not_applicable`; `cases` holds the
    first EXAMPLES of each kind with what every strategy replied. A case that cannot be answered is left out of all
    rates and counted in `failures`. With `run_path`, a run that was stopped resumes from that file, or from that
    folder of Parquet files if its name ends with TABLE; `max_rows` and `window` may be others than before. Raises
    EvaluationError where no case can be answered, RunFileError where the run was begun with other settings,
    ValueError on an unknown strategy, ModelError on a layer that does not exist.
    """
    draws_of(strategies)
    subject = _subject(model, artifact, strategies, settings)
    make = partial(CaseRunner, model, artifact, subject.settings)
    return _measured(subject, cases, strategies, run_path, run_serial, make, progress)


def measure_on(
    cluster: Cluster,
    load: Load,
    artifact_folder: str | Path,
    cases: Sequence[Case],
    strategies: Sequence[str],
    settings: Settings = DEFAULT,
    *,
    run_path: str | Path | None = None,
    progress: Progress = lambda done, total: None,  # noqa: ARG005
) -> dict[str, Any]:
    """As `measure`, by the workers of a cluster, each of which loads the model once; none is loaded here.

    The artifact's folder, and the files of cases, are read where this runs and where the workers are.
    """
    draws_of(strategies)
    subject = cluster.once(partial(_loaded_subject, load, artifact_folder, strategies, settings))
    make = partial(_loaded_runner, load, subject.artifact, subject.settings)
    return _measured(subject, cases, strategies, run_path, cluster.execute, make, progress)


def _subject(model: LoadedModel, artifact: Artifact, strategies: Sequence[str], settings: Settings) -> Subject:
    reasons = {name: cannot_check(model) for name in strategies if STRATEGY_SPECS[name].checks_itself}
    return Subject(
        model_info(model),
        artifact,
        settings.at(model, artifact),
        {name: why for name, why in reasons.items() if why},
    )


def _loaded_subject(load: Load, folder: str | Path, strategies: Sequence[str], settings: Settings) -> Subject:
    """The subject of a model that is loaded here and released; without the artifact's clouds and thumbnails."""
    model = load()
    artifact = Artifact.load(folder, model)
    return _subject(model, replace(artifact, clouds=(), umap=None), strategies, settings)


def _loaded_runner(load: Load, artifact: Artifact, settings: Settings) -> CaseRunner:
    return CaseRunner(load(), artifact, settings)


def _measured(
    subject: Subject,
    cases: Sequence[Case],
    strategies: Sequence[str],
    run_path: str | Path | None,
    execute: Executor,
    make: Callable[[], CaseRunner],
    progress: Progress,
) -> dict[str, Any]:
    info, artifact, settings, reasons = subject
    setup = {"model": info.name, "dtype": info.dtype, **vars(settings), "judge": judge_name(settings.judge)}
    hashes = {
        "weights": info.weights,
        "template": info.template_hash,
        "contrast": artifact.provenance.get("contrast_hash"),
        "artifact": artifact.hash,
    }
    run = _run(Path(run_path), {**setup, **versions_here(), **hashes}) if run_path else None
    rows = draws_of([name for name in strategies if name not in reasons])
    results = sorted(
        _each(cases, rows, settings.window, run, execute, make, progress), key=lambda result: result.case
    )
    failed = [result for result in results if result.error]
    if failed and len(failed) == len(results):
        raise EvaluationError(f"None of the {len(failed)} cases can be answered. {failed[0].error}")

    cases_hash = hashlib.sha256()
    examples: dict[tuple, list[dict]] = defaultdict(list)
    for result in results:
        case = result.info
        cases_hash.update(case.hash.encode() if case else b"")
        if result.outcomes:
            same_kind = examples[case.group, case.modality, case.label, case.expected is None]
            if len(same_kind) < EXAMPLES:
                same_kind.append(_example(case, result.outcomes))
    found = {
        **summarize(outcome for result in results for outcome in result.outcomes),
        "settings": {**setup, "strategies": list(strategies)},
    }
    return {
        **found,
        "strategies": {name: STRATEGY_SPECS[name].summary for name in dict.fromkeys(strategies)},
        "notes": notes(found),
        "bias": _bias(artifact, settings.layer),
        "not_applicable": [{"strategy": name, "reason": why} for name, why in reasons.items()],
        "failures": {
            "n": len(failed),
            "cases": [{"case": result.case, "error": result.error} for result in failed[:EXAMPLES]],
        },
        "cases": [example for same_kind in examples.values() for example in same_kind],
        "versions": versions_here(),
        "hashes": {**hashes, "cases": cases_hash.hexdigest()},
    }


def _run(path: Path, settings: dict[str, Any]) -> Run:
    """The run that a file or a table holds, which may be new."""
    if path.suffix != TABLE:
        return RunFile(path, settings)
    try:
        from mars.evaluation.parquet import RunTable
    except ImportError as error:
        raise EvaluationError("A table needs pyarrow: pip install -r requirements-ray.txt") from error
    return RunTable(path, settings)


def _each(
    cases: Sequence[Case],
    rows: Sequence[StrategyDraw],
    size: int,
    run: Run | None,
    execute: Executor,
    make: Callable[[], CaseRunner],
    progress: Progress,
) -> Iterator[CaseResult]:
    """Every case with all of its outcomes, as they come; what is finished in the run is read from there."""
    finished = {case: frozenset(outcomes) for case, outcomes in run.finished.items()} if run else {}
    read = partial(read_window, rows=rows, finished=finished)
    windows, done = windows_of(cases, size), 0

    def completed(found: Sequence[CaseResult]) -> Iterator[CaseResult]:
        nonlocal done
        if run:
            run.keep(found)
        for result in found:
            done += 1
            yield _with_finished(result, rows, run)
            progress(done, len(cases))

    progress(0, len(cases))
    while windows:
        lost: list[Window] = []
        for number, found in execute(windows, read, make):
            if found is None:
                lost.append(windows[number])
            else:
                yield from completed(found)
        # One case may have crashed the worker, and lost what was queued with it: run alone, it is found out.
        alone = [
            Window(window.start + part.start, part.cases) for window in lost for part in windows_of(window.cases, 1)
        ]
        if len(alone) == len(lost) == len(windows):
            yield from completed([CaseResult(window.start, None, error=LOST) for window in alone])
            return
        windows = alone


def _with_finished(result: CaseResult, rows: Sequence[StrategyDraw], run: Run | None) -> CaseResult:
    """All outcomes of a case, in order of the rows, those from the run among them."""
    if result.error or run is None:
        return result
    finished = run.outcomes(result.info.hash)
    return result._replace(outcomes=tuple(finished[row]._replace(case=result.case) for row in rows))


def _bias(artifact: Artifact, layer: int) -> list[dict[str, Any]]:
    """Where the neutral media lie along the direction, in units of s, with a bootstrap interval."""
    return [
        {
            "modality": modality,
            "layer": layer,
            **dict(zip(("along", "low", "high"), along[layer].tolist(), strict=True)),
        }
        for modality, along in artifact.bias_along.items()
    ]


def _example(info: CaseInfo, found: Sequence[Outcome]) -> dict[str, Any]:
    """A case with what every strategy replied, the first draw of several; `case` is its number in the set."""
    kept = ("reply", "verdict", "reason", "cut", "refused", "refusal_score", "strength")
    return {
        "case": found[0].case,
        "text": info.text,
        "modality": info.modality,
        "label": info.label,
        "group": info.group,
        "expected": info.expected,
        "replies": {o.strategy: {name: getattr(o, name) for name in kept} for o in found if o.draw == 0},
    }
