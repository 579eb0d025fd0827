"""The arithmetic of the benchmarks; never a time."""

import json

import pytest

from benchmarks import measures, peers, plot
from benchmarks.__main__ import as_results
from benchmarks.models import TWO_CORES, Size, prompt_of, random_artifact, random_model, short_prompts
from benchmarks.timing import Spread, ratios, spread, take_turns
from mars.effect.sweep import GAINS, sweep
from mars.model.inputs import encode

SMALL = Size(64, 96, 4, 4, 2, 16, 1600)
FIGURES = (
    "side_by_side.ratio",
    "map.speedup",
    "map.prefills",
    "capture.throughput",
    "capture.memory",
    "step.overhead",
    "head_float32.product",
    "head_float32.forward",
    "fit.effect",
)


@pytest.fixture(scope="module")
def small():
    return random_model(SMALL)


@pytest.fixture
def clock(monkeypatch):
    """Time passes only where a rival says how long it takes."""
    now = [0.0]
    monkeypatch.setattr("benchmarks.timing.time.perf_counter", lambda: now[0])

    def takes(*seconds: float):
        left = iter(seconds)
        return lambda: now.__setitem__(0, now[0] + next(left))

    return takes


def test_a_figure_is_the_median_with_the_range():
    assert spread([3.0, 1.0, 2.0, 10.0]) == Spread(2.5, 1.0, 10.0)
    with pytest.raises(ValueError, match="at least one repetition"):
        spread([])


def test_ratios_are_taken_repetition_by_repetition():
    assert ratios([2.0, 9.0, 8.0], [1.0, 3.0, 2.0]) == Spread(3.0, 2.0, 4.0)
    assert ratios([2.0], [4.0], scale=10) == Spread(5.0, 5.0, 5.0)
    with pytest.raises(ValueError, match="shorter"):
        ratios([1.0, 2.0], [1.0])


def test_rivals_take_turns_and_the_first_round_does_not_count(clock):
    assert take_turns({"a": clock(100, 1, 2), "b": clock(100, 10, 20)}, 2) == {"a": [1, 2], "b": [10, 20]}


def test_every_second_round_runs_backwards():
    order = []
    take_turns({"a": lambda: order.append("a"), "b": lambda: order.append("b")}, 2)
    assert order == ["b", "a", "a", "b", "b", "a"]


def test_a_sampled_forward_per_cell_is_scaled_to_all_cells(small, monkeypatch):
    """Seven forwards were timed, six cells and the unsteered one; the whole map has 36 cells."""
    times = {"map": [2.0], "naive map": [7.0], "branch per layer": [5.0], "prefill": [1.0]}
    monkeypatch.setattr(measures, "take_turns", lambda *_: times)
    found = measures.gain_map(small, prompt_of(small, 40), 1, sampled=True)
    assert found.figures["map.speedup"].value == pytest.approx(36 * 1.0 / 2.0)
    assert found.figures["map.prefills"].value == pytest.approx(2.0)
    assert found.peers[0].seconds.value == pytest.approx(36.0)
    assert found.peers[1].times_ours.value == pytest.approx(2.5)
    assert "timed on 6 of its cells" in found.note


def test_a_map_that_differs_from_the_naive_one_voids_the_benchmark(small, monkeypatch):
    def wrong(*arguments, **options):
        found = sweep(*arguments, **options)
        return found._replace(kl=found.kl + 1e-3)

    monkeypatch.setattr(measures, "sweep", wrong)
    with pytest.raises(AssertionError, match="void: kl differ"):
        measures.gain_map(small, prompt_of(small, 40), 1, sampled=True)


def test_a_map_that_differs_from_that_of_branches_voids_the_benchmark(small, monkeypatch):
    true = peers.map_by_branches
    monkeypatch.setattr(peers, "map_by_branches", lambda *given: [part + 1e-3 for part in true(*given)])
    with pytest.raises(AssertionError, match="void: refusal_scores differ from those of a branch per layer"):
        measures.gain_map(small, prompt_of(small, 40), 1, sampled=True)


def test_no_two_cells_of_the_map_that_is_timed_share_a_row(small):
    found = sweep(small, random_artifact(small), prompt_of(small, 40), strategy="addition")
    assert len(found.kl.unique()) == small.n_layers * len(GAINS)


def test_every_question_gives_its_figures_and_results_that_are_json(small, tiny, contrast):
    found = [
        measures.side_by_side(small, prompt_of(small, 40), 3, 1),
        measures.gain_map(small, prompt_of(small, 40), 1, sampled=False),
        measures.capturing(small, short_prompts(20), 1),
        measures.Measured({"capture.memory": Spread(1.0, 0.9, 1.1)}, {}, [], "Made up."),
        measures.steering_a_step(small, prompt_of(small, 40), 2, 1),
        measures.head_rows(small, short_prompts(3), 1),
        measures.effect_in_fit(tiny, contrast, 1),
    ]
    results = json.loads(json.dumps(as_results(found)))
    for name in FIGURES:
        question, part = name.split(".")
        assert set(results[question][part]) == {"value", "low", "high"}
    assert {peer["name"] for peer in results["peers"]} == {
        "generate twice with a hook", "a forward per cell", "a branch per layer from one cached prefix",
        "output_hidden_states=True", "nnsight", "a strided slice for the head, float32",
        "the forward with it, float32",
    }  # fmt: skip
    assert {"bare forward", "capture"} <= set(results["seconds"]["capture"])  # memory is of the same question
    for peer in results["peers"]:
        assert (peer["seconds"] is None) == (peer["error"] is not None)


def test_prompts_are_of_the_length_given(small):
    for tokens in (40, 100, 401):
        length = encode(small, [prompt_of(small, tokens)])["input_ids"].shape[1]
        assert tokens <= length <= tokens + 3
    with pytest.raises(ValueError, match="more than 2 tokens"):
        prompt_of(small, 2)


def test_the_model_of_the_bars_has_120_million_parameters():
    model = random_model(TWO_CORES)
    assert (model.d_model, model.n_layers) == (768, 16)
    assert 118e6 < model.n_parameters < 123e6


def test_the_plot_of_growth_has_a_panel_an_axis_with_its_points_in_order():
    point = {"tokens": 400, "layers": 16, "cells": 144, "map_seconds": 2.0, "prefill_seconds": 1.0, "prefills": 2.0}
    longer = {**point, "tokens": 100, "prefills": 1.5}
    figure = plot.growth({"growth": {"tokens": [point, longer], "layers": [point], "cells": [point]}})
    assert [tuple(trace.x) for trace in figure.data] == [(100, 400), (16,), (144,)]
    assert tuple(figure.data[0].y) == (1.5, 2.0)
    assert "tokens" in figure.layout.xaxis.title.text and "prefills" in figure.layout.yaxis.title.text
