"""Loading any multimodal or language model of transformers, and checking that the engine understands it.

One path for all families: what differs between them is data on the model, found and checked once, here.
"""

import warnings
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mars.bundled import CLASSES, is_icon_vl, model_source
from mars.media.prompt import Prompt
from mars.model import load_checks, thinking
from mars.model.compat import name_control_tokens, repair_torchvision
from mars.model.compute_dtype import faster_dtype
from mars.model.generation import branch, prefill
from mars.model.hooks import capturing, editing, hand_head_contiguous_rows
from mars.model.inputs import PromptError
from mars.model.lens import Lens
from mars.model.load_checks import ModelError, Quantization
from mars.model.loaded_model import LoadedModel
from mars.steering import Unsteered

_REMOTE_CODE = (
    "trust_remote_code runs Python that comes with {source}, with all that you may do on this machine: files, "
    "network, keys. Use it only for code that you have read, at a fixed revision."
)


def load_model(
    source: str | Path,
    *,
    revision: str | None = None,
    dtype: torch.dtype | str | None = None,
    device: str | None = None,
    device_map: str | dict[str, Any] | None = None,
    quantization: Quantization | None = None,
    trust_remote_code: bool = False,
) -> Lens:
    """Load and check a model from a folder, a hub id, or by the name of a bundled one ("pocket-vl").

    dtype defaults to the checkpoint's own on a GPU and to float32 on a CPU, but for a checkpoint in bfloat16, where
    a short measurement says which of the two is faster; device defaults to a GPU where there is one.
    A device_map, such as "auto", spreads the blocks over several GPUs (needs accelerate); quantization to "4bit"
    needs bitsandbytes and a GPU. Code that comes with a checkpoint is not run unless `trust_remote_code` asks
    for it, which warns. Raises ModelError, in one sentence, for whatever keeps a model from being used: missing or
    gated, no network, too little memory, not understood.
    """
    repair_torchvision()
    from transformers import AutoConfig, AutoProcessor
    from transformers.utils import logging

    from mars.model.text_processor import TextProcessor

    source = model_source(source)
    load_checks.check_options(device, device_map, quantization)
    load_checks.check_source(source)
    make_known(source)
    if trust_remote_code:
        warnings.warn(_REMOTE_CODE.format(source=source), stacklevel=2)
    if device is None and device_map is None:
        device = "cuda" if torch.cuda.is_available() else "cpu"
    on_cpu = device == "cpu" or not (device or torch.cuda.is_available())
    options = {
        "revision": revision,
        "trust_remote_code": trust_remote_code,
        "local_files_only": Path(source).is_dir(),
    }
    logging.disable_progress_bar()
    part = "processor"
    try:
        processor = AutoProcessor.from_pretrained(source, **options)
        part = "config"
        config = AutoConfig.from_pretrained(source, **options)
        if load_checks.is_language_model(config.model_type):
            processor = TextProcessor(processor)
        elif not hasattr(processor, "image_processor"):
            raise ModelError(
                f"{source} has a tokenizer but no image processor, so it cannot read images. "
                "Use a vision-language checkpoint, with its preprocessor_config.json or processor_config.json."
            )
        dtype = dtype or (_dtype_on_cpu(config, trust_remote_code) if on_cpu else "auto")
        _check_room(source, config, dtype, device, quantization, trust_remote_code)
        part = "weights"
        placed = {} if device_map is None and quantization is None else {"device_map": device_map or {"": device}}
        if quantization is not None:
            placed["quantization_config"] = load_checks.four_bits()
        model = _model_class(config).from_pretrained(source, dtype=dtype, use_safetensors=True, **placed, **options)
        if not placed:
            model = model.to(device)
    except ModelError:
        raise
    except Exception as error:
        raise ModelError(load_checks.explained(source, part, error, revision)) from error
    load_checks.check_not_offloaded(source, model)
    try:
        folder = Path(source) if Path(source).is_dir() else None
        return prepare(model, processor, model_name(source), revision, folder)
    except RuntimeError as error:
        if not load_checks.is_out_of_memory(error):
            raise
        raise ModelError(load_checks.too_large(source, "memory ran out at its first token")) from error


def make_known(source: str | Path) -> None:
    """Let transformers know the classes of a folder whose model is of a class of ours, and put Icon-VL's together."""
    folder = Path(source)
    # Icon-VL's config is written where it is missing.
    kind = "icon_vl" if is_icon_vl(folder) else load_checks.model_type(folder)
    if kind in CLASSES:
        import_module(CLASSES[kind]).ready(folder)


def model_name(source: str | Path) -> str:
    """What a model is called: its hub id, or its folder's name."""
    source = model_source(source)
    return Path(source).resolve().name if Path(source).is_dir() else str(source)


def _dtype_on_cpu(config: Any, trust_remote_code: bool) -> torch.dtype:
    """What a CPU computes in where no dtype was asked for."""
    if config.dtype != torch.bfloat16:
        return torch.float32
    return faster_dtype(_without_weights(config, trust_remote_code))


def _check_room(
    source: str | Path,
    config: Any,
    dtype: torch.dtype | str,
    device: str | None,
    quantization: Any,
    trust_remote_code: bool,
) -> None:
    """Refuse weights that cannot fit before they are fetched: a system that runs out of memory kills the process."""
    if getattr(config, "quantization_config", None) is not None:
        return  # stored in another form already, of which the config's sizes say little
    kept_in = getattr(torch, dtype, None) if isinstance(dtype, str) else dtype
    empty = _without_weights(config, trust_remote_code)
    needed = load_checks.weight_bytes(empty, kept_in or config.dtype or torch.float32, quantization)
    load_checks.check_fits(source, needed, None if device is None else torch.device(device))


def size_in_memory(
    source: str | Path,
    revision: str | None = None,
    dtype: torch.dtype | None = None,
    quantization: load_checks.Quantization | None = None,
    trust_remote_code: bool = False,
) -> int:
    """Bytes that a model's weights take, from its config alone. Raises ModelError where that cannot be had."""
    repair_torchvision()
    from transformers import AutoConfig

    source = model_source(source)
    load_checks.check_source(source)
    make_known(source)
    options = {
        "revision": revision,
        "local_files_only": Path(source).is_dir(),
        "trust_remote_code": trust_remote_code,
    }
    try:
        config = AutoConfig.from_pretrained(source, **options)
        empty = _without_weights(config, trust_remote_code)
    except Exception as error:
        raise ModelError(load_checks.explained(source, "config", error, revision)) from error
    return load_checks.weight_bytes(empty, dtype or config.dtype or torch.float32, quantization)


def _model_class(config: Any) -> Any:
    """The Auto class that loads the model of a config."""
    from transformers import AutoModelForCausalLM, AutoModelForImageTextToText

    is_language_model = load_checks.is_language_model(config.model_type)
    return AutoModelForCausalLM if is_language_model else AutoModelForImageTextToText


def _without_weights(config: Any, trust_remote_code: bool) -> Any:
    """The model of a config on torch's meta device."""
    with torch.device("meta"):
        return _model_class(config).from_config(config, trust_remote_code=trust_remote_code)


def prepare(model: Any, processor: Any, name: str, revision: str | None = None, folder: Path | None = None) -> Lens:
    """Check a model that is already in memory and make it ready: eval mode, left padding, contiguous rows for its
    output embedding. Raises ModelError."""
    model.eval().requires_grad_(False)
    hand_head_contiguous_rows(model)
    tokenizer = getattr(processor, "tokenizer", processor)
    tokenizer.padding_side = "left"
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    template = getattr(processor, "chat_template", None) or getattr(tokenizer, "chat_template", None)
    if not template:
        raise ModelError(
            f"{name} has no chat template, so it cannot be asked anything. Use an instruction-tuned model."
        )
    name_control_tokens(tokenizer, str(template))
    loaded = Lens(model, processor, name, revision, folder)
    _check_layers(loaded)
    _check_hooks(loaded)
    opening = _thinking_opened(loaded)
    if opening:
        loaded = replace(loaded, thinking=opening)
        if _thinking_opened(loaded):
            warnings.warn(
                f"{name} opens its replies with thinking ({opening}), also where the prompt has closed it: its first "
                "token is neither an answer nor a refusal, and steering acts on the thinking.",
                stacklevel=2,
            )
    return loaded


def _check_layers(loaded: LoadedModel) -> None:
    """The decoder's blocks are where transformers says, and as many as the config says."""
    try:
        found = loaded.layers
    except AttributeError as error:
        raise ModelError(
            f"{loaded.name}: looked for the decoder blocks at get_decoder().layers and found none on "
            f"{type(loaded.model).__name__}. This family keeps them elsewhere; open an issue with its name."
        ) from error
    expected = loaded.model.config.get_text_config(decoder=True).num_hidden_layers
    if len(found) != expected:
        raise ModelError(
            f"{loaded.name}: found {len(found)} decoder blocks, its config says {expected}. The checkpoint and its "
            "config do not belong together."
        )


@torch.inference_mode()
def _check_hooks(loaded: LoadedModel) -> None:
    """One token through the model: every block is seen, finite, of the right width; strength 0 changes nothing."""
    token = torch.tensor([[next(iter(loaded.end_tokens), 0)]], device=loaded.device)

    def logits() -> Tensor:
        return loaded.model(input_ids=token, attention_mask=torch.ones_like(token), use_cache=False).logits

    with capturing(loaded.layers) as capture:
        plain = logits()
    values = capture.stacked()
    if values.shape[-1] != loaded.d_model:
        raise ModelError(
            f"{loaded.name}: blocks put out vectors of {values.shape[-1]} numbers, the config says {loaded.d_model}."
        )
    loaded.check_finite(values)
    with editing(loaded.layers, loaded.n_layers - 1, Unsteered()) as log:
        edited = logits()
    if log.applications != 1 or not torch.equal(plain, edited):
        raise ModelError(
            f"{loaded.name}: an edit of strength 0 changed the logits, or the hook did not fire once "
            f"({log.applications} times). Steering would not be trustworthy on this model."
        )


def _thinking_opened(loaded: Lens) -> str:
    """What a model's reply to a greeting opens thinking with; empty where it does not. Raises ModelError.

    Models that hold no such mark are not asked.
    """
    template = loaded.processor.chat_template or loaded.tokenizer.chat_template
    if not thinking.is_known(str(template), loaded.tokenizer.added_tokens_encoder.keys()):
        return ""
    try:
        prefix = prefill(loaded, Prompt("Hi"))
    except PromptError as error:
        raise ModelError(str(error)) from error
    reply: list[int] = []
    for step in branch(loaded, prefix, (Unsteered(),), 0, max_new_tokens=thinking.TAIL_TOKENS):
        reply.append(step.tokens[0])
        found = thinking.opened(loaded.tokenizer.decode(reply))
        if found is not None:
            return found
    return ""
