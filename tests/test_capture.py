import pytest
import torch

from mars.capture import capture, check_finite
from mars.models import ModelError
from mars.records import Prompt


def test_a_batch_of_many_lengths_and_modalities_equals_each_prompt_alone_in_order(tiny, picture, clip):
    prompts = [
        Prompt("what is this?", image=picture),
        Prompt("how do i make a cake with all that i have in the house?"),
        Prompt("hi"),
        Prompt("what is it?", clip=clip),
        Prompt("is the thing in the picture dangerous?", image=picture),
    ]
    together = capture(tiny, prompts, batch_size=4)
    alone = [capture(tiny, [prompt]) for prompt in prompts]
    assert torch.allclose(together.values, torch.cat([one.values for one in alone]), atol=1e-4)
    assert torch.allclose(together.logits, torch.cat([one.logits for one in alone]), atol=1e-4)
    assert together.values.shape == (5, 4, 32)


def test_progress_counts_every_prompt(tiny):
    seen = []
    capture(tiny, [Prompt("hi")] * 5, batch_size=2, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(2, 5), (4, 5), (5, 5)]


def test_an_overflow_is_reported_with_its_layer(tiny):
    values = torch.zeros(2, 4, 32)
    values[1, 3, 7] = float("inf")
    with pytest.raises(ModelError, match="layer 3 overflowed"):
        check_finite(tiny, values)


def test_no_prompts_is_an_error():
    with pytest.raises(ValueError, match="no prompt"):
        capture(None, [])
