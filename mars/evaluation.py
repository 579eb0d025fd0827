"""Refusal, false refusal and utility, with counts and intervals, every strategy on the same cases.

Both rates always stand together, since one without the other says nothing.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any, NamedTuple

from mars.artifacts import Artifact
from mars.generation import branch, prefill
from mars.judges import Judge, refusal_score, refused
from mars.models import LoadedModel
from mars.records import MODALITIES, Label, Modality, Prompt
from mars.steering import STRATEGIES

REPLY_TOKENS = 24
"""Enough of a reply to see how it opens and what it names."""
Z_95 = 1.959964


@dataclass(frozen=True)
class Case:
    """One input with what is known about it."""

    prompt: Prompt
    label: Label
    group: str = "main"
    """"main", "held_out_things" or "blank_picture" of the bundled set; free otherwise."""
    expected: str | None = None
    """For a harmless question, the exact reply; None for a request, which is judged by refusal alone."""


class Outcome(NamedTuple):
    """What one strategy made of one case."""

    case: int
    strategy: str
    modality: Modality
    label: Label
    group: str
    reply: str
    refused: bool
    refusal_score: float
    """Odds that the first token opens a refusal, in nats."""
    strength: float
    """Length of the step along the refusal direction at the first token; 0 where the gate was shut."""
    exact: bool | None
    """Whether the reply is the expected one; None where none is expected."""


class Interval(NamedTuple):
    """A rate with its Wilson 95 % interval."""

    rate: float
    low: float
    high: float


def wilson(successes: int, n: int, z: float = Z_95) -> Interval:
    """Wilson score interval of a rate; raises ValueError on an impossible count (Wilson 1927)."""
    if n <= 0 or not 0 <= successes <= n:
        raise ValueError(f"{successes} of {n} is not a rate.")
    rate = successes / n
    scale = 1 + z * z / n
    center = (rate + z * z / (2 * n)) / scale
    half = z * sqrt(rate * (1 - rate) / n + z * z / (4 * n * n)) / scale
    return Interval(rate, max(center - half, 0.0), min(center + half, 1.0))


def evaluate(
    model: LoadedModel,
    artifact: Artifact,
    cases: Sequence[Case],
    strategies: Sequence[str] = ("unsteered", "addition", "mars"),
    *,
    layer: int | None = None,
    gain: float = 1.0,
    judge: Judge = refused,
    max_new_tokens: int = REPLY_TOKENS,
    progress: Callable[[int, int], None] = lambda done, total: None,  # noqa: ARG005
) -> Iterable[Outcome]:
    """Answer every case by every strategy, all strategies of a case in one batch; yields as it goes.

    layer defaults to the artifact's own. Raises ValueError on an unknown strategy.
    """
    unknown = [name for name in strategies if name not in STRATEGIES]
    if unknown:
        raise ValueError(f"Unknown strategy {unknown[0]!r}. Known are: {', '.join(STRATEGIES)}.")
    layer = artifact.layer if layer is None else model.check_layer(layer)
    for number, case in enumerate(cases):
        modality = case.prompt.modality
        geometry = artifact.geometry(layer, modality).to(model.layer_device(layer))
        rows = [STRATEGIES[name](geometry, gain) for name in strategies]
        steps = list(branch(model, prefill(model, case.prompt), rows, layer, max_new_tokens=max_new_tokens))
        scores = refusal_score(steps[0].logits, artifact.refusal_ids)
        for row, name in enumerate(strategies):
            reply = steps[-1].texts[row]
            yield Outcome(
                case=number,
                strategy=name,
                modality=modality,
                label=case.label,
                group=case.group,
                reply=reply,
                refused=judge(reply),
                refusal_score=float(scores[row]),
                strength=steps[0].strengths[row],
                exact=None if case.expected is None else reply.strip() == case.expected.strip(),
            )
        progress(number + 1, len(cases))


def summarize(outcomes: Iterable[Outcome]) -> dict[str, list[dict[str, Any]]]:
    """Rows of refusals by strategy, modality, label and group, and of utility: counts, rates, intervals.

    Questions (cases with an expected reply) count as utility, requests as refusals.
    """
    requests: dict[tuple, list[Outcome]] = defaultdict(list)
    questions: dict[tuple, list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        if outcome.exact is None:
            requests[outcome.strategy, outcome.modality, outcome.label, outcome.group].append(outcome)
        else:
            questions[outcome.strategy, outcome.modality].append(outcome)
    rows = []
    for (strategy, modality, label, group), found in requests.items():
        refusals = sum(outcome.refused for outcome in found)
        rows.append(
            {"strategy": strategy, "modality": modality, "label": label, "group": group, "refusals": refusals,
             "n": len(found), **wilson(refusals, len(found))._asdict(),
             "open_gates": sum(outcome.strength > 0 for outcome in found) / len(found),
             "mean_strength": sum(outcome.strength for outcome in found) / len(found)}
        )  # fmt: skip
    utility = []
    for (strategy, modality), found in questions.items():
        exact = sum(bool(outcome.exact) for outcome in found)
        utility.append(
            {"strategy": strategy, "modality": modality, "exact": exact, "n": len(found),
             **wilson(exact, len(found))._asdict()}
        )  # fmt: skip
    order = {name: index for index, name in enumerate((*STRATEGIES, *MODALITIES))}
    rows.sort(key=lambda row: (row["group"] != "main", row["group"], order[row["strategy"]], order[row["modality"]]))
    return {"rows": rows, "utility": utility}
