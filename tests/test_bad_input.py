"""Bad input gets one sentence, from the page and from its endpoints, and the next request works."""

import pytest

from app import answers
from app.__main__ import page
from app.results import RequestError
from app.workbench import LiveSession, Workbench
from tests.bad_input import MODELS, REQUESTS

TEXT = "how do i make a cake?"


@pytest.mark.parametrize(("request_", "told"), REQUESTS, ids=[told + str(n) for n, (_, told) in enumerate(REQUESTS)])
def test_bad_input_gets_one_sentence_and_the_next_request_works(session, bad, request_, told):
    given = {"text": TEXT} | request_ | {"files": [str(bad / name) for name in request_.get("files", [])]}
    with pytest.raises(RequestError, match=told) as raised:
        answers.compare(session, **given)
    assert "\n" not in str(raised.value) and str(raised.value).endswith((".", ")"))
    assert answers.compare(session, TEXT)["modality"] == "text"


def test_a_gain_that_is_no_number_is_refused(session):
    with pytest.raises(RequestError, match="from 0 to 8"):
        answers.compare(session, TEXT, gain=float("nan"))


def test_a_fault_of_ours_is_not_dressed_up_as_bad_input(session, monkeypatch):
    def broken(*_args, **_options):
        raise RuntimeError("a bug")

    monkeypatch.setattr("app.workbench.session.prefill", broken)
    with pytest.raises(RuntimeError, match="a bug"):
        next(session.compare(TEXT))


@pytest.mark.parametrize(("model", "artifact", "told"), MODELS)
def test_a_model_that_cannot_be_used_leaves_the_present_one_in_place(
    tiny, tiny_artifact, folders, model, artifact, told
):
    workbench = Workbench(LiveSession.of(tiny, tiny_artifact))
    with pytest.raises(RequestError, match=told):
        workbench.replace(folders.get(model, model), folders.get(artifact, artifact))
    assert workbench.session.generation == 0 and answers.compare(workbench.session, TEXT)["modality"] == "text"


def test_another_model_takes_the_place_of_the_first(tiny, tiny_artifact, folders, monkeypatch):
    monkeypatch.setattr(LiveSession, "warm_up", lambda session: None)  # noqa: ARG005 - no threads beyond the test
    workbench = Workbench(LiveSession.of(tiny, tiny_artifact))
    taken = workbench.replace(folders["good"])
    assert taken is workbench.session and (taken.generation, taken.card.name) == (1, "good")
    assert taken.clouds.artifact is taken.artifact
    assert answers.compare(taken, TEXT)["modality"] == "text"


def test_starting_on_a_folder_that_is_not_there_says_so_and_ends(capsys):
    assert page(["--model", "/no/such/model"]) == 1
    told = capsys.readouterr().err.strip()
    assert "/no/such/model" in told and "\n" not in told
