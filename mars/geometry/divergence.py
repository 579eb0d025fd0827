"""How far steering moves the distribution of the next token."""

import torch
from torch import Tensor


def kl_divergence(reference: Tensor, logits: Tensor) -> Tensor:
    """KL(reference || other) of next-token distributions, in nats, computed in float64.

    reference: (vocabulary,) logits; logits: (row, vocabulary) -> (row,), float64, never below 0. Row by row, since
    copies of all rows in float64 would take longer than the arithmetic.
    """
    reference = reference.double()
    p, normalizer = reference.softmax(dim=-1), reference.logsumexp(dim=-1)
    found = torch.empty(len(logits), dtype=torch.float64)
    for number, row in enumerate(logits):
        row = row.double()
        found[number] = p @ (reference - row) + row.logsumexp(dim=-1) - normalizer
    return found.clamp_min(0)
