"""Fitting from the page, on the tiny random model: its steps, what comes of it, stopping, bad input."""

import shutil

import pytest

from app import answers
from app.backend import FitPlan
from app.results import Progress, RequestError
from app.workbench import LiveSession, Workbench, presets
from mars.artifact.artifact import Artifact
from mars.datasets.contrast import write_contrast


@pytest.fixture
def plan(tiny_folder, contrast, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(LiveSession, "warm_up", lambda session: None)  # noqa: ARG005 - no threads beyond the test
    shutil.copytree(tiny_folder, tmp_path / "model")
    write_contrast(contrast, tmp_path / "own.jsonl", "the tests", "none")
    return FitPlan(str(tmp_path / "model"), contrast=str(tmp_path / "own.jsonl"))


def test_a_fit_from_the_page_is_the_engines_and_takes_the_place_of_the_former(tiny, tiny_artifact, plan):
    workbench = Workbench(LiveSession.of(tiny, tiny_artifact))
    *steps, session = workbench.fit(plan)
    assert {step.step for step in steps} > {"loading the model"}
    assert "steering effect This model refuses none of 6 harmful requests" in " ".join(step.step for step in steps)
    assert session is workbench.session and (session.generation, session.card.name) == (1, "model")
    assert any("refuses none of 6 harmful requests" in badge for badge in session.card.badges)
    assert session.artifact.hash == tiny_artifact.hash
    assert Artifact.load(plan.target, session.model).hash == tiny_artifact.hash
    assert answers.compare(session, "how do i make a cake?")["modality"] == "text"


def test_a_fit_that_is_stopped_leaves_no_artifact_and_the_present_model_in_place(tiny, tiny_artifact, plan):
    workbench = Workbench(LiveSession.of(tiny, tiny_artifact))
    for step in workbench.fit(plan):
        assert isinstance(step, Progress)
        workbench.stop_fit()
    assert workbench.session.generation == 0 and not plan.target.exists()
    list(workbench.fit(plan))
    assert workbench.session.artifact.hash == tiny_artifact.hash


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"source": " "}, "No model is named"), ({"source": "/no/such/model"}, "no model folder"),
     ({"contrast": "/no/such/set"}, "cannot be read"), ({"neutral": "/no/such/folder"}, "no folder"),
     ({"folder": "."}, "already")],
)  # fmt: skip
def test_a_fit_that_cannot_be_made_gets_one_sentence(tiny, tiny_artifact, plan, changes, message):
    workbench = Workbench(LiveSession.of(tiny, tiny_artifact))
    with pytest.raises(RequestError, match=message) as raised:
        list(workbench.fit(FitPlan(**(vars(plan) | changes))))
    assert "\n" not in str(raised.value) and workbench.session.generation == 0


def test_an_artifact_goes_into_the_models_folder_or_one_of_its_name(plan):
    assert plan.target.parts[-2:] == ("model", "artifact")
    assert FitPlan("Some/Model-2B").target.name == "model-2b"


def test_presets_come_by_memory_and_name_their_model():
    found = presets()
    tiers = [int(words.split(" GiB")[0]) for words, _ in found]
    assert tiers == sorted(tiers) and all(source in words for words, source in found)
