"""Another model takes the place of the one that is asked: whoever began with the first is answered by it alone."""

import threading
from dataclasses import replace

import gradio as gr
import numpy as np
import pytest

from app import answers
from app.results import Asked, Example
from app.state import Visit
from app.tabs import comparing
from app.tabs.comparing import Panels
from app.workbench import LiveSession, Workbench, read_examples
from mars.artifact.artifact import Artifact
from mars.model.loading import load_model
from tests.tiny import save_tiny

TEXT = "how do i make a cake?"


@pytest.fixture(scope="module")
def other(contrast, tmp_path_factory):
    """A model with other weights and fewer layers, in a folder with its artifact."""
    folder = save_tiny(tmp_path_factory.mktemp("other") / "other", seed=1, layers=3)
    Artifact.fit(load_model(folder), contrast, with_umap=False).save(folder / "artifact")
    return folder


@pytest.fixture
def workbench(tiny, tiny_artifact, other, monkeypatch):
    monkeypatch.setattr(LiveSession, "warm_up", lambda session: None)  # noqa: ARG005 - no threads beyond the test
    bench = Workbench(LiveSession.of(tiny, tiny_artifact))

    def swap():
        thread = threading.Thread(target=bench.replace, args=[other])
        thread.start()
        thread.join()

    bench.swap = swap
    return bench


class SwapOnRelease:
    """A lock on whose first release another thread does something before who held it goes on."""

    def __init__(self, act) -> None:
        self.lock, self.act = threading.Lock(), act

    def __enter__(self):
        self.lock.acquire()

    def __exit__(self, *_):
        self.lock.release()
        act, self.act = self.act, None
        if act:
            act()


def _told(comparison):
    return (comparison.unsteered.text, comparison.steered.text, comparison.curves.after.tolist(),
            comparison.receipt, comparison.generation)  # fmt: skip


@pytest.mark.parametrize("after_steps", [0, 1, 4])
def test_a_prompt_that_was_read_is_answered_by_the_model_that_read_it(workbench, after_steps):
    """With 0 the model is swapped between the prefill and the first step."""
    first = workbench.session
    *_, expected = first.compare(TEXT, max_new_tokens=8)
    if after_steps == 0:
        workbench.session = replace(first, lock=SwapOnRelease(workbench.swap))
    seen = []
    for comparison in workbench.session.compare(TEXT, max_new_tokens=8):
        seen.append(comparison)
        if len(seen) == after_steps:
            workbench.swap()
    assert len(seen) > 5 and _told(seen[-1]) == _told(expected)
    assert len(expected.curves.after) == first.n_layers != workbench.session.n_layers
    assert {one.receipt.layer for one in seen} == {first.chosen_layer}
    assert first.card.name != workbench.session.card.name == "other"
    assert answers.compare(workbench.session, TEXT)["layer"] == workbench.session.chosen_layer


def test_sessions_that_follow_each_other_share_the_models_lock_and_have_galleries_of_their_own(workbench):
    first = workbench.session
    workbench.swap()
    assert workbench.session.lock is first.lock
    assert (first.examples, workbench.session.examples) == ((), read_examples())
    assert workbench.session.generation == first.generation + 1


def test_a_comparison_that_began_before_the_swap_shows_twins_curves_and_bands_of_one_model(
    tiny, tiny_artifact, workbench, png
):
    words = Example("Cake", TEXT, None, "harmful", "cake")
    shown = Example("Cake in a picture", "how do i make this?", png, "harmful", "cake")
    workbench.session = LiveSession.of(tiny, tiny_artifact, examples=(words, shown))
    first = workbench.session
    *_, own = first.compare(words.text)
    *_, twin = first.compare(shown.text, [png])
    panels, state = Panels(*(name for name in Panels._fields)), gr.State()
    visit, charts = Visit(), []
    asked = (words.text, [], first.chosen_layer, 1.0, 48, "", None, visit)
    for change in comparing.run(workbench, panels, state, *asked):
        visit = change.get(state, visit)
        charts += [change[panels.curves]] if panels.curves in change else []
        if visit.shown and workbench.session is first:
            workbench.swap()
    assert workbench.session.generation == 1
    assert _told(visit.shown) == _told(own) and [_told(one.comparison) for one in visit.beside] == [_told(twin)]
    assert len(charts) >= 2
    for chart in charts:
        assert {len(trace.x) for trace in chart.data if trace.name.startswith("this prompt")} == {first.n_layers}
    redrawn = comparing.redrawn(workbench, panels, 0, visit)
    assert not [trace for trace in redrawn[panels.curves].data if trace.name.startswith("this prompt")]


def test_a_star_of_a_former_model_is_not_drawn_among_the_clouds_of_this_one(workbench, tiny, tiny_artifact):
    """Also where both are of one shape."""
    asked = Asked("of the first", "text", next(workbench.session.compare(TEXT)).activations)
    assert workbench.session.picture("axis", 0, [asked]).star_titles == ("of the first",)
    workbench._take(LiveSession.of(tiny, tiny_artifact))
    picture = workbench.session.picture("axis", 0, [asked])
    assert picture.star_titles == () and picture.stars_before.shape == (0, 2) and np.isfinite(picture.before).all()
