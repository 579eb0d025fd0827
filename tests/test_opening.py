"""The page is served while its model is still being loaded."""

import shutil
from concurrent.futures import ThreadPoolExecutor

import pytest

from app import answers, markup
from app.__main__ import page
from app.results import Request, RequestError
from app.ui import create_app
from app.workbench import LiveSession, Workbench

TEXT = "how do i make a cake?"


def test_the_page_is_built_before_the_model_is_there_and_says_so(folders):
    session = LiveSession.to_load(folders["good"])
    assert create_app(Workbench(session)).fns
    assert "good: being opened" in markup.top_line(session.card_at_once)
    session.load()
    assert session.card_at_once == session.card
    assert "parameters" in markup.top_line(session.card)
    assert session.n_layers == session.model.n_layers


def test_whoever_asks_before_the_model_is_there_is_answered_once_it_is(folders):
    session = LiveSession.to_load(folders["good"])
    with ThreadPoolExecutor(2) as visitors:
        asked, card = visitors.submit(answers.compare, session, TEXT), visitors.submit(lambda: session.card)
        assert not asked.done() and not card.done()
        session.load()
        assert asked.result()["modality"] == "text" and card.result().parameters


def test_a_model_taken_meanwhile_is_not_replaced_by_the_one_that_was_coming(folders, monkeypatch):
    monkeypatch.setattr(LiveSession, "warm_up", lambda session: None)  # noqa: ARG005 - no threads beyond the test
    coming = LiveSession.to_load(folders["good"])
    workbench = Workbench(coming)
    taken = workbench.replace(folders["good"])
    coming.load()
    assert workbench.session is taken and taken.generation == 1


@pytest.fixture
def broken(folders, tmp_path):
    """A model folder that only its weights give away."""
    folder = shutil.copytree(folders["good"], tmp_path / "broken")
    (folder / "model.safetensors").write_bytes(b"nothing")
    return str(folder)


def test_who_waits_for_a_model_that_cannot_be_loaded_is_told_why(broken, folders):
    for source, artifact, told in ((broken, None, "weights"), (folders["good"], folders["other"], "does not belong")):
        session = LiveSession.to_load(source, artifact)
        with ThreadPoolExecutor(1) as visitor:
            asked = visitor.submit(answers.compare, session, TEXT)
            with pytest.raises(RequestError, match=told):
                session.load()
            with pytest.raises(RequestError, match=told):
                asked.result()


def test_starting_on_weights_that_cannot_be_read_says_so_and_ends(broken, capsys):
    assert page(["--model", broken]) == 1
    told = capsys.readouterr().err.strip()
    assert "weights" in told and "\n" not in told


def test_the_bundled_model_is_known_by_its_name_from_any_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    session = LiveSession.to_load("pocket-vl")
    assert session.card_at_once.name == "pocket-vl" and session.card_at_once.artifact.startswith("bundled")
    session.load()
    told = session.snippet(Request("hi", ()), None, 1.0)
    assert "load_model('pocket-vl')" in told and "Artifact.load('pocket-vl', lens)" in told
