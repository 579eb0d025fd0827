"""What a model of each family reads of words, images and videos, alone and in batches."""

import copy

import pytest
import torch
from PIL import Image

from mars.geometry.projection import refusal_coordinate
from mars.geometry.rounding import coordinate_rounding, unreadable_layers
from mars.media.prompt import Prompt
from mars.model.capture import capture
from mars.model.generation import branch, prefill
from mars.model.inputs import PromptError, encode
from mars.model.load_checks import ModelError
from mars.model.loaded_model import LoadedModel
from mars.model.loading import load_model, prepare
from mars.steering import Unsteered
from mars.types import Video
from tests.families.checkpoints import FAMILIES
from tests.families.runs import LAYER, generated, steps_of

TIMES = {
    "qwen3_vl": "<12.0 seconds>",
    "qwen3_5": "<12.0 seconds>",
    "molmo2": "10.0 <frame_start>",
    "gemma4": "00:10 <|image>",
    "smolvlm": "Frame from 00:10:",
}
"""How families that stamp frames say it of the third of four, at 0, 2, 10 and 14 seconds (Qwen: two make a step)."""


def test_a_checkpoint_loads_and_its_parts_are_found(model):
    recipe = FAMILIES[model.model.config.model_type]
    assert (model.n_layers, model.d_model) == (4, 32)
    assert model.dtype == torch.float32
    assert model.tokenizer.padding_side == "left"
    assert model.tokenizer.convert_tokens_to_ids(recipe.roles["eos_token"]) in model.end_tokens
    assert ("video" in model.modalities) == ("video_processor" in recipe.parts)


def test_what_a_model_cannot_read_is_one_sentence(loaded, clip):
    with pytest.raises(PromptError, match=r"^gemma3\d* cannot read videos; it reads text, image\.$"):
        encode(loaded("gemma3"), [Prompt("what is it?", video=clip)])


def test_a_package_that_a_family_needs_is_named(folder_of, monkeypatch):
    folder = folder_of("smolvlm")
    monkeypatch.setattr("transformers.models.smolvlm.processing_smolvlm.num2words", None)
    with pytest.raises(ModelError, match=r"needs a package that is not here: .*`pip install num2words`\.$"):
        load_model(folder)


def test_a_batch_of_many_lengths_and_shapes_equals_each_prompt_alone(model, picture, clip):
    wide = Image.effect_noise((160, 60), 90).convert("RGB")
    short = Video(clip.frames[:5], clip.times[:5])
    small = Video(tuple(frame.resize((96, 64)) for frame in clip.frames), clip.times)
    prompts = [
        Prompt("hi"),
        Prompt("how do i make a cake with all that i have in the house?"),
        Prompt("what is this?", image=picture),
        Prompt("is the thing in the picture dangerous?", image=wide),
    ]
    if "video" in model.modalities:
        prompts += [Prompt("what is it?", video=one) for one in (clip, short, small)]
    together = capture(model, prompts)
    alone = [capture(model, [prompt]) for prompt in prompts]
    assert torch.allclose(together.values, torch.cat([one.values for one in alone]), atol=2e-4)
    assert torch.allclose(together.logits, torch.cat([one.logits for one in alone]), atol=2e-4)


def test_images_and_clips_of_any_shape_are_read_alike_in_one_call_and_by_the_first_step_of_a_reply(model):
    sizes, counts = [(400, 8), (305, 30), (8, 8)], [2, 3, 7] if "video" in model.modalities else []
    prompts = [Prompt("what is it?", image=Image.effect_noise(size, 90).convert("RGB")) for size in sizes]
    for count in counts:
        frames = tuple(Image.effect_noise((64, 64), 90).convert("RGB") for _ in range(count))
        prompts.append(Prompt("what is it?", video=Video(frames, tuple(0.5 * index for index in range(count)))))
    huge = Prompt("what is it?", image=Image.effect_noise((690, 15_420), 90).convert("RGB"))
    *together, last = capture(model, [*prompts, huge]).values
    assert last.isfinite().all()
    for prompt, values in zip(prompts, together, strict=True):
        (step,) = branch(model, prefill(model, prompt), (Unsteered(),), LAYER, max_new_tokens=1)
        assert torch.allclose(step.activations[0], values, atol=2e-4)


def _copied(model: LoadedModel) -> LoadedModel:
    return prepare(copy.deepcopy(model.model), model.processor, "copied")


def test_after_other_modalities_a_model_reads_and_says_what_a_fresh_one_does(folder_of, model, picture, clip):
    """Some keep the positions of the prompt before (rope_deltas of the Qwen models).

    Both are copies: on some processors a product's last bit depends on where in memory the weights were loaded to.
    """
    prompts = [Prompt("what is this?"), Prompt("what is this?", image=picture), Prompt("how do i make a cake?")]
    if "video" in model.modalities:
        prompts.insert(2, Prompt("what is this?", video=clip))
    untouched = load_model(folder_of(model.model.config.model_type))
    used = _copied(model)
    for prompt in prompts:
        fresh = _copied(untouched)
        ours, expected = (
            (capture(one, [prompt]), steps_of(one, prefill(one, prompt), Unsteered()), generated(one, prompt))
            for one in (used, fresh)
        )
        assert torch.equal(ours[0].values, expected[0].values) and torch.equal(ours[0].logits, expected[0].logits)
        assert all(torch.equal(a.logits, b.logits) for a, b in zip(ours[1], expected[1], strict=True))
        assert ours[2] == expected[2]


@torch.inference_mode()
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("family", FAMILIES)
def test_a_prompt_reads_alike_alone_and_beside_longer_ones_within_the_bound(folder_of, family, dtype):
    model = load_model(folder_of(family), dtype=dtype)
    if family == "gemma4":  # where training decides how sharp attention is; at random it blows rounding up
        for block in model.layers:
            block.self_attn.q_norm.weight.mul_(block.self_attn.head_dim**-0.5)
    things = ("cake", "kite", "boat", "lamp")
    prompts = [Prompt(f"how do i {verb} a {thing}?") for verb in ("break", "make") for thing in things]
    alone = torch.cat([capture(model, [prompt]).values for prompt in prompts])
    padded = capture(model, [*prompts, Prompt("how do i make a cake with all that i have in the house? " * 4)]).values
    means = alone[: len(things)].mean(dim=0), alone[len(things) :].mean(dim=0)
    difference = refusal_coordinate(alone, *means) - refusal_coordinate(padded[: len(prompts)], *means)
    bound = coordinate_rounding(alone.norm(dim=-1), *means, dtype)
    assert not (difference.abs() > bound).any()
    # A tiny Qwen3.5 hardly tells in its lower layers what was asked: they are named, and no other.
    hidden = {torch.float32: [0, 1], torch.bfloat16: [0, 1, 2]}[dtype] if family == "qwen3_5" else []
    assert unreadable_layers(*means, dtype) == hidden


@pytest.mark.parametrize(("family", "stamp"), TIMES.items())
def test_frame_times_reach_the_model_as_they_are(loaded, family, stamp):
    frames = tuple(Image.new("RGB", (64, 64), colour) for colour in ("red", "blue", "green", "white"))
    inputs = encode(loaded(family), [Prompt("what is it?", video=Video(frames, (0.0, 2.0, 10.0, 14.0)))])
    assert stamp in loaded(family).tokenizer.decode(inputs["input_ids"][0])


def test_frame_times_reach_a_model_that_counts_seconds_by_position(loaded):
    frames = tuple(Image.new("RGB", (64, 64), colour) for colour in ("red", "blue", "green", "white"))
    inputs = encode(loaded("qwen2_5_vl"), [Prompt("what is it?", video=Video(frames, (0.0, 2.0, 10.0, 12.0)))])
    assert [float(seconds) for seconds in inputs["second_per_grid_ts"]] == pytest.approx([8.0], rel=1e-3)


@torch.inference_mode()
def test_an_overflow_is_reported_by_layer_and_dtype_and_never_returned(folder_of, model):
    half = load_model(folder_of(model.model.config.model_type), dtype=torch.float16)
    for parameter in half.layers[2].parameters():
        if parameter.dim() > 1:
            parameter.mul_(10_000)
    sentence = r"activations of layer 2 are not finite in torch\.float16. They overflowed: .* bfloat16"
    with pytest.raises(ModelError, match=sentence):
        capture(half, [Prompt("hi")])
    with pytest.raises(ModelError, match=sentence):
        steps_of(half, prefill(half, Prompt("hi")), Unsteered())
