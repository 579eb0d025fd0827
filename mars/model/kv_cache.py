"""KV caches (and recurrent states): rows chosen, stacked or repeated; the original keeps its tensors.

Cropping or interleaving is not used: sliding windows and recurrent states do not support it.
"""

import copy
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad


def chosen_rows(cache: Any, rows: Tensor) -> Any:
    """An independent copy of a cache with the rows of these indices, (row,), repeats included; None stays None."""
    if cache is None:
        return None
    cache = copy.copy(cache)
    cache.layers = [_copied_layer(layer) for layer in cache.layers]
    # Creates new tensors, so copying the containers is enough.
    cache.reorder_cache(rows)
    return cache


def stacked(caches: Sequence[Any]) -> Any:
    """One cache of the rows of several; None where there are none.

    Keys and values of the shorter ones are padded on the left with zeros, which a mask has to hide.
    """
    if caches[0] is None:
        return None
    joint = copy.copy(caches[0])
    joint.layers = [_stacked_layer(layers) for layers in zip(*(cache.layers for cache in caches), strict=True)]
    return joint


def widened(layer: Any, rows: int) -> Any:
    """A one-row layer of a cache, repeated for many rows.

    Keys and values are repeated as views: the next update concatenates, which is the only copy. Recurrent states are
    written in place by their layers, so they are copied.
    """
    layer = _copied_layer(layer)
    if any(isinstance(value, dict) for value in vars(layer).values()):
        layer.reorder_cache(torch.zeros(rows, dtype=torch.long, device=layer.device))
    elif layer.keys is not None:
        layer.keys = layer.keys.expand(rows, -1, -1, -1)
        layer.values = layer.values.expand(rows, -1, -1, -1)
    return layer


def widest_layer_bytes(cache: Any) -> int:
    """Memory of the tensors of the largest layer, in bytes; 0 where there is no cache."""
    layers = [vars(layer).values() for layer in cache.layers] if cache is not None else []
    return max((sum(tensor.nbytes for tensor in _tensors(values)) for values in layers), default=0)


def _stacked_layer(layers: Sequence[Any]) -> Any:
    """A layer's keys and values, or its recurrent states, concatenated by rows; what has no rows is shared."""
    joint = _copied_layer(layers[0])
    for name, value in vars(joint).items():
        values = [vars(layer)[name] for layer in layers]
        if isinstance(value, dict):
            setattr(joint, name, {key: _concatenated([states[key] for states in values]) for key in value})
        elif name in ("keys", "values") and value is not None:
            setattr(joint, name, torch.cat(_padded(values)))
        elif name == "cumulative_length":
            setattr(joint, name, max(values))
        else:
            setattr(joint, name, _concatenated(values))
    return joint


def _concatenated(values: Sequence[Any]) -> Any:
    first = values[0]
    return torch.cat(list(values)) if isinstance(first, Tensor) and first.dim() else first


def _padded(values: Sequence[Tensor]) -> list[Tensor]:
    """Keys or values, (row, head, position, d_head), with zeros at the positions on the left that are missing."""
    longest = max(value.shape[-2] for value in values)
    return [pad(value, (0, 0, longest - value.shape[-2], 0)) for value in values]


def _copied_layer(layer: Any) -> Any:
    layer = copy.copy(layer)
    for name, value in vars(layer).items():
        if isinstance(value, dict):
            setattr(layer, name, dict(value))
    return layer


def _tensors(values: Iterable[Any]) -> Iterator[Tensor]:
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, dict):
            yield from _tensors(value.values())
