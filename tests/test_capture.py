import threading

import pytest
import torch
from torch import nn

import mars.model.capture
from mars.media.prompt import Prompt
from mars.model.capture import capture
from mars.model.generation import branch, prefill
from mars.model.hooks import capturing, reading
from mars.model.inputs import PromptError
from mars.model.load_checks import ModelError
from mars.model.loading import load_model
from mars.steering import Unsteered

WORDS = ("make", "a", "cake", "with", "all", "that", "i", "have", "in", "the", "house")


@pytest.fixture
def prompts(picture) -> list[Prompt]:
    """Of several lengths, in no order, two of them with a picture."""
    texts = [" ".join(WORDS[: 1 + 5 * index % 11]) for index in range(9)]
    return [Prompt(text) for text in texts] + [Prompt("what is it?", image=picture), Prompt("hi", image=picture)]


@pytest.fixture
def passes(tiny, monkeypatch) -> list[int]:
    """How many prompts each pass of the model held; more than three are too many for its memory."""
    held: list[int] = []
    forward = tiny.model.forward

    def limited(*given, **inputs):
        held.append(len(inputs["input_ids"]))
        if held[-1] > 3:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return forward(*given, **inputs)

    monkeypatch.setattr(tiny.model, "forward", limited)
    return held


def test_progress_counts_every_prompt(tiny):
    seen = []
    capture(tiny, [Prompt("hi")] * 5, batch_size=2, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(2, 5), (4, 5), (5, 5)]


def test_an_overflow_is_reported_with_its_layer(tiny):
    values = torch.zeros(2, 4, 32)
    values[1, 3, 7] = float("inf")
    with pytest.raises(ModelError, match=r"layer 3 are not finite in torch.float32"):
        tiny.check_finite(values)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_logits_that_overflow_are_reported_too_and_tokens_ruled_out_are_not(tiny_folder, value):
    """An edit or the head may overflow where all blocks are finite."""
    model = load_model(tiny_folder, dtype=torch.float16)
    head = model.model.get_output_embeddings()

    def of_head(shown):
        return head.register_forward_hook(lambda _, __, logits: logits.index_fill(-1, torch.tensor([7]), shown))

    hook = of_head(value)
    for run in (lambda: capture(model, [Prompt("hi")]), lambda: _first_step(model)):
        with pytest.raises(ModelError, match=r"logits are not finite in torch\.float16\. They overflowed: load"):
            run()
    hook.remove()
    of_head(float("-inf"))
    assert capture(model, [Prompt("hi")]).logits[0, 7] == float("-inf") == _first_step(model).logits[0, 7]


def _first_step(model):
    return next(branch(model, prefill(model, Prompt("hi")), (Unsteered(),), 0, max_new_tokens=1))


def test_no_prompts_is_an_error():
    with pytest.raises(ValueError, match="no prompt"):
        capture(None, [])


def test_a_batch_that_memory_does_not_hold_is_halved_and_the_rest_of_its_shape_with_it(tiny, prompts, passes):
    counted = []
    found = capture(tiny, prompts, batch_size=8, progress=lambda *counts: counted.append(counts[0]))
    # Pictures first, two at once; then words: eight are too many, and four, and with two at a time it goes on.
    assert passes == [2, 8, 4, 2, 2, 2, 2, 1]
    assert counted == [2, 4, 6, 8, 10, 11]
    passes.clear()
    expected = capture(tiny, prompts, batch_size=1)
    assert torch.allclose(found.values, expected.values, atol=2e-4)
    assert torch.allclose(found.logits, expected.logits, atol=2e-4)


def test_a_prompt_that_memory_does_not_hold_alone_is_one_sentence(tiny, monkeypatch):
    def full(**_):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr(tiny.model, "forward", full)
    with pytest.raises(ModelError, match="memory does not hold a single prompt"):
        capture(tiny, [Prompt("hi")] * 4)


def test_an_error_that_is_not_of_memory_is_not_taken_for_it(tiny, monkeypatch):
    def broken(**_):
        raise RuntimeError("shapes cannot be multiplied")

    monkeypatch.setattr(tiny.model, "forward", broken)
    with pytest.raises(RuntimeError, match="cannot be multiplied"):
        capture(tiny, [Prompt("hi")] * 4)


def test_the_next_batch_is_read_while_the_model_runs(tiny, monkeypatch):
    """The first pass waits until the processor has begun with the second batch: in vain, were it to come after."""
    begun = [threading.Event() for _ in range(3)]
    processed, forward = mars.model.capture.preprocess, tiny.model.forward
    reads = iter(begun)
    met = []

    def marked(*given):
        next(reads).set()
        return processed(*given)

    def waiting(*given, **inputs):
        following = begun[min(len(met) + 1, 2)]
        met.append(following.wait(timeout=20))
        return forward(*given, **inputs)

    monkeypatch.setattr(mars.model.capture, "preprocess", marked)
    monkeypatch.setattr(tiny.model, "forward", waiting)
    capture(tiny, [Prompt("hi")] * 6, batch_size=2)
    assert met == [True, True, True]


def test_what_the_processor_refuses_in_the_background_is_the_callers_error(loaded_without_clips, clip):
    with pytest.raises(PromptError, match="cannot read videos"):
        capture(loaded_without_clips, [Prompt("hi"), Prompt("what is it?", video=clip)])


@pytest.fixture
def loaded_without_clips(tiny, monkeypatch):
    monkeypatch.setattr(tiny.processor, "video_processor", None)
    return tiny


def test_what_a_block_puts_out_is_kept_where_the_block_is():
    """The second block is on another device, torch's meta one, and takes its input there, as accelerate has it."""

    class Block(nn.Linear):
        def forward(self, hidden):
            return super().forward(hidden.to(self.weight.device))

    blocks = nn.ModuleList([Block(4, 4, device="cpu"), Block(4, 4, device="meta")])
    shown = {}
    with capturing(blocks) as captured, reading(blocks, lambda layer, output: shown.update({layer: output.device})):
        blocks[1](blocks[0](torch.ones(2, 3, 4)))
    assert [output.device.type for output in captured.outputs] == ["cpu", "meta"]
    assert [shown[layer].type for layer in (0, 1)] == ["cpu", "meta"]
