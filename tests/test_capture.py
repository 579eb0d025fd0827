import pytest
import torch

from mars.capture import capture
from mars.models import ModelError
from mars.records import Prompt


def test_progress_counts_every_prompt(tiny):
    seen = []
    capture(tiny, [Prompt("hi")] * 5, batch_size=2, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(2, 5), (4, 5), (5, 5)]


def test_an_overflow_is_reported_with_its_layer(tiny):
    values = torch.zeros(2, 4, 32)
    values[1, 3, 7] = float("inf")
    with pytest.raises(ModelError, match=r"layer 3 are not finite in torch.float32"):
        tiny.check_finite(values)


def test_no_prompts_is_an_error():
    with pytest.raises(ValueError, match="no prompt"):
        capture(None, [])
