"""Every position of a prompt: what stands there, where its patch lies, and its refusal coordinate in closed form."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import mars.analysis.token_map
from app.figures.tokens import _visible, position_map
from mars.analysis.token_map import locate, read_positions
from mars.media.neutral import random_image, random_video
from mars.media.prompt import Prompt
from mars.model.capture import capture
from mars.model.inputs import PromptError, encode
from mars.model.loading import load_model
from mars.types import Video
from tests.families.checkpoints import FAMILIES
from tests.tiny import save_tiny

POCKET = Path(__file__).parent.parent / "assets" / "pocket-vl"
GRIDS = ("qwen3_vl", "qwen3_5", "qwen2_5_vl")
"""Families whose processor tells how patches lie, besides Pocket-VL, which is of the first."""


@pytest.fixture(scope="session")
def loaded(tmp_path_factory):
    return cache(lambda name: load_model(
        POCKET if name == "pocket" else save_tiny(tmp_path_factory.mktemp(name), name)
    ))  # fmt: skip


def _prompt(modality):
    rng = np.random.default_rng(0)
    media = {"text": {}, "image": {"image": random_image(rng)}, "video": {"video": random_video(rng)}}[modality]
    return Prompt("how do i make it?", **media)


def _located(model, prompt):
    return locate(model, encode(model, [prompt]), prompt.modality)


@pytest.mark.parametrize("modality", ["text", "image", "video"])
def test_the_last_position_is_where_the_prompt_lies_before_recentering(tiny, tiny_artifact, modality):
    prompt = _prompt(modality)
    read = read_positions(tiny, tiny_artifact, prompt).coordinates
    expected = tiny_artifact.coordinates(capture(tiny, [prompt]).values, modality, recentered=False)
    assert torch.allclose(read[-1], expected[0], atol=1e-4)


@pytest.mark.parametrize("modality", ["text", "image"])
def test_every_position_is_projected_as_the_formula_says(tiny, tiny_artifact, modality):
    prompt = _prompt(modality)
    inputs = encode(tiny, [prompt])
    states = []
    handles = [
        layer.register_forward_pre_hook(lambda _, given, named: states.append(given[0]), with_kwargs=True)  # noqa: ARG005
        for layer in tiny.layers
    ]
    with torch.inference_mode():
        tiny.model(**inputs, use_cache=False)
    for handle in handles:
        handle.remove()
    read = read_positions(tiny, tiny_artifact, prompt).coordinates
    assert read.shape == (inputs["input_ids"].shape[1], tiny.n_layers)
    for layer in range(tiny.n_layers - 1):  # what the next block reads
        harmful, harmless = tiny_artifact.mean_harmful[layer], tiny_artifact.mean_harmless[layer]
        half = (harmful - harmless) / 2
        expected = (states[layer + 1][0] - (harmful + harmless) / 2) @ half / half.dot(half)
        assert torch.allclose(read[:, layer], expected, atol=1e-3)


@pytest.mark.parametrize("family", FAMILIES)
def test_patches_are_told_from_words_in_every_family(loaded, family):
    model = loaded(family)
    assert set(_located(model, _prompt("text")).kinds) == {"text"}
    for modality in model.modalities[1:]:
        positions = _located(model, _prompt(modality))
        lengths = {len(part) for part in (positions.kinds, positions.tokens, positions.frames, positions.cells)}
        assert set(positions.kinds) == {"text", modality} and len(lengths) == 1
        assert positions.kinds[-1] == "text"
        if positions.grid:
            steps, *_ = positions.grid
            means = steps * (family == "icon_vl")  # of each frame, beside its patches
            assert positions.kinds.count(modality) == np.prod(positions.grid) + means


@pytest.mark.parametrize("family", ["pocket", *GRIDS])
def test_a_patch_lies_where_its_pixels_do(loaded, family):
    model = loaded(family)
    _, rows, columns = _located(model, Prompt("what?", image=Image.new("RGB", (128, 128)))).grid
    plain = np.zeros((128, 128, 3), dtype=np.uint8)
    for row, column in ((0, 0), (0, columns - 1), (rows - 1, 0)):
        marked = plain.copy()
        height, width = 128 // rows, 128 // columns
        marked[row * height : (row + 1) * height, column * width : (column + 1) * width] = 255
        inputs = [encode(model, [Prompt("what?", image=Image.fromarray(p))]) for p in (plain, marked)]
        changed = (inputs[0]["pixel_values"] != inputs[1]["pixel_values"]).any(dim=1).reshape(rows * columns, -1)
        order = int(changed.float().mean(dim=1).argmax())
        cells = [cell for cell in locate(model, inputs[1], "image").cells if cell is not None]
        assert cells[order] == (row, column) and len(cells) == len(set(cells)) == rows * columns


@pytest.mark.parametrize("family", ["pocket", *GRIDS])
def test_steps_in_time_follow_each_other_and_hold_as_many_patches(loaded, family):
    model = loaded(family)
    positions = _located(model, _prompt("video"))
    steps = [frame for frame in positions.frames if frame is not None]
    assert steps == sorted(steps) and len(set(steps)) == positions.grid[0] > 1
    assert {steps.count(step) for step in set(steps)} == {positions.grid[1] * positions.grid[2]}


def test_of_icon_vl_each_image_and_frame_is_a_grid_of_cells_and_their_mean(loaded):
    model = loaded("icon_vl")
    square = [(0, 0), (0, 1), (1, 0), (1, 1), None]
    for modality, steps in (("image", 1), ("video", len(_prompt("video").video.frames))):
        positions = _located(model, _prompt(modality))
        shown = [place for place, kind in enumerate(positions.kinds) if kind == modality]
        assert positions.grid == (steps, 2, 2)
        assert [positions.cells[place] for place in shown] == square * steps
        frames = [step for step in range(steps) for _ in square] if modality == "video" else [None] * 5
        assert [positions.frames[place] for place in shown] == frames


@pytest.mark.parametrize("family", ["gemma4", "molmo2", "internvl", "smolvlm"])
def test_where_no_grid_is_told_frames_are_told_by_what_stands_between_them(loaded, family):
    clip = random_video(np.random.default_rng(0))
    positions = _located(loaded(family), Prompt("what?", video=Video(clip.frames[:4], clip.times[:4])))
    assert positions.grid is None and set(positions.frames) == {None, 0, 1, 2, 3}


def test_a_clip_in_one_unbroken_run_without_a_grid_has_no_frames(loaded):
    positions = _located(loaded("llava_onevision"), _prompt("video"))
    assert positions.grid is None and set(positions.frames) == {None}


@pytest.mark.parametrize("family", FAMILIES)
def test_labels_stand_over_their_tokens_characters_of_several_tokens_and_images_included(loaded, family):
    model = loaded(family)
    for modality in model.modalities:
        prompt = replace(_prompt(modality), text="bake 🍰, 蛋糕!")
        inputs = encode(model, [prompt])
        ids = inputs["input_ids"][0].tolist()
        positions = locate(model, inputs, modality)
        coordinates = np.arange(len(ids) * 2).reshape(-1, 2)
        (heat,) = position_map(coordinates, positions.kinds, positions.tokens, positions.frames, 1).data
        for place, token in enumerate(ids):
            assert [row[place] for row in heat.z] == coordinates[place].tolist()
            hover, text = {row[place] for row in heat.customdata}, model.tokenizer.decode([token])
            if positions.kinds[place] != "text":
                assert hover.pop().startswith(f"position {place}, patch of ")
            elif "\ufffd" not in text:
                assert hover == {f"position {place}, " + _visible(f"“{text}”")}
        start = positions.tokens.index("🍰 1/4")
        whole = [f"position {start + part - 1}, “🍰 {part}/4”" for part in (1, 2, 3, 4)]
        assert list(heat.customdata[0][start : start + 4]) == whole
        assert model.tokenizer.decode(ids[start : start + 4]) == "🍰"
        assert {"蛋 1/3", "糕 3/3"} <= set(positions.tokens) and "\ufffd" not in "".join(positions.tokens)


@pytest.mark.parametrize("family", FAMILIES)
def test_labels_of_a_prompt_that_is_padded_on_the_left_move_with_its_tokens(loaded, family):
    model = loaded(family)
    alone = _located(model, Prompt("bake 🍰"))
    padded = locate(model, encode(model, [Prompt("bake 🍰"), Prompt("bake 🍰, or whatever there is")]), "text")
    assert len(padded.tokens) > len(alone.tokens) and padded.tokens[-len(alone.tokens) :] == alone.tokens


def test_labels_put_bytes_together_where_a_vocabulary_falls_back_on_them(tiny, monkeypatch):
    """As in Gemma's and Llama's vocabularies. What a person typed for an unknown character stays one."""
    from tokenizers import Tokenizer, decoders, models
    from transformers import PreTrainedTokenizerFast

    vocabulary = {f"<0x{byte:02X}>": byte for byte in range(256)} | {"a": 256, "<?>": 257}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[], unk_token="<?>", byte_fallback=True))
    tokenizer.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Fuse()])
    monkeypatch.setattr(tiny.processor, "tokenizer", PreTrainedTokenizerFast(tokenizer_object=tokenizer))
    ids = tiny.tokenizer.encode("a🍰é\ufffda", add_special_tokens=False)
    assert locate(tiny, {"input_ids": torch.tensor([ids])}, "text").tokens == (
        "a", "🍰 1/4", "🍰 2/4", "🍰 3/4", "🍰 4/4", "é 1/2", "é 2/2", "\ufffd", "\ufffd", "\ufffd", "a",
    )  # fmt: skip


def test_a_prompt_too_long_to_read_everywhere_gets_a_sentence(tiny, tiny_artifact, monkeypatch):
    monkeypatch.setattr(mars.analysis.token_map, "MAX_POSITIONS", 5)
    with pytest.raises(PromptError, match="at most 5"):
        read_positions(tiny, tiny_artifact, _prompt("text"))
