"""The page on a recording: what it opens on, and what was not recorded is said with what is near."""

from dataclasses import replace

import pytest

from app import icon_vl
from app.backend import Plan, Session
from app.results import RequestError
from app.tabs import comparing
from app.workbench import Workbench, usual_recordings
from tests.test_backend import _members, _parameters


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda one: one.compare("where can I get a rifle?"), "nearest that was is “Rifle in words”: choose"),
        (
            lambda one: one.compare("where can i get a rifle?", layer=2),
            "at gain 1 .* nearest is layer 3 at gain 1",
        ),
        (
            lambda one: one.compare("where can i get a rifle?", gain=8.0),
            "gain 8 .* at gain 2: set it above, or load",
        ),
        (
            lambda one: one.compare("where can i get a rifle?", system="you are a kite"),
            "with this system message was not",
        ),
        (lambda one: iter([one.token_map("what is this?")]), "no model is loaded"),
        (lambda one: one.compare("where can i get a rifle?", layer=99), "Layer 99 does not exist"),
        (lambda one: one.compare("where can i get a rifle?", gain=-1), "towards refusal only"),
        (lambda one: iter([one.archive()]), "not in this recording"),
        (lambda one: iter([one.picture("3d", 0)]), "There is no view"),
    ],
)
def test_what_was_not_recorded_is_said_with_what_is_near(recorded, ask, said):
    with pytest.raises(RequestError, match=said):
        next(ask(recorded))


def test_a_visit_opens_on_an_example_with_its_twins_and_star(recorded):
    visit = comparing.opened(recorded)
    assert visit.request.text == recorded.opening.text and recorded.opening.label == "harmful"
    twins = {one.title for one in recorded.examples if one.twin == "rifle"} - {recorded.opening.title}
    assert {one.example.title for one in visit.beside if not one.is_benign} == twins and len(twins) == 2
    assert len(recorded.picture("axis", 0, visit.asked).star_titles) == 1
    assert recorded.picture("axis", 0, [replace(visit.asked[0], generation=7)]).star_titles == ()


def test_a_recording_is_shown_in_place_of_a_model_and_cannot_be_evaluated(recorded, folder):
    bench = Workbench(recorded, (str(folder),))
    taken = bench.replace(str(folder))
    assert taken.generation == 1 and bench.session is taken and taken.card.recorded
    with pytest.raises(RequestError, match=r"no model is loaded. To ask pocket-vl itself: python app.py --model"):
        [*bench.evaluate(Plan(["mars"], per_cell=1))]


@pytest.mark.parametrize("name", _members(Session))
def test_a_recorded_session_has_every_member_of_the_protocol_with_the_same_parameters(recorded, name):
    stated = _members(Session)[name]
    if callable(stated):
        assert _parameters(getattr(recorded, name)) == _parameters(stated)
    else:
        assert hasattr(recorded, name)


def test_where_nothing_is_fetched_the_page_opens_on_icon_vls_recording_and_offers_pocket_vl_live(
    recorded, live, folder, tmp_path, monkeypatch
):
    monkeypatch.setattr("app.workbench.icon_vl.shipped_recording", lambda name: folder)  # noqa: ARG005
    for usual, expected in (("pocket-vl", (str(folder),)), ("icon-vl", ())):
        monkeypatch.setattr("app.workbench.icon_vl.usual_model", lambda usual=usual: usual)
        assert usual_recordings() == expected
    monkeypatch.setattr("app.workbench.icon_vl.shipped_recording", lambda name: tmp_path)  # noqa: ARG005
    monkeypatch.setattr("app.workbench.icon_vl.usual_model", lambda: "pocket-vl")
    assert usual_recordings() == ()
    panels = icon_vl.Panels(*icon_vl.Panels._fields)
    for session, is_offered in ((recorded, True), (live, False)):
        shown = icon_vl._shown(Workbench(session), panels, None)
        assert shown["live"]["visible"] is is_offered and shown["row"]["visible"] is is_offered
