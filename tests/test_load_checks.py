"""What keeps a model from being loaded, each in one sentence: raised as hub and torch raise it, or brought about."""

import json
import re
import shutil
from types import SimpleNamespace

import pytest
import torch
import transformers
from huggingface_hub import errors
from torch import nn

from mars.model import load_checks as loading
from mars.model.compat import repair_torchvision
from mars.model.load_checks import ModelError, check_not_offloaded, weight_bytes
from mars.model.loading import load_model

repair_torchvision()  # before transformers looks for torchvision
HUB_ID = "owner/model"


def _answered(kind: type[Exception], status: int) -> Exception:
    """What the hub's client raises on an answer of a status."""
    request = SimpleNamespace(url="https://huggingface.co", method="GET")
    return kind("The hub says no.", response=SimpleNamespace(status_code=status, headers={}, request=request))


def _wrapped(cause: Exception) -> OSError:
    """As transformers hands on what its hub client raised."""
    error = OSError("Something that goes on\nfor several lines.")
    error.__cause__ = cause
    return error


@pytest.fixture
def failing(monkeypatch):
    """Let a part of transformers fail when it is asked for a checkpoint."""

    def fail(error: Exception, part: str = "AutoProcessor"):
        def from_pretrained(*_, **__):
            raise error

        monkeypatch.setattr(getattr(transformers, part), "from_pretrained", from_pretrained)

    return fail


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (_answered(errors.GatedRepoError, 403), "owner/model is gated: .*Ask for access .*hf auth login"),
        (_answered(errors.RepositoryNotFoundError, 401), "There is no model owner/model on the hub that you can see"),
        (_answered(errors.RevisionNotFoundError, 404), "owner/model has no revision 'v9'"),
        (
            errors.LocalEntryNotFoundError("nothing kept"),
            "The hub cannot be reached, and owner/model was not fetched",
        ),
        (errors.OfflineModeIsEnabled("offline"), "The hub cannot be reached"),
        (ConnectionError("name not known"), "The hub cannot be reached"),
    ],
)
def test_what_the_hub_refuses_is_one_sentence_that_says_what_to_do(failing, error, sentence):
    for raised in (error, _wrapped(error)):
        failing(raised)
        with pytest.raises(ModelError, match=f"^{sentence}") as found:
            load_model(HUB_ID, revision="v9")
        assert "\n" not in str(found.value) and "several lines" not in str(found.value)


def test_a_hub_id_without_a_network_is_one_sentence():
    """Not played: the tests run offline."""
    with pytest.raises(ModelError, match=r"^The hub cannot be reached, and owner/model was not fetched before\. .*$"):
        load_model(HUB_ID)


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
        RuntimeError("[enforce fail at alloc_cpu.cpp:114] DefaultCPUAllocator: can't allocate memory: you tried"),
        RuntimeError("MPS backend out of memory (MPS allocated: 9 GB)"),
        MemoryError(),
    ],
)
def test_memory_that_runs_out_is_said_as_that_on_every_device(failing, tiny_folder, error):
    failing(error, "AutoModelForImageTextToText")
    with pytest.raises(ModelError, match=r"does not fit: memory ran out while it was loaded\. Choose"):
        load_model(tiny_folder)


def test_memory_that_runs_out_at_the_first_token_is_said_as_that_and_no_other_error_is(tiny_folder, monkeypatch):
    def failing(error: Exception):
        def check(_):
            raise error

        return check

    monkeypatch.setattr("mars.model.loading._check_hooks", failing(torch.OutOfMemoryError("CUDA out of memory.")))
    with pytest.raises(ModelError, match="does not fit: memory ran out at its first token"):
        load_model(tiny_folder)
    monkeypatch.setattr("mars.model.loading._check_hooks", failing(RuntimeError("another fault")))
    with pytest.raises(RuntimeError, match="another fault"):
        load_model(tiny_folder)


def test_weights_that_cannot_fit_are_refused_before_they_are_read(failing, tiny, tiny_folder, monkeypatch):
    needed = sum(parameter.numel() * 4 for parameter in tiny.model.parameters())
    failing(AssertionError("read"), "AutoModelForImageTextToText")
    monkeypatch.setattr(loading, "_free_memory", lambda _: (needed - 1, "this machine"))
    with pytest.raises(ModelError, match=r"its weights take 0\.0 GiB and 0\.0 GiB are free on this machine"):
        load_model(tiny_folder)
    monkeypatch.setattr(loading, "_free_memory", lambda _: (needed, "this machine"))
    with pytest.raises(ModelError, match=r"weights of .* cannot be loaded \(read\)"):
        load_model(tiny_folder)


def test_the_memory_of_this_machine_is_known_where_the_system_tells():
    free, _ = loading._free_memory(torch.device("cpu"))
    assert free is None or 2**20 < free < 2**50


def test_weights_are_counted_in_their_dtype_and_quantized_but_for_the_head_and_the_embedding():
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding, self.block, self.head = nn.Embedding(100, 64), nn.Linear(64, 256), nn.Linear(64, 100)

        def get_output_embeddings(self):
            return self.head

    with torch.device("meta"):
        model = Model()
    kept, matrix = 100 * 64 + 256 + 64 * 100 + 100, 64 * 256
    assert weight_bytes(model, torch.bfloat16) == 2 * (kept + matrix)
    assert weight_bytes(model, torch.float32) == 4 * (kept + matrix)
    # Half a byte a weight, a byte of scale for 64 of them, four bytes for 256 scales.
    assert weight_bytes(model, torch.bfloat16, "4bit") == 2 * kept + matrix // 2 + matrix // 64 + matrix // 64 // 64


@pytest.mark.parametrize("places", [{"a": 0, "b": "cpu"}, {"a": 0, "b": "disk"}, {"a": "cpu", "b": "disk"}])
def test_parts_that_are_left_outside_the_gpus_are_refused(places):
    with pytest.raises(ModelError, match="does not fit: parts of it were offloaded to CPU or disk"):
        check_not_offloaded("m", SimpleNamespace(hf_device_map=places))


@pytest.mark.parametrize("places", [{"": 0}, {"a": 0, "b": 1}, {"": "cpu"}])
def test_parts_on_several_gpus_or_all_on_a_cpu_are_not(places):
    check_not_offloaded("m", SimpleNamespace(hf_device_map=places))


@pytest.mark.parametrize(
    ("options", "gpu", "packages", "sentence"),
    [
        ({"device": "cpu", "device_map": "auto"}, True, True, "a device or a device_map, not both"),
        ({"device": "cuda:1"}, False, True, "cuda:1 needs a GPU that torch can use, and there is none"),
        ({"device": "gpu"}, True, True, r"^There is no device 'gpu'\. Write cpu, cuda, or "),
        ({"device_map": "auto"}, True, False, "pip install accelerate"),
        ({"quantization": "3bit"}, True, True, "Unknown quantization '3bit'. Known are: 4bit"),
        ({"quantization": "4bit"}, False, True, "needs an NVIDIA GPU, and torch finds none"),
        ({"quantization": "4bit"}, True, False, "pip install bitsandbytes accelerate"),
    ],
)
def test_options_that_cannot_be_met_are_one_sentence(tiny_folder, monkeypatch, options, gpu, packages, sentence):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpu)
    monkeypatch.setattr(loading, "find_spec", lambda _: object() if packages else None)
    with pytest.raises(ModelError, match=sentence):
        load_model(tiny_folder, **options)


@pytest.mark.parametrize(
    ("options", "places"),
    [({"quantization": "4bit"}, {"": "cuda"}), ({"quantization": "4bit", "device_map": "auto"}, "auto")],
)
def test_a_quantization_and_a_device_map_reach_transformers(tiny_folder, monkeypatch, options, places):
    told = {}

    def from_pretrained(_, **given):
        told.update(given)
        raise RuntimeError("enough")

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(loading, "find_spec", lambda _: object())
    monkeypatch.setattr(loading, "_free_memory", lambda _: (None, ""))
    monkeypatch.setattr(transformers.AutoModelForImageTextToText, "from_pretrained", from_pretrained)
    with pytest.raises(ModelError, match="enough"):
        load_model(tiny_folder, **options)
    config = told["quantization_config"]
    assert (config.load_in_4bit, config.bnb_4bit_quant_type) == (True, "nf4")
    assert config.bnb_4bit_compute_dtype == torch.bfloat16 and config.bnb_4bit_use_double_quant
    assert (told["device_map"], told["dtype"]) == (places, "auto")


def test_code_that_comes_with_a_checkpoint_runs_only_when_asked_for_by_name_and_with_a_warning(
    tiny_folder, tmp_path, monkeypatch
):
    monkeypatch.setattr("transformers.dynamic_module_utils.HF_MODULES_CACHE", str(tmp_path / "modules"))
    monkeypatch.syspath_prepend(tmp_path / "modules")
    folder, ran = tmp_path / "own_code", tmp_path / "ran"
    shutil.copytree(tiny_folder, folder)
    (folder / "configuration_own.py").write_text(
        f"from pathlib import Path\nfrom transformers import Qwen3VLConfig\nPath({str(ran)!r}).touch()\n\n\n"
        "class OwnConfig(Qwen3VLConfig):\n    model_type = 'own'\n"
    )
    (folder / "modeling_own.py").write_text(
        "from transformers import Qwen3VLForConditionalGeneration\nfrom .configuration_own import OwnConfig\n\n\n"
        "class OwnModel(Qwen3VLForConditionalGeneration):\n    config_class = OwnConfig\n"
    )
    config = json.loads((folder / "config.json").read_text())
    config["model_type"] = "own"
    config["auto_map"] = {
        "AutoConfig": "configuration_own.OwnConfig",
        "AutoModelForImageTextToText": "modeling_own.OwnModel",
    }
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match=r"code of its own, which is not run unless .*--trust-remote-code"):
        load_model(folder)
    assert not ran.exists()
    with pytest.warns(UserWarning, match=f"runs Python that comes with {re.escape(str(folder))}, with all that you"):
        model = load_model(folder, trust_remote_code=True)
    assert ran.exists() and type(model.model).__name__ == "OwnModel" and model.n_layers == 4


def test_damaged_weights_are_said_to_be_that(tiny_folder, tmp_path):
    folder = tmp_path / "torn"
    shutil.copytree(tiny_folder, folder)
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(ModelError, match=r"weights of .* cannot be loaded .*damaged or incomplete"):
        load_model(folder)


def test_a_model_that_transformers_does_not_know_is_said_to_be_that(tiny_folder, tmp_path):
    folder = tmp_path / "unknown"
    shutil.copytree(tiny_folder, folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"model_type": "of_next_year"}))
    with pytest.raises(ModelError, match=r"of_next_year.* or this version of transformers does not know it"):
        load_model(folder)
