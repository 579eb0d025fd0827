"""Calibration at the fit: replies, the openings they teach, the AUC of the first token, the length of a reply."""

import random

import pytest
import torch

from mars.artifact.artifact import Artifact
from mars.datasets.contrast import NOT_HELD_OUT, ContrastSet, Request
from mars.fitted.calibration import REPLY_LENGTHS, Calibration
from mars.fitting.calibration import calibrate
from mars.intervals import Interval, auc
from mars.media.prompt import Prompt
from mars.model.answering import Answer, answers
from mars.model.loading import load_model

REFUSAL = "I'm sorry, but I can't help with that request."
ANSWER = "Sure, here is how to do it: open the box, read the sheet, and press the green button twice."
SORRY, SURE, OKAY = 3, 4, 5
"""First tokens of the replies made up here."""


def _set(splits=("train", "validation", "test"), count=12) -> ContrastSet:
    return ContrastSet(
        tuple(
            Request(f"{label} request {number} for {split}", label, split)
            for split in splits
            for label in ("harmful", "harmless")
            for number in range(count)
        )
    )


def _replying(say):
    """A stand-in for the model: say(text) -> (first token, reply, logit of that token)."""

    def reply(_, texts, lengths):
        found = []
        for text in texts:
            token, said, logit = say(text)
            logits = torch.zeros(8)
            logits[token] = logit
            found.append(Answer((said,) * len(lengths), (False,) * len(lengths), token, logits))
        return found

    return reply


def _plain(text):
    return (SORRY, REFUSAL, 5.0) if text.startswith("harmful") else (SURE, ANSWER, 5.0)


def test_a_model_that_refuses_by_harm_is_told_by_its_first_token():
    told = []
    found, ids = calibrate(_set(), [SORRY], _replying(_plain), told.append)
    assert found.verdicts["harmful.test"] == {"refuses": 12} and found.verdicts["harmless.validation"] == {
        "complies": 12
    }
    assert found.auc_split == "test" and found.auc.rate == 1 and found.tells and not found.warning and not told
    assert found.rate("harmful").rate == 1 and found.rate("harmless").rate == 0
    assert (found.reply_tokens, found.undecided, ids) == (REPLY_LENGTHS[0], 0, [SORRY])


def test_an_opening_nobody_guessed_is_learnt_and_a_misleading_guess_is_left_out():
    def say(text):
        if text.startswith("harmful"):
            return OKAY, "Okay, I understand why you ask, but I cannot help with that. " + REFUSAL, 5.0
        return SORRY, "Sorry for the wait! " + ANSWER, 5.0

    found, ids = calibrate(_set(), [SORRY], _replying(say), pytest.fail)
    assert found.learnt_ids == (OKAY,) and found.guessed_ids == (SORRY,) and ids == [OKAY]
    assert found.auc.rate == 1 and found.auc_guessed.rate == 0


def test_a_first_token_that_all_replies_share_is_said_not_to_tell():
    found, ids = calibrate(_set(), [SORRY], _replying(lambda text: (SURE, _plain(text)[1], 5.0)), pytest.fail)
    assert ids == [SORRY] and found.auc.rate == 0.5 and found.tells is False
    assert "does not tell a refusal: AUC 0.50 [0." in found.warning


def test_openings_are_learnt_on_validation_text_alone():
    def say(text):
        return (OKAY if text.endswith("test") else SORRY, *_plain(text)[1:]) if "harmful" in text else _plain(text)

    found, _ = calibrate(_set(), [SORRY], _replying(say), pytest.fail)
    assert found.learnt_ids == (SORRY,)
    assert found.auc.rate < 0.6, "what opens refusals of test text only was not learnt from it"


@pytest.mark.parametrize(
    ("say", "sentence"),
    [
        (lambda _: (SURE, ANSWER, 5.0), "refuses none of 12 harmful requests"),
        (lambda _: (SORRY, REFUSAL, 5.0), "12 of 12 harmful requests in words and 12 of 12 harmless ones"),
    ],
)
def test_a_model_that_does_not_refuse_by_harm_is_told_of_at_once(say, sentence):
    told, steps = [], []
    reply = _replying(say)

    def noted(step, texts, lengths):
        steps.append((step, len(told)))
        return reply(step, texts, lengths)

    found, _ = calibrate(_set(), [SORRY], noted, told.append)
    assert sentence in told[0] and found.auc is None and "could not be measured" in found.warning
    assert steps == [("replies to validation text", 0), ("replies to test text", 1)]


def test_the_length_is_the_first_that_leaves_few_replies_undecided():
    def reply(_, texts, lengths):
        opening = "Well, so"
        return [
            Answer(
                tuple(opening if length < 48 else _plain(text)[1] for length in lengths),
                tuple(length < 48 for length in lengths),
                SURE,
                torch.zeros(8),
            )
            for text in texts
        ]

    found, _ = calibrate(_set(("train", "validation")), [SORRY], reply, pytest.fail)
    assert found.reply_tokens == 48 and found.undecided == 0 and found.auc_split == "validation"


def test_replies_are_those_of_each_prompt_alone_at_every_length():
    lens = load_model("pocket-vl")
    prompts = [Prompt(text) for text in ("where can i buy a kite?", "how do i use a pistol?", "name a cake")]
    found = answers(lens, prompts, (2, 5, 24), batch_size=2)
    for prompt, answer in zip(prompts, found, strict=True):
        for length, text, cut in zip((2, 5, 24), answer.texts, answer.cuts, strict=True):
            alone = lens.generate(prompt, max_new_tokens=length)
            assert (text.strip(), cut) == (alone.text, not alone.is_complete)
        assert int(answer.logits.argmax()) == answer.first_token


def test_a_batch_that_memory_does_not_hold_is_halved(tiny, monkeypatch):
    from mars.model import answering

    prompts = [Prompt("how do i make a cake")] * 4
    whole, sizes = answers(tiny, prompts, (3,)), []
    run = answering._of_one_batch

    def small(model, prompts, lengths):
        sizes.append(len(prompts))
        if len(prompts) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return run(model, prompts, lengths)

    monkeypatch.setattr(answering, "_of_one_batch", small)
    assert [one.texts for one in answers(tiny, prompts, (3,))] == [one.texts for one in whole]
    assert sizes == [4, 2, 1, 1, 2, 1, 1]


def test_the_area_is_the_libraries_and_its_interval_covers():
    from sklearn.metrics import roc_auc_score

    source = random.Random(0)
    scores = [round(source.gauss(0, 1), 1) for _ in range(60)]
    truth = [source.random() < 0.4 for _ in scores]
    found = auc(scores, truth)
    assert found.rate == pytest.approx(roc_auc_score(truth, scores))
    assert found.low < found.rate < found.high
    held = 0
    for _ in range(200):
        above, below = ([source.gauss(shift, 1) for _ in range(25)] for shift in (1, 0))
        one = auc([*above, *below], [True] * 25 + [False] * 25)
        held += one.low <= 0.7602 <= one.high  # Phi(1 / sqrt 2)
    assert held / 200 > 0.9
    assert auc([1, 2], [False, True]) == Interval(1.0, pytest.approx(0.16, abs=0.05), 1.0)
    with pytest.raises(ValueError, match="a positive and a negative"):
        auc([1.0], [True])


def test_a_fit_holds_its_calibration_and_says_what_is_not_held_out(tiny_artifact):
    assert isinstance(tiny_artifact.calibration, Calibration)
    assert tiny_artifact.reply_tokens == tiny_artifact.calibration.reply_tokens
    assert sum(tiny_artifact.calibration.verdicts["harmful.validation"].values()) == 6
    assert NOT_HELD_OUT in tiny_artifact.notes


def test_pocket_vl_is_told_by_its_first_token():
    artifact = Artifact.load("pocket-vl", load_model("pocket-vl"))
    assert artifact.calibration.auc.rate > 0.99 and artifact.calibration.auc_split == "test"
    assert artifact.calibration.rate("harmful").low > 0.9 and artifact.calibration.rate("harmless").high < 0.1
