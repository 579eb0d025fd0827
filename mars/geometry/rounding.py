"""How exactly the refusal coordinate can be read: what rounding to the model's dtype leaves open, by layer.

One prompt alone and the same beside longer ones are computed in different orders, so their hidden states differ by
rounding. At layers where the classes lie apart by little of the hidden state's length, that is much of what is read.
"""

from itertools import groupby

import torch
from torch import Tensor

ROUNDINGS = 4
"""Roundings of a hidden state to the model's dtype by which two runs of a prompt differ along the direction.

Measured in bfloat16 on prompts alone and beside longer ones: at most 0.5 on Pocket-VL and 1.9 on random weights of
eight families. Of Gemma 4, which learns how sharp attention is: 10 at random, 2.8 as sharp as in the others.
"""
SUMS = 32
"""The same for what matrix products add up in float32, in any dtype; measured in float32: 2.7 and 25."""
READABLE = 0.5
"""Widest bound in units of s with which a layer can be read: half the way from a class's mean to the middle between
the classes."""


def coordinate_rounding(norm: Tensor, mean_harmful: Tensor, mean_harmless: Tensor, dtype: torch.dtype) -> Tensor:
    """How far s of one prompt may differ between two ways to run it: (..., layer), float32, in units of s.

    (4 eps(dtype) + 32 eps(float32)) * |h| / (R/2). norm: length of the hidden state, (..., layer); means (layer,
    d_model). Infinite where the classes have one mean.
    """
    half = (mean_harmful - mean_harmless).norm(dim=-1) / 2
    step = ROUNDINGS * torch.finfo(dtype).eps + SUMS * torch.finfo(torch.float32).eps
    return step * norm.float() / half


def unreadable_layers(mean_harmful: Tensor, mean_harmless: Tensor, dtype: torch.dtype) -> list[int]:
    """Layers at which rounding alone may move s by more than `READABLE`, for a hidden state as long as the means.

    Means (layer, d_model).
    """
    return (_bound_at_the_means(mean_harmful, mean_harmless, dtype) > READABLE).nonzero()[:, 0].tolist()


def rounding_warning(mean_harmful: Tensor, mean_harmless: Tensor, dtype: torch.dtype) -> str:
    """What is to be said of `unreadable_layers`, in sentences; empty where there are none."""
    layers = unreadable_layers(mean_harmful, mean_harmless, dtype)
    if not layers:
        return ""
    bounds = _bound_at_the_means(mean_harmful, mean_harmless, dtype)
    widest = int(bounds.argmax())
    advice = "Read other layers" if dtype == torch.float32 else "Read other layers, or load the model in float32"
    name = str(dtype).removeprefix("torch.")
    return (
        f"At {_ranges(layers)} rounding in {name} alone may move the refusal coordinate s by more than {READABLE:g}, "
        f"at layer {widest} by up to {bounds[widest]:.2g}, where harmless and harmful text lie 2 apart: what s says "
        f"there is uncertain, what steering does is not. {advice}."
    )


def _bound_at_the_means(mean_harmful: Tensor, mean_harmless: Tensor, dtype: torch.dtype) -> Tensor:
    norm = torch.maximum(mean_harmful.norm(dim=-1), mean_harmless.norm(dim=-1))
    return coordinate_rounding(norm, mean_harmful, mean_harmless, dtype)


def _ranges(layers: list[int]) -> str:
    """Layers in words, neighbours joined: "layers 0 to 3, 7"."""
    runs = [[layer for _, layer in run] for _, run in groupby(enumerate(layers), lambda pair: pair[1] - pair[0])]
    parts = [f"{run[0]} to {run[-1]}" if len(run) > 1 else str(run[0]) for run in runs]
    return f"layer{'s' if len(layers) > 1 else ''} {', '.join(parts)}"
