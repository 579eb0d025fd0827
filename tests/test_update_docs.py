"""The generated parts of README and docs: written between their marks, from what was measured and nothing else."""

import json
import re
from copy import deepcopy

import pytest

from scripts import update_docs
from scripts.tables import costs, outside, rates
from tests.pages import ROOT

META = json.loads((ROOT / "assets" / "pocket-vl" / "meta.json").read_text(encoding="utf-8"))


def _results() -> dict:
    """Results as `mars eval --json` writes them, of the strategies that meta.json keeps, and one more."""
    rows = [row for row in META["rows"] if row["strategy"] == "addition"]
    system = [row | {"strategy": "system_prompt", "rate": 0.25, "low": 0.2, "high": 0.3} for row in rows]
    return {
        "settings": META["settings"],
        "rows": [*META["rows"], *system],
        "utility": META["utility"],
        "bias": META["bias"],
        "not_applicable": [{"strategy": "self_check", "reason": "It says maybe."}],
    }


def _part(page: str, name: str) -> str:
    text = (ROOT / page).read_text(encoding="utf-8")
    return text.split(f"<!-- {name} -->")[1].split(f"<!-- /{name} -->")[0].strip("\n")


def test_what_lies_outside_is_held_to_its_bars_and_misses_are_named():
    row = {"n": 10, "low": 0.0, "high": 1.0, "reasons": {"words": 1, "size": 0}, "hidden_state": 3}
    found = {
        "model": "pocket-vl",
        "layers": [5, 6, 7],
        "rows": [
            row | {"group": "questions", "should_be_outside": True, "outside": 8, "rate": 0.8, "wrong": ["a", "b"]},
            row | {"group": "test split", "should_be_outside": False, "outside": 0, "rate": 0.0, "wrong": []},
            row | {"group": "squares", "should_be_outside": None, "outside": 0, "rate": 0.0, "wrong": []},
        ],
    }
    lines = outside.outside(found)
    assert "| questions | ≥ 90% | 8 | 10 | 80.0 (0–100) **missed** | 1 | 0 | 3 |" in lines
    assert "| test split | ≤ 5% | 0 | 10 | 0.0 (0–100) | 1 | 0 | 3 |" in lines
    assert "| squares |  | 0 | 10 | 0.0 (0–100) | 1 | 0 | 3 |" in lines
    assert lines[-1] == "Said to be inside, of questions: “a”; “b”."


def test_lines_go_between_their_marks_and_nothing_else_changes():
    text = "before\n<!-- speed -->\nold\n<!-- /speed -->\nafter\n"
    once = update_docs.rewritten(text, "speed", ["| new |"])
    assert once == "before\n<!-- speed -->\n\n| new |\n\n<!-- /speed -->\nafter\n"
    assert update_docs.rewritten(once, "speed", ["| new |"]) == once
    for page in ("before and after", text + text):
        with pytest.raises(ValueError, match="once each"):
            update_docs.rewritten(page, "speed", ["| new |"])


@pytest.mark.parametrize("place", [place for places in update_docs.PLACES.values() for place in places], ids=str)
def test_every_place_is_in_its_page_and_filled(place):
    assert len(_part(place.page, place.name).splitlines()) >= 3


@pytest.mark.parametrize("place", update_docs.PLACES["bars"], ids=str)
def test_the_bars_in_the_pages_are_those_of_every_seed(place):
    assert _part(place.page, place.name) == "\n".join(place.lines(META))


def test_the_full_tables_show_the_figures_that_are_stored_of_the_strategies_of_the_bars():
    stored = rates.evaluation({**META, "not_applicable": []})
    told = set(stored) - {rates.NONE_BROKEN}  # of these strategies; of all there may be some
    assert told - set(_part("docs/results.md", "evaluation").splitlines()) == set()
    assert sum(line.startswith("| mars |") for line in stored) == 4


def test_a_bar_that_is_missed_is_marked_and_named():
    meta = deepcopy(META)
    for entry in (meta, *meta["other_seeds"]):
        for bar in entry["bars"]:
            bar |= {"value": 0.5, "met": bar["what"] != "image named exactly" or entry["seed"] != 1}
    assert "| image named exactly | ≥ 0.95 | 0.500 | 0.500 **missed** | 0.500 |" in rates.bars(meta)


def test_a_seed_that_was_judged_the_old_way_is_marked_and_the_mark_is_explained():
    meta = deepcopy(META)
    meta["settings"]["judge"] = "mars.verdict:verdict"
    for entry in meta["other_seeds"]:
        entry["settings"]["judge"] = "mars.judges:refused"
    lines = rates.bars(meta)
    assert f"| what | bar | seed 0 | seed 1 ({rates.FORMER}) | seed 2 ({rates.FORMER}) |" in lines
    assert lines[-1].startswith(f"{rates.FORMER.capitalize()}: by opening phrases")
    for entry in meta["other_seeds"]:
        entry["settings"]["judge"] = "mars.verdict:verdict"
    assert rates.FORMER not in "\n".join(rates.bars(meta))


def test_the_tables_of_an_evaluation_have_a_row_a_strategy_and_no_cell_is_made_up():
    lines = rates.evaluation(_results())
    for strategy in ("unsteered", "system prompt", "mars no recentering"):
        assert sum(line.startswith(f"| {strategy} |") for line in lines) == len(rates.GROUPS) + (
            strategy != "system prompt"
        )
    assert "| system prompt | 25.0 (20–30) | 25.0 (20–30) | 25.0 (20–30) | 25.0 (20–30) |" in lines
    assert lines[-1] == "Not in the tables: self check. It says maybe."


def test_the_main_results_say_what_recentering_costs_beside_meaningless_media():
    lines = rates.main_results(_results())
    told = {
        (row["strategy"], row["modality"], row["label"]): f"{100 * row['rate']:.0f} %"
        for row in META["rows"]
        if row["group"] == rates.MEANINGLESS
    }
    for modality in ("image", "video"):
        (sentence,) = (line for line in lines if line.startswith(f"- Beside a meaningless {modality}"))
        for strategy in ("mars", "mars_no_recentering"):
            assert (
                told[strategy, modality, "harmful"] in sentence and told[strategy, modality, "harmless"] in sentence
            )
    assert any(line.startswith("| harmful video | 3.0 (1–6) | 25.0 (20–30) |") for line in lines)


def _with_verdicts(results: dict, **changes: dict) -> dict:
    """The results with verdicts on all replies: none broken or undecided, but where changes say so of a strategy."""
    none = {"rate": 0.0, "low": 0.0, "high": 0.02}
    rates = {f"{kind}_{end}": value for kind in ("broken", "undecided") for end, value in none.items()}
    for part in ("rows", "utility"):
        results[part] = [
            {**rates, "broken": 0, "undecided": 0, **row, **changes.get(f"{row['strategy']}_{part}", {})}
            for row in results[part]
        ]
    return results


BROKEN = {"broken": 25, "broken_rate": 0.125, "broken_low": 0.09, "broken_high": 0.18}


def test_cells_with_broken_or_undecided_replies_stand_in_a_table_with_their_refusals():
    undecided = {"undecided": 2, "undecided_rate": 0.01, "undecided_low": 0.0, "undecided_high": 0.04}
    results = _with_verdicts(_results(), system_prompt_rows=BROKEN | undecided, mars_utility=BROKEN)
    lines = rates.broken_and_undecided(results)
    rows = [row for row in results["rows"] if row["strategy"] == "system_prompt"]
    questions = [row for row in results["utility"] if row["strategy"] == "mars"]
    assert sum(line.startswith("| system prompt |") for line in lines) == len(rows)
    assert sum(line.startswith("| mars | questions about a") for line in lines) == len(questions) == 2
    assert len(lines) == 3 + 2 + len(rows) + len(questions)
    told = "12.5 (9–18) | 1.0 (0–4) | 25.0 (20–30) |"
    for what in ("harmless image", "harmful text, never requested", "harmful video (meaningless)"):
        assert f"| system prompt | {what} | {told}" in lines
    assert set(lines) <= set(rates.evaluation(results))


def test_where_no_reply_is_broken_or_undecided_a_sentence_says_so():
    results = _with_verdicts(_results())
    assert rates.broken_and_undecided(results) == ["", rates.NONE_BROKEN]
    told = rates.main_results(results)[0]
    assert "a cell, no reply broken or undecided. Beside" in told and told.endswith(", no reply broken or undecided.")


def test_older_results_say_nothing_of_broken_replies():
    older = _results()
    for part in ("rows", "utility"):
        older[part] = [
            {name: value for name, value in row.items() if not name.startswith(("broken", "undecided"))}
            for row in older[part]
        ]
    assert rates.broken_and_undecided(older) == []
    assert re.search(r" a cell\. Beside meaningless media n = \d+\.$", rates.main_results(older)[0])


def test_the_readme_names_the_worst_of_the_cells_that_it_speaks_of():
    results = _with_verdicts(_results(), system_prompt_rows=BROKEN, random_rows=BROKEN | {"broken_rate": 0.9})
    for row in results["rows"]:
        row["broken_rate"] *= 2 if row["group"] == rates.MEANINGLESS else 1
    first = rates.main_results(results)[0]
    assert " a cell, at most 12.5 % broken (system prompt, harmful text). Beside" in first
    assert first.endswith(", at most 25.0 % broken (system prompt, harmful image).")


def test_an_evaluation_without_a_strategy_of_the_readme_is_refused():
    results = _results()
    results["rows"] = [row for row in results["rows"] if row["strategy"] != "system_prompt"]
    with pytest.raises(ValueError, match="system prompt, which was left out"):
        rates.main_results(results)


def test_a_part_of_the_samples_of_a_soak_is_shown_and_all_of_its_sum():
    samples = [f"{90 * n:6} s  {7 * n:6} requests  725 MB" for n in range(7)]
    shown = update_docs.soak("\n".join([*samples, "memory 832", "8014 requests in 30.1 minutes"]))
    assert [line.split()[0] for line in shown] == ["0", "360", "540", "memory", "8014"]
    assert all(line.startswith("    ") for line in shown)


def test_the_table_of_speed_shows_every_figure_with_its_range_and_its_bar():
    figure = {"value": 0.0234, "low": 0.01, "high": 0.03}
    results = {
        "quick": True,
        "machine": {"cores": 2, "threads": 2, "load": 0.5, "parameters": 120e6, "dtype": "torch.float32"},
        "side_by_side": {"ratio": figure, "of_two_rows": figure},
        "map": dict.fromkeys(("speedup", "prefills", "of_one_batch", "of_batch_per_layer"), figure),
        "capture": {"throughput": figure, "memory": figure},
        "step": {"overhead": figure},
        "fit": {"effect": figure},
        "peers": [
            {"name": "generate twice", "times_ours": {"value": 2.0, "low": 1.5, "high": 2.5}, "error": None},
            {"name": "nnsight", "times_ours": None, "error": "ImportError: none"},
        ],
        "notes": {"map.speedup": "One note.", "map.prefills": "One note."},
    }
    text = "\n".join(costs.speed(results))
    assert "--quick" in text and "--quick" not in "\n".join(costs.speed({**results, "quick": False}))
    assert "| what steering every token adds to a step | 2.34 % [1.00, 3.00] | <= 3 % |" in text
    assert text.count("| 0.02 [0.01, 0.03] |") == len(costs.SPEED) - 2  # two are shown in percent
    assert "| generate twice | 2.00 [1.50, 2.50] |" in text
    assert "| nnsight | did not run: ImportError: none |" in text
    assert text.count("One note.") == 1


def test_the_table_of_a_real_models_speed_has_a_column_a_dtype_and_no_cell_is_made_up():
    figure = {"value": 0.5, "low": 0.4, "high": 0.6}
    both = {
        "side_by_side": {"ratio": figure, "of_two_rows": figure},
        "map": {"of_one_batch": figure, "of_batch_per_layer": figure},
        "peers": [{"name": "generate twice", "times_ours": figure, "error": None}],
        "notes": {"map.of_one_batch": "One note."},
    }
    once = {"fit": {"seconds": dict.fromkeys(figure, 210.0)}, "evaluation": {"throughput": figure}}
    results = {
        "model": "icon-vl",
        "quick": False,
        "machine": {"cores": 2, "threads": 2, "load": 0.5, "parameters": 500e6, "dtype": "torch.bfloat16"},
        "dtypes": {"bfloat16": both | once, "float32": both},
    }
    lines = costs.real_speed(results)
    assert lines[0].startswith("`python -m benchmarks --model icon-vl --json FILE` on 2 cores")
    assert "--quick" in costs.real_speed(results | {"quick": True})[0]
    assert "| what | bfloat16 | float32 | bar |" in lines
    assert sum("| 0.50 [0.40, 0.60] | 0.50 [0.40, 0.60] | <= " in line for line in lines) == 4
    assert "| a whole fit, in minutes | 3.50 | – | <= 6 |" in lines
    assert "| the page's peak of memory, in GB | – | – | <= 4 |" in lines
    assert lines.count("| generate twice | 0.50 [0.40, 0.60] |") == lines.count("One note.") == 2
    assert lines.index("In bfloat16:") < lines.index("In float32:")


def test_what_the_page_says_of_icon_vl_is_made_of_the_stored_counts_or_says_that_there_are_none():
    stored, told = ROOT / "assets" / "icon-vl" / "results.json", _part("docs/icon-vl.md", "icon results")
    if stored.is_file():
        assert told == "\n".join(update_docs.icon(json.loads(stored.read_text(encoding="utf-8"))))
    else:
        assert "Not measured yet" in told and "make icon-eval" in told
