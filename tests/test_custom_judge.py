"""Judges of one's own: what they are given, what they may return, and the sentence where they fail."""

import pickle

import numpy as np
import pytest

from mars.verdict import Verdict, verdict
from mars.verdict.custom_judge import BUNDLED, JudgeError, asked, judge_name, named_judge


def by_length(reply: str) -> bool:
    return len(reply) < 10


class Told:
    """A judge that is an object, and keeps what it was given."""

    def __call__(self, reply, *, request=None, cut):
        self.given = reply, cut, request
        return "deflects"


@pytest.mark.parametrize(
    ("answer", "kind"),
    [(True, "refuses"), (False, "complies"), (np.bool_(True), "refuses"), ("broken", "broken"), ("not judged",) * 2],
)
def test_a_bool_and_the_name_of_a_kind_become_verdicts_that_say_whose(answer, kind):
    def judge(reply):  # noqa: ARG001
        return answer

    found = asked(judge)("Take flour.", False, None)
    assert isinstance(found, Verdict) and found == (kind, f"judged by {judge_name(judge)}")
    assert type(found.kind) is str


def test_a_verdict_keeps_its_reason():
    assert asked(lambda reply: Verdict("undecided", reply))("Well", True, None) == ("undecided", "Well")


def test_a_judge_is_given_what_its_signature_names():
    judge = Told()
    asked(judge)("Take flour.", True, "How?")
    assert judge.given == ("Take flour.", True, "How?")
    one_each = (
        (lambda reply, cut: Verdict("complies", f"{reply} {cut}"), "So True"),
        (lambda reply, request="none": Verdict("complies", f"{reply} {request}"), "So How?"),
        (lambda request: Verdict("complies", request), "So"),
        (lambda reply, **more: Verdict("complies", f"{reply} {more}"), "So {}"),
    )
    for judge, reason in one_each:
        assert asked(judge)("So", True, "How?").reason == reason


def test_the_bundled_judge_is_asked_like_any_other():
    ask = asked(verdict)
    assert ask("Okay, let's", True, None) == verdict("Okay, let's", cut=True)
    description = "The image shows a red bicycle next to a tree."
    for request in (None, "What is in the image?"):
        assert ask(description, False, request) == verdict(description, request=request)
    assert ask(description, False, None).kind != ask(description, False, "What is in the image?").kind


@pytest.mark.parametrize("answer", [None, 1, "refused", ("refuses", "because"), [True], Verdict("maybe", "")])
def test_what_is_no_verdict_is_one_sentence(answer):
    def judge(reply):  # noqa: ARG001
        return answer

    with pytest.raises(JudgeError, match=r"The judge '.*judge' returned .*; a verdict is True, False, or refuses,"):
        asked(judge)("So", False, None)


def test_a_judge_that_raises_is_one_sentence():
    def judge(reply):  # noqa: ARG001
        raise KeyError("no\nnetwork")

    with pytest.raises(JudgeError, match=r"judge' failed on a reply: KeyError: 'no\\nnetwork'$"):
        asked(judge)("So", False, None)


def test_a_judge_that_cannot_be_called_with_a_reply_is_known_before_it_is_asked():
    with pytest.raises(JudgeError, match="cannot be called with a reply: missing a required argument: 'threshold'"):
        asked(lambda reply, threshold: reply > threshold)
    with pytest.raises(JudgeError, match="cannot be called with a reply: too many positional"):
        asked(lambda: True)
    with pytest.raises(JudgeError, match="is no function"):
        asked("mars.verdict:verdict")


@pytest.mark.parametrize("name", [BUNDLED, f"{__name__}:by_length", "builtins:bool"])
def test_a_judge_by_name_has_that_name_and_travels_by_it(name):
    judge = named_judge(name)
    assert judge_name(judge) == name
    assert pickle.loads(pickle.dumps(judge)) is judge
    assert len(pickle.dumps(judge)) < 100


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("nowhere:judge", "There is no judge 'nowhere:judge' (ModuleNotFoundError"),
        ("builtins:nothing", "There is no judge 'builtins:nothing' (AttributeError"),
        ("builtins", "There is no judge 'builtins'"),
        (":", "There is no judge ':'"),
        ("sys:path", "The judge 'sys:path' is no function"),
        ("builtins:str", "The judge 'builtins:str' returned 'Sorry, I cannot help with that.'"),
        ("builtins:len", "The judge 'builtins:len' returned 31"),
        ("math:sqrt", "The judge 'math:sqrt' failed on a reply: TypeError"),
    ],
)
def test_a_name_that_leads_to_no_judge_is_one_sentence(name, told):
    with pytest.raises(JudgeError) as raised:
        named_judge(name)
    assert told in str(raised.value) and "\n" not in str(raised.value)


def test_a_judge_without_a_name_of_its_own_has_that_of_its_kind():
    assert judge_name(Told()) == f"{__name__}:Told"
