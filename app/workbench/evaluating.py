"""Evaluations from the page: which cases, and where a run that was stopped is kept."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mars.artifact.artifact import Artifact
from mars.datasets.benchmarks import load_set
from mars.datasets.case import Case
from mars.evaluation.evaluate import Settings, measure
from mars.evaluation.strategies import STRATEGY_SPECS
from mars.model.info import weights_fingerprint
from mars.model.loaded_model import LoadedModel
from mars.pocket_vl.splits import test_cases
from mars.verdict.custom_judge import BUNDLED
from mars.versions import versions_here

from ..backend import Plan
from ..results import RequestError
from .watching import Report

STRATEGIES = {name: spec.summary for name, spec in STRATEGY_SPECS.items()}
"""Everything that can be compared and what it is, in a sentence, in the order of tables."""
USUAL = ("unsteered", "addition", "mars", "mars_no_recentering")
TEST_SET = "test"
MAX_PER_CELL = 200
RUNS = Path("out") / "evaluations"
"""Where runs that were stopped wait, below the folder the page was started from."""


def read_cases(plan: Plan) -> Sequence[Case]:
    """The cases of a plan. Raises RequestError, and ValueError for a bad file."""
    if not plan.strategies:
        raise RequestError("No strategy is chosen. Choose at least one to evaluate.")
    if unknown := [name for name in plan.strategies if name not in STRATEGY_SPECS]:
        raise RequestError(f"There is no strategy “{unknown[0]}”. Known are: {', '.join(STRATEGIES)}.")
    if plan.path:
        return load_set(plan.path)
    count = plan.per_cell
    if isinstance(count, float) and count.is_integer():
        count = int(count)
    if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= MAX_PER_CELL:
        raise RequestError(f"{count} cases a cell cannot be asked; choose a whole number from 1 to {MAX_PER_CELL}.")
    return test_cases(count)


def evaluate(model: LoadedModel, artifact: Artifact, plan: Plan, report: Report, runs: Path = RUNS) -> dict[str, Any]:
    """Results of a plan, ready for JSON; a plan that was stopped goes on where it was. Raises as `measure` does.

    Finished cases are kept in a file under `runs` until the evaluation is complete.
    """
    path = runs / f"{_mark(model, artifact, plan)}.run"
    results = measure(
        model,
        artifact,
        read_cases(plan),
        list(plan.strategies),
        Settings(layer=plan.layer, gain=plan.gain),
        run_path=path,
        progress=report,
    )
    path.unlink(missing_ok=True)
    results["settings"] |= (
        {"set": Path(plan.path).name} if plan.path else {"set": TEST_SET, "per_cell": plan.per_cell}
    )
    return results


def _mark(model: LoadedModel, artifact: Artifact, plan: Plan) -> str:
    """A name for what must not differ where a run goes on; other cases and strategies may join it."""
    told = [
        model.name,
        str(model.dtype),
        weights_fingerprint(model.model),
        model.template_hash,
        artifact.hash,
        artifact.reply_tokens,
        BUNDLED,
        plan.layer,
        plan.gain,
    ]
    told += versions_here().values()
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:16]
