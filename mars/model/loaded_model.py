"""A model in memory: what differs between families is data on the model, found and checked once."""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from mars.model.load_checks import ModelError
from mars.types import Modality

MAX_PROMPT_TOKENS = 16_384
"""Longest prompt that is read, whatever the model allows."""
_FINITE_ADVICE = {
    torch.float16: "They overflowed: load the model in bfloat16 or float32.",
    torch.bfloat16: "Load the model in float32.",
}


def decoder_layers(model: Any) -> nn.ModuleList:
    """Decoder blocks of a transformers model's language model, in order."""
    return model.get_decoder().layers


@dataclass(frozen=True)
class LoadedModel:
    """A model with its processor, checked: the decoder layers are known and the hooks see them."""

    model: Any
    """A transformers model for images and text, or for text alone, in eval mode."""
    processor: Any
    """Its processor, with a chat template and left padding."""
    name: str
    """Hub id, or the folder's name."""
    revision: str | None
    """Revision asked for, where it came from a hub."""
    folder: Path | None = None
    """Where it was loaded from, where that is a folder."""
    thinking: str = ""
    """What its replies open thinking with by themselves, though the prompt does not; closed in every prompt."""

    @property
    def tokenizer(self) -> Any:
        return getattr(self.processor, "tokenizer", self.processor)

    @cached_property
    def layers(self) -> nn.ModuleList:
        """Decoder blocks of the language model, in order."""
        return decoder_layers(self.model)

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
        """SHA-256 of the chat template and of the thinking closed after it: activations at the last prompt position
        depend on both."""
        template = self.processor.chat_template or self.tokenizer.chat_template
        return hashlib.sha256(f"{template}{self.thinking}".encode()).hexdigest()

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
        largest = logits.max()  # one pass; NaN if any is
        if largest.isnan() or largest.isposinf():
            raise ModelError(f"{self.name}: logits are not finite in {self.dtype}. {self._finite_advice}")

    @property
    def _finite_advice(self) -> str:
        return _FINITE_ADVICE.get(self.dtype, "Its weights are damaged, or its config is of another model.")
