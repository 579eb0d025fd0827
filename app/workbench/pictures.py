"""Pictures of an artifact's clouds at a layer, remembered; UMAP is made in the background where it is missing."""

import threading
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mars.analysis.alignment import trustworthiness
from mars.artifact.artifact import Artifact
from mars.geometry.projection import (
    Plane,
    View,
    axis_plane,
    interpolate_points,
    pca_plane,
    sampled,
    turned_alike,
    umap_view,
)

from ..results import Asked, OwnPoints, Picture, RequestError
from .own_points import Points, vectors_at

VIEWS = {"axis": "Refusal axis", "umap": "UMAP", "pca": "PCA"}
"""View -> what the page calls it. The first needs no time and is exact."""

CAPTIONS = {
    "axis": (
        "Left to right is the refusal coordinate s (−1 harmless text, +1 harmful text), bottom to top the "
        "strongest direction that has nothing to do with it. Deterministic; distances are real."
    ),
    "umap": (
        "UMAP keeps neighbours together and nothing else: distances between clusters mean nothing. One fit "
        "of all clouds each, “after” started from “before”; fits of two layers "
        "cannot be compared. Stars and a set of your own stand among their nearest neighbours, "
        "approximately."
    ),
    "pca": "The two directions in which all clouds together vary most. Deterministic; distances are real.",
}
AXES = {"axis": ("refusal coordinate s", "first orthogonal component (units of R/2)")}
"""Shorter words than the engine's, for panels of half a page."""
FEWEST_POINTS = 5
MOST_FOLLOWED = 2000
"""Points that are followed through the layers; a browser draws more by WebGL, which follows none."""


class Pictures:
    """Draws the clouds of one artifact. Safe to call from several threads.

    follows: whether points are followed through all layers, for which a thread finds the planes once one is drawn;
        never more than MOST_FOLLOWED.
    """

    def __init__(self, artifact: Artifact, *, follows: bool = True) -> None:
        self.artifact = artifact
        self._count = sum(len(cloud.values) for cloud in artifact.clouds)
        self._measured = sampled(self._count)
        self._follows = follows and 0 < self._count <= MOST_FOLLOWED
        self._made: dict[int, View] = {}
        self._planes: dict[str, list[Plane]] = {}
        self._paths: dict[str, NDArray] = {}
        self._path_worker: threading.Thread | None = None
        self._trust: dict[tuple[str, int], tuple[float, float]] = {}
        self._wanted: list[int] = []
        self._busy = threading.Lock()
        self._worker: threading.Thread | None = None
        self.failure = ""
        """Why UMAP cannot be computed, in a sentence; empty while nothing went wrong."""

    def draw(self, view: str, layer: int, asked: Sequence[Asked], own: OwnPoints | None = None) -> Picture:
        """Twin panels at a layer. Raises RequestError for an unknown view or an artifact without clouds.

        asked: prompts that are drawn as stars; own: a visitor's own set, drawn as further points.
        """
        if view not in VIEWS:
            raise RequestError(f"There is no view “{view}”; choose one of {', '.join(VIEWS)}.")
        if self._count < FEWEST_POINTS:
            raise RequestError("This artifact holds no clouds to draw. Fit it again with: python -m mars fit.")
        before = self.artifact.stacked_clouds(layer, recentered=False)
        after = self.artifact.stacked_clouds(layer, recentered=True)
        self._follow()
        standing_in = ""
        if view == "umap" and self._umap(layer) is None:
            view = "axis"
            standing_in = self.failure or (
                "UMAP of this layer is being computed in the background (about ten seconds the first "
                "time); the refusal-axis view stands in."
            )
        placed = self._placed(view, layer, before, after, *vectors_at(self.artifact, layer, own, asked))
        told = Points.of(self.artifact, own)
        points = len(told.titles)
        path = self._path(view, own, asked) if view in self._paths else None
        return Picture(
            before=placed.before[:points],
            after=placed.after[:points],
            **told._asdict(),
            stars_before=placed.before[points:],
            stars_after=placed.after[points:],
            star_titles=tuple(one.title for one in asked),
            star_thumbnails=tuple(one.thumbnail for one in asked),
            axes=AXES.get(view, (placed.x, placed.y)),
            caption=" ".join(filter(None, (CAPTIONS[view], self.artifact.held_out_note, own and own.told))),
            trustworthiness=self._trusted(view, layer, before, after, placed),
            sample=len(self._measured) if len(self._measured) < self._count else 0,
            standing_in=standing_in,
            is_temporary=(bool(standing_in) and not self.failure)
            or (view != "umap" and path is None and self._follows),
            path=None if path is None else path[:, :, :points],
            star_path=None if path is None else path[:, :, points:],
        )

    def warm_up(self, layer: int) -> None:
        """Begin to make the UMAP of a layer and the planes of all in the background, unless they are there."""
        self._umap(layer)
        self._follow()

    def _follow(self) -> None:
        """Begin to find the planes of every layer, and where the clouds lie on each."""
        with self._busy:
            if self._follows and self._path_worker is None:
                self._path_worker = threading.Thread(target=self._find_planes, name="planes", daemon=True)
                self._path_worker.start()

    def _find_planes(self) -> None:
        layers = range(self.artifact.n_layers)
        clouds = [
            [self.artifact.stacked_clouds(layer, recentered=moved) for moved in (False, True)] for layer in layers
        ]
        try:
            for view in ("axis", "pca"):
                planes = turned_alike([self._plane(view, layer) for layer in layers], [after for _, after in clouds])
                self._planes[view] = planes
                self._paths[view] = np.array(
                    [[plane.place(cloud) for cloud in pair] for plane, pair in zip(planes, clouds, strict=True)]
                )
        except RuntimeError:  # of a layer whose numbers have no plane; points are followed through none then
            self._follows = False

    def _plane(self, view: str, layer: int) -> Plane:
        """That of the picture of a layer; signed as those of the other layers, once they are there."""
        if view in self._planes:
            return self._planes[view][layer]
        clouds = [self.artifact.stacked_clouds(layer, recentered=moved)[self._measured] for moved in (False, True)]
        if view == "pca":
            return pca_plane(*clouds)
        return axis_plane(*clouds, self.artifact.mean_harmful[layer], self.artifact.mean_harmless[layer])

    def _path(self, view: str, own: OwnPoints | None, asked: Sequence[Asked]) -> NDArray:
        """Where points and marks lie at every layer, before and after: (layer, 2, point and mark, 2)."""
        marks = [
            [plane.place(vectors) for vectors in vectors_at(self.artifact, layer, own, asked)]
            for layer, plane in enumerate(self._planes[view])
        ]
        return np.concatenate([self._paths[view], np.array(marks)], axis=2)

    def _placed(self, view: str, layer: int, before: Tensor, after: Tensor, marks: Tensor, moved: Tensor) -> View:
        if view == "umap":
            made = self._umap(layer)
            return View(
                np.concatenate([made.before, interpolate_points(marks, before, made.before)]),
                np.concatenate([made.after, interpolate_points(moved, after, made.after)]),
                made.x,
                made.y,
            )
        plane = self._plane(view, layer)
        placed = (plane.place(torch.cat(pair)) for pair in ((before, marks), (after, moved)))
        return View(*placed, plane.x, plane.y)

    def _trusted(self, view: str, layer: int, before: Tensor, after: Tensor, placed: View) -> tuple[float, float]:
        if (view, layer) not in self._trust:
            points = len(before)
            self._trust[view, layer] = (
                trustworthiness(before.numpy(), placed.before[:points]),
                trustworthiness(after.numpy(), placed.after[:points]),
            )
        return self._trust[view, layer]

    def _umap(self, layer: int) -> View | None:
        """The UMAP of a layer if it is there; otherwise None, and a thread begins to make it."""
        if self.artifact.umap is not None:
            before, after = self.artifact.umap[layer].float().numpy()
            return View(before, after, x="UMAP 1 (no unit)", y="UMAP 2 (no unit)")
        if layer in self._made:
            return self._made[layer]
        with self._busy:
            if layer not in self._wanted and not self.failure:
                self._wanted.append(layer)
            if self._worker is None and self._wanted:
                self._worker = threading.Thread(target=self._make, name="umap", daemon=True)
                self._worker.start()
        return None

    def _make(self) -> None:
        while True:
            with self._busy:
                if not self._wanted:
                    self._worker = None
                    return
                layer = self._wanted[-1]
            try:
                self._made[layer] = umap_view(
                    self.artifact.stacked_clouds(layer, recentered=False),
                    self.artifact.stacked_clouds(layer, recentered=True),
                )
            except Exception as error:  # umap, numba and their caches fail in many ways, none of them ours to mend
                self.failure = (
                    f"UMAP cannot be computed here ({type(error).__name__}); the refusal-axis view stands in."
                )
                with self._busy:
                    self._wanted.clear()
            else:
                with self._busy:
                    self._wanted.remove(layer)
