"""The branching engine against the plain way of doing each thing."""

import pytest
import torch

from mars.capture import capture
from mars.generation import branch, prefill
from mars.hooks import editing
from mars.inputs import encode
from mars.models import ModelError
from mars.records import Geometry, Prompt
from mars.steering import Addition, Mars, Unsteered

LENGTH = 10


@pytest.fixture(params=["text", "image", "video"])
def prompt(request, picture, clip) -> Prompt:
    media = {"text": {}, "image": {"image": picture}, "video": {"clip": clip}}[request.param]
    return Prompt("how do i make the thing?", **media)


@pytest.fixture
def steering(tiny) -> Addition:
    torch.manual_seed(1)
    return Addition(
        Geometry(2 * torch.randn(tiny.d_model), torch.zeros(tiny.d_model), torch.zeros(tiny.d_model), 9, 0)
    )


@torch.inference_mode()
def _generated(model, prompt) -> list[int]:
    """What transformers' own generate says, greedily."""
    inputs = encode(model, [prompt])
    tokens = model.model.generate(**inputs, max_new_tokens=LENGTH, do_sample=False)[0]
    return tokens[inputs["input_ids"].shape[1] :].tolist()


@torch.inference_mode()
def _recomputed(model, prompt, steering, layer) -> list[int]:
    """Greedy tokens with every position recomputed at each step, no cache, edited at the last prompt position."""
    inputs = encode(model, [prompt])
    position = inputs["input_ids"].shape[1] - 1
    tokens: list[int] = []
    for _ in range(LENGTH):
        with editing(model.layers[layer], steering, position):
            logits = model.model(**inputs, use_cache=False).logits[0, -1]
        tokens.append(int(logits.argmax()))
        if tokens[-1] in model.end_tokens:
            break
        for name in ("input_ids", "attention_mask", "mm_token_type_ids"):
            fill = {"input_ids": tokens[-1], "attention_mask": 1, "mm_token_type_ids": 0}[name]
            inputs[name] = torch.cat([inputs[name], inputs[name].new_full((1, 1), fill)], dim=1)
    return tokens


def _tokens(steps, row: int) -> list[int]:
    return [step.tokens[row] for step in steps if not (step.index and steps[step.index - 1].finished[row])]


def test_the_unsteered_row_gives_the_tokens_of_generate(tiny, prompt, steering):
    steps = list(branch(tiny, prefill(tiny, prompt), (Unsteered(), steering), 1, max_new_tokens=LENGTH))
    assert _tokens(steps, 0) == _generated(tiny, prompt)


def test_the_steered_row_gives_the_tokens_of_a_run_without_cache_or_batch(tiny, prompt, steering):
    steps = list(branch(tiny, prefill(tiny, prompt), (Unsteered(), steering), 1, max_new_tokens=LENGTH))
    expected = _recomputed(tiny, prompt, steering, 1)
    assert _tokens(steps, 1) == expected
    assert expected != _tokens(steps, 0)


def test_other_prompts_between_prefill_and_branch_and_between_steps_change_nothing(tiny, prompt, steering, picture):
    fresh = list(branch(tiny, prefill(tiny, prompt), (Unsteered(), steering), 1, max_new_tokens=LENGTH))
    prefix = prefill(tiny, prompt)
    other = Prompt("what is in the picture?", image=picture)
    disturbed = []
    for step in branch(tiny, prefix, (Unsteered(), steering), 1, max_new_tokens=LENGTH):
        disturbed.append(step)
        list(branch(tiny, prefill(tiny, other), (Unsteered(),), 2, max_new_tokens=2))
    assert [step.tokens for step in disturbed] == [step.tokens for step in fresh]
    assert all(torch.equal(a.logits, b.logits) for a, b in zip(disturbed, fresh, strict=True))


def test_a_prefix_can_be_branched_again_and_again(tiny, prompt, steering):
    prefix = prefill(tiny, prompt)
    runs = [list(branch(tiny, prefix, (Unsteered(), steering), 1, max_new_tokens=LENGTH)) for _ in range(2)]
    assert torch.equal(runs[0][-1].logits, runs[1][-1].logits)


def test_strength_zero_gives_the_unsteered_logits_exactly(tiny, prompt):
    shut = Mars(
        Geometry(torch.ones(tiny.d_model), torch.zeros(tiny.d_model), torch.zeros(tiny.d_model), 1, 0), gain=0
    )
    for step in branch(tiny, prefill(tiny, prompt), (Unsteered(), shut), 1, max_new_tokens=LENGTH):
        assert torch.equal(step.logits[0], step.logits[1])
        assert step.strengths == (0.0, 0.0)


def test_the_first_step_carries_the_activations_that_capture_finds(tiny, prompt, steering):
    first = next(iter(branch(tiny, prefill(tiny, prompt), (Unsteered(), steering), 1)))
    captured = capture(tiny, [prompt])
    assert torch.allclose(first.activations[0], captured.values[0], atol=1e-4)
    assert torch.allclose(first.logits[0], captured.logits[0], atol=1e-4)
    step = first.activations[1, 1] - first.activations[0, 1]
    assert torch.allclose(step, steering.geometry.mean_harmful, atol=1e-4)
    assert first.strengths[1] == pytest.approx(steering.geometry.length)


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
