"""The clouds of one artifact: their pictures, the numbers that may contradict these, and where each cloud lies."""

import torch

from mars.analysis.alignment import alignment_numbers
from mars.artifact.artifact import Artifact
from mars.fitted.fitted import Cloud
from mars.geometry.nearest import nearest_by_cosine
from mars.geometry.projection import refusal_coordinate
from mars.geometry.recentering import recenter

from ..results import Asked, CloudMean, CloudPoints, Measured, NearestPoints, OwnPoints
from .own_points import Points, vectors_at
from .pictures import Pictures

NEAREST = 8
"""Neighbours of a prompt that are shown."""


class Clouds:
    """What is shown of an artifact's clouds, remembered by layer. Safe to call from several threads."""

    def __init__(self, artifact: Artifact) -> None:
        self.artifact = artifact
        self.pictures = Pictures(artifact)
        self._measured: dict[int, tuple[Measured, ...]] = {}

    def measured(self, layer: int) -> tuple[Measured, ...]:
        """The numbers that may contradict the pictures of a layer; none without clouds."""
        if layer not in self._measured and self.artifact.clouds:
            numbers = alignment_numbers(self.artifact, layer)
            self._measured[layer] = tuple(Measured(*number) for number in numbers)
        return self._measured.get(layer, ())

    def points(self, layer: int, own: OwnPoints | None = None) -> CloudPoints:
        """What each point is, those of a visitor's own set last, and its refusal coordinate at a layer."""
        artifact = self.artifact
        means = artifact.mean_harmful[[layer]], artifact.mean_harmless[[layer]]
        clouds = (artifact.stacked_clouds(layer, recentered=moved) for moved in (False, True))
        values = map(torch.cat, zip(clouds, vectors_at(artifact, layer, own), strict=True))
        before, after = (refusal_coordinate(at[:, None], *means)[:, 0].numpy() for at in values)
        return CloudPoints(**Points.of(artifact, own)._asdict(), before=before, after=after)

    def nearest(self, asked: Asked, layer: int) -> NearestPoints:
        """The points nearest to a prompt at a layer: by cosine after re-centering, seen from where s is 0."""
        bias = self.artifact.bias_of(asked.modality)[layer]
        value = recenter(torch.tensor(asked.activations[layer], dtype=torch.float32), bias)
        origin = (self.artifact.mean_harmful[layer] + self.artifact.mean_harmless[layer]) / 2
        points = self.artifact.stacked_clouds(layer, recentered=True)
        rows, cosines = nearest_by_cosine(value, points, origin, NEAREST)
        return NearestPoints(asked.title, tuple(rows.tolist()), tuple(cosines.tolist()))

    def means(self, layer: int) -> tuple[CloudMean, ...]:
        """Mean refusal coordinate of every cloud at a layer, before and after re-centering."""
        return tuple(
            CloudMean(cloud.modality, cloud.label, len(cloud.values), *self._mean_coordinates(cloud, layer))
            for cloud in self.artifact.clouds
        )

    def _mean_coordinates(self, cloud: Cloud, layer: int) -> tuple[float, float]:
        mean = cloud.values.float().mean(dim=0, keepdim=True)
        before, after = (
            self.artifact.coordinates(mean, cloud.modality, recentered=moved)[0, layer] for moved in (False, True)
        )
        return float(before), float(after)
