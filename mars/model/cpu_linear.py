"""Linear layers on a CPU for a few rows: (W x^T)^T instead of x W^T.

In float32, torch's x W^T takes nearly twice as long for two rows as for one, although the time goes into reading the
weights, which are the same; (W x^T)^T takes as long as for one row.
"""

from types import TracebackType

import torch
from torch import Tensor, nn

FEWEST, MOST = 2, 4
"""Numbers of rows from which to which (W x^T)^T was measured to be faster (torch 2.x with MKL)."""


class SmallBatchLinear:
    """A context in which linear layers compute (W x^T)^T for a few rows: the same results up to rounding.

    Applies to plain linear layers with float32 weights on a CPU whose forward nobody else has replaced; all others,
    and other numbers of rows, are left alone. May be entered repeatedly, but not by two threads at once.
    """

    def __init__(self, module: nn.Module, rows: int) -> None:
        self._layers = [part for part in module.modules() if _is_plain(part)] if FEWEST <= rows <= MOST else []

    def __enter__(self) -> None:
        for layer in self._layers:
            layer.forward = _TransposedLinear(layer)

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        for layer in self._layers:
            del layer.forward


class _TransposedLinear:
    """The forward of one layer: (..., in) -> (..., out)."""

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
