"""What the history of a tab keeps of a run, and that what comes back from a browser is checked."""

import json
from dataclasses import replace

import pytest

from app import history
from app.opening import files_of
from app.results import Request
from app.state import Visit
from app.tabs.compare import LENGTHS
from app.ui import create_app
from app.workbench import LiveSession, Workbench, read_examples


@pytest.fixture(scope="module")
def session(tiny, tiny_artifact):
    return LiveSession.of(tiny, tiny_artifact, examples=read_examples())


def _visit(session, text, files=()):
    *_, shown = session.compare(text, list(files), 1, 2.5, 8)
    return Visit().with_comparison(shown, Request(text, tuple(files), 8))


def test_words_and_settings_are_kept_and_come_back(session):
    kept = json.loads(history.newest(session, _visit(session, "how do i make a kite?")))
    run, said = history.read(kept, session, LENGTHS)
    assert run.text == "how do i make a kite?" and run.medium == ""
    assert (said.layer, said.gain, said.length, said.example) == (1, 2.5, 8, None)


def test_of_a_medium_of_ones_own_nothing_is_kept_but_that_there_was_one(session, picture, tmp_path):
    picture.save(tmp_path / "secret.png")
    kept = history.newest(session, _visit(session, "what is this?", [str(tmp_path / "secret.png")]))
    assert json.loads(kept)["medium"] == "image" and "secret" not in kept and "data:" not in kept


def test_an_example_is_kept_by_its_name_and_refused_where_the_gallery_lacks_it(session):
    number, example = next((at, one) for at, one in enumerate(session.examples) if one.media)
    kept = json.loads(history.newest(session, _visit(session, example.text, files_of(example))))
    assert kept["medium"] == "" and example.media not in json.dumps(kept)
    assert history.read(kept, session, LENGTHS)[1].example == number
    assert history.read(kept, replace(session, examples=()), LENGTHS) is None


def test_nothing_is_kept_before_a_run(session):
    assert history.newest(session, Visit()) == ""


@pytest.mark.parametrize(
    "given", [None, "x", [], {}, {"text": "a"}, {"text": 1, "medium": "", "system": "", "query": ""}]
)
def test_what_is_no_run_is_not_put_back(session, given):
    assert history.read(given, session, LENGTHS) is None


def test_settings_out_of_bounds_count_as_not_said(session):
    run = {"text": "a", "medium": "", "system": "", "query": "?layer=99&gain=-2&length=1e9"}
    assert set(vars(history.read(run, session, LENGTHS)[1]).values()) == {None}


def test_there_is_no_history_where_strangers_are_let_in(session):
    def ids(page):
        return {block.elem_id for block in page.blocks.values()}

    assert "history" in ids(create_app(Workbench(session)))
    assert "history" not in ids(create_app(Workbench(session), for_operator=False, keeps_history=False))
