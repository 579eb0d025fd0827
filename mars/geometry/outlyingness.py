"""How far a hidden state lies from a cloud of others, by its nearest neighbours, and how far held-out ones lie.

Distances are those of Mahalanobis under a shrunk covariance of the cloud: a direction in which prompts differ much by
themselves counts less. At each layer they are divided by the median among held-out points of the cloud: a layer whose
residual stream is long counts no more than another. The choice of both is ours.
"""

import torch
from torch import Tensor

NEIGHBORS = 5
SHRINKAGE = 0.1
"""Share of the mean variance that is added to every variance: a cloud has fewer points than dimensions."""
SEED = 0
"""Of the halves that are held against each other."""
_RELATIVE_RANK = 1e-10
"""Share of the largest variance below which an axis is rounding."""
FEWEST_POINTS = 4 * NEIGHBORS
"""Of a cloud, below which its halves say nothing."""


def outlyingness(values: Tensor, cloud: Tensor) -> Tensor:
    """The share of held-out points of a cloud that lie less far from it than these values do: (prompt,), 0 to 1.

    values: (prompt, layer, d_model), cloud: (point, layer, d_model), at the same layers. Held out is each half of the
    cloud against the other; values are held against all of it, which makes them look slightly nearer. Adding one
    vector to both, as re-centering does, changes nothing. Raises ValueError for a cloud of fewer than FEWEST_POINTS.
    """
    if len(cloud) < FEWEST_POINTS:
        raise ValueError(
            f"A cloud needs at least {FEWEST_POINTS} points to say what lies outside it; got {len(cloud)}."
        )
    order = torch.randperm(len(cloud), generator=torch.Generator().manual_seed(SEED))
    first, second = cloud[order[: len(cloud) // 2]], cloud[order[len(cloud) // 2 :]]
    held_out = torch.cat([_distances(first, second), _distances(second, first)])
    usual = held_out.median(dim=0).values
    reference = (held_out / usual).log().mean(dim=1)
    found = (_distances(values, cloud) / usual).log().mean(dim=1)
    return (found[:, None] > reference).float().mean(dim=1)


def _distances(values: Tensor, cloud: Tensor) -> Tensor:
    """Mean distance to the nearest neighbours in the cloud, by layer: (prompt, layer)."""
    layers = zip(values.unbind(1), cloud.unbind(1), strict=True)
    return torch.stack([_at_one_layer(at.double(), points.double()) for at, points in layers], dim=1)


def _at_one_layer(values: Tensor, cloud: Tensor) -> Tensor:
    """(prompt, d_model), (point, d_model) -> (prompt,).

    The covariance is never made: its axes within the span of the points come from their inner products, and whatever
    leaves the span has the variance that is added everywhere.
    """
    center = cloud.mean(dim=0)
    points, values = cloud - center, values - center
    squares, mixed = torch.linalg.eigh(points @ points.T)
    spanned = squares > _RELATIVE_RANK * squares[-1]
    squares, mixed = squares[spanned], mixed[:, spanned]
    axes = (mixed.T @ points) / squares.sqrt()[:, None]
    least = (SHRINKAGE * squares.sum() / len(cloud) / cloud.shape[1]).clamp_min(torch.finfo(cloud.dtype).tiny)
    scale = (squares / len(cloud) + least).rsqrt()
    along = values @ axes.T
    beyond = (values.square().sum(dim=1) - along.square().sum(dim=1)).clamp_min(0) / least
    near = torch.cdist(along * scale, points @ axes.T * scale).square().topk(NEIGHBORS, largest=False).values
    return (near + beyond[:, None]).sqrt().mean(dim=1)
