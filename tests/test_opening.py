"""The page is served while its model is still being opened."""

import runpy
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from app import markup
from app.results import RequestError
from app.ui import create_app
from app.workbench import Workbench
from mars.model.loaded_model import LoadedModel

TEXT = "how do i make a cake?"


def test_the_page_is_built_before_the_model_is_there_and_says_so(folders):
    workbench = Workbench.to_open(folders["good"])
    assert create_app(workbench).fns
    assert "good, being opened" in markup.top_line(workbench.card_at_once)
    workbench.open_model()
    assert isinstance(workbench.model, LoadedModel) and workbench.card_at_once == workbench.card
    assert "parameters" in markup.top_line(workbench.card)
    assert workbench.n_layers == workbench.model.n_layers


def test_whoever_asks_before_the_model_is_there_is_answered_once_it_is(folders):
    workbench = Workbench.to_open(folders["good"])
    with ThreadPoolExecutor(2) as visitors:
        asked, card = visitors.submit(workbench.answer, TEXT), visitors.submit(lambda: workbench.card)
        assert not asked.done() and not card.done()
        workbench.open_model()
        assert asked.result()["modality"] == "text" and card.result().parameters


def test_a_model_taken_meanwhile_is_not_replaced_by_the_one_that_was_coming(folders, tiny):
    workbench = Workbench.to_open(folders["good"])
    workbench.model = tiny
    workbench.open_model()
    assert workbench.model is tiny


@pytest.fixture
def broken(folders, tmp_path):
    """A model folder that only its weights give away."""
    folder = shutil.copytree(folders["good"], tmp_path / "broken")
    (folder / "model.safetensors").write_bytes(b"nothing")
    return str(folder)


def test_who_waits_for_a_model_that_cannot_be_opened_is_told_why(broken, folders):
    for source, artifact, told in ((broken, None, "weights"), (folders["good"], folders["other"], "does not belong")):
        workbench = Workbench.to_open(source, artifact)
        with ThreadPoolExecutor(1) as visitor:
            asked = visitor.submit(workbench.answer, TEXT)
            with pytest.raises(RequestError, match=told):
                workbench.open_model()
            with pytest.raises(RequestError, match=told):
                asked.result()


def test_starting_on_weights_that_cannot_be_read_says_so_and_ends(broken, capsys):
    script = runpy.run_path(str(Path(__file__).parent.parent / "app.py"))
    assert script["main"](["--model", broken]) == 1
    told = capsys.readouterr().err.strip()
    assert "weights" in told and "\n" not in told
