"""What the history of a tab keeps of a run, and that what comes back from a browser is checked."""

import json
import re
from dataclasses import replace
from html import escape

import pytest

from app import history
from app.opening import files_of
from app.permalink import Configuration
from app.results import Request
from app.state import Visit
from app.tabs.compare import LENGTHS
from app.ui import create_app
from app.workbench import LiveSession, Workbench, read_examples


@pytest.fixture(scope="module")
def session(tiny, tiny_artifact):
    return LiveSession.of(tiny, tiny_artifact, examples=read_examples())


def _visit(session, text, files=(), gain=2.5):
    *_, shown = session.compare(text, list(files), 1, gain, 8)
    return Visit().with_comparison(shown, Request(text, tuple(files), 8))


def _kept(session, text, files=()) -> dict:
    return json.loads(history.newest(session, _visit(session, text, files), {})[0])


def test_words_and_settings_are_kept_and_come_back(session):
    kept = _kept(session, "how do i make a kite?")
    run, said = history.read(kept, session, LENGTHS)
    assert run.text == "how do i make a kite?" and run.medium == ""
    assert (said.layer, said.gain, said.length, said.example) == (1, 2.5, 8, None)


def test_of_a_medium_of_ones_own_nothing_is_kept_but_that_there_was_one(session, picture, tmp_path):
    picture.save(tmp_path / "secret.png")
    kept = _kept(session, "what is this?", [str(tmp_path / "secret.png")])
    assert kept["medium"] == "image" and "secret" not in json.dumps(kept) and "data:" not in json.dumps(kept)


def test_an_example_is_kept_by_its_name_and_refused_where_the_gallery_lacks_it(session):
    number, example = next((at, one) for at, one in enumerate(session.examples) if one.media)
    kept = _kept(session, example.text, files_of(example))
    assert kept["medium"] == "" and example.media not in json.dumps(kept)
    assert history.read(kept, session, LENGTHS)[1].example == number
    assert history.read(kept, replace(session, examples=()), LENGTHS) is None


def test_nothing_is_kept_before_a_run(session):
    assert history.newest(session, Visit(), {}) == ("", {})


@pytest.mark.parametrize(
    "given", [None, "x", [], {}, {"text": "a"}, {"text": 1, "medium": "", "system": "", "query": ""}]
)
def test_what_is_no_run_is_not_put_back(session, given):
    assert history.read(given, session, LENGTHS) is None


def test_settings_out_of_bounds_count_as_not_said(session):
    run = {"text": "a", "medium": "", "system": "", "query": "?layer=99&gain=-2&length=1e9"}
    assert history.read(run, session, LENGTHS)[1] == Configuration()


def test_there_is_no_history_where_strangers_are_let_in(session):
    def ids(page):
        return {block.elem_id for block in page.blocks.values()}

    assert "history" in ids(create_app(Workbench(session)))
    assert "history" not in ids(create_app(Workbench(session), for_operator=False, keeps_history=False))


@pytest.fixture(scope="module")
def told(session):
    """Two runs as a browser has them, which differ in words and gain, and the replies that the server keeps."""
    answers, runs = {}, []
    for text, gain in (("how do i make a kite?", 2.5), ("how do i make a boat?", 0)):
        run, answers = history.newest(session, _visit(session, text, gain=gain), answers)
        runs.append(json.loads(run))
    return runs, answers


def test_two_runs_show_what_differs_and_all_four_replies_with_their_verdicts(told):
    (first, second), answers = told
    shown = history.two_runs(answers, [{**first, "name": "<b>kite"}, second])
    rows = re.findall(r'<tr><th scope="row">(.*?)</th><td>(.*?)</td><td>(.*?)</td></tr>', shown)
    assert rows == [
        ("prompt", "how do i make a kite?", "how do i make a boat?"),
        ("gain", "2.5", "0"),
    ]
    assert "The same in both: example or file, system message, layer, length." in shown
    assert shown.count("<article") == shown.count('class="verdict ') == 4
    assert shown.count("&lt;b&gt;kite") == 3 and "<b>kite" not in shown
    for answer in answers.values():
        assert escape(answer.unsteered.text) in shown and escape(answer.steered.text) in shown


def test_a_run_that_is_repeated_keeps_its_newest_replies_alone_and_the_oldest_leave(session, told, monkeypatch):
    (first, second), answers = told
    visit = _visit(session, first["text"])
    run, again = history.newest(session, visit, answers)
    assert [other.text for other in again] == [second["text"], first["text"]]
    assert {name: json.loads(run)[name] for name in ("text", "query")} == {
        name: first[name] for name in ("text", "query")
    }
    monkeypatch.setattr(history, "MOST_ANSWERS", 1)
    assert [other.text for other in history.newest(session, visit, again)[1]] == [first["text"]]


def test_of_replies_that_are_gone_it_is_said_and_what_names_no_two_runs_shows_nothing(told):
    runs, answers = told
    assert history.two_runs({}, runs).count("no longer here") == 4
    given = [None, "runs", runs[:1], [*runs, runs[0]], [1, 2], [{}, {}]]
    assert [history.two_runs(answers, one) for one in given] == [""] * len(given)
