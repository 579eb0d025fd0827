"""Loading any multimodal model of transformers, and checking that the engine understands it.

One path for all families: what differs between them is data on the model, found and checked once, here.
"""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from mars.hooks import capturing, editing
from mars.records import Modality
from mars.steering import Unsteered
from mars.torchvision_repair import repair

MAX_PROMPT_TOKENS = 16_384
"""Longest prompt that is read, whatever the model allows."""


class ModelError(ValueError):
    """A model that cannot be used; the message says what was looked for, what was found and what to do."""


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
                f"{_FINITE_ADVICE.get(self.dtype, 'Its weights are damaged, or its config is of another model.')}"
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
) -> LoadedModel:
    """Load and check a model from a folder or a hub id.

    dtype defaults to float32 on a CPU and to the checkpoint's own elsewhere; device to a GPU where there is one.
    Code that comes with a checkpoint is never run. Raises ModelError.
    """
    repair()
    from transformers import AutoModelForImageTextToText, AutoProcessor
    from transformers.utils import logging

    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    dtype = dtype or (torch.float32 if device == "cpu" else "auto")
    options = {"revision": revision, "trust_remote_code": False, "local_files_only": Path(source).is_dir()}
    _check_source(source)
    logging.disable_progress_bar()
    try:
        processor = AutoProcessor.from_pretrained(source, **options)
    except Exception as error:
        raise ModelError(_unloadable(source, "processor", error)) from error
    if not hasattr(processor, "image_processor"):
        raise ModelError(
            f"{source} has a tokenizer but no image processor, so it cannot read pictures. "
            "Use a vision-language checkpoint, with its preprocessor_config.json or processor_config.json."
        )
    try:
        model = AutoModelForImageTextToText.from_pretrained(source, dtype=dtype, use_safetensors=True, **options)
    except Exception as error:
        raise ModelError(_unloadable(source, "weights", error)) from error
    name = Path(source).resolve().name if Path(source).is_dir() else str(source)
    return prepare(model.to(device), processor, name, revision)


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


def _check_source(source: str | Path) -> None:
    path = Path(source)
    looks_like_path = path.is_absolute() or str(source).startswith((".", "~")) or str(source).count("/") > 1
    if looks_like_path and not path.is_dir():
        raise ModelError(f"There is no model folder at {source}. Give a folder with a config.json, or a hub id.")
    if path.is_dir() and not (path / "config.json").is_file():
        raise ModelError(f"The folder {source} has no config.json, so it is not a model. Give a checkpoint's folder.")
    if path.is_dir() and not any(
        (path / name).is_file() for name in ("processor_config.json", "preprocessor_config.json")
    ):
        raise ModelError(
            f"The folder {source} has no processor_config.json or preprocessor_config.json. Save the model's "
            "processor beside it: AutoProcessor.from_pretrained(ID).save_pretrained(FOLDER)."
        )


def _unloadable(source: str | Path, part: str, error: Exception) -> str:
    reason = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
    if isinstance(error, ImportError):
        return f"The {part} of {source} needs a package that is not here: {reason}"
    return (
        f"The {part} of {source} cannot be loaded ({reason}). "
        "Check the name or folder, that the network is reachable, and that you have access to it."
    )
