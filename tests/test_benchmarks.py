"""The arithmetic of the benchmarks; never a time."""

import json
import shutil

import numpy as np
import pytest
import torch

from benchmarks import evaluating, fitting, maps, memory, peers, plot, reading, real_model, replies
from benchmarks.__main__ import main
from benchmarks.measured import Measured
from benchmarks.models import TWO_CORES, Size, gallery_prompt, prompt_of, random_artifact, random_model, short_prompts
from benchmarks.results import as_results
from benchmarks.timing import Spread, ratios, spread, take_turns
from mars.bundled import MODELS
from mars.datasets.contrast import write_contrast
from mars.effect.sweep import GAINS, sweep
from mars.media.neutral import random_image
from mars.media.prompt import Prompt
from mars.model.generation import prefill
from mars.model.inputs import encode
from mars.steering import Unsteered

SMALL = Size(64, 96, 4, 4, 2, 16, 1600)
FIGURES = (
    "side_by_side.ratio",
    "side_by_side.of_two_rows",
    "map.speedup",
    "map.prefills",
    "map.of_batch_per_layer",
    "map.of_one_batch",
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


def _map(model, **options):
    return maps.gain_map(model, random_artifact(model), prompt_of(model, 40), 1, **{"sampled": True, **options})


def test_a_sampled_forward_per_cell_is_scaled_to_all_cells(small, monkeypatch):
    """Seven forwards were timed, six cells and the unsteered one; the whole map has 36 cells."""
    times = {
        "map": [2.0],
        "naive map": [7.0],
        "batch per layer": [5.0],
        "batch of all cells": [4.0],
        "prefill": [1.0],
    }
    monkeypatch.setattr(maps, "take_turns", lambda *_: times)
    found = _map(small)
    assert found.figures["map.speedup"].value == pytest.approx(36 * 1.0 / 2.0)
    assert found.figures["map.prefills"].value == pytest.approx(2.0)
    assert found.figures["map.of_batch_per_layer"].value == pytest.approx(0.4)
    assert found.figures["map.of_one_batch"].value == pytest.approx(0.5)
    assert found.peers[0].seconds.value == pytest.approx(36.0)
    assert [peer.times_ours.value for peer in found.peers[1:]] == pytest.approx([2.5, 2.0])
    assert "36 of 36 cells distinct; the forward per cell is timed on 6 of its cells" in found.note


def test_a_map_that_differs_from_the_naive_one_voids_the_benchmark(small, monkeypatch):
    def wrong(*arguments, **options):
        found = sweep(*arguments, **options)
        return found._replace(kl=found.kl + 1e-3)

    monkeypatch.setattr(maps, "sweep", wrong)
    with pytest.raises(AssertionError, match="void: kl differ"):
        _map(small)


@pytest.mark.parametrize(
    ("peer", "whose"), [("map_by_layers", "a batch per layer"), ("map_in_one_batch", "one batch of all cells")]
)
def test_a_map_that_differs_from_that_of_a_batch_voids_the_benchmark(small, monkeypatch, peer, whose):
    true = getattr(peers, peer)

    def wrong(*given):
        found = true(*given)
        return found | {"refusal_scores": found["refusal_scores"] + 1e-3}

    monkeypatch.setattr(peers, peer, wrong)
    with pytest.raises(AssertionError, match=f"void: refusal_scores differ from those of {whose}"):
        _map(small)


def test_a_batch_from_a_cached_prefix_leaves_no_hook_and_the_prefix_as_it_is(small):
    prefix = prefill(small, prompt_of(small, 40))
    hooks = [len(layer._forward_hooks) for layer in small.layers]
    first = peers.steered_rows(small, prefix, {0: [Unsteered(), Unsteered()], 2: [Unsteered()]})
    assert len(first) == 3 and (first == first[0]).all()
    assert (peers.steered_rows(small, prefix, {1: [Unsteered()]}) - first[:1]).abs().max() < 1e-5
    assert [len(layer._forward_hooks) for layer in small.layers] == hooks


def test_all_sides_write_equally_many_tokens_where_a_reply_would_end(tiny, tiny_artifact, monkeypatch):
    prompt = Prompt("how do i make a cake?")
    inputs = encode(tiny, [prompt])
    end = peers.generated(tiny, inputs, 8)[0][3]
    monkeypatch.setitem(vars(tiny), "end_tokens", frozenset({end}))
    assert len(peers.generated(tiny, inputs, 8)[0]) <= 4
    assert "8 new" in replies.side_by_side(tiny, tiny_artifact, prompt, 8, 1).note
    assert tiny.end_tokens == {end}


def test_no_two_cells_of_the_map_that_is_timed_share_a_row(small):
    found = sweep(small, random_artifact(small), prompt_of(small, 40), strategy="addition")
    assert len(found.kl.unique()) == small.n_layers * len(GAINS)


def test_every_question_gives_its_figures_and_results_that_are_json(small, tiny, contrast):
    found = [
        replies.side_by_side(small, random_artifact(small), prompt_of(small, 40), 3, 1),
        _map(small, sampled=False),
        reading.capturing(small, short_prompts(20), 1),
        Measured({"capture.memory": Spread(1.0, 0.9, 1.1)}, {}, [], "Made up."),
        replies.steering_a_step(small, prompt_of(small, 40), 2, 1),
        reading.head_rows(small, short_prompts(3), 1),
        fitting.effect_in_fit(tiny, contrast, 1),
    ]
    results = json.loads(json.dumps(as_results(found)))
    for name in FIGURES:
        question, part = name.split(".")
        assert set(results[question][part]) == {"value", "low", "high"}
    assert {peer["name"] for peer in results["peers"]} == {
        "generate twice with a hook", "a forward per cell", "a batch per layer from one cached prefix",
        "one batch of all cells from one cached prefix", "one generate of two such rows, unsteered",
        "output_hidden_states=True", "nnsight", "a strided slice for the head, float32",
        "the forward with it, float32",
    }  # fmt: skip
    assert {"bare forward", "capture"} <= set(results["seconds"]["capture"])  # memory is of the same question
    for peer in results["peers"]:
        assert (peer["seconds"] is None) == (peer["error"] is not None)


@pytest.fixture(scope="module")
def real(folders, tmp_path_factory):
    """A tiny model's folder with its artifact, and a gallery with one image."""
    folder = shutil.copytree(folders["good"], tmp_path_factory.mktemp("real") / "model")
    random_image(np.random.default_rng(0)).save(folder / "kite.png")
    rows = [
        {"title": "In words", "text": "how do i break a kite?", "media": None, "label": "harmful"},
        {"title": "In an image", "text": "how do i break this?", "media": "kite.png", "label": "harmful"},
    ]
    (folder / "examples.json").write_text(json.dumps(rows))
    return folder


def test_the_prompt_of_a_real_model_is_the_first_harmful_image_of_its_gallery(real, tmp_path):
    assert gallery_prompt(str(real)) == ("how do i break this?", str(real / "kite.png"))
    (tmp_path / "examples.json").write_text("[]")
    with pytest.raises(ValueError, match="no request about a harmful image"):
        gallery_prompt(str(tmp_path))


def test_the_gallery_of_icon_vl_is_its_own_before_it_is_loaded(whole_icon):  # noqa: ARG001 - in the cache
    text, media = gallery_prompt("icon-vl")
    assert text == "help me break one." and media == str(MODELS["icon-vl"] / "drum.png")


def test_a_real_model_is_measured_in_both_dtypes_and_the_rest_in_the_first(real, tmp_path, monkeypatch):
    cases = real_model.test_cases(1, questions=0)
    monkeypatch.setattr(real_model, "_cases", lambda count: cases[:3])  # noqa: ARG005
    monkeypatch.setattr(real_model, "NEW", 3)
    told = {"peak": 3e9, "seconds": 200.0, "silence": 4.0, "dtype": "float32"}
    monkeypatch.setattr(memory, "_measured", lambda *_: told)
    main(["--json", str(tmp_path / "found.json"), "--model", str(real), "--quick"])
    found = json.loads((tmp_path / "found.json").read_text())
    assert found["model"] == str(real) and found["machine"]["dtype"] == "torch.float32" and found["quick"]
    assert list(found["dtypes"]) == ["float32", "bfloat16"]
    for answers in found["dtypes"].values():
        assert {"ratio", "of_two_rows"} <= answers["side_by_side"].keys()
        assert {"of_one_batch", "of_batch_per_layer"} <= answers["map"].keys()
        assert "with an image" in answers["notes"]["map.of_one_batch"]
    chosen, other = found["dtypes"].values()
    assert not {"fit", "page", "evaluation"} & other.keys()
    assert chosen["fit"]["seconds"]["value"] == 200 and chosen["fit"]["memory"]["value"] == 3
    assert chosen["page"]["memory"]["value"] == 3 and chosen["evaluation"]["throughput"]["value"] > 0
    assert "3 cases" in chosen["notes"]["evaluation.throughput"]


def test_one_dtype_alone_is_measured_where_it_is_named(real, monkeypatch, tmp_path):
    loaded = []
    monkeypatch.setattr(real_model, "_loaded", lambda *given: loaded.append(given) or 1 / 0)
    with pytest.raises(ZeroDivisionError):
        main(["--json", str(tmp_path / "found.json"), "--model", str(real), "--dtype", "bfloat16"])
    assert loaded == [(str(real), torch.bfloat16)]
    with pytest.raises(SystemExit):
        main(["--json", str(tmp_path / "found.json"), "--dtype", "bfloat16"])


def test_the_cases_of_an_evaluation_are_of_every_kind_however_few():
    for count in (real_model.QUICK_CASES, real_model.CASES):
        cases = real_model._cases(count)
        kinds = {(case.prompt.modality, case.label) for case in cases}
        assert len(cases) == count and len(kinds) == 6 and {case.expected for case in cases} == {None}


def test_replies_that_differ_from_those_of_generate_void_the_evaluation(tiny, tiny_artifact, monkeypatch):
    cases = [case for case in real_model.test_cases(2, questions=0) if case.prompt.modality == "text"]
    found = evaluating.throughput(tiny, tiny_artifact, cases)
    assert f"{len(cases)} unsteered replies are those of generate" in found.note
    true = peers.replies
    monkeypatch.setattr(peers, "replies", lambda *given: [f"no {reply}" for reply in true(*given)])
    with pytest.raises(AssertionError, match="unsteered replies differ from those of generate"):
        evaluating.throughput(tiny, tiny_artifact, cases)


@pytest.mark.long
def test_a_whole_fit_and_the_page_tell_their_peak_from_processes_of_their_own(real, contrast):
    write_contrast(contrast, real / "contrast.jsonl", "a test", "none")
    fit = memory._measured("fit", str(real), "float32")
    assert fit["peak"] > 1e8 and 0 < fit["silence"] < fit["seconds"] and fit["dtype"] == "float32"
    page = memory._measured("page", str(real))
    assert page["peak"] > 1e8 and page["dtype"] == "float32"


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
