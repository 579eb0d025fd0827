"""A mean over prompts with its bootstrap interval."""

import torch
from torch import Tensor

DRAWS = 1000
ENDS = (0.025, 0.975)


def bootstrap_mean(values: Tensor, seed: int = 0) -> Tensor:
    """Mean over prompts, and its 2.5 and 97.5 % quantiles over prompts drawn anew: (prompt, ...) -> (..., 3)."""
    source = torch.Generator().manual_seed(seed)
    drawn = torch.randint(len(values), (DRAWS, len(values)), generator=source)
    means = torch.stack([values[draw].mean(dim=0) for draw in drawn])
    return torch.stack([values.mean(dim=0), *torch.quantile(means, torch.tensor(ENDS), dim=0)], dim=-1)
