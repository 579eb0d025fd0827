"""What a model computes in where no dtype was asked for: measured on a CPU, for checkpoints in bfloat16."""

import pytest
import torch

from mars.bundled import MODELS
from mars.model import loading
from mars.model.compat import repair_torchvision
from mars.model.compute_dtype import BF16, FP32, SAVING, faster_dtype, reply_seconds
from mars.model.loading import load_model
from tests.families.checkpoints import FAMILIES
from tests.tiny import save_tiny


@pytest.fixture(scope="module")
def in_bf16(tmp_path_factory):
    """A checkpoint that is stored in bfloat16."""
    folder = save_tiny(tmp_path_factory.mktemp("bf16"))
    load_model(folder, dtype=BF16).model.save_pretrained(folder)
    return folder


@pytest.fixture
def measured(monkeypatch):
    """Timings that are made up; the list says how often they were asked for."""
    asked = []

    def seconds(bf16: float, fp32: float):
        def made_up(model):
            asked.append(model)
            return {BF16: bf16, FP32: fp32}

        monkeypatch.setattr("mars.model.compute_dtype.reply_seconds", made_up)
        return asked

    return seconds


@pytest.mark.parametrize(
    ("fp32", "taken"),
    [(5.0, BF16), (1.0, BF16), (1.01 - SAVING, BF16), (0.99 - SAVING, FP32), (0.1, FP32)],
)
def test_float32_has_to_save_a_fifth_of_the_time_for_twice_the_memory(measured, fp32, taken):
    measured(1.0, fp32)
    assert faster_dtype(None) == taken


def test_a_decoder_whose_layer_cannot_be_run_by_itself_computes_in_float32():
    assert faster_dtype(torch.nn.Linear(2, 2, device="meta")) == FP32


@pytest.mark.parametrize("family", FAMILIES)
def test_one_decoder_layer_of_every_family_is_timed(family, tmp_path):
    repair_torchvision()
    from transformers import AutoConfig

    model = loading._without_weights(AutoConfig.from_pretrained(save_tiny(tmp_path, family)), False)
    if family == "gemma4":  # its layers also take embeddings of their own, by the token
        with pytest.raises(AttributeError):
            reply_seconds(model)
        assert faster_dtype(model) == FP32
    else:
        seconds = reply_seconds(model)
        assert set(seconds) == {BF16, FP32} and all(0 < one < 60 for one in seconds.values())
    assert all(parameter.is_meta for parameter in model.parameters()) and len(model.get_decoder().layers) > 1


@pytest.mark.parametrize(("fp32", "taken"), [(2.0, BF16), (0.5, FP32)])
def test_a_checkpoint_in_bfloat16_is_loaded_in_the_faster_dtype(in_bf16, measured, fp32, taken):
    asked = measured(1.0, fp32)
    lens = load_model(in_bf16)
    assert lens.dtype == taken and len(asked) == 1
    assert {parameter.dtype for parameter in lens.model.parameters()} == {taken}


def test_what_is_asked_for_is_not_measured(in_bf16, measured):
    asked = measured(1.0, 1.0)
    assert load_model(in_bf16, dtype=FP32).dtype == FP32 and load_model(in_bf16, dtype=BF16).dtype == BF16
    assert asked == []


def test_checkpoints_in_other_dtypes_compute_in_float32_as_ever(tiny_folder, measured):
    asked = measured(1.0, 2.0)
    assert load_model(tiny_folder).dtype == load_model(MODELS["pocket-vl"]).dtype == FP32
    assert asked == []
