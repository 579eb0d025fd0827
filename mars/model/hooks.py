"""Reading and editing the residual stream: the only place where hooks are registered.

The residual stream after a decoder block is what the next block reads; after the last, its output before any final
norm. Hooks never edit in place (it would change what was captured before), and one that only reads returns nothing.
"""

from collections.abc import Callable, Iterator, MutableMapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from mars.steering.base import Steering


def block_output(output: Tensor | tuple) -> Tensor:
    """The hidden states in what a decoder block returned: (row, position, d_model)."""
    return output[0] if isinstance(output, tuple) else output


def _hook_after(
    layers: Sequence[nn.Module], layer: int, change: Callable[[Tensor], Tensor | None]
) -> tuple[Callable, Callable]:
    """How to hook the residual stream after a block, and the hook: what the next block reads, or the last puts out.

    Some families add to a block's output before the next block reads it (DeepStack adds image features in Qwen3-VL).
    change: of (row, position, d_model), returns what takes its place, or None.
    """
    if layer + 1 == len(layers):

        def put_out(module: nn.Module, given: tuple, output: Tensor | tuple) -> Any:  # noqa: ARG001
            changed = change(block_output(output))
            if changed is None or not isinstance(output, tuple):
                return changed
            return (changed, *output[1:])

        return layers[layer].register_forward_hook, put_out

    def read(module: nn.Module, given: tuple, keywords: dict) -> tuple[tuple, dict] | None:  # noqa: ARG001
        changed = change(given[0] if given else keywords["hidden_states"])
        if changed is None:
            return None
        return ((changed, *given[1:]), keywords) if given else ((), {**keywords, "hidden_states": changed})

    return partial(layers[layer + 1].register_forward_pre_hook, with_kwargs=True), read


@dataclass
class Capture:
    """The residual stream after every block at one position of the last pass, or at a slice of them."""

    position: int | slice
    """Position read in the pass, as an index; -1 is the last. A slice keeps the axis of positions."""
    outputs: list[Tensor | None] = field(default_factory=list)
    """One (row, d_model) per layer; None for a block that has not run."""

    def stacked(self) -> Tensor:
        """All layers, float32 on the CPU: (row, layer, d_model). Raises RuntimeError where a block never ran."""
        missing = [layer for layer, output in enumerate(self.outputs) if output is None]
        if missing:
            raise RuntimeError(f"Decoder layers {missing} did not run, so their activations were not seen.")
        return torch.stack([output.float().cpu() for output in self.outputs], dim=1)


@contextmanager
def reading(layers: Sequence[nn.Module], see: Callable[[int, Tensor], None]) -> Iterator[None]:
    """Show the residual stream after every layer as it comes, to a function of the layer's number and (row, position,
    d_model).

    What it is shown is to be copied, not kept or changed.
    """

    def reader(layer: int) -> Callable[[Tensor], None]:
        return lambda hidden: see(layer, hidden.detach())

    with _registered([_hook_after(layers, layer, reader(layer)) for layer in range(len(layers))]):
        yield


@contextmanager
def capturing(layers: Sequence[nn.Module], position: int | slice = -1) -> Iterator[Capture]:
    """Record the residual stream after every layer at one position, or a slice of them; a later pass replaces an
    earlier one."""
    capture = Capture(position, [None] * len(layers))

    def see(layer: int, output: Tensor) -> None:
        seen = output[:, position]
        # A view of one position would keep all positions of every layer in memory until the pass is over.
        capture.outputs[layer] = seen.clone() if isinstance(position, int) else seen

    with reading(layers, see):
        yield capture


@contextmanager
def streams_after(layers: Sequence[nn.Module], chosen: Sequence[int]) -> Iterator[dict[int, Tensor]]:
    """The residual streams after some layers, whole and with their gradients, of the last pass within:
    layer -> (row, position, d_model)."""
    streams: dict[int, Tensor] = {}

    def keep(layer: int) -> Callable[[Tensor], None]:
        return lambda hidden: streams.__setitem__(layer, hidden)

    with _registered([_hook_after(layers, layer, keep(layer)) for layer in chosen]):
        yield streams


@dataclass
class InterventionLog:
    """What an edit of the residual stream did, as it happened."""

    layer: int | None = None
    """Decoder layer whose output was edited."""
    position: int | None = None
    """Position that was edited, the last of the prompt, as an index into the padded input."""
    applications: int = 0
    """How many forward passes were edited."""
    strengths: tuple[float, ...] = ()
    """Length of the step along the steering direction in the last edited pass, one per row; 0 where none was made."""

    @property
    def strength(self) -> float:
        """Of the only row. Raises ValueError where there are none or several."""
        (strength,) = self.strengths
        return strength


@contextmanager
def editing(
    layers: Sequence[nn.Module],
    layer: int,
    steering: Steering,
    position: int = -1,
    *,
    log: InterventionLog | None = None,
    is_due: Callable[[], bool] = lambda: True,
) -> Iterator[InterventionLog]:
    """Replace the residual stream after one layer, at one position, by the strategy's edit of it.

    In each pass made inside that is due.
    """
    log = log or InterventionLog(layer)

    def edit(hidden: Tensor) -> Tensor | None:
        if not is_due():
            return None
        edited, strength = steering(hidden[:, position])
        log.applications += 1
        log.strengths = tuple(strength.detach().float().tolist())
        changed = hidden.clone()
        changed[:, position] = edited
        return changed

    with _registered([_hook_after(layers, layer, edit)]):
        yield log


@contextmanager
def joining_rows(
    layers: Sequence[nn.Module],
    before: Callable[[int, int], None],
    after: Callable[[int, Tensor], Tensor | None],
) -> Iterator[None]:
    """Let the batch of each pass made inside grow as it rises: rows may join it at the output of any layer.

    `before` is called with a layer and the number of rows that it is about to get, `after` with a layer and its
    output at the last position, (row, d_model); it returns the rows that join, (new, d_model), or None. Passes are
    of one position. What the model computed for all layers before the first, masks and positions, is of one row and
    applies to all.
    """

    def counter(layer: int):
        def count(module: nn.Module, inputs: tuple, keywords: dict) -> None:  # noqa: ARG001
            before(layer, len(inputs[0] if inputs else keywords["hidden_states"]))

        return count

    def joiner(layer: int):
        def join(module: nn.Module, inputs: tuple, keywords: dict, output: Any) -> Any:  # noqa: ARG001
            hidden = block_output(output)
            new = after(layer, hidden[:, -1])
            if new is None or len(new) == 0:
                return None
            grown = torch.cat([hidden, new[:, None].to(hidden)])
            for value in keywords.values():
                if isinstance(value, MutableMapping):
                    _share(value, len(grown))
            return (grown, *output[1:]) if isinstance(output, tuple) else grown

        return join

    hooks = []
    for layer, module in enumerate(layers):
        hooks.append((partial(module.register_forward_pre_hook, with_kwargs=True), counter(layer)))
        hooks.append((partial(module.register_forward_hook, with_kwargs=True), joiner(layer)))
    with _registered(hooks):
        yield


def hand_head_contiguous_rows(model: Any) -> None:
    """Make what reaches a model's output embedding contiguous, for good. Doing it again changes nothing.

    With `logits_to_keep=1` transformers hand it a strided slice of a batch, (row, 1, d_model). Where its weights need
    no gradient, torch.matmul makes one product a row of that, each with its own copy of the weights (torch 2.13):
    with a vocabulary of 151,936 in bfloat16 on a CPU, that is hundreds of times as slow. So it is with one row, whose
    slice counts as contiguous and is still strided.
    """
    head = model.get_output_embeddings()
    if head is not None and _made_contiguous not in head._forward_pre_hooks.values():
        head.register_forward_pre_hook(_made_contiguous)


def _made_contiguous(module: nn.Module, given: tuple[Tensor, ...]) -> tuple[Tensor, ...]:  # noqa: ARG001
    """No closure, so that a model with this hook can be pickled and copied."""
    return tuple(value.clone(memory_format=torch.contiguous_format) for value in given)


def _share(handed_on: MutableMapping, rows: int) -> None:
    """Repeat the first row of keys and values that later layers take from earlier ones, for rows that joined since.

    Below the layer at which a row joins it equals the first.
    """
    for name, tensors in handed_on.items():
        handed_on[name] = tuple(
            torch.cat([tensor, tensor[:1].expand(rows - len(tensor), *tensor.shape[1:])]) for tensor in tensors
        )


@contextmanager
def _registered(hooks: list[tuple[Callable, Callable]]) -> Iterator[None]:
    handles = []
    try:
        for register, hook in hooks:
            handles.append(register(hook))
        yield
    finally:
        for handle in handles:
            handle.remove()
