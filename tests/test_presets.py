import re

import pytest
import torch

from benchmarks.models import ONE_GPU
from mars.__main__ import main
from mars.bundled import MODELS
from mars.icon_vl.model import IconVLConfig, IconVLForConditionalGeneration
from mars.model.compat import repair_torchvision
from mars.model.load_checks import weight_bytes
from mars.model.presets import TIERS_GIB, Preset, read_presets
from mars.types import MODALITIES

FAMILIES = (
    "SmolVLM2", "llava-onevision", "InternVL3", "Qwen2.5-VL", "Qwen3-VL", "Qwen3.5", "gemma-3", "gemma-4", "Molmo2",
)  # fmt: skip


def test_there_is_a_preset_of_every_family_from_the_smallest_to_the_largest():
    presets = read_presets()
    assert all(any(f"/{family}" in preset.id for preset in presets) for family in FAMILIES)
    assert len({preset.id for preset in presets}) == len(presets) > 20
    assert [preset.parameters for preset in presets] == sorted(preset.parameters for preset in presets)
    assert presets[0].parameters < 0.3e9 and presets[-1].parameters > 70e9


@pytest.mark.parametrize("preset", read_presets(), ids=lambda preset: preset.id)
def test_a_preset_says_what_follows_from_its_parameters(preset):
    assert re.fullmatch(r"[\w-]+/[\w.-]+", preset.id) or preset.id in MODELS
    assert set(preset.modalities) <= set(MODALITIES) and preset.modalities[:2] == ("text", "image")
    assert preset.bf16_gib == pytest.approx(2 * preset.parameters / 2**30, abs=0.051)
    assert 0.516 * preset.parameters / 2**30 < preset.four_bit_gib + 0.05 < preset.bf16_gib


def test_memory_is_what_is_counted_on_the_model_itself():
    """The decoder of the largest benchmark is that of Qwen3-VL-8B; the tower's sizes are the published ones."""
    repair_torchvision()
    from transformers import AutoConfig, AutoModelForImageTextToText

    vision = {
        "depth": 27, "hidden_size": 1152, "intermediate_size": 4304, "num_heads": 16,
        "out_hidden_size": ONE_GPU.hidden_size, "deepstack_visual_indexes": [8, 16, 24],
    }  # fmt: skip
    config = AutoConfig.for_model("qwen3_vl", text_config=ONE_GPU._asdict(), vision_config=vision)
    with torch.device("meta"):
        model = AutoModelForImageTextToText.from_config(config)
    (preset,) = [preset for preset in read_presets() if preset.id == "Qwen/Qwen3-VL-8B-Instruct"]
    assert sum(parameter.numel() for parameter in model.parameters()) == preset.parameters
    assert weight_bytes(model, torch.bfloat16) / 2**30 == pytest.approx(preset.bf16_gib, abs=0.05)
    assert weight_bytes(model, torch.bfloat16, "4bit") / 2**30 == pytest.approx(preset.four_bit_gib, abs=0.05)


def test_memory_of_icon_vl_is_what_is_counted_on_it():
    """With the published sizes of its language model."""
    sizes = {
        "vocab_size": 151936, "hidden_size": 896, "intermediate_size": 4864, "num_hidden_layers": 24,
        "num_attention_heads": 14, "num_key_value_heads": 2, "tie_word_embeddings": False,
    }  # fmt: skip
    with torch.device("meta"):
        model = IconVLForConditionalGeneration(IconVLConfig(**sizes))
    (preset,) = [preset for preset in read_presets() if preset.id == "icon-vl"]
    assert sum(parameter.numel() for parameter in model.parameters()) == preset.parameters
    assert weight_bytes(model, torch.bfloat16) / 2**30 == pytest.approx(preset.bf16_gib, abs=0.05)
    assert weight_bytes(model, torch.bfloat16, "4bit") / 2**30 == pytest.approx(preset.four_bit_gib, abs=0.05)


def test_a_tier_leaves_room_to_run():
    preset = Preset("a/b", 1, 6.5, 3.2, ("text", "image"))
    assert (preset.tier(), preset.tier("4bit")) == (16, 4)
    assert Preset("a/b", 1, 0.8 * TIERS_GIB[-1] + 1, 40.0, ("text", "image")).tier() is None


def test_the_command_lists_them_by_memory(capsys):
    assert main(["presets", "--memory", "24"]) == 0
    lines = capsys.readouterr().out.splitlines()
    found = r"Qwen/Qwen3-VL-8B-Instruct +16\.3 GiB +24 GiB +5\.9 GiB +8 GiB  text, image, video"
    assert any(re.fullmatch(found, line) for line in lines)
    assert any("gemma-3-27b-it" in line for line in lines)  # in 4 bits
    assert not any("72B" in line for line in lines)
    assert main(["presets"]) == 0
    assert "Qwen2.5-VL-72B" in capsys.readouterr().out
