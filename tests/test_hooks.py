import pytest
import torch
from torch import nn

from mars.media.prompt import Prompt
from mars.model.hooks import capturing, editing
from mars.model.inputs import encode
from mars.steering import Addition, Unsteered
from mars.types import Geometry


def _run(model, prompt=None):
    return model.model(**encode(model, [prompt or Prompt("what is this?")]), use_cache=False).logits


def _hooks(model) -> int:
    return sum(len(layer._forward_hooks) for layer in model.layers)


def _towards(model) -> Addition:
    return Addition(Geometry(torch.ones(model.d_model), torch.zeros(model.d_model), torch.zeros(model.d_model), 1, 0))


def test_captured_values_are_the_models_own_hidden_states(tiny, picture):
    inputs = encode(tiny, [Prompt("what is this?", image=picture)])
    with capturing(tiny.layers) as capture:
        output = tiny.model(**inputs, output_hidden_states=True, use_cache=False)
    own = torch.stack(output.hidden_states[1:-1], dim=2)[:, -1]  # the last of them is after the final norm
    assert torch.equal(capture.stacked()[:, :-1], own)
    normed = tiny.model.get_decoder().norm(capture.outputs[-1])
    assert torch.allclose(normed, output.hidden_states[-1][:, -1], atol=1e-5)


def test_hooks_are_gone_afterwards_also_after_an_error(tiny):
    already = _hooks(tiny)  # transformers leaves its own behind once hidden states were asked for
    for context in (capturing(tiny.layers), editing(tiny.layers, 0, Unsteered())):
        with pytest.raises(RuntimeError, match="on purpose"), context:
            raise RuntimeError("on purpose")
    assert _hooks(tiny) == already


def test_hooks_are_gone_when_one_of_them_cannot_be_registered(tiny):
    already = _hooks(tiny)
    with pytest.raises(AttributeError), capturing([*tiny.layers, "no module"]):
        pass
    assert _hooks(tiny) == already


def test_an_edit_of_strength_zero_gives_the_unsteered_logits_exactly(tiny):
    plain = _run(tiny)
    with editing(tiny.layers, 1, Unsteered()) as receipt:
        edited = _run(tiny)
    assert torch.equal(plain, edited)
    assert receipt.applications == 1


def test_an_edit_changes_one_position_of_one_layer_and_what_was_captured_before_stays(tiny):
    seen: list[torch.Tensor] = []
    handle = tiny.layers[1].register_forward_hook(lambda *passed: seen.append(passed[-1]))
    try:
        with editing(tiny.layers, 1, _towards(tiny)), capturing(tiny.layers) as capture:
            _run(tiny)
    finally:
        handle.remove()
    before, after = seen[0][:, -1], capture.outputs[1]
    assert torch.allclose(after - before, torch.ones_like(before), atol=1e-5)


def test_a_block_that_returns_a_tuple_is_edited_in_its_first_item():
    class Block(nn.Module):
        def forward(self, x):
            return x, "cache"

    block = Block()
    geometry = Geometry(torch.tensor([1.0, 0.0]), torch.zeros(2), torch.zeros(2), 1, 0)
    with editing([block], 0, Addition(geometry)):
        output, rest = block(torch.zeros(1, 3, 2))
    assert rest == "cache"
    assert output[0].tolist() == [[0, 0], [0, 0], [1, 0]]


def test_a_block_that_never_ran_is_named(tiny):
    with capturing(tiny.layers) as capture:
        pass
    with pytest.raises(RuntimeError, match=r"\[0, 1, 2, 3\] did not run"):
        capture.stacked()
