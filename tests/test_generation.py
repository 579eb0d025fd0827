"""What branching does on any model; that it does so on every family is in test_families."""

import pytest
import torch

from mars.media.prompt import Prompt
from mars.model.generation import branch, prefill, side_by_side
from mars.model.load_checks import ModelError
from mars.steering import Addition, Unsteered
from mars.types import Geometry


@pytest.fixture
def steering(tiny) -> Addition:
    torch.manual_seed(1)
    return Addition(
        Geometry(2 * torch.randn(tiny.d_model), torch.zeros(tiny.d_model), torch.zeros(tiny.d_model), 9, 0)
    )


def test_by_default_only_the_first_token_is_steered_and_on_demand_every_token(tiny, steering):
    prefix = prefill(tiny, Prompt("hi"))
    first = list(branch(tiny, prefix, (steering,), 1, max_new_tokens=4))
    every = list(branch(tiny, prefix, (steering,), 1, site="every", max_new_tokens=4))
    assert [step.strengths[0] > 0 for step in first] == [True] + [False] * (len(first) - 1)
    assert all(step.strengths[0] > 0 for step in every)


def test_rows_end_on_their_own_and_the_length_ends_them_all(tiny):
    steps = list(branch(tiny, prefill(tiny, Prompt("hi")), (Unsteered(),), 0, max_new_tokens=3))
    assert len(steps) <= 3
    assert steps[-1].finished == (True,)
    assert not any(step.finished[0] for step in steps[:-1])


def test_a_layer_that_does_not_exist_is_refused_before_anything_runs(tiny):
    with pytest.raises(ModelError, match="layers 0 to 3"):
        next(iter(branch(tiny, prefill(tiny, Prompt("hi")), (Unsteered(),), 9)))


def test_prompts_of_different_lengths_do_not_stand_side_by_side(tiny):
    with pytest.raises(ValueError, match="have one length; got"):
        side_by_side([prefill(tiny, Prompt("hi")), prefill(tiny, Prompt("hi, how are you?"))])
