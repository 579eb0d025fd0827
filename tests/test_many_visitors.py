"""Many visitors on one model: each is answered as if alone. `make soak` is the long form."""

import threading

import httpx
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, rule, run_state_machine_as_test

from app import answers, serving
from app.ui import create_app
from mars.media.prompt import Prompt
from mars.model.capture import capture
from mars.model.generation import branch, prefill, side_by_side
from mars.steering import STRATEGIES, Unsteered
from tests.crowd import Request, alone, crowd, mix
from tests.hostile.visitor import Visitor
from tests.tiny import steering_hooks

CLIENTS = 16
LENGTH = 5


def prompts_of(picture, clip) -> tuple[Prompt, ...]:
    """Of all modalities."""
    return (
        Prompt("how do i make a cake?"),
        Prompt("what is this?", image=picture),
        Prompt("what is this?", video=clip),
        Prompt("how do i make a kite?"),
    )


class Interleaved(RuleBasedStateMachine):
    """Prefixes and branches of several prompts on one model, in any order; every step is that of a run alone."""

    model = artifact = prompts = fresh = None

    prefixes = Bundle("prefixes")
    branches = Bundle("branches")

    @rule(target=prefixes, number=st.integers(0, 3))
    def read(self, number):
        return number, prefill(self.model, self.prompts[number])

    @rule(target=branches, prefix=prefixes, layer=st.integers(0, 3))
    def begin(self, prefix, layer):
        number, read = prefix
        return number, layer, self.steps(number, read, layer), []

    @rule(begun=branches)
    def step(self, begun):
        number, layer, steps, seen = begun
        step = next(steps, None)
        if step is not None:
            expected = self.fresh(number, layer)[len(seen)]
            assert (step.tokens, step.texts) == (expected.tokens, expected.texts)
            assert step.logits.equal(expected.logits)
            seen.append(step)

    @rule(begun=consumes(branches))
    def walk_away(self, begun):
        begun[2].close()
        assert not steering_hooks(self.model)

    @rule(number=st.integers(0, 3))
    def capture_another(self, number):
        assert capture(self.model, [self.prompts[number]]).values.isfinite().all()

    @rule(prefix=prefixes, other=prefixes)
    def answer_two_in_one_batch(self, prefix, other):
        both = side_by_side([prefix[1], other[1]])
        list(branch(self.model, both, (Unsteered(), Unsteered()), 0, of=(0, 1), max_new_tokens=2))

    @classmethod
    def steps(cls, number, prefix, layer):
        geometry = cls.artifact.geometry(layer, cls.prompts[number].modality)
        strategies = (Unsteered(), STRATEGIES["mars"](geometry, 2.0))
        return branch(cls.model, prefix, strategies, layer, max_new_tokens=LENGTH)


def test_prefixes_and_branches_of_many_visitors_interleave_without_touching_each_other(
    tiny, tiny_artifact, picture, clip
):
    known = {}

    class Here(Interleaved):
        model, artifact, prompts = tiny, tiny_artifact, prompts_of(picture, clip)

        @staticmethod
        def fresh(number, layer):
            if (number, layer) not in known:
                prefix = prefill(tiny, Here.prompts[number])
                known[number, layer] = list(Here.steps(number, prefix, layer))
            return known[number, layer]

    for number in range(len(Here.prompts)):
        for layer in range(tiny.n_layers):
            Here.fresh(number, layer)
    run_state_machine_as_test(
        Here,
        settings=settings(
            max_examples=12, stateful_step_count=25, deadline=None, derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )  # fmt: skip


@pytest.fixture
def url(workbench):
    page = create_app(workbench)
    yield serving.serve(page, workbench)
    page.close()


def test_sixteen_visitors_at_once_are_each_answered_as_if_alone(url, workbench):
    expected = alone(url, mix(0, workbench.session.n_layers)[::3])
    tally = crowd(url, expected, CLIENTS, 48, seed=0)
    assert tally.faults == [] and tally.made == 48 and tally.answered > 24


def test_an_answer_that_is_another_is_seen(url):
    """The judge of the test above."""
    expected = alone(url, [Request("compare", "hi"), Request("compare", "how do i make a cake?")])
    first, second = expected
    tally = crowd(url, {first: expected[second]}, 2, 12, seed=0)
    assert tally.answered == 0 and tally.faults


def test_a_full_queue_answers_with_its_length(workbench, monkeypatch):
    monkeypatch.setattr(serving, "MAX_WAITING", 2)
    go_on = threading.Event()
    answer = answers.compare

    def waiting(*given, **named):
        go_on.wait(60)
        return answer(*given, **named)

    monkeypatch.setattr(answers, "compare", waiting)
    page = create_app(workbench)
    visitor = Visitor(serving.serve(page, workbench))
    try:
        with pytest.raises(httpx.HTTPStatusError) as full:
            for _ in range(12):
                visitor.begin("compare", "hi", None, None, 1.0, "")
        assert full.value.response.status_code == 503
        assert "Max size is 2 and size is 2" in full.value.response.text
    finally:
        go_on.set()
        visitor.close()
        page.close()


def test_who_walks_away_in_the_middle_frees_the_model_at_the_next_step(session):
    """A second visitor is answered while the first, who looks no more, still holds an open stream."""
    left = session.compare("how do i make a cake?")
    next(left)
    expected = answers.compare(session, "how do i make a kite?")
    assert answers.compare(session, "how do i make a kite?") == expected
    assert not session.lock.locked()
    left.close()
    assert not steering_hooks(session.model)
