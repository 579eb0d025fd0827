"""What branching does on any model; that it does so on every family is in tests/families."""

import pytest
import torch

from mars.media.prompt import Prompt
from mars.model.generation import branch, prefill, side_by_side
from mars.model.load_checks import ModelError
from mars.model.loading import load_model
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


def test_a_prompt_of_one_token_does_not_stand_beside_longer_ones(tiny_folder):
    model = load_model(tiny_folder)
    model.processor.chat_template = "{{ messages[0]['content'][0]['text'] }}"
    one, two, longer = (prefill(model, Prompt(text)) for text in ("a", "b", "hi, how are you?"))
    assert side_by_side([one, two]).cache is None
    with pytest.raises(ValueError, match="one token has no cache"):
        side_by_side([one, longer])


def test_no_prompt_sees_the_padding_beside_a_longer_one(tiny):
    """Whatever stands in the padding, no reply changes; and a prefix of several may stand beside another."""
    texts = ("hi", "hi, how are you?", "hi, how do you do? " * 3)
    short, long, longest = (prefill(tiny, Prompt(text)) for text in texts)
    both = side_by_side([side_by_side([short, long]), longest])
    assert both.padding.tolist() == [longest.length - short.length, longest.length - long.length, 0]
    for layer in both.cache.layers:
        layer.keys[0, :, : both.padding[0]] = 1e3
        layer.values[0, :, : both.padding[0]] = 1e3
    together = list(branch(tiny, both, (Unsteered(),) * 3, 0, of=(0, 1, 2), max_new_tokens=4))
    for row, prefix in enumerate((short, long, longest)):
        alone = list(branch(tiny, prefix, (Unsteered(),), 0, max_new_tokens=4))
        assert alone[-1].texts[0] == together[-1].texts[row]
        for one, joint in zip(alone, together, strict=False):
            assert torch.allclose(one.logits[0], joint.logits[row], atol=1e-4)
