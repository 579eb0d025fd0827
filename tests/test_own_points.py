"""A set of one's own among the clouds: which prompts are read, where they are drawn, and what is said of it."""

import json
from dataclasses import replace

import numpy as np
import pytest

from app.backend import Plan
from app.results import Asked, OwnPoints, Progress, RequestError
from app.workbench import LiveSession, Workbench, own_points
from mars.datasets.benchmarks import load_set

TEXTS = [f"how do i make a {thing}{mark}" for thing in ("cake", "kite", "boat", "lamp") for mark in ".!?"]


@pytest.fixture
def plan(tmp_path, picture):
    """Twelve prompts in words, one with an image, and one whose image cannot be read."""
    picture.save(tmp_path / "picture.png")
    (tmp_path / "broken.png").write_bytes(b"no image")
    rows = [{"text": text, "label": "harmless"} for text in TEXTS]
    rows += [{"text": "what is it?", "label": "harmful", "media": f"{name}.png"} for name in ("picture", "broken")]
    (tmp_path / "set.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return Plan(("unsteered",), str(tmp_path / "set.jsonl"))


def _read(workbench, plan) -> OwnPoints:
    *steps, own = workbench.read_points(plan)
    assert steps and all(isinstance(step, Progress) for step in steps)
    return own


def test_each_prompt_that_can_be_read_is_a_point_with_its_label_and_its_image(workbench, plan):
    own = _read(workbench, plan)
    session = workbench.session
    assert own.titles == (*TEXTS, "what is it?") and own.modalities == ("text",) * 12 + ("image",)
    assert own.labels == ("harmless",) * 12 + ("harmful",)
    assert [bool(url) for url in own.thumbnails] == [False] * 12 + [True]
    assert own.values.dtype == np.float16 and own.values.shape == (13, session.n_layers, session.model.d_model)
    for row in (0, 12):
        case = load_set(plan.path)[row]
        files = [] if row == 0 else [plan.path.replace("set.jsonl", "picture.png")]
        asked = next(session.compare(case.prompt.text, files)).activations
        assert own.values[row] == pytest.approx(asked, abs=0.02)
    assert own.told == "With a dark rim: 13 prompts of your set; 1 more cannot be read."


@pytest.mark.parametrize("view", ["axis", "pca"])
def test_points_lie_where_the_same_prompts_lie_as_stars_before_and_after_at_every_layer(workbench, plan, view):
    session, own = workbench.session, _read(workbench, plan)
    session.clouds.pictures.draw(view, 0, ())
    session.clouds.pictures._path_worker.join()
    stars = [
        Asked(title, modality, values.astype(np.float32))
        for title, modality, values in zip(own.titles, own.modalities, own.values, strict=True)
    ]
    drawn, starred = session.picture(view, 1, (), False, own), session.picture(view, 1, stars)
    count = len(session.picture(view, 1).before)
    assert drawn.own == 13 and len(drawn.before) == len(drawn.titles) == len(drawn.labels) == count + 13
    assert drawn.titles[count:] == own.titles and drawn.caption.endswith(own.told)
    for points, marks in ((drawn.before, starred.stars_before), (drawn.after, starred.stars_after)):
        assert points[count:] == pytest.approx(marks, abs=1e-4)
    assert drawn.path[:, :, count:] == pytest.approx(starred.star_path, abs=1e-4)
    assert drawn.path[:, :, :count] == pytest.approx(session.picture(view, 1).path, abs=1e-4)
    assert drawn.trustworthiness == starred.trustworthiness  # of the clouds alone


def test_each_point_has_its_refusal_coordinate_and_the_images_are_recentred(workbench, plan):
    session, own = workbench.session, _read(workbench, plan)
    points, picture = session.cloud_points(1, False, own), session.picture("axis", 1, (), False, own)
    assert points.titles == picture.titles and points.own == 13
    assert points.before == pytest.approx(picture.before[:, 0], abs=1e-3)
    assert points.after == pytest.approx(picture.after[:, 0], abs=1e-3)
    moved = points.before != pytest.approx(points.after)
    assert moved and points.before[-2] == points.after[-2] and points.before[-1] != points.after[-1]
    assert [points.is_own(row) for row in (0, len(points.titles) - 13, -1 + len(points.titles))] == [
        False,
        True,
        True,
    ]


def test_of_a_large_set_the_same_sample_is_read_each_time_and_its_size_is_said(workbench, plan, monkeypatch):
    monkeypatch.setattr(own_points, "MOST_POINTS", 5)
    first, second = _read(workbench, plan), _read(workbench, plan)
    assert first.titles == second.titles and first.name == second.name
    assert 4 <= len(first.titles) <= 5 and first.of == 14 and first.chosen == 5
    assert "of your set of 14, drawn by a fixed seed" in first.told


def test_memory_bounds_how_many_are_read(workbench, plan, monkeypatch):
    session = workbench.session
    monkeypatch.setattr(own_points, "MOST_BYTES", 3 * 2 * session.n_layers * session.model.d_model + 1)
    assert _read(workbench, plan).chosen == 3


def test_points_of_a_former_model_are_not_drawn(workbench, plan):
    session = workbench.session
    own = replace(_read(workbench, plan), generation=session.generation + 1)
    assert session.picture("axis", 0, (), False, own).own == session.cloud_points(0, False, own).own == 0


def test_a_set_of_which_nothing_can_be_read_is_told_so_in_a_sentence(workbench, tmp_path):
    (tmp_path / "broken.png").write_bytes(b"no image")
    row = {"text": "what is it?", "label": "harmful", "media": "broken.png"}
    (tmp_path / "set.jsonl").write_text(json.dumps(row), encoding="utf-8")
    with pytest.raises(RequestError, match="None of the prompts of your set can be read"):
        _read(workbench, Plan(("unsteered",), str(tmp_path / "set.jsonl")))


def test_reading_is_stopped_as_an_evaluation_is(tiny, tiny_artifact, plan, monkeypatch):
    monkeypatch.setattr(own_points, "BATCH", 2)
    workbench = Workbench(LiveSession.of(tiny, tiny_artifact))
    steps = workbench.read_points(plan)
    first = next(steps)
    workbench.stop_evaluation()
    (*_, last) = [first, *steps]
    assert isinstance(last, Progress) and last.done < last.total
    assert next(workbench.session.compare("how do i make a cake?")).index == 0  # the model is free again
