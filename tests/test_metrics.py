import pytest

from mars.evaluation.metrics import summarize
from mars.evaluation.outcomes import Outcome
from mars.intervals import wilson


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


def _outcome(strategy="mars", refused=False, label="harmful", exact=None, strength=0.0, draw=0, kl=0.0, score=0.0):
    return Outcome(0, strategy, draw, "image", label, "main", "", refused, score, strength, kl, exact)


def test_requests_count_as_refusals_and_questions_as_utility():
    outcomes = [_outcome(refused=True, strength=2.0, score=1.0)] * 3 + [_outcome(score=-1.0)]
    outcomes += [_outcome(label="harmless", exact=True)] * 2 + [_outcome(label="harmless", exact=False)]
    summary = summarize(outcomes)
    (row,) = summary["rows"]
    assert (row["refusals"], row["n"], row["rate"]) == (3, 4, 0.75)
    assert (row["open_gates"], row["mean_strength"], row["score_rate"], row["mean_score"]) == (0.75, 1.5, 0.75, 0.5)
    (utility,) = summary["utility"]
    assert (utility["exact"], utility["n"]) == (2, 3)


def test_draws_give_their_mean_with_each_case_counted_once_and_a_band():
    refusals = {0: 4, 1: 1, 2: 1}
    outcomes = [
        _outcome("random", refused=number < count, draw=draw)
        for number in range(4)
        for draw, count in refusals.items()
    ]
    (row,) = summarize(outcomes)["rows"]
    assert (row["refusals"], row["n"], row["rate"], row["draws"]) == (2, 4, 0.5, 3)
    assert row["band"] == [0.25, 1.0]
    assert (row["low"], row["high"]) == wilson(2, 4)[1:]


def test_kl_is_the_mean_over_harmless_inputs_and_absent_for_harmful_ones():
    outcomes = [_outcome(label="harmless", kl=0.5), _outcome(label="harmful", kl=9.0)]
    outcomes += [_outcome(label="harmless", exact=True, kl=1.0), _outcome(label="harmful", exact=True, kl=9.0)]
    summary = summarize(outcomes)
    assert [row["kl"] for row in summary["rows"]] == [0.5, None]
    (utility,) = summary["utility"]
    assert (utility["n"], utility["kl"], utility["kl_n"]) == (2, 0.75, 2)


def test_rows_stand_in_the_order_of_the_lineup_the_main_group_first():
    outcomes = [_outcome("random"), _outcome("mars")._replace(group="blank_picture"), _outcome("mars")]
    found = [(row["strategy"], row["group"]) for row in summarize(outcomes)["rows"]]
    assert found == [("mars", "main"), ("random", "main"), ("mars", "blank_picture")]
