"""How far steering moves the distribution of the next token."""

import torch
from torch import Tensor


def kl_divergence(reference: Tensor, logits: Tensor) -> Tensor:
    """KL(reference || other) of next-token distributions, in nats, computed in float64.

    reference: (vocabulary,) logits; logits: (row, vocabulary) -> (row,), float64, never below 0.
    """
    log_p, log_q = torch.log_softmax(reference.double(), -1), torch.log_softmax(logits.double(), -1)
    return (log_p.exp() * (log_p - log_q)).sum(dim=-1).clamp_min(0)
