"""How Pocket-VL learns: what every lesson has at hand, one optimizer, one schedule, one loop that can be resumed."""

import math
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor, nn

from mars.pocket_vl.training.batches import PRODUCTS, Encoder, brisk

Prepared = TypeVar("Prepared")


class Course(NamedTuple):
    """What every lesson has at hand."""

    model: nn.Module
    """The Qwen3-VL that learns."""
    encoder: Encoder
    seed: int
    folder: Path
    """Where interrupted lessons are kept."""
    report: Callable[[str], None]
    """Takes a line of progress."""

    def chance(self, lesson: str, number: int = 0) -> Generator:
        """The source of chance of one step, the same whether or not the run was interrupted."""
        return np.random.default_rng([self.seed, sum(map(ord, lesson)), number])


def orthogonalized(matrix: Tensor, products: torch.dtype = PRODUCTS, rounds: int = 5) -> Tensor:
    """A matrix of the same singular vectors whose singular values are all near 1, by Newton and Schulz's iteration.

    Args:
        matrix: any of two dimensions; with Jordan's coefficients its values end between about 0.7 and 1.2.
        products: what matrices are multiplied in, and what is returned.
    """
    wide = matrix.T if matrix.shape[0] > matrix.shape[1] else matrix
    wide = wide.to(products)
    wide = wide / wide.norm().clamp(min=1e-7)
    for _ in range(rounds):
        gram = wide @ wide.T
        wide = torch.addmm(wide, torch.addmm(gram, gram, gram, beta=-4.775, alpha=2.0315), wide, beta=3.4445)
    return wide.T if matrix.shape[0] > matrix.shape[1] else wide


class Muon(torch.optim.Optimizer):
    """Jordan's Muon (https://kellerjordan.github.io/posts/muon/), in the format that is quicker on this processor.

    `torch.optim.Muon` knows bfloat16 alone. A test holds this one to it, bit for bit in bfloat16.
    """

    def __init__(
        self,
        matrices: list[nn.Parameter],
        lr: float,
        weight_decay: float,
        momentum: float = 0.95,
        products: torch.dtype = PRODUCTS,
    ):
        super().__init__(matrices, dict(lr=lr, weight_decay=weight_decay, momentum=momentum))
        self.products = products

    @torch.no_grad()
    def step(self) -> None:
        for group in self.param_groups:
            for matrix in group["params"]:
                if matrix.grad is None:
                    continue
                state = self.state[matrix]
                if not state:
                    state["momentum_buffer"] = torch.zeros_like(matrix)
                mean = state["momentum_buffer"]
                mean.lerp_(matrix.grad, 1 - group["momentum"])
                update = orthogonalized(matrix.grad.lerp(mean, group["momentum"]), self.products)
                tall = max(1.0, matrix.shape[0] / matrix.shape[1]) ** 0.5
                matrix.mul_(1 - group["lr"] * group["weight_decay"]).add_(update, alpha=-group["lr"] * tall)


class Optimizer:
    """Muon for the matrices inside blocks, AdamW for the rest, both on one schedule.

    Muon took half the steps of AdamW alone here; at these sizes it costs nothing extra.
    """

    def __init__(self, modules: list[nn.Module], matrix_rate: float, rate: float):
        named = {id(p): (n, p) for m in modules for n, p in m.named_parameters() if p.requires_grad}
        matrices = [p for n, p in named.values() if p.ndim == 2 and "embed" not in n and "head" not in n]
        inside = {id(p) for p in matrices}
        rest = [p for _, p in named.values() if id(p) not in inside]
        self.parameters = matrices + rest
        self.parts = [
            Muon(matrices, lr=matrix_rate, weight_decay=0.01),
            torch.optim.AdamW(rest, lr=rate, betas=(0.9, 0.98), weight_decay=0.01),
        ]
        self.peaks = [matrix_rate, rate]

    def step(self, share: float) -> None:
        """One update at `share` of the peak rates; clears the gradients."""
        nn.utils.clip_grad_norm_(self.parameters, 1.0)
        for part, peak in zip(self.parts, self.peaks, strict=True):
            for group in part.param_groups:
                group["lr"] = peak * share
            part.step()
            part.zero_grad(set_to_none=True)


def rate_share(step: int, steps: int, warm: float = 0.08, hold: float = 0.3) -> float:
    """Share of the peak rate: a linear rise, a plateau, a cosine fall to a hundredth."""
    done = (step + 1) / steps
    if done < warm:
        return done / warm
    if done < warm + hold:
        return 1.0
    fall = (done - warm - hold) / (1 - warm - hold)
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * fall))


def learn(
    course: Course,
    lesson: str,
    state: dict[str, nn.Module],
    optimizer: Optimizer,
    prepare: Callable[[int], Prepared],
    loss_of: Callable[[Prepared, int], Tensor],
    steps: int,
    every: int = 200,
) -> None:
    """Run `steps` updates of the loss, showing progress; take up an interrupted run where it was kept.

    Args:
        lesson: its name in lines of progress and in the name of the file that keeps an interrupted run.
        state: modules to keep beside the optimizer's state.
        prepare: draws the examples of the step of that number from the step's own seed, so that a run that was
            interrupted sees what the whole one would have seen. Called in order, one step ahead, in a thread.
        loss_of: loss of what was prepared, at the step of that number.
        every: steps after which the run is kept.
    """
    first, recent = 0, []
    resume = course.folder / f"{lesson}.partial.pt"
    if resume.exists():
        saved = torch.load(resume, weights_only=True)
        for name, module in state.items():
            module.load_state_dict(saved[name])
        for part, values in zip(optimizer.parts, saved["optimizer"], strict=True):
            part.load_state_dict(values)
        first = saved["step"]
    began = time.time()
    ahead = ThreadPoolExecutor(1)
    coming = ahead.submit(prepare, first)
    for step in range(first, steps):
        prepared = coming.result()
        if step + 1 < steps:
            coming = ahead.submit(prepare, step + 1)
        with brisk():
            loss = loss_of(prepared, step)
        loss.backward()
        optimizer.step(rate_share(step, steps))
        recent = [*recent[-24:], float(loss.detach())]
        done = step + 1
        if done % 25 == 0 or done == steps:
            spent = time.time() - began
            left = spent / (done - first) * (steps - done)
            mean = sum(recent) / len(recent)
            course.report(f"{lesson}: step {done}/{steps}, loss {mean:.4f}, {left / 60:.1f} min left")
        if done % every == 0 and done < steps:
            saved = {name: module.state_dict() for name, module in state.items()}
            saved |= {"optimizer": [part.state_dict() for part in optimizer.parts], "step": done}
            torch.save(saved, resume.with_suffix(".new"))
            resume.with_suffix(".new").replace(resume)
    ahead.shutdown()
    resume.unlink(missing_ok=True)
