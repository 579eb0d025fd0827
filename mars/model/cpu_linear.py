"""Products of few rows with large weights, in the order in which a CPU is quick.

A linear layer computes x W^T. In float32 that takes nearly twice as long for two rows as for one, although the
weights, which are what has to be read, are the same; (W x^T)^T takes as long as one row does.
"""

from types import TracebackType

import torch
from torch import Tensor, nn

FEWEST, MOST = 2, 4
"""Rows between which the other order was measured to be quicker (torch 2.x with MKL): else torch's own is."""


class SmallBatchLinear:
    """A context in which linear layers take few rows in the other order: the same results but for rounding.

    Concerns plain linear layers with float32 weights on a CPU whose forward nobody else has replaced; all others,
    and other numbers of rows, are left alone. May be entered again and again; not by two threads at once.
    """

    def __init__(self, module: nn.Module, rows: int) -> None:
        self._layers = [part for part in module.modules() if _is_plain(part)] if FEWEST <= rows <= MOST else []

    def __enter__(self) -> None:
        for layer in self._layers:
            layer.forward = _Swapped(layer)

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        for layer in self._layers:
            del layer.forward


class _Swapped:
    """The forward of one layer."""

    def __init__(self, layer: nn.Linear) -> None:
        self.layer = layer

    def __call__(self, x: Tensor) -> Tensor:
        weight, bias = self.layer.weight, self.layer.bias
        rows = x.reshape(-1, x.shape[-1])
        if not FEWEST <= len(rows) <= MOST:
            return nn.functional.linear(x, weight, bias)
        out = torch.mm(weight, rows.T).T.contiguous()
        return (out if bias is None else out + bias).reshape(*x.shape[:-1], len(weight))


def _is_plain(part: nn.Module) -> bool:
    return (
        type(part) is nn.Linear
        and "forward" not in vars(part)
        and part.weight.device.type == "cpu"
        and part.weight.dtype == torch.float32
    )
