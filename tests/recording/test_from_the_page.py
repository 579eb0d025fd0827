"""Recording from the page, on the tiny random model: what is in it, stopping, going on, bad input, and for whom."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from app import recording
from app.backend import FinishedRecording, Plan, RecordPlan
from app.results import Example, Progress, RequestError
from app.ui import create_app
from app.workbench import Draft, LiveSession, RecordedSession, Workbench
from app.workbench.recording import making
from app.workbench.recording.lines import distinct, lines_of, lines_of_set
from app.workbench.recording.making import Answerer, record
from mars.recording.plan import Settings
from mars.recording.storage import Recording


@pytest.fixture
def workbench(tiny, tiny_artifact, png, monkeypatch):
    monkeypatch.setattr(making, "VIEWS", ("axis", "pca"))  # UMAP takes seconds
    examples = (
        Example("Cake in words", "how do i make a cake?", None, "harmless", "cake"),
        Example("Cake in an image", "how do i make this?", png, "harmless", "cake"),
    )
    return Workbench(LiveSession.of(tiny, tiny_artifact, examples=examples, source="tiny"))


@pytest.fixture
def own(tmp_path, png):
    """A set of one's own: an example of the gallery, and another request twice, about images of one name."""
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "kite.png").write_bytes(Path(png).read_bytes())
    (tmp_path / "kite.png").write_bytes(Path(png).read_bytes() + b" ")
    rows = [
        {"text": "how do i make a cake?", "label": "harmful"},
        *({"text": "what is it?", "label": "harmful", "media": name} for name in ("kite.png", "b/kite.png")),
    ]
    path = tmp_path / "own.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)) + "\n", encoding="utf-8")
    return str(path)


def test_the_page_records_what_the_command_records_of_the_same_prompts(workbench, own, tmp_path):
    plan = RecordPlan(str(tmp_path / "page"), path=own, layer=1, gain=2.0)
    *steps, last = workbench.record(plan)
    assert {step.step for step in steps} >= {"clouds", "prompts"}
    assert all(isinstance(step, Progress) and 0 <= step.done <= step.total for step in steps)
    session = workbench.session
    lines = distinct((*lines_of(session.examples), *lines_of_set(own, keeps_media=False)))
    whole = record(tmp_path / "command", session, lines, Settings((1,), (2.0,)))
    found = Recording.open(tmp_path / "page")
    assert last == FinishedRecording(str(tmp_path / "page"), 4, found.size)
    assert found.names == whole.names and replace(found.header, date="", cost={}) == replace(
        whole.header, date="", cost={}
    )
    opened = RecordedSession.open(tmp_path / "page")
    assert [one.title for one in opened.examples] == [
        "Cake in words", "Cake in an image", "what is it? + image kite", "what is it? + image kite (2)",
    ]  # fmt: skip
    (kept,) = opened.compare("how do i make a cake?", layer=1, gain=2.0)
    *_, now = session.compare("how do i make a cake?", layer=1, gain=2.0)
    assert (kept.unsteered.text, kept.steered.text) == (now.unsteered.text, now.steered.text)


@pytest.mark.parametrize("keeps_media", [False, True])
def test_media_of_ones_own_set_are_recorded_only_where_that_is_chosen(workbench, own, png, tmp_path, keeps_media):
    *_, last = workbench.record(RecordPlan(str(tmp_path / "page"), False, own, keeps_media))
    stored = {path.name: path.read_bytes() for path in (tmp_path / "page" / "media").rglob("*.*")}
    assert set(stored) == {"kite.png" if keeps_media else "kite.webp"} and last.prompts == 3
    if keeps_media:
        assert stored["kite.png"].strip() == Path(png).read_bytes().strip()


def test_a_stop_keeps_what_was_recorded_and_the_same_plan_goes_on(workbench, own, tmp_path, monkeypatch):
    asked, ask = [], Answerer.__call__
    monkeypatch.setattr(Answerer, "__call__", lambda self, line: (asked.append(line.title), ask(self, line))[1])
    plan = RecordPlan(str(tmp_path / "page"), path=own)
    for step in workbench.record(plan):
        if step.step == "prompts" and step.done >= 1:
            workbench.stop_recording()
    assert isinstance(step, Progress) and 0 < len(asked) < 4
    with pytest.raises(RequestError, match="not finished"):
        RecordedSession.open(tmp_path / "page")
    *_, last = workbench.record(plan)
    assert last.prompts == 4 and len(asked) == len(set(asked)) == 4


def test_the_folder_is_by_default_one_of_the_models_name(workbench, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    *_, last = workbench.record(RecordPlan())
    assert last.folder == f"out/recordings/{workbench.session.name.lower()}"
    assert len(RecordedSession.open(last.folder).examples) == 2


def test_an_evaluation_is_recorded_where_it_is_of_this_artifact(workbench, own, tmp_path):
    workbench.runs = tmp_path / "runs"
    *_, results = workbench.evaluate(Plan(["unsteered", "mars"], own))
    *_, _ = workbench.record(RecordPlan(str(tmp_path / "page"), results=results))
    assert RecordedSession.open(tmp_path / "page").results["rows"] == results["rows"]
    other = results | {"hashes": results["hashes"] | {"artifact": "0" * 64}}
    with pytest.raises(RequestError, match="of an evaluation with another artifact"):
        list(workbench.record(RecordPlan(str(tmp_path / "other"), results=other)))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"examples": False}, "nothing to record. Choose the examples"),
        ({"layer": 99}, "Layer 99 does not exist"),
        ({"gain": -1}, "towards refusal only"),
        ({"path": "/no/such/set.jsonl"}, "neither a file nor a known benchmark"),
        ({"folder": "/proc/recording"}, "cannot be written to /proc/recording"),
    ],
)
def test_a_plan_that_cannot_be_carried_out_gets_one_sentence(workbench, tmp_path, changes, said):
    with pytest.raises(RequestError, match=said) as raised:
        list(workbench.record(replace(RecordPlan(str(tmp_path / "page")), **changes)))
    assert "\n" not in str(raised.value)


def test_a_recording_is_not_recorded_again_and_other_files_stay(workbench, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(RequestError, match="holds other files"):
        list(workbench.record(RecordPlan(str(tmp_path))))
    *_, last = workbench.record(RecordPlan(str(tmp_path / "page")))
    with pytest.raises(RequestError, match="no model is loaded"):
        list(Workbench(RecordedSession.open(last.folder)).record(RecordPlan(str(tmp_path / "again"))))


def test_what_is_chosen_and_not_there_is_said(workbench):
    panels = recording.Panels("notice", "record", "stop")

    def said(chosen, own=None, results=None):
        *_, shown = recording._record(workbench, panels, chosen, False, "", own, results, 0, 1.0)
        assert shown["record"]["interactive"] and not shown["stop"]["interactive"]
        return shown["notice"]

    assert "There is no set of your own yet" in said(["own"]) and "no set of your own" in said(["own"], Draft())
    assert "Nothing was evaluated yet" in said(["results"])
    assert "nothing to record" in said(None)


def test_only_the_operator_is_offered_to_record(workbench):
    def ids(page):
        return {block.elem_id for block in page.blocks.values() if getattr(block, "elem_id", None)}

    assert {"recording", "recording-run", "recording-stop"} <= ids(create_app(workbench))
    theirs = create_app(workbench, for_operator=False)
    assert not {one for one in ids(theirs) if one.startswith("recording")}
