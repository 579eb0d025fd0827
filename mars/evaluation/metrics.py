"""From outcomes to rates: refusals, false refusals and utility, with counts and intervals.

Refusals and false refusals are always reported together: either alone can be made as good as one likes.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from statistics import fmean
from typing import Any

from mars.evaluation.outcomes import Outcome
from mars.evaluation.strategies import STRATEGY_SPECS
from mars.intervals import wilson
from mars.types import MODALITIES


def summarize(outcomes: Iterable[Outcome]) -> dict[str, list[dict[str, Any]]]:
    """`rows` of refusals by strategy, modality, label and group, and `utility` by strategy and modality.

    Requests count as refusals; questions (cases with an expected reply) as utility. A strategy of several draws
    gives means over its draws, n counting each case once, and the lowest and highest rate of a draw as `band`.
    `open_gates` is the share of inputs with a step at the first token, and `mean_strength` the mean step over
    all of them; `score_rate` the share whose first-token refusal score, `mean_score` on average, is above 0.
    `kl` is the mean of KL(unsteered || this) at the first token, in nats: in `rows` over the harmless requests of
    the row, None for harmful ones; in `utility` over all harmless inputs of the modality, `kl_n` of them.
    """
    requests: dict[tuple, list[Outcome]] = defaultdict(list)
    questions: dict[tuple, list[Outcome]] = defaultdict(list)
    harmless: dict[tuple, list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        if outcome.exact is None:
            requests[outcome.strategy, outcome.modality, outcome.group, outcome.label].append(outcome)
        else:
            questions[outcome.strategy, outcome.modality].append(outcome)
        if outcome.label == "harmless":
            harmless[outcome.strategy, outcome.modality].append(outcome)
    rows = [
        {"strategy": strategy, "modality": modality, "label": label, "group": group, **_refusals(found)}
        for (strategy, modality, group, label), found in requests.items()
    ]
    utility = [
        {"strategy": strategy, "modality": modality, **_utility(found, harmless[strategy, modality])}
        for (strategy, modality), found in questions.items()
    ]
    order = {name: index for index, name in enumerate((*STRATEGY_SPECS, *MODALITIES))}
    rows.sort(key=lambda row: (row["group"] != "main", row["group"], order[row["strategy"]], order[row["modality"]]))
    utility.sort(key=lambda row: (order[row["strategy"]], order[row["modality"]]))
    return {"rows": rows, "utility": utility}


def _refusals(found: Sequence[Outcome]) -> dict[str, Any]:
    by_draw = _by_draw(found, [outcome.refused for outcome in found])
    n = len(found) // len(by_draw)
    refusals = _mean_count([sum(draw) for draw in by_draw])
    row = {
        "refusals": refusals,
        "n": n,
        **wilson(refusals, n)._asdict(),
        "score_rate": fmean(outcome.refusal_score > 0 for outcome in found),
        "mean_score": fmean(outcome.refusal_score for outcome in found),
        "open_gates": fmean(outcome.strength > 0 for outcome in found),
        "mean_strength": fmean(outcome.strength for outcome in found),
        "kl": fmean(outcome.kl for outcome in found) if found[0].label == "harmless" else None,
    }
    return {**row, **_band(by_draw)}


def _utility(found: Sequence[Outcome], harmless: Sequence[Outcome]) -> dict[str, Any]:
    by_draw = _by_draw(found, [bool(outcome.exact) for outcome in found])
    n = len(found) // len(by_draw)
    exact = _mean_count([sum(draw) for draw in by_draw])
    row = {
        "exact": exact,
        "n": n,
        **wilson(exact, n)._asdict(),
        "kl": fmean(outcome.kl for outcome in harmless) if harmless else None,
        "kl_n": len(harmless) // len(by_draw),
    }
    return {**row, **_band(by_draw)}


def _by_draw(found: Sequence[Outcome], successes: Sequence[bool]) -> list[list[bool]]:
    """Successes of each draw, in order of draws."""
    draws: dict[int, list[bool]] = defaultdict(list)
    for outcome, success in zip(found, successes, strict=True):
        draws[outcome.draw].append(success)
    return [draws[draw] for draw in sorted(draws)]


def _mean_count(counts: Sequence[int]) -> float:
    """Mean over draws, whole where it is."""
    mean = fmean(counts)
    return int(mean) if mean == int(mean) else mean


def _band(by_draw: Sequence[Sequence[bool]]) -> dict[str, Any]:
    """Rates of the lowest and the highest draw; nothing for a strategy without draws."""
    if len(by_draw) < 2:
        return {}
    rates = [fmean(draw) for draw in by_draw]
    return {"draws": len(rates), "band": [min(rates), max(rates)]}
