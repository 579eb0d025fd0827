"""Loading any multimodal model of transformers, and checking that the engine understands it.

One path for all families: what differs between them is data on the model, found and checked once, here.
"""

import hashlib
import warnings
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from mars import loading
from mars.hooks import capturing, editing
from mars.loading import ModelError, Quantization
from mars.records import Modality
from mars.steering import Unsteered
from mars.torchvision_repair import repair

MAX_PROMPT_TOKENS = 16_384
"""Longest prompt that is read, whatever the model allows."""


@dataclass(frozen=True)
class LoadedModel:
    """A model with its processor, checked: the decoder layers are known and the hooks see them."""

    model: Any
    """A transformers model for image-text-to-text, in eval mode."""
    processor: Any
    """Its processor, with a chat template and left padding."""
    name: str
    """Hub id, or the folder's name."""
    revision: str | None
    """Revision asked for, where it came from a hub."""

    @property
    def tokenizer(self) -> Any:
        return getattr(self.processor, "tokenizer", self.processor)

    @cached_property
    def layers(self) -> nn.ModuleList:
        """Decoder blocks of the language model, in order."""
        return self.model.get_decoder().layers

    @property
    def n_layers(self) -> int:
        return len(self.layers)

    @property
    def d_model(self) -> int:
        """Width of the residual stream."""
        return self.model.config.get_text_config(decoder=True).hidden_size

    @property
    def device(self) -> torch.device:
        """Where inputs go."""
        return self.model.get_input_embeddings().weight.device

    @property
    def dtype(self) -> torch.dtype:
        return self.model.dtype

    @property
    def n_parameters(self) -> int:
        return sum(parameter.numel() for parameter in self.model.parameters())

    @property
    def modalities(self) -> tuple[Modality, ...]:
        """What the processor can read."""
        found: list[Modality] = ["text"]
        if getattr(self.processor, "image_processor", None) is not None:
            found.append("image")
        if getattr(self.processor, "video_processor", None) is not None:
            found.append("video")
        return tuple(found)

    @property
    def max_prompt_tokens(self) -> int:
        limit = getattr(self.model.config.get_text_config(decoder=True), "max_position_embeddings", None)
        return min(limit or MAX_PROMPT_TOKENS, MAX_PROMPT_TOKENS)

    @cached_property
    def template_hash(self) -> str:
        """SHA-256 of the chat template: activations at the last prompt position depend on it."""
        template = self.processor.chat_template or self.tokenizer.chat_template
        return hashlib.sha256(str(template).encode()).hexdigest()

    @cached_property
    def end_tokens(self) -> frozenset[int]:
        """Tokens that end a reply."""
        ends = {self.tokenizer.eos_token_id}
        configured = getattr(self.model.generation_config, "eos_token_id", None)
        ends.update(configured if isinstance(configured, list | tuple) else [configured])
        return frozenset(end for end in ends if end is not None)

    def layer_device(self, layer: int) -> torch.device:
        """Where one decoder block lives, with the tensors that steer it."""
        return next(self.layers[layer].parameters()).device

    def check_layer(self, layer: int) -> int:
        """The layer, if there is one; raises ModelError otherwise."""
        if isinstance(layer, bool) or not isinstance(layer, int) or not 0 <= layer < self.n_layers:
            raise ModelError(
                f"Layer {layer} does not exist: {self.name} has layers 0 to {self.n_layers - 1}. Choose one of them."
            )
        return layer

    def check_finite(self, values: Tensor) -> None:
        """Raise ModelError at the first layer whose activations are not finite. values: (prompt, layer, d_model)."""
        bad = (~values.isfinite()).any(dim=2).any(dim=0).nonzero()
        if len(bad):
            raise ModelError(
                f"{self.name}: activations of layer {int(bad[0])} are not finite in {self.dtype}. "
                f"{self._finite_advice}"
            )

    def check_logits(self, logits: Tensor) -> None:
        """Raise ModelError where logits are not finite; minus infinity is, being what a model rules a token out by.

        logits: (row, vocabulary).
        """
        if logits.isnan().any() or logits.isposinf().any():
            raise ModelError(f"{self.name}: logits are not finite in {self.dtype}. {self._finite_advice}")

    @property
    def _finite_advice(self) -> str:
        return _FINITE_ADVICE.get(self.dtype, "Its weights are damaged, or its config is of another model.")


_REMOTE_CODE = (
    "trust_remote_code runs Python that comes with {source}, with all that you may do on this machine: files, "
    "network, keys. Use it only for code that you have read, at a fixed revision."
)
_FINITE_ADVICE = {
    torch.float16: "They overflowed: load the model in bfloat16 or float32.",
    torch.bfloat16: "Load the model in float32.",
}


def load_model(
    source: str | Path,
    *,
    revision: str | None = None,
    dtype: torch.dtype | str | None = None,
    device: str | None = None,
    device_map: str | dict[str, Any] | None = None,
    quantization: Quantization | None = None,
    trust_remote_code: bool = False,
) -> LoadedModel:
    """Load and check a model from a folder or a hub id.

    dtype defaults to float32 on a CPU and to the checkpoint's own elsewhere; device to a GPU where there is one.
    A device_map, such as "auto", spreads the blocks over several GPUs (needs accelerate); quantization to "4bit"
    needs bitsandbytes and a GPU. Code that comes with a checkpoint is not run unless `trust_remote_code` asks
    for it, which warns. Raises ModelError, in one sentence, for whatever keeps a model from being used: missing or
    gated, no network, too little memory, not understood.
    """
    repair()
    from transformers import AutoModelForImageTextToText, AutoProcessor
    from transformers.utils import logging

    loading.check_options(device, device_map, quantization)
    loading.check_source(source)
    if trust_remote_code:
        warnings.warn(_REMOTE_CODE.format(source=source), stacklevel=2)
    if device is None and device_map is None:
        device = "cuda" if torch.cuda.is_available() else "cpu"
    on_cpu = device == "cpu" or not (device or torch.cuda.is_available())
    dtype = dtype or (torch.float32 if on_cpu else "auto")
    options = {
        "revision": revision,
        "trust_remote_code": trust_remote_code,
        "local_files_only": Path(source).is_dir(),
    }
    logging.disable_progress_bar()
    part = "processor"
    try:
        processor = AutoProcessor.from_pretrained(source, **options)
        if not hasattr(processor, "image_processor"):
            raise ModelError(
                f"{source} has a tokenizer but no image processor, so it cannot read pictures. "
                "Use a vision-language checkpoint, with its preprocessor_config.json or processor_config.json."
            )
        part = "config"
        _check_room(source, dtype, device, quantization, options)
        part = "weights"
        placed = {} if device_map is None and quantization is None else {"device_map": device_map or {"": device}}
        if quantization is not None:
            placed["quantization_config"] = loading.four_bits()
        model = AutoModelForImageTextToText.from_pretrained(
            source, dtype=dtype, use_safetensors=True, **placed, **options
        )
        if not placed:
            model = model.to(device)
    except ModelError:
        raise
    except Exception as error:
        raise ModelError(loading.explained(source, part, error, revision)) from error
    loading.check_not_offloaded(source, model)
    try:
        return prepare(model, processor, model_name(source), revision)
    except RuntimeError as error:
        if not loading.is_out_of_memory(error):
            raise
        raise ModelError(loading.too_large(source, "memory ran out at its first token")) from error


def model_name(source: str | Path) -> str:
    """What a model is called: its hub id, or its folder's name."""
    return Path(source).resolve().name if Path(source).is_dir() else str(source)


def _check_room(
    source: str | Path, dtype: torch.dtype | str, device: str | None, quantization: Any, options: dict[str, Any]
) -> None:
    """Refuse weights that cannot fit before they are fetched: a system that runs out of memory kills the process."""
    from transformers import AutoConfig, AutoModelForImageTextToText

    config = AutoConfig.from_pretrained(source, **options)
    if getattr(config, "quantization_config", None) is not None:
        return  # stored in another form already, of which the config's sizes say little
    with torch.device("meta"):
        empty = AutoModelForImageTextToText.from_config(config, trust_remote_code=options["trust_remote_code"])
    kept_in = getattr(torch, dtype, None) if isinstance(dtype, str) else dtype
    needed = loading.weight_bytes(empty, kept_in or config.dtype or torch.float32, quantization)
    loading.check_fits(source, needed, None if device is None else torch.device(device))


def prepare(model: Any, processor: Any, name: str, revision: str | None = None) -> LoadedModel:
    """Check a model that is already in memory and make it ready: eval mode, left padding. Raises ModelError."""
    model.eval().requires_grad_(False)
    tokenizer = getattr(processor, "tokenizer", processor)
    tokenizer.padding_side = "left"
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    if not (getattr(processor, "chat_template", None) or getattr(tokenizer, "chat_template", None)):
        raise ModelError(
            f"{name} has no chat template, so it cannot be asked anything. Use an instruction-tuned model."
        )
    loaded = LoadedModel(model, processor, name, revision)
    _check_layers(loaded)
    _check_hooks(loaded)
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
    with editing(loaded.layers[-1], Unsteered()) as receipt:
        edited = logits()
    if receipt.fired != 1 or not torch.equal(plain, edited):
        raise ModelError(
            f"{loaded.name}: an edit of strength 0 changed the logits, or the hook did not fire once "
            f"({receipt.fired} times). Steering would not be trustworthy on this model."
        )
