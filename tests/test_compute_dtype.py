"""What a model computes in where no dtype was asked for: measured on a CPU, for checkpoints in bfloat16."""

import pytest
import torch

from mars.bundled import MODELS
from mars.model import loading
from mars.model.compat import repair_torchvision
from mars.model.compute_dtype import faster_dtype, reply_seconds
from mars.model.loading import load_model
from tests.families import FAMILIES
from tests.tiny import save_tiny

BF16, FP32 = torch.bfloat16, torch.float32


@pytest.fixture(scope="module")
def in_bf16(tmp_path_factory):
    """A checkpoint that is stored in bfloat16."""
    folder = save_tiny(tmp_path_factory.mktemp("bf16"))
    lens = load_model(folder, dtype=BF16)
    lens.model.save_pretrained(folder)
    return folder


@pytest.fixture
def measured(monkeypatch):
    """Timings that are made up, and what they were asked of."""
    asked = []

    def seconds(taken):
        def one(_model, dtype):
            asked.append(dtype)
            return taken[dtype]

        monkeypatch.setattr("mars.model.compute_dtype.reply_seconds", one)
        return asked

    return seconds


@pytest.mark.parametrize("faster", [BF16, FP32])
def test_the_faster_of_the_two_is_taken(faster):
    assert faster_dtype(None, lambda _, dtype: 1.0 if dtype == faster else 2.0) == faster


def test_where_both_take_as_long_it_is_the_one_that_takes_less_memory():
    assert faster_dtype(None, lambda *_: 1.0) == BF16


def test_a_decoder_whose_layer_cannot_be_run_by_itself_computes_in_float32():
    assert faster_dtype(torch.nn.Linear(2, 2, device="meta")) == FP32


@pytest.mark.parametrize("family", FAMILIES)
def test_one_decoder_layer_of_every_family_is_timed(family, tmp_path):
    repair_torchvision()
    from transformers import AutoConfig

    model = loading._without_weights(AutoConfig.from_pretrained(save_tiny(tmp_path, family)), False)
    if family == "gemma4":  # its layers also take embeddings of their own, by the token
        with pytest.raises(AttributeError):
            reply_seconds(model, FP32)
        assert faster_dtype(model) == FP32
    else:
        assert all(0 < reply_seconds(model, dtype) < 60 for dtype in (BF16, FP32))
    assert all(parameter.is_meta for parameter in model.parameters()) and len(model.get_decoder().layers) > 1


@pytest.mark.parametrize("faster", [BF16, FP32])
def test_a_checkpoint_in_bfloat16_is_loaded_in_the_faster_dtype(in_bf16, measured, faster):
    asked = measured({BF16: 2.0, FP32: 2.0, faster: 1.0})
    lens = load_model(in_bf16)
    assert lens.dtype == faster and asked == [BF16, FP32]
    assert {parameter.dtype for parameter in lens.model.parameters()} == {faster}


def test_what_is_asked_for_is_not_measured(in_bf16, measured):
    asked = measured({})
    assert load_model(in_bf16, dtype=FP32).dtype == FP32 and load_model(in_bf16, dtype=BF16).dtype == BF16
    assert asked == []


def test_checkpoints_in_other_dtypes_compute_in_float32_as_ever(tiny_folder, measured):
    asked = measured({})
    assert load_model(tiny_folder).dtype == load_model(MODELS["pocket-vl"]).dtype == FP32
    assert asked == []
