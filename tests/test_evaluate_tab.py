"""Evaluations from the page, on the tiny random model: what comes out, stopping, going on, bad input."""

import csv
import io
import json
from dataclasses import replace
from functools import partial
from html import escape

import gradio as gr
import pytest

from app import answers, report
from app.backend import Plan
from app.evaluation import page
from app.results import Progress, RequestError
from app.tabs import evaluated
from app.workbench import LiveSession, Workbench, evaluating
from mars.datasets.benchmarks import load_set
from mars.evaluation.evaluate import Settings, measure
from mars.fitted.calibration import Calibration

STRATEGIES = ("unsteered", "mars")


@pytest.fixture
def workbench(tiny, tiny_artifact, tmp_path):
    return Workbench(LiveSession.of(tiny, tiny_artifact), runs=tmp_path / "runs")


@pytest.fixture
def own(tmp_path, picture):
    """A set of six cases in words and two with a picture, as a person would write it."""
    picture.save(tmp_path / "picture.png")
    verbs = (("break", "harmful"), ("make", "harmless"))
    rows = [{"text": f"how do i {verb} a {thing}?", "label": label}
            for thing in ("cake", "kite", "boat") for verb, label in verbs]  # fmt: skip
    rows += [{"text": "what is it?", "label": label, "media": str(tmp_path / "picture.png")}
             for label in ("harmful", "harmless")]  # fmt: skip
    path = tmp_path / "own.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)) + "\n", encoding="utf-8")
    return str(path)


def _done(steps):
    *_, last = steps
    return last


def test_the_page_gets_the_results_of_the_engine_at_the_layer_and_gain_asked_for(workbench, own):
    found = _done(workbench.evaluate(Plan(STRATEGIES, own, layer=1, gain=2.0)))
    expected = measure(
        workbench.session.model, workbench.session.artifact, load_set(own), STRATEGIES, Settings(layer=1, gain=2.0)
    )
    assert found["rows"] == expected["rows"] and found["cases"] == expected["cases"]
    assert (found["settings"]["set"], found["settings"]["layer"]) == ("own.jsonl", 1)


def test_a_run_that_is_stopped_goes_on_and_ends_like_one_that_was_not(workbench, own, monkeypatch):
    monkeypatch.setattr("app.workbench.evaluating.Settings", partial(Settings, window=2))
    plan = Plan(STRATEGIES, own)
    whole = _done(workbench.evaluate(plan))
    for step in workbench.evaluate(plan):
        if step.done >= 1:
            workbench.stop_evaluation()
    assert isinstance(step, Progress) and step.done < step.total
    (kept,) = workbench.runs.iterdir()
    finished = kept.read_text(encoding="utf-8").count('"outcomes"')
    assert 0 < finished < step.total
    resumed = _done(workbench.evaluate(plan))
    for row, expected in zip(resumed["rows"], whole["rows"], strict=True):
        assert row == pytest.approx(expected, abs=1e-5)  # batches of other cases differ by rounding
    assert not list(workbench.runs.iterdir())  # nothing is kept of what is complete


def test_others_are_answered_while_an_evaluation_runs(workbench, own):
    steps = workbench.evaluate(Plan(STRATEGIES, own))
    next(steps)
    assert answers.compare(workbench.session, "how do i make a cake?")["modality"] == "text"
    assert _done(steps)["rows"]


BAD = [
    ({"strategies": ()}, "No strategy"),
    ({"strategies": ("mars", "<b>")}, "no strategy “<b>”"),
    ({"per_cell": 0}, "whole number from 1"),
    ({"per_cell": 1.5}, "whole number from 1"),
    ({"path": "/no/such/file.csv"}, "neither a file"),
    ({"layer": 99}, "does not exist"),
    ({"gain": -1}, "towards refusal only"),
]


@pytest.mark.parametrize(("given", "told"), BAD)
def test_a_plan_that_cannot_be_carried_out_gets_one_sentence(workbench, given, told):
    with pytest.raises(RequestError, match=told) as raised:
        list(workbench.evaluate(Plan(**({"strategies": STRATEGIES} | given))))
    assert "\n" not in str(raised.value)


def test_a_set_without_its_columns_gets_a_sentence_that_names_the_layout(workbench, tmp_path):
    (tmp_path / "bad.csv").write_text("question\nhi\n", encoding="utf-8")
    with pytest.raises(RequestError, match="label"):
        list(workbench.evaluate(Plan(STRATEGIES, str(tmp_path / "bad.csv"))))


def test_the_csv_holds_every_rate_with_its_count_and_interval(workbench, own):
    results = _done(workbench.evaluate(Plan(STRATEGIES, own)))
    rows = list(csv.DictReader(io.StringIO(page.as_csv(results))))
    assert len(rows) == len(results["rows"]) == 8
    for row, expected in zip(rows, results["rows"], strict=True):
        assert (row["strategy"], row["label"], int(row["n"])) == (
            expected["strategy"], expected["label"], expected["n"],
        )  # fmt: skip
        assert float(row["low"]) <= float(row["rate"]) <= float(row["high"])
        assert float(row["broken_low"]) <= float(row["broken_rate"]) <= float(row["broken_high"])
        verdicts = ("refusals", "complies", "deflects", "broken", "undecided", "not_judged")
        assert sum(float(row[verdict]) for verdict in verdicts) == expected["n"]
        assert (row["kl"] == "") == (row["label"] == "harmful")


def test_what_has_to_be_known_beside_the_rates_stands_above_the_charts(workbench, own):
    results = _done(workbench.evaluate(Plan(STRATEGIES, own)))
    assert results["notes"]  # a random model writes no text, and does not come to an end
    shown = page.charts_head(results, "<p>How to read them.</p>")
    for note in results["notes"]:
        assert shown.index(escape(note)) < shown.index("How to read them.")


def test_a_stopped_run_of_another_length_is_not_gone_on_with(tiny, tiny_artifact):
    longer = replace(tiny_artifact, calibration=Calibration({}, (), (), None, None, "test", 48, 0.0))
    marks = {evaluating._mark(tiny, artifact, Plan(STRATEGIES)) for artifact in (tiny_artifact, longer)}
    assert len(marks) == 2


def test_the_page_shows_every_case_with_both_replies_and_the_report_opens(workbench, own):
    results = _done(workbench.evaluate(Plan(STRATEGIES, own)))
    shown = page.cases(results)
    assert shown.count("<details") == 8 and shown.count("<dt>unsteered") == shown.count("<dt>mars") == 8
    assert "how do i break a cake?" in report.render(results)


def test_results_without_requests_have_no_report_and_leave_no_folder(workbench, own, tmp_path, monkeypatch):
    """As those of questions with a known answer alone."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    results = _done(workbench.evaluate(Plan(STRATEGIES, own)))
    with gr.Blocks():
        panels = evaluated.lay_out()
    whole = evaluated.shown(panels, results)
    assert "evaluation.html" in whole[panels.html]["value"]
    shown = evaluated.shown(panels, results | {"rows": []})
    assert not shown[panels.html]["visible"] and shown[panels.json]["visible"]
    assert not list((tmp_path / "temporary").glob("mars-lens-*"))
