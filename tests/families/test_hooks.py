"""What the hooks see and change on each family is what its next block reads."""

import copy
import pickle
from contextlib import contextmanager

import pytest
import torch
from safetensors.torch import load_file

from mars.media.prompt import Prompt
from mars.model.capture import capture
from mars.model.generation import branch, prefill
from mars.model.hooks import block_output, capturing, editing
from mars.model.inputs import encode
from mars.model.intervention import steering_generate
from mars.model.loaded_model import LoadedModel
from mars.model.loading import prepare
from mars.steering import Unsteered
from tests.families.runs import LAYER, LENGTH, edit_of


@contextmanager
def _inputs_of_blocks(model: LoadedModel):
    """What each block from the second on reads in the latest pass, and what the last puts out, by plain hooks."""
    seen: list[torch.Tensor | None] = [None] * model.n_layers

    def note(layer: int):
        return lambda _, given, named: seen.__setitem__(layer - 1, (given or [named["hidden_states"]])[0].clone())

    handles = [
        block.register_forward_pre_hook(note(layer), with_kwargs=True)
        for layer, block in enumerate(model.layers)
        if layer
    ]
    handles.append(
        model.layers[-1].register_forward_hook(lambda *told: seen.__setitem__(-1, block_output(told[-1]).clone()))
    )
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()


def test_what_is_captured_is_what_the_next_block_reads(asked):
    """DeepStack adds image features to the output of Qwen3-VL's first blocks before the next one reads it.

    At all positions, and at the last one by each of the two ways: a capture, and the first step of a reply.
    """
    model, prompt = asked
    with _inputs_of_blocks(model) as read:
        with capturing(model.layers, slice(None)) as captured:
            model.model(**encode(model, [prompt]), use_cache=False)
        assert all(torch.equal(*both) for both in zip(captured.outputs, read, strict=True))

        values = capture(model, [prompt]).values[0]
        assert torch.equal(values, torch.stack([hidden[0, -1] for hidden in read]))

        first = next(branch(model, prefill(model, prompt), (Unsteered(),), LAYER, max_new_tokens=1))
        assert {hidden.shape[1] for hidden in read} == {1}
        assert torch.equal(first.activations[0], torch.stack([hidden[0, -1] for hidden in read]))


@torch.inference_mode()
def test_what_is_steered_is_what_the_next_block_reads(asked):
    model, prompt = asked
    inputs, steering = encode(model, [prompt]), edit_of(model)
    with _inputs_of_blocks(model) as plain:
        model.model(**inputs, use_cache=False)
    with editing(model.layers, LAYER, steering), _inputs_of_blocks(model) as steered:
        model.model(**inputs, use_cache=False)
    assert torch.equal(steered[LAYER][:, -1], steering(plain[LAYER][:, -1]).hidden)
    assert torch.equal(steered[LAYER][:, :-1], plain[LAYER][:, :-1])
    assert all(torch.equal(steered[layer], plain[layer]) for layer in range(LAYER))
    assert not torch.equal(steered[LAYER + 1][:, -1], plain[LAYER + 1][:, -1])


def test_deepstack_shows_at_image_positions_of_the_blocks_that_it_follows(loaded, picture):
    model = loaded("qwen3_vl")
    outputs: dict[int, torch.Tensor] = {}
    handles = [
        block.register_forward_hook(
            lambda *told, layer=layer: outputs.update({layer: block_output(told[-1]).clone()})
        )
        for layer, block in enumerate(model.layers)
    ]
    try:
        with capturing(model.layers, slice(None)) as captured:
            model.model(**encode(model, [Prompt("what is it?", image=picture)]), use_cache=False)
    finally:
        for handle in handles:
            handle.remove()
    added = [not torch.equal(outputs[layer], values) for layer, values in enumerate(captured.outputs)]
    steps = len(model.model.config.vision_config.deepstack_visual_indexes)
    assert added == [True] * steps + [False] * (model.n_layers - steps) and steps > 0
    assert all(torch.equal(outputs[layer][:, -1], captured.outputs[layer][:, -1]) for layer in range(model.n_layers))


@torch.inference_mode()
def test_the_head_gets_contiguous_rows_and_its_logits_and_tokens_stay(model, tmp_path):
    """However the model runs: by itself, steered in `generate`, copied, pickled or with hooks of accelerate."""
    from accelerate.hooks import AlignDevicesHook, add_hook_to_module

    inputs = encode(model, [Prompt("hi"), Prompt("how do i make a cake with all that i have?")])

    def run(ours, rows_contiguous: bool) -> tuple[torch.Tensor, ...]:
        seen = []
        handle = ours.get_output_embeddings().register_forward_pre_hook(
            lambda _, given: seen.append(given[0].is_contiguous())
        )
        logits = ours(**inputs, use_cache=False, logits_to_keep=1).logits
        tokens = ours.generate(**inputs, max_new_tokens=LENGTH, do_sample=False)
        with steering_generate(ours, LAYER, edit_of(model)):
            steered = ours.generate(**inputs, max_new_tokens=LENGTH, do_sample=False)
        handle.remove()
        assert all(seen) == rows_contiguous
        return logits, tokens, steered

    plain = copy.deepcopy(model.model)
    plain.get_output_embeddings()._forward_pre_hooks.clear()
    expected = run(plain, rows_contiguous=model.model.config.model_type == "gemma4")
    pickled, placed = copy.deepcopy(model.model), copy.deepcopy(model.model)
    pickled.set_output_embeddings(pickle.loads(pickle.dumps(model.model.get_output_embeddings())))
    add_hook_to_module(placed.get_output_embeddings(), AlignDevicesHook("cpu"))
    for ours in (model.model, copy.deepcopy(model.model), pickled, placed):
        logits, *replies = run(ours, rows_contiguous=True)
        assert torch.allclose(logits, expected[0], atol=1e-5)
        assert all(torch.equal(reply, other) for reply, other in zip(replies, expected[1:], strict=True))
    prepare(model.model, model.processor, model.name)
    assert len(model.model.get_output_embeddings()._forward_pre_hooks) == 1
    model.model.save_pretrained(tmp_path)
    stored = [load_file(folder / "model.safetensors") for folder in (tmp_path, model.folder)]
    assert stored[0].keys() == stored[1].keys()
    assert all(torch.equal(stored[0][name], stored[1][name]) for name in stored[1])


@torch.inference_mode()
@pytest.mark.parametrize("texts", [("hi",), ("hi", "how do i make a cake?")])
def test_the_head_multiplies_its_weights_once_whatever_the_rows(model, texts):
    """One product a row copies the weights for each; torch does so with a single row too, contiguous as it is."""
    inputs = encode(model, [Prompt(text) for text in texts])
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], record_shapes=True) as profiled:
        model.model(**inputs, use_cache=False, logits_to_keep=1)
    vocabulary = model.model.get_output_embeddings().weight.shape[0]
    shapes = [event.input_shapes for event in profiled.events() if event.name == "aten::bmm"]
    assert not [shape for shape in shapes if vocabulary in shape[-1]]
