"""How far steering moves the distribution of the next token."""

import torch
from torch import Tensor


def kl_divergence(reference: Tensor, logits: Tensor) -> Tensor:
    """KL(reference || other) of next-token distributions, in nats, computed in float64.

    reference: (vocabulary,) logits; logits: (row, vocabulary) -> (row,), float64, never below 0, infinite
    where a row rules out a token that the reference allows. Row by row, since
    copies of all rows in float64 would take longer than the arithmetic.
    """
    reference = reference.double()
    p, normalizer = reference.softmax(dim=-1), reference.logsumexp(dim=-1)
    impossible = p == 0
    found = torch.empty(len(logits), dtype=torch.float64)
    for number, row in enumerate(logits):
        row = row.double()
        difference = (reference - row).masked_fill_(impossible, 0)  # 0 log 0 is 0, also where a logit is -inf
        found[number] = p @ difference + row.logsumexp(dim=-1) - normalizer
    return found.clamp_min(0)
