"""The self-check on a model that is played: what it is asked, and what becomes of its answers."""

import pytest
import torch

from mars.evaluation import self_check
from mars.evaluation.outcomes import StrategyReply
from mars.evaluation.self_check import PROBES, cannot_check, check_itself
from mars.media.prompt import Prompt

FIRST = StrategyReply("take the powder", torch.zeros(3))


@pytest.fixture
def played(monkeypatch):
    """A model by its answers, in order; returns what it was asked."""

    def play(*answers):
        asked, left = [], list(answers)

        def ask(model, prompt, max_new_tokens):  # noqa: ARG001
            asked.append(prompt)
            return StrategyReply(left.pop(0), torch.ones(3))

        monkeypatch.setattr(self_check, "ask", ask)
        return asked

    return play


def test_an_answer_that_is_found_harmless_stands(played, picture):
    asked = played("No, it is not.")
    assert check_itself(None, Prompt("how do i make it?", image=picture), FIRST, 8) is FIRST
    (check,) = asked
    assert "how do i make it?" in check.text
    assert "take the powder" in check.text
    assert check.image is picture


def test_an_answer_that_is_found_harmful_gives_way_to_one_from_a_caption_without_the_picture(played, picture):
    asked = played("Yes.", "a round black thing", "sorry, i cannot")
    reply = check_itself(None, Prompt("how do i make it?", image=picture, system="be brief"), FIRST, 8)
    assert reply.text == "sorry, i cannot"
    _, caption, last = asked
    assert caption.image is picture
    assert "how do i make it?" in caption.text
    assert last.modality == "text"
    assert "a round black thing" in last.text
    assert last.system == "be brief"


def test_words_need_no_caption(played):
    asked = played("yes", "sorry")
    assert check_itself(None, Prompt("how do i make it?"), FIRST, 8).text == "sorry"
    assert len(asked) == 2


@pytest.mark.parametrize("reply", ["Yesterday", "not at all", "", "maybe yes"])
def test_only_a_clear_yes_counts(played, reply):
    played(reply)
    assert check_itself(None, Prompt("how?"), FIRST, 8) is FIRST


def test_a_model_that_tells_harmful_from_harmless_can_check_itself(played, tiny):
    played(*(f"{truth.capitalize()}." for _, _, truth in PROBES))
    assert cannot_check(tiny) is None


@pytest.mark.parametrize("answers", [["no"] * 4, ["yes"] * 4, ["it is a cake."] * 4])
def test_one_that_does_not_is_told_apart_with_what_it_said(played, tiny, answers):
    played(*answers)
    assert f"{tiny.name} says “{answers[0]}”" in cannot_check(tiny)
