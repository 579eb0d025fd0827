"""What reading activations costs, and the last rows of a batch for the head."""

from collections.abc import Callable
from typing import Any

import torch

from benchmarks import peers
from benchmarks.measured import TOLERANCE, Measured, Peer, check, dtype_name, spreads
from benchmarks.timing import ratios, take_turns
from mars.media.prompt import Prompt
from mars.model.capture import batches_of, capture
from mars.model.inputs import encode
from mars.model.loaded_model import LoadedModel


def capturing(model: LoadedModel, prompts: list[Prompt], repetitions: int) -> Measured:
    """Activations of all layers at the last position, against the forward alone on the same batches."""
    order = batches_of(prompts, 16)
    batches = [encode(model, [prompts[index] for index in batch]) for batch in order]
    flat = [index for batch in order for index in batch]
    ours = capture(model, prompts)
    if model.dtype == torch.float32:
        difference = (peers.all_hidden_states(model, batches) - ours.values[flat])[:, :-1].abs().max()
        check(difference <= TOLERANCE, f"activations differ from output_hidden_states by {difference}")
        difference = (peers.bare(model, batches).float().cpu() - ours.logits[flat]).abs().max()
        check(difference <= TOLERANCE, f"logits differ from the forward's by {difference}")
    rivals: dict[str, Callable[[], Any]] = {
        "bare forward": lambda: peers.bare(model, batches),
        "capture": lambda: capture(model, prompts),
        "output_hidden_states": lambda: peers.all_hidden_states(model, batches),
    }
    error = None
    try:
        rivals["nnsight"] = peers.with_nnsight(model, batches)
        rivals["nnsight"]()
    except Exception as failure:  # whatever a package that is not ours raises is what is recorded
        rivals.pop("nnsight", None)
        error = f"{type(failure).__name__}: {failure}"
    times = take_turns(rivals, repetitions)
    found = [Peer.of("output_hidden_states=True", times["output_hidden_states"], times["capture"])]
    found.append(
        Peer("nnsight", None, None, error) if error else Peer.of("nnsight", times["nnsight"], times["capture"])
    )
    return Measured(
        {"capture.throughput": ratios(times["bare forward"], times["capture"])},
        spreads(times),
        found,
        f"{len(prompts)} prompts in batches of 16; tokenizing counts for the capture and not for the bare forward.",
    )


def head_rows(model: LoadedModel, prompts: list[Prompt], repetitions: int) -> Measured:
    """Last rows of a batch for a head with a real vocabulary: contiguous, against transformers' strided slice.

    For the product with the head's weights alone, and for the forward that ends in it.
    """
    weight, inputs = model.model.get_output_embeddings().weight, encode(model, prompts)
    source = torch.Generator().manual_seed(0)
    positions = torch.randn(len(prompts), 64, model.d_model, generator=source).to(weight)
    last, contiguous = positions[:, -1:], positions[:, -1:].contiguous()

    def strided_forward() -> torch.Tensor:
        with peers.strided_head(model):
            return peers.bare(model, [inputs])

    rivals = {
        "head": lambda: torch.nn.functional.linear(contiguous, weight),
        "strided head": lambda: torch.nn.functional.linear(last, weight),
        "forward": lambda: peers.bare(model, [inputs]),
        "strided forward": strided_forward,
    }
    if model.dtype == torch.float32:
        for ours in ("head", "forward"):
            difference = (rivals[ours]() - rivals[f"strided {ours}"]()).abs().max()
            check(difference <= TOLERANCE, f"logits of a strided slice differ by {difference}")
    times = take_turns(rivals, repetitions)
    dtype = dtype_name(model)
    return Measured(
        {
            f"head_{dtype}.product": ratios(times["strided head"], times["head"]),
            f"head_{dtype}.forward": ratios(times["strided forward"], times["forward"]),
        },
        spreads(times),
        [
            Peer.of(f"a strided slice for the head, {dtype}", times["strided head"], times["head"]),
            Peer.of(f"the forward with it, {dtype}", times["strided forward"], times["forward"]),
        ],
        f"{len(prompts)} rows for a head of {weight.shape[1]} -> {weight.shape[0]:,}, alone and after "
        f"{model.n_layers} layers.",
    )
