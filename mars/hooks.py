"""Reading and editing the residual stream: the only place where hooks are registered.

A decoder block's output is the residual stream after it, before any final norm. Hooks never edit in place (it
would change what was captured before), and one that only reads returns nothing.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from mars.steering.base import Steering


def block_output(output: Tensor | tuple) -> Tensor:
    """The residual stream in what a decoder block returned: (row, position, d_model)."""
    return output[0] if isinstance(output, tuple) else output


@dataclass
class Capture:
    """What the blocks put out at one position of the last pass."""

    position: int
    """Position read in the pass, as an index; -1 is the last."""
    outputs: list[Tensor | None] = field(default_factory=list)
    """One (row, d_model) per layer; None for a block that has not run."""

    def stacked(self) -> Tensor:
        """All layers, float32 on the CPU: (row, layer, d_model). Raises RuntimeError where a block never ran."""
        missing = [layer for layer, output in enumerate(self.outputs) if output is None]
        if missing:
            raise RuntimeError(f"Decoder layers {missing} did not run, so their activations were not seen.")
        return torch.stack([output.float().cpu() for output in self.outputs], dim=1)


@contextmanager
def capturing(layers: Sequence[nn.Module], position: int = -1) -> Iterator[Capture]:
    """Record every layer's output at one position of each pass made inside; a later pass replaces an earlier."""
    capture = Capture(position, [None] * len(layers))

    def reader(layer: int):
        def read(module: nn.Module, inputs: tuple, output: Tensor | tuple) -> None:  # noqa: ARG001
            capture.outputs[layer] = block_output(output)[:, position].detach()

        return read

    with _registered([(module, reader(layer)) for layer, module in enumerate(layers)]):
        yield capture


@dataclass
class Receipt:
    """What an edit did, as it happened."""

    fired: int = 0
    """How many passes went through the hook."""
    strength: Tensor | None = None
    """Strength of the last pass: (row,), float32 on the CPU."""


@contextmanager
def editing(layer: nn.Module, steering: Steering, position: int = -1) -> Iterator[Receipt]:
    """Replace one layer's output at one position by the strategy's edit of it, in each pass made inside."""
    receipt = Receipt()

    def edit(module: nn.Module, inputs: tuple, output: Tensor | tuple) -> Tensor | tuple:  # noqa: ARG001
        hidden = block_output(output)
        edited, strength = steering(hidden[:, position])
        receipt.fired += 1
        receipt.strength = strength.detach().float().cpu()
        changed = hidden.clone()
        changed[:, position] = edited
        return (changed, *output[1:]) if isinstance(output, tuple) else changed

    with _registered([(layer, edit)]):
        yield receipt


@contextmanager
def _registered(hooks: list) -> Iterator[None]:
    handles = []
    try:
        for module, hook in hooks:
            handles.append(module.register_forward_hook(hook))
        yield
    finally:
        for handle in handles:
            handle.remove()
