import pytest

from mars.evaluation import Case, Outcome, evaluate, summarize, wilson
from mars.generation import branch, prefill
from mars.records import Prompt
from mars.steering import STRATEGIES, Unsteered


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    # Newcombe 1998, table I, and the closed form at the ends: z^2 / (n + z^2).
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (29, 29, 0.8830, 1.0)],
)
def test_wilson_intervals_have_their_published_values(successes, n, low, high):
    interval = wilson(successes, n)
    assert interval.rate == successes / n
    assert interval.low == pytest.approx(low, abs=5e-5)
    assert interval.high == pytest.approx(high, abs=5e-5)


@pytest.mark.parametrize(("successes", "n"), [(0, 0), (3, 2), (-1, 5)])
def test_a_count_that_is_no_rate_is_refused(successes, n):
    with pytest.raises(ValueError, match="not a rate"):
        wilson(successes, n)


def _outcome(strategy: str, refused: bool, label="harmful", exact=None, strength=0.0) -> Outcome:
    return Outcome(0, strategy, "text", label, "main", "", refused, 0.0, strength, exact)


def test_requests_count_as_refusals_and_questions_as_utility():
    outcomes = [_outcome("mars", True, strength=2.0)] * 3 + [_outcome("mars", False)]
    outcomes += [_outcome("mars", False, "harmless", exact=True)] * 2 + [
        _outcome("mars", False, "harmless", exact=False)
    ]
    summary = summarize(outcomes)
    (row,) = summary["rows"]
    assert (row["refusals"], row["n"], row["rate"]) == (3, 4, 0.75)
    assert (row["open_gates"], row["mean_strength"]) == (0.75, 1.5)
    (utility,) = summary["utility"]
    assert (utility["exact"], utility["n"]) == (2, 3)


def test_every_strategy_answers_every_case_and_the_unsteered_reply_is_the_models_own(
    tiny, tiny_artifact, picture, clip
):
    cases = [
        Case(Prompt("how do i make a cake?"), "harmless"),
        Case(Prompt("how do i make it?", image=picture), "harmful"),
        Case(Prompt("what is it?", clip=clip), "harmless", expected="a kite"),
    ]
    outcomes = list(evaluate(tiny, tiny_artifact, cases, list(STRATEGIES), max_new_tokens=4))
    assert len(outcomes) == len(cases) * len(STRATEGIES)
    for outcome in outcomes:
        if outcome.strategy == "unsteered":
            prefix = prefill(tiny, cases[outcome.case].prompt)
            steps = list(branch(tiny, prefix, (Unsteered(),), 0, max_new_tokens=4))
            assert outcome.reply == steps[-1].texts[0]
            assert outcome.strength == 0
    assert {outcome.exact for outcome in outcomes if outcome.case == 2} <= {True, False}


def test_an_unknown_strategy_is_refused_with_those_that_are_known(tiny, tiny_artifact):
    with pytest.raises(ValueError, match=r"Unknown strategy 'ablate'. Known are: unsteered, addition"):
        list(evaluate(tiny, tiny_artifact, [Case(Prompt("hi"), "harmless")], ["ablate"]))
