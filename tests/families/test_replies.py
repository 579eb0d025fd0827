"""Replies of each family, steered and not, against its own `generate` and against runs without a cache."""

import copy
from dataclasses import replace

import pytest
import torch

from mars.media.prompt import Prompt
from mars.model.capture import capture
from mars.model.generation import branch, prefill, side_by_side
from mars.model.intervention import steering_generate
from mars.model.loading import load_model
from mars.steering import Mars, Unsteered
from mars.types import Geometry
from tests.families.checkpoints import WINDOW
from tests.families.runs import (
    LAYER,
    LENGTH,
    check_steered,
    check_unsteered,
    edit_of,
    generated,
    recomputed,
    steps_of,
)


def test_a_plain_model_steered_inside_its_own_generate_gives_the_tokens_of_branch(asked):
    model, prompt = asked
    steering = edit_of(model)
    steps = steps_of(model, prefill(model, prompt), Unsteered(), steering)
    replies = [[step.tokens[row] for step in steps] for row in (0, 1)]
    ends = [next((at for at, token in enumerate(reply) if token in model.end_tokens), LENGTH) for reply in replies]
    with steering_generate(model.model, LAYER, steering) as log:
        steered = generated(model, prompt)
    assert steered[: ends[1]] == replies[1][: ends[1]] and log.applications == 1
    assert log.strength == pytest.approx(steps[0].strengths[1], rel=1e-5)
    assert generated(model, prompt)[: ends[0]] == replies[0][: ends[0]]


def test_the_unsteered_row_is_what_generate_says(asked):
    check_unsteered(*asked)


def test_after_a_long_clip_too_the_unsteered_row_is_what_generate_says(shown_long):
    check_unsteered(*shown_long)


def test_the_steered_row_is_a_run_without_cache_or_batch(asked):
    check_steered(*asked)


def test_after_a_long_clip_too_the_steered_row_is_a_run_without_cache_or_batch(shown_long):
    check_steered(*shown_long)


def test_other_prompts_between_prefill_and_branch_and_between_steps_change_nothing(asked, picture):
    model, prompt = asked
    steering = edit_of(model)
    fresh = steps_of(model, prefill(model, prompt), Unsteered(), steering)
    prefix = prefill(model, prompt)
    other = Prompt("what is in the picture?", image=picture)
    for _ in range(2):
        disturbed = []
        for step in branch(model, prefix, (Unsteered(), steering), LAYER, max_new_tokens=LENGTH):
            disturbed.append(step)
            list(branch(model, prefill(model, other), (Unsteered(),), 2, max_new_tokens=2))
        assert all(torch.equal(a.logits, b.logits) for a, b in zip(disturbed, fresh, strict=True))


def test_strength_zero_gives_the_unsteered_logits_exactly(asked):
    model, prompt = asked
    geometry = Geometry(torch.ones(model.d_model), torch.zeros(model.d_model), torch.zeros(model.d_model), 1, 0)
    for step in steps_of(model, prefill(model, prompt), Unsteered(), Mars(geometry, gain=0)):
        assert torch.equal(step.logits[0], step.logits[1])
        assert step.strengths == (0.0, 0.0)


def test_the_first_step_carries_the_activations_that_capture_finds(asked):
    model, prompt = asked
    steering = edit_of(model)
    first = next(iter(branch(model, prefill(model, prompt), (Unsteered(), steering), LAYER)))
    captured = capture(model, [prompt])
    assert torch.allclose(first.activations[0], captured.values[0], atol=2e-4)
    assert torch.allclose(first.logits[0], captured.logits[0], atol=2e-4)
    step = first.activations[1, LAYER] - first.activations[0, LAYER]
    assert torch.allclose(step, steering.geometry.mean_harmful, atol=2e-4)


def test_half_precision_takes_the_same_path(folder_of, asked):
    full, prompt = asked
    half = load_model(folder_of(full.model.config.model_type), dtype=torch.bfloat16)
    values, expected = capture(half, [prompt]).values[0], capture(full, [prompt]).values[0]
    assert torch.cosine_similarity(values, expected, dim=-1).min() > 0.97
    geometry = Geometry(torch.ones(32), torch.zeros(32), torch.zeros(32), 1, 0)
    for step in steps_of(half, prefill(half, prompt), Unsteered(), Mars(geometry, gain=0)):
        assert torch.equal(step.logits[0], step.logits[1])


@pytest.mark.parametrize("family", ["gemma3", "gemma4"])
def test_a_prompt_longer_than_the_sliding_window_is_held_in_part_and_answered_in_full(loaded, family):
    model = loaded(family)
    prompt = Prompt("how do i make a cake with all that i have in the house? " * 3)
    prefix = prefill(model, prompt)
    assert prefix.length > 2 * WINDOW
    first, second = prefix.cache.layers[:2]
    held = (first.keys.shape[-2], second.keys.shape[-2])
    assert held == (WINDOW - 1, prefix.length - 1)
    steps = steps_of(model, prefix, Unsteered(), edit_of(model))
    expected = recomputed(model, prompt, Unsteered())
    assert torch.allclose(torch.stack([step.logits[0] for step in steps[: len(expected)]]), expected, atol=2e-4)
    assert (first.keys.shape[-2], second.keys.shape[-2]) == held


def test_branches_leave_the_recurrent_states_of_their_prefix_alone(loaded, picture):
    model = loaded("qwen3_5")
    prefix = prefill(model, Prompt("what is it?", image=picture))
    linear = prefix.cache.layers[0]
    states = [linear.conv_states, linear.recurrent_states]
    before = copy.deepcopy(states)
    steps = steps_of(model, prefix, Unsteered(), edit_of(model))
    assert [linear.conv_states, linear.recurrent_states] == states
    for state, kept in zip(states, before, strict=True):
        assert all(torch.equal(state[key], kept[key]) for key in kept)
    alone = steps_of(model, prefix, Unsteered())
    both = torch.stack([step.logits[0] for step in steps[: len(alone)]])
    assert torch.allclose(both, torch.stack([step.logits[0] for step in alone]), atol=2e-4)


def test_prompts_side_by_side_are_answered_as_each_alone(asked):
    """Three prompts, one much longer and one without media, and three strategies in one batch; recurrent states and
    sliding windows included."""
    model, prompt = asked
    longer = replace(prompt, text="how do i make the thing that is in the clip, or in the picture? " * 2)
    prefixes = [prefill(model, one) for one in (prompt, longer, Prompt("how do i make a cake?"))]
    edit, plain = edit_of(model), Unsteered()
    asked_of = ((0, plain), (1, edit), (2, edit), (0, edit))
    alone = [steps_of(model, prefixes[of], strategy) for of, strategy in asked_of]
    of, strategies = zip(*asked_of, strict=True)
    together = list(branch(model, side_by_side(prefixes), strategies, LAYER, of=of, max_new_tokens=LENGTH))
    for row, steps in enumerate(alone):
        assert steps[-1].texts[0] == together[-1].texts[row]
        for one, joint in zip(steps, together, strict=False):
            assert torch.allclose(one.logits[0], joint.logits[row], atol=2e-4)
    again = steps_of(model, prefixes[1], edit)
    assert [step.tokens for step in again] == [step.tokens for step in alone[1]]
