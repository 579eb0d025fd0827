"""What stands between a name and a model in memory: where it goes, whether it fits, and what a failure means."""

import json
import textwrap
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, get_args

import torch
from torch import nn

from mars.bundled import LANGUAGE_MODEL, is_icon_vl

Quantization = Literal["4bit"]
"""NF4 with doubly quantized scales, by bitsandbytes (Dettmers et al. 2305.14314). Its 8 bits compute in float16,
where large activations overflow."""
QUANTIZED_BYTES = 0.5 + 1 / 64 + 4 / (64 * 256)
"""Bytes a weight of a quantized matrix: a scale of 8 bits for 64 weights, and one of 32 for 256 such."""
OUT_OF_MEMORY = ("out of memory", "can't allocate memory", "not enough memory")
"""What torch says where it has no exception of its own: on a CPU, and on Apple's GPUs."""


LINE = 240
"""Characters of what another library says that are passed on."""


class ModelError(ValueError):
    """A model that cannot be used; the message says what was looked for, what was found and what to do."""


def check_source(source: str | Path) -> None:
    """Raise ModelError where a folder is meant and is none, or lacks a part that can be told by its name."""
    path = Path(source)
    if is_icon_vl(path):
        if not (path / LANGUAGE_MODEL).is_dir():
            raise ModelError(
                "Icon-VL is not on this machine yet. Fetch it: python -m mars cache --get icon-vl (491 MB, and "
                "1.8 GB on disk)."
            )
        return  # the rest is put beside it when it is loaded
    looks_like_path = path.is_absolute() or str(source).startswith((".", "~")) or str(source).count("/") > 1
    if looks_like_path and not path.is_dir():
        raise ModelError(f"There is no model folder at {source}. Give a folder with a config.json, or a hub id.")
    if path.is_dir() and not (path / "config.json").is_file():
        raise ModelError(f"The folder {source} has no config.json, so it is not a model. Give a checkpoint's folder.")
    if path.is_dir() and not (
        any((path / name).is_file() for name in ("processor_config.json", "preprocessor_config.json"))
        or is_language_model(model_type(path))
    ):
        raise ModelError(
            f"The folder {source} has no processor_config.json or preprocessor_config.json. Save the model's "
            "processor beside it: AutoProcessor.from_pretrained(ID).save_pretrained(FOLDER)."
        )


def model_type(folder: Path) -> str | None:
    """What the config of a folder calls its kind of model; None where there is no config that says it."""
    try:
        return json.loads((folder / "config.json").read_text(encoding="utf-8")).get("model_type")
    except (OSError, ValueError, AttributeError):
        return None  # no folder, or one that is said to be damaged where it is read in earnest


def is_language_model(kind: str | None) -> bool:
    """Whether transformers knows a kind of model, by the model_type of its config, as one that reads text alone."""
    from transformers.models.auto.modeling_auto import (
        MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
        MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES,
    )

    return kind in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES and kind not in MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES


def check_options(device: str | None, device_map: Any, quantization: str | None) -> None:
    """Raise ModelError on options that do not go together, or need what is not here."""
    if device is not None and device_map is not None:
        raise ModelError("Give a device or a device_map, not both: a device_map says where every part goes.")
    if device is not None and device_of(device).type == "cuda" and not torch.cuda.is_available():
        raise ModelError(f"The device {device} needs a GPU that torch can use, and there is none. Use the CPU.")
    if device_map is not None and find_spec("accelerate") is None:
        raise ModelError("A device_map needs the package accelerate: pip install accelerate.")
    if quantization is None:
        return
    if quantization not in get_args(Quantization):
        raise ModelError(f"Unknown quantization {quantization!r}. Known are: {', '.join(get_args(Quantization))}.")
    if not torch.cuda.is_available():
        raise ModelError(
            f"Quantization to {quantization} needs an NVIDIA GPU, and torch finds none here. Leave it out, or choose "
            "a smaller model."
        )
    missing = [package for package in ("bitsandbytes", "accelerate") if find_spec(package) is None]
    if missing:
        raise ModelError(
            f"Quantization to {quantization} needs {' and '.join(missing)}: pip install {' '.join(missing)}."
        )


def device_of(name: str) -> torch.device:
    """The device of a name. Raises ModelError for one that torch does not know."""
    try:
        return torch.device(name)
    except RuntimeError as error:
        raise ModelError(f"There is no device {name!r}. Write cpu, cuda, or cuda:1 for the second GPU.") from error


def four_bits() -> Any:
    """What transformers is told of a quantization to 4 bits."""
    from transformers import BitsAndBytesConfig

    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
    )


def weight_bytes(model: nn.Module, dtype: torch.dtype, quantization: Quantization | None = None) -> int:
    """Memory of a model's weights, in bytes; the model may be on torch's meta device, where it has none.

    Quantized are the matrices of linear layers but the head's, as bitsandbytes does; the rest stays in dtype.
    """
    head = model.get_output_embeddings()
    quantized = sum(
        module.weight.numel() for module in model.modules() if isinstance(module, nn.Linear) and module is not head
    )
    rest = sum(parameter.numel() for parameter in model.parameters())
    if quantization is None:
        return rest * dtype.itemsize
    return round(quantized * QUANTIZED_BYTES + (rest - quantized) * dtype.itemsize)


def check_fits(source: str | Path, needed: int, device: torch.device | None) -> None:
    """Raise ModelError where weights of so many bytes are more than what is free on a device; None is all GPUs."""
    free, where = _free_memory(device)
    if free is not None and needed > free:
        raise ModelError(too_large(source, f"its weights take {_gib(needed)} and {_gib(free)} are free on {where}"))


def check_not_offloaded(source: str | Path, model: nn.Module) -> None:
    """Raise ModelError where parts of a model were left outside the device memory for want of room."""
    places = {str(place) for place in getattr(model, "hf_device_map", {}).values()}
    if "disk" in places or ("cpu" in places and len(places) > 1):
        raise ModelError(too_large(source, "parts of it were offloaded to CPU or disk, which is unsupported"))


def too_large(source: str | Path, reason: str) -> str:
    """What is said where memory runs out."""
    return (
        f"{source} does not fit: {reason}. Choose a smaller model (python -m mars presets), "
        'bfloat16, more GPUs with device_map="auto", or on a GPU quantization="4bit".'
    )


def is_out_of_memory(error: BaseException) -> bool:
    """Whether torch says that memory ran out, on any device."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error).lower() for words in OUT_OF_MEMORY)


def explained(source: str | Path, part: str, error: Exception, revision: str | None = None) -> str:
    """A failure to load a part of a model, in one sentence and what to do."""
    from huggingface_hub import errors

    causes = list(_causes(error))

    def caused_by(*kinds: type[BaseException]) -> bool:
        return any(isinstance(cause, kinds) for cause in causes)

    if any(map(is_out_of_memory, causes)):
        return too_large(source, "memory ran out while it was loaded")
    if caused_by(ImportError):
        return f"The {part} of {source} needs a package that is not here: {first_line(error)}"
    if "trust_remote_code" in str(error):
        return (
            f"{source} comes with code of its own, which is not run unless you ask for it by name: read it, then "
            "load with trust_remote_code=True (--trust-remote-code)."
        )
    if caused_by(errors.GatedRepoError):
        return (
            f"{source} is gated: its owners have to let you in. Ask for access at https://huggingface.co/{source}, "
            "then log in with: hf auth login."
        )
    if caused_by(errors.RevisionNotFoundError):
        return f"{source} has no revision {revision!r}. Name a branch, tag or commit that its page lists."
    if caused_by(errors.RepositoryNotFoundError, errors.HFValidationError):
        return (
            f"There is no model {source} on the hub that you can see, nor a folder of this name. Check the id; for "
            "a private one log in with: hf auth login."
        )
    if not Path(source).is_dir() and caused_by(ConnectionError, TimeoutError, errors.LocalEntryNotFoundError):
        return (
            f"The hub cannot be reached, and {source} was not fetched before. Check the network, or give the folder "
            "of a model."
        )
    advice = (
        "Its files are damaged or incomplete, or this version of transformers does not know it."
        if Path(source).is_dir()
        else "Check the id, that the network is reachable, and that you have access to it."
    )
    return f"The {part} of {source} cannot be loaded ({first_line(error)}). {advice}"


def first_line(error: BaseException) -> str:
    """The first line of what an exception says, cut where it runs on; its name where it says nothing."""
    line = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
    return textwrap.shorten(line, LINE)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _free_memory(device: torch.device | None) -> tuple[int | None, str]:
    """Free bytes, None where the system does not tell, and where that is in words."""
    if device is not None and device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0], f"the GPU {torch.cuda.get_device_name(device)}"
    if device is None and torch.cuda.is_available():
        count = torch.cuda.device_count()
        return sum(torch.cuda.mem_get_info(number)[0] for number in range(count)), f"{count} GPUs"
    meminfo = Path("/proc/meminfo")
    if (device is None or device.type == "cpu") and meminfo.exists():
        line = next((line for line in meminfo.read_text().splitlines() if line.startswith("MemAvailable")), None)
        return (1024 * int(line.split()[1]), "this machine") if line else (None, "")
    return None, ""


def _gib(count: int) -> str:
    return f"{count / 2**30:.1f} GiB"
