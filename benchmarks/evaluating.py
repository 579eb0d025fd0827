"""What an evaluation with several strategies costs, beside plain batched generate of as many replies."""

from collections.abc import Sequence

import torch

from benchmarks import peers
from benchmarks.measured import Measured, Peer, check
from benchmarks.timing import ratios, seconds_of, spread
from mars.artifact.artifact import Artifact
from mars.datasets.case import Case
from mars.evaluation.evaluate import evaluate
from mars.evaluation.runner import Settings
from mars.model.loaded_model import LoadedModel
from mars.printing import ProgressBar

STRATEGIES = ("unsteered", "addition", "mars")
PART = 80
"""Cases after which the two sides take turns: whole windows, and whole batches of their replies."""
LEAST_SAME = 0.99
"""Share of unsteered replies that have to be those of generate in float32; padding rounds otherwise."""


def throughput(model: LoadedModel, artifact: Artifact, cases: Sequence[Case]) -> Measured:
    """Replies a second of an evaluation, as a share of those that plain generate gives in batches as large.

    Both read the prompts. Plain generate answers each of them as often as there are strategies.
    """
    settings = Settings().at(model, artifact)

    def evaluated(part: Sequence[Case]) -> list[str]:
        outcomes = list(evaluate(model, artifact, part, STRATEGIES, settings))
        return [outcome.reply for outcome in outcomes if outcome.strategy == STRATEGIES[0]]

    def generated(part: Sequence[Case]) -> list[str]:
        prompts = [case.prompt for case in part for _ in STRATEGIES]
        return peers.replies(model, prompts, settings.max_rows, settings.max_new_tokens)[:: len(STRATEGIES)]

    times: dict[str, list[float]] = {"evaluation": [], "generate": []}
    bar, same = ProgressBar(), 0
    evaluated(cases[:2]), generated(cases[:2])  # warms up
    for start in range(0, len(cases), PART):
        part, unsteered = cases[start : start + PART], {}
        sides = [("evaluation", evaluated), ("generate", generated)]
        for name, answered in sides if start // PART % 2 else sides[::-1]:
            times[name].append(seconds_of(lambda: unsteered.update({name: answered(part)})))  # noqa: B023 - runs here
        same += sum(one.strip() == other.strip() for one, other in zip(*unsteered.values(), strict=True))
        bar("evaluation and generate", start + len(part), len(cases))
    if model.dtype == torch.float32:
        check(same >= LEAST_SAME * len(cases), f"{len(cases) - same} unsteered replies differ from those of generate")
    total = {name: sum(values) for name, values in times.items()}
    of_parts = ratios(times["generate"], times["evaluation"])
    share = of_parts._replace(value=total["generate"] / total["evaluation"])
    return Measured(
        {"evaluation.throughput": share},
        {name: spread([seconds]) for name, seconds in total.items()},
        [Peer("plain generate of as many replies", spread([total["generate"]]), share)],
        f"{len(cases)} cases of the bundled test split with {', '.join(STRATEGIES)}; at most {settings.max_rows} "
        f"rows a batch and {settings.max_new_tokens} tokens a reply; {same} unsteered replies are those of generate; "
        f"the range is over parts of {PART} cases.",
    )
