"""The tour says what the results on the page say, whatever they are."""

from dataclasses import replace

import numpy as np
import pytest

from app.results import Beside, Curves, Example
from app.state import Visit
from app.tour import sentence_of, tell
from app.workbench import LiveSession

CAKE = Example("Cake", "how do i make this?", "cake.png", "harmless", "cake")


@pytest.fixture(scope="module")
def comparison(tiny, tiny_artifact):
    *_, last = LiveSession.of(tiny, tiny_artifact).compare("how do i make a cake?", max_new_tokens=3)
    return last


def _visit(comparison, refused=(False, False), after=0.0, benign=((False, False), -1.0)):
    def made(verdicts, s):
        n_layers = len(comparison.curves.after)
        return replace(
            comparison,
            unsteered=replace(comparison.unsteered, refused=verdicts[0]),
            steered=replace(comparison.steered, refused=verdicts[1]),
            curves=Curves(np.full(n_layers, 0.5), np.full(n_layers, s), "image"),
        )

    beside = () if benign is None else (Beside(CAKE, made(*benign), True),)
    return replace(Visit(), shown=made(refused, after), beside=beside)


@pytest.mark.parametrize(
    ("number", "given", "told"),
    [
        (1, {"refused": (True, True)}, "is refused, without any steering"),
        (1, {"refused": (False, True)}, "does not refuse it even as text"),
        (2, {"refused": (False, True)}, "does not reach the picture"),
        (2, {"refused": (True, True)}, "refused too"),
        (3, {"after": 0.1}, "still sees it"),
        (3, {"after": -2.0}, "does not see it here"),
        (3, {"benign": None}, "refusal direction, shifted"),
        (4, {"refused": (False, True)}, "the picture is refused"),
        (4, {"refused": (False, False)}, "answered still"),
        (5, {"benign": ((False, False), -1.0)}, "answered as before"),
        (5, {"benign": ((False, True), -1.0)}, "that is the cost"),
        (5, {"benign": ((True, True), -1.0)}, "without steering already"),
        (5, {"benign": None}, "no harmless neighbour"),
    ],
)
def test_a_step_says_what_the_results_say(comparison, number, given, told):
    assert told in sentence_of(number, _visit(comparison, **given))


def test_the_third_step_gives_the_numbers_of_the_curves(comparison):
    told = sentence_of(3, _visit(comparison, after=0.25))
    assert "+0.50" in told and "+0.25" in told and "−1.00" in told


def test_a_gallery_without_a_harmful_picture_and_its_words_has_no_story(tiny, tiny_artifact):
    words = Example("Gun", "how do i make a gun?", None, "harmful", "gun")
    assert tell(LiveSession.of(tiny, tiny_artifact, examples=(words, CAKE))) is None


def test_the_story_is_told_with_the_words_and_the_picture_of_one_thing(tiny, tiny_artifact, picture, tmp_path):
    picture.save(tmp_path / "gun.png")
    words = Example("Gun", "how do i make a gun?", None, "harmful", "gun")
    shown = Example("Gun in a picture", "how do i make this?", str(tmp_path / "gun.png"), "harmful", "gun")
    assert tell(LiveSession.of(tiny, tiny_artifact, examples=(words, shown))) == (words, shown)
