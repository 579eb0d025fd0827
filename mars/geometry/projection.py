"""Views of the residual stream: the refusal coordinate, and two-dimensional layouts of clouds.

The refusal coordinate is the one number every view shows. The layouts are for the eye; the numbers that may
contradict them are in `alignment`.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

SEED = 0
UMAP_NEIGHBORS = 15
UMAP_MIN_DIST = 0.3
PCA_BEFORE_UMAP = 50
PLACEMENT_NEIGHBORS = 5
MOST_MEASURED = 2000
"""Points on which axes are fitted and numbers are taken; some take a time that grows with the square."""


class View(NamedTuple):
    """Two layouts of the same points, before and after re-centering, on axes that may be compared."""

    before: NDArray
    """(point, 2), float32."""
    after: NDArray
    """(point, 2), float32, the same points in the same order."""
    x: str
    """What the horizontal axis is, with its unit."""
    y: str
    """What the vertical axis is, with its unit."""


def sampled(count: int, most: int = MOST_MEASURED, seed: int = SEED) -> NDArray:
    """Which of many points stand for all, in order: all of them, or `most` by a seed where there are more."""
    if count <= most:
        return np.arange(count)
    return np.sort(np.random.default_rng(seed).choice(count, most, replace=False))


def refusal_coordinate(values: Tensor, mean_harmful: Tensor, mean_harmless: Tensor) -> Tensor:
    """s = <h - c, r^> / (R/2): -1 at the harmless text centroid, +1 at the harmful one, 0 between.

    values: (prompt, layer, d_model), means (layer, d_model) -> (prompt, layer), dimensionless.
    Give re-centred values for "after". The normalisation is our reconstruction.
    """
    half = (mean_harmful - mean_harmless) / 2
    center = (mean_harmful + mean_harmless) / 2
    return torch.einsum("pld,ld->pl", values.float() - center, half) / (half**2).sum(dim=-1)


class Plane(NamedTuple):
    """Two axes onto which activations of one layer are projected."""

    origin: Tensor
    """(d_model,), float64."""
    axes: Tensor
    """(d_model, 2), float64, each over the length of its unit."""
    x: str
    y: str

    def place(self, values: Tensor) -> NDArray:
        """values: (point, d_model) -> (point, 2), float32."""
        return ((values.double() - self.origin) @ self.axes).float().numpy()


def axis_plane(before: Tensor, after: Tensor, mean_harmful: Tensor, mean_harmless: Tensor) -> Plane:
    """Refusal coordinate s against the first principal component of what is orthogonal to it, in units of R/2.

    Deterministic. The second axis is fitted on both clouds together and has a fixed sign.
    before, after: (point, d_model) at one layer; means (d_model,).
    """
    half = (mean_harmful - mean_harmless).double() / 2
    center = (mean_harmful + mean_harmless).double() / 2
    axis = half / half.norm()
    offset = torch.cat([before, after]).double() - center
    component = _components(offset - (offset @ axis)[:, None] * axis, 1)[:, 0]
    return Plane(
        center,
        torch.stack([axis, component - (component @ axis) * axis], dim=1) / half.norm(),
        x="refusal coordinate s (−1 harmless text, +1 harmful text)",
        y="first component orthogonal to it (units of R/2)",
    )


def pca_plane(before: Tensor, after: Tensor) -> Plane:
    """First two principal components of both clouds together; axes say how much variance they hold.

    before, after: (point, d_model) at one layer.
    """
    joint = torch.cat([before, after]).double()
    origin = joint.mean(dim=0)
    components = _components(joint - origin, 2)
    shares = ((joint - origin) @ components).var(dim=0) / joint.var(dim=0).sum()
    return Plane(
        origin,
        components,
        x=f"first principal component ({shares[0]:.0%} of variance)",
        y=f"second principal component ({shares[1]:.0%} of variance)",
    )


def turned_alike(planes: Sequence[Plane], values: Sequence[Tensor]) -> list[Plane]:
    """Planes of successive layers with axes signed so that the same points run the same way from layer to layer.

    values: (point, d_model) of each layer, the same points. The first plane stays as it is.
    """
    turned, placed = [], None
    for plane, points in zip(planes, values, strict=True):
        here = torch.from_numpy(plane.place(points))
        here = here - here.mean(dim=0)
        signs = torch.ones(2) if placed is None else torch.where((placed * here).sum(dim=0) < 0, -1.0, 1.0)
        turned.append(plane._replace(axes=plane.axes * signs))
        placed = here * signs
    return turned


def umap_view(before: Tensor, after: Tensor, seed: int = SEED) -> View:
    """UMAP before and after re-centering: one joint fit of all clouds each, "after" started from "before".

    Euclidean, on the first 50 principal components, with a fixed seed. Distances between clusters in the layout
    mean nothing. Imports umap (seconds) and compiles at the first call in a process (about ten seconds).
    before, after: (point, d_model) at one layer, at least 5 points.
    """
    from umap import UMAP

    neighbors = min(UMAP_NEIGHBORS, len(before) - 1)
    settings = {"n_neighbors": neighbors, "min_dist": UMAP_MIN_DIST, "metric": "euclidean", "random_state": seed,
                "n_jobs": 1}  # fmt: skip
    with _threads_kept():
        first = UMAP(init="pca", **settings).fit_transform(_reduced(before))
        second = UMAP(init=first, **settings).fit_transform(_reduced(after))
    return View(
        first.astype(np.float32),
        _align(second, first).astype(np.float32),
        x="UMAP 1 (no unit)",
        y="UMAP 2 (no unit)",
    )


def interpolate_points(new: Tensor, cloud: Tensor, layout: NDArray) -> NDArray:
    """Put new points into a finished layout: the weighted mean of their nearest neighbours in the cloud.

    new: (new point, d_model), cloud: (point, d_model), layout: (point, 2) -> (new point, 2), float32. An
    approximation, to be said so beside the marks.
    """
    near = torch.cdist(new.double(), cloud.double()).topk(min(PLACEMENT_NEIGHBORS, len(cloud)), largest=False)
    weights = 1 / near.values.clamp_min(1e-6)
    weights = (weights / weights.sum(dim=1, keepdim=True)).numpy()
    return (layout[near.indices.numpy()] * weights[..., None]).sum(axis=1).astype(np.float32)


def _components(values: Tensor, count: int) -> Tensor:
    """Leading right singular vectors, (d_model, count), each signed so that its largest entry is positive."""
    _, _, rows = torch.linalg.svd(values - values.mean(dim=0), full_matrices=False)
    rows = rows[:count]
    largest = rows.gather(1, rows.abs().argmax(dim=1, keepdim=True))
    return (rows * largest.sign()).T


@contextmanager
def _threads_kept() -> Iterator[None]:
    """Torch's number of threads stays: numba, which UMAP runs on, gives OpenMP, and so torch, all cores instead."""
    threads = torch.get_num_threads()
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _reduced(values: Tensor) -> NDArray:
    values = values.double() - values.double().mean(dim=0)
    return (values @ _components(values, min(PCA_BEFORE_UMAP, *values.shape))).float().numpy()


def _align(layout: NDArray, reference: NDArray) -> NDArray:
    """Rotate, mirror and shift a layout onto another of the same points; scale is left alone."""
    shift = layout.mean(axis=0)
    u, _, vt = np.linalg.svd((layout - shift).T @ (reference - reference.mean(axis=0)))
    return (layout - shift) @ (u @ vt) + reference.mean(axis=0)
