"""The few shapes that everything hangs on: what goes into the engine and what comes out.

Axes are called prompt, row, layer, position, d_model, vocabulary wherever a tensor is public. Layers are
decoder blocks, numbered from 0; a layer's activation is the residual stream after it, as the next block reads it,
before any final norm.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from PIL import Image
from torch import Tensor

Modality = Literal["text", "image", "video"]
Label = Literal["harmful", "harmless"]

MODALITIES: tuple[Modality, ...] = ("text", "image", "video")


@dataclass(frozen=True)
class Video:
    """A short video as the frames that a model will see."""

    frames: tuple[Image.Image, ...]
    """RGB, all of one size, in order of time."""
    times: tuple[float, ...]
    """Seconds from the start of the source, one per frame."""
    source_frames: int | None = None
    """How many frames the source has, of which these were sampled; None where there is no source."""

    def __post_init__(self) -> None:
        if not self.frames or len(self.frames) != len(self.times):
            raise ValueError(
                f"A video needs frames and one time for each; got {len(self.frames)} frames and "
                f"{len(self.times)} times."
            )

    @property
    def frames_per_second(self) -> float:
        """Mean rate of the frames kept; 1.0 for a single frame."""
        span = self.times[-1] - self.times[0]
        return (len(self.frames) - 1) / span if span > 0 else 1.0


def content_hash(facts: tuple, images: Sequence[Image.Image]) -> str:
    """SHA-256 of facts that have a stable repr, and of the pixels of images."""
    digest = hashlib.sha256(repr(facts).encode())
    for image in images:
        digest.update(repr((image.mode, image.size)).encode() + image.tobytes())
    return digest.hexdigest()


class Activations(NamedTuple):
    """What a model holds at the last prompt position, the one whose logits give the first token."""

    values: Tensor
    """The residual stream after every block, float32 on the CPU: (prompt, layer, d_model)."""
    logits: Tensor
    """Next-token logits, float32 on the CPU: (prompt, vocabulary)."""


class Geometry(NamedTuple):
    """What text says about refusal at one layer, and where one modality lies there. All float32."""

    mean_harmful: Tensor
    """mu+, centroid of harmful text: (d_model,)."""
    mean_harmless: Tensor
    """mu-, centroid of harmless text: (d_model,)."""
    bias: Tensor
    """b = neutral mean - mu-, what re-centering subtracts; zeros for text: (d_model,)."""
    radius: float
    """rho, the trust region: how far harmful text reaches beyond mu- along the refusal direction."""
    harmless_q99: float
    """0.99 quantile, over harmless text, of the distance beyond mu-: the optional later zero of the gate."""
    amplification: float = 1.0
    """How many times over sigma is added at gain 1: as much as a medium's meaningless inputs bear, 1 for text."""

    @property
    def direction(self) -> Tensor:
        """Unit refusal direction, from harmless to harmful: (d_model,)."""
        difference = self.mean_harmful - self.mean_harmless
        return difference / difference.norm()

    @property
    def length(self) -> float:
        """R, distance between the two text centroids."""
        return float((self.mean_harmful - self.mean_harmless).norm())

    def to(self, device: torch.device | str) -> "Geometry":
        """The same geometry on another device; itself where it is there already."""
        if self.bias.device == torch.device(device):
            return self
        return self._replace(
            mean_harmful=self.mean_harmful.to(device),
            mean_harmless=self.mean_harmless.to(device),
            bias=self.bias.to(device),
        )


class TokenStep(NamedTuple):
    """One decoding step of all branches of a prompt."""

    index: int
    """0 for the first generated token."""
    tokens: tuple[int, ...]
    """Token chosen in each row."""
    texts: tuple[str, ...]
    """Reply of each row so far, without special tokens."""
    finished: tuple[bool, ...]
    """Whether each row has ended, by its end-of-turn token or by the length allowed."""
    logits: Tensor
    """Logits each row chose from, float32 on the CPU: (row, vocabulary)."""
    strengths: tuple[float, ...]
    """How far this step's edit moved each row along the steering direction; 0 where none was made."""
    activations: Tensor | None
    """At step 0, the outputs of all blocks after the edit: (row, layer, d_model). None later."""
