"""Every strategy on the same cases: which are asked, what is kept of the answers, and their sum."""

import hashlib
import platform
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from mars.artifact.artifact import Artifact
from mars.datasets.case import Case, CaseInfo
from mars.distributed.executor import Cluster, Executor, run_serial
from mars.evaluation.checkpoint import Run, RunFile
from mars.evaluation.metrics import summarize
from mars.evaluation.outcomes import CaseResult, Outcome
from mars.evaluation.runner import DEFAULT, CaseRunner, Settings, Window, read_window, windows_of
from mars.evaluation.self_check import cannot_check
from mars.evaluation.strategies import STRATEGY_SPECS, StrategyDraw, draws_of
from mars.model.info import Load, ModelInfo, model_info
from mars.model.loaded_model import LoadedModel
from mars.refusal import Judge

EXAMPLES = 20
"""Cases of each kind that results hold with all replies, to be read; and failures that they name."""
TABLE = ".parquet"
"""What the name of a run ends with that is kept as a table."""

LOST = "Each worker that was given this case died, as for want of memory."

Progress = Callable[[int, int], None]
"""Called with how many cases are done, and of how many."""


class EvaluationError(ValueError):
    """Cases that cannot be answered; the message says which, and why."""


class Subject(NamedTuple):
    """What is evaluated, with the model itself left where it is."""

    facts: ModelInfo
    artifact: Artifact
    settings: Settings
    """With the layer told."""
    not_applicable: dict[str, str]
    """Strategies that the model cannot carry out, with the reason."""


def evaluate(
    model: LoadedModel,
    artifact: Artifact,
    cases: Sequence[Case],
    strategies: Sequence[str] = ("unsteered", "addition", "mars"),
    settings: Settings = DEFAULT,
    *,
    run_file: Run | None = None,
    progress: Progress = lambda done, total: None,  # noqa: ARG005
) -> Iterator[Outcome]:
    """Answer every case by every strategy of `STRATEGY_SPECS` asked for; yields as it goes, in order of cases.

    With a run file, what is finished there is not asked again. Raises ValueError on an unknown strategy,
    ModelError on a layer that does not exist, EvaluationError at the first case that cannot be answered.
    """
    rows, settings = draws_of(strategies), settings.at(model, artifact)
    make = partial(CaseRunner, model, artifact, settings)
    for answered in _each(cases, rows, settings.window, run_file, run_serial, make, progress):
        if answered.error:
            raise EvaluationError(f"Case {answered.case} cannot be answered: {answered.error}")
        yield from answered.outcomes


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
    """Evaluate and sum up, ready for JSON: rows, utility, bias, not_applicable, failures, cases, settings, versions,
    hashes.

    A strategy that the model cannot carry out has no rows but a reason in `not_applicable`; `cases` holds the
    first EXAMPLES of each kind with what every strategy replied. A case that cannot be answered is left out of all
    rates and counted in `failures`. With `run_path`, a run that was stopped goes on from that file, or from that
    folder of Parquet files if its name ends with TABLE. Raises EvaluationError where not a single case can be
    answered, RunFileError where the run was begun with other settings, ValueError on an unknown strategy,
    ModelError on a layer that does not exist.
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
    make = partial(_loaded_answerer, load, subject.artifact, subject.settings)
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
    """The subject of a model that is loaded here and let go again; images of its artifact stay behind."""
    model = load()
    artifact = Artifact.load(folder, model)
    return _subject(model, replace(artifact, clouds=(), umap=None), strategies, settings)


def _loaded_answerer(load: Load, artifact: Artifact, settings: Settings) -> CaseRunner:
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
    facts, artifact, settings, reasons = subject
    told = {"model": facts.name, "dtype": facts.dtype, **vars(settings), "judge": _name(settings.judge)}
    versions = {"python": platform.python_version(), **{name: version(name) for name in ("torch", "transformers")}}
    hashes = {
        "weights": facts.weights,
        "template": facts.template_hash,
        "contrast": artifact.provenance.get("contrast_hash"),
        "artifact": artifact.hash,
    }
    run = _run(Path(run_path), {**told, **versions, **hashes}) if run_path else None
    rows = draws_of([name for name in strategies if name not in reasons])
    answered = sorted(
        _each(cases, rows, settings.window, run, execute, make, progress), key=lambda answered: answered.case
    )
    failed = [entry for entry in answered if entry.error]
    if failed and len(failed) == len(answered):
        raise EvaluationError(f"None of the {len(failed)} cases can be answered. {failed[0].error}")

    asked = hashlib.sha256()
    examples: dict[tuple, list[dict]] = defaultdict(list)
    for entry in answered:
        asked.update(entry.info.hash.encode() if entry.info else b"")
        if entry.outcomes:
            info = entry.info
            alike = examples[info.group, info.modality, info.label, info.expected is None]
            if len(alike) < EXAMPLES:
                alike.append(_example(info, entry.outcomes))
    return {
        **summarize(outcome for entry in answered for outcome in entry.outcomes),
        "bias": _bias(artifact, settings.layer),
        "not_applicable": [{"strategy": name, "reason": why} for name, why in reasons.items()],
        "failures": {
            "n": len(failed),
            "cases": [{"case": entry.case, "error": entry.error} for entry in failed[:EXAMPLES]],
        },
        "cases": [example for alike in examples.values() for example in alike],
        "settings": {**told, "strategies": list(strategies)},
        "versions": versions,
        "hashes": {**hashes, "cases": asked.hexdigest()},
    }


def _run(path: Path, settings: dict[str, Any]) -> Run:
    """What is finished already, from a file or a table."""
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
    """Every case with all of its outcomes, as they come; what is finished in the run is taken from there."""
    finished = {case: frozenset(outcomes) for case, outcomes in run.finished.items()} if run else {}
    read = partial(read_window, rows=rows, finished=finished)
    windows, done = windows_of(cases, size), 0

    def told(answers: Sequence[CaseResult]) -> Iterator[CaseResult]:
        nonlocal done
        if run:
            run.keep(answers)
        for answered in answers:
            done += 1
            yield _with_finished(answered, rows, run)
            progress(done, len(cases))

    progress(0, len(cases))
    while windows:
        lost: list[Window] = []
        for number, answers in execute(windows, read, make):
            if answers is None:
                lost.append(windows[number])
            else:
                yield from told(answers)
        # One case may have taken a worker with it, and what waited there: alone, it shows itself.
        alone = [
            Window(window.start + part.start, part.cases) for window in lost for part in windows_of(window.cases, 1)
        ]
        if len(alone) == len(lost) == len(windows):
            yield from told([CaseResult(window.start, None, error=LOST) for window in alone])
            return
        windows = alone


def _with_finished(answered: CaseResult, rows: Sequence[StrategyDraw], run: Run | None) -> CaseResult:
    """All outcomes of a case, in order of the rows, those from the run among them."""
    if answered.error or run is None:
        return answered
    known = run.outcomes(answered.info.hash)
    return answered._replace(outcomes=tuple(known[row]._replace(case=answered.case) for row in rows))


def _name(judge: Judge) -> str:
    return f"{judge.__module__}:{getattr(judge, '__qualname__', type(judge).__name__)}"


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
    """A case with what every strategy replied, of several draws the first; `case` is its number in the set."""
    kept = ("reply", "refused", "refusal_score", "strength")
    return {
        "case": found[0].case,
        "text": info.text,
        "modality": info.modality,
        "label": info.label,
        "group": info.group,
        "expected": info.expected,
        "replies": {o.strategy: {name: getattr(o, name) for name in kept} for o in found if o.draw == 0},
    }
