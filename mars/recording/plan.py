"""What a recording holds of each prompt, and what it takes: time, memory and size, before anything is loaded.

A forward pass of few positions reads every weight once, and has a cost a layer that does not depend on their size.
That cost is measured where the shipped recording of Pocket-VL was made, whose weights hardly count; the reading
follows from the bandwidth of the memory that holds the weights. A prefill of many positions on a CPU takes longer.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch

from mars.effect.verdict_map import GAINS as VERDICT_GAINS
from mars.fitted.fitted import Fitted
from mars.recording.prompts import Line
from mars.recording.storage import Header
from mars.steering.base import check_gain

REPLY_TOKENS = 48
COPIED, COPIES = 2**26, 32
"""Bytes that are copied to measure a memory, and how often."""
ROOM = 1.25
"""Of the memory that weights take: what activations and the KV cache add to it, as for `mars-lens presets`."""


@dataclass(frozen=True)
class Settings:
    """What is recorded of each prompt."""

    layers: tuple[int, ...] = ()
    """Layers steered at, besides the chosen one."""
    gains: tuple[float, ...] = (1.0,)
    """Gains steered with at each of the layers."""
    reply_tokens: int = REPLY_TOKENS
    """Length of a reply at most."""
    harmful_tokens: int | None = None
    """Length of a reply to a harmful prompt at most, where it is to be shorter."""
    verdicts: bool = False
    """Whether the map of verdicts on whole replies is recorded too."""
    hidden_states: bool = False
    """Whether the residual stream at the last prompt position is recorded, in half precision."""

    def __post_init__(self) -> None:
        """Raises ValueError for lengths and gains that make no sense."""
        for gain in self.gains:
            check_gain(gain)
        for length in (self.reply_tokens, self.harmful_tokens):
            if length is not None and length < 1:
                raise ValueError(f"A reply of {length} tokens cannot be recorded; allow at least 1.")

    def at(self, chosen: int, n_layers: int) -> "Settings":
        """The same with the chosen layer among the layers and gain 1 among the gains.

        Raises ValueError for a layer that does not exist.
        """
        for layer in self.layers:
            if not 0 <= layer < n_layers:
                raise ValueError(f"Layer {layer} does not exist: the model has layers 0 to {n_layers - 1}.")
        layers = tuple(sorted({chosen, *self.layers}))
        return replace(self, layers=layers, gains=tuple(sorted({1.0, *map(float, self.gains)})))

    @property
    def cells(self) -> tuple[tuple[int, float], ...]:
        """Layer and gain of every recorded reply."""
        return tuple((layer, gain) for layer in self.layers for gain in self.gains)

    def length(self, line: Line, usual: int | None = None) -> int:
        """Length of the replies to a prompt at most. usual: in place of `reply_tokens`."""
        longest = usual or self.reply_tokens
        return min(longest, self.harmful_tokens) if line.label == "harmful" and self.harmful_tokens else longest


class Shape(NamedTuple):
    """What the size of a recording depends on, of a model and its artifact."""

    n_layers: int
    d_model: int
    reply_tokens: int
    """Of a reply in the map of verdicts."""
    points: int
    """Of all clouds."""
    point_bytes: int
    """Titles and thumbnails of these points."""

    @classmethod
    def of(cls, fitted: Fitted) -> "Shape":
        layers, width = fitted.mean_harmful.shape
        titles = [title.encode() for cloud in fitted.clouds for title in cloud.titles]
        shown = sum(len(one) for one in fitted.thumbnails)
        return cls(layers, width, fitted.reply_tokens, len(titles), sum(map(len, titles)) + shown * 4 // 3)


class Estimate(NamedTuple):
    """What a recording takes."""

    prompts: int
    passes: int
    """Forward passes of the model at most: prefills, and decoding steps of batches."""
    seconds: float
    memory: int
    """Bytes."""
    size: int
    """Bytes on disk, media that are kept included."""


def passes(line: Line, settings: Settings, shape: Shape) -> int:
    """Forward passes that a prompt takes at most; a reply that ends early takes fewer.

    One a token for both replies of a cell, with its prefill; one for the token map; two for the map of first tokens;
    and for the map of verdicts one a token of each layer's batch, and of the unsteered reply.
    """
    replies = len(settings.cells) * (1 + settings.length(line))
    verdicts = 2 + (shape.n_layers + 1) * settings.length(line, shape.reply_tokens) if settings.verdicts else 0
    return replies + 1 + 2 + verdicts


def estimate(
    lines: Sequence[Line],
    settings: Settings,
    shape: Shape,
    weight_bytes: int,
    bandwidth: float,
    layer_seconds: float,
) -> Estimate:
    """The estimate for a set of prompts.

    weight_bytes: of the model in memory; bandwidth: of that memory, in bytes a second; layer_seconds: of a layer in a
    pass, whatever its size (`layer_seconds_of`).
    """
    total = sum(passes(line, settings, shape) for line in lines)
    return Estimate(
        prompts=len(lines),
        passes=total,
        seconds=total * (shape.n_layers * layer_seconds + weight_bytes / bandwidth),
        memory=round(ROOM * weight_bytes),
        size=_clouds_bytes(shape) + sum(_prompt_bytes(line, settings, shape) for line in lines),
    )


def layer_seconds_of(header: Header) -> float:
    """Processor time of a layer in a pass, in seconds, from a finished recording. Raises KeyError where it does not
    tell."""
    cost = header.cost
    return cost["processor_seconds"] / cost["passes"] / cost["layers"]


def bandwidth_here(device: torch.device) -> float:
    """Bytes a second that the memory of a device gives, read and written by copying."""
    source = torch.ones(COPIED, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    found = []
    for _ in range(COPIES):
        began = time.perf_counter()
        target.copy_(source)
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        found.append(2 * COPIED / (time.perf_counter() - began))
    return max(found)


def _clouds_bytes(shape: Shape) -> int:
    """Of three layouts and the coordinates of all points, before and after re-centering, with labels and with labels
    at random; of titles and thumbnails."""
    return 2 * (shape.n_layers * shape.points * 2 * (3 * 2 + 1) * 4 + shape.point_bytes)


def _prompt_bytes(line: Line, settings: Settings, shape: Shape) -> int:
    """Of replies with their candidates, of the maps, and of places among the clouds; of media where they are kept."""
    layers, length = shape.n_layers, settings.length(line, shape.reply_tokens)
    cells = len(settings.cells) * (3_500 + 8 * settings.length(line))
    maps = layers * 9 * 60 + (layers * len(VERDICT_GAINS) * (150 + 5 * length) if settings.verdicts else 0)
    places = layers * 2 * (3 * 4 * 4 + 8 * 8)
    medium = 0 if line.medium is None else line.medium.stat().st_size * 3 if line.keeps_medium else 4_000
    tokens = (256 if line.medium else 32) * (layers * 4 + 40)
    hidden = layers * shape.d_model * 2 if settings.hidden_states else 0
    return cells + maps + places + medium + tokens + hidden
