"""A recording of Icon-VL is the live session too, in float32: some of its gallery, and a few points of its clouds."""

import pytest
import torch

from app.workbench import LiveSession, RecordedSession
from app.workbench.recording.lines import lines_of
from app.workbench.recording.making import record
from mars.icon_vl.folder import is_fetched
from mars.model.loading import load_model
from mars.recording.plan import Settings
from tests.recording.samples import clouds_alike, of_few_points, replayed_alike, same

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(
        not is_fetched(),
        reason="Icon-VL is not here; python -m mars cache --get icon-vl fetches it",
    ),
]
SETTINGS = Settings(layers=(11,), gains=(1.0, 2.0), harmful_tokens=8)
TITLES = ("Land mine in words", "Land mine in a picture", "Land mine in a clip", "Broom in a picture")


@pytest.fixture(scope="module")
def live():
    unloaded = LiveSession.to_load("icon-vl")
    whole = LiveSession.of(
        load_model("icon-vl", dtype=torch.float32), unloaded.artifact, source="icon-vl", artifact_folder="icon-vl",
        examples=unloaded.examples, aggregates=unloaded.aggregates,
    )  # fmt: skip
    return of_few_points(whole, TITLES)


@pytest.fixture(scope="module")
def recorded(live, tmp_path_factory):
    path = tmp_path_factory.mktemp("recorded") / "icon"
    record(path, live, lines_of(live.examples), SETTINGS)
    return RecordedSession.open(path)


@pytest.mark.parametrize("title", TITLES)
def test_every_answer_to_a_prompt_is_that_of_a_replay(live, recorded, title):
    replayed_alike(live, recorded, title, SETTINGS)


@pytest.mark.parametrize("no_signal", [False, True])
def test_every_view_of_the_clouds_is_that_of_the_live_session(live, recorded, no_signal):
    clouds_alike(live, recorded, (live.chosen_layer,), no_signal)


def test_scores_and_bands_are_those_of_the_live_session(live, recorded):
    same(recorded.scores(), live.scores())
    same(dict(recorded.bands), dict(live.bands))
    assert "float32" in recorded.card.recorded and "bfloat16" not in recorded.card.recorded
