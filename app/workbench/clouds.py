"""The clouds of one artifact: their pictures, the numbers that may contradict these, and where each cloud lies."""

from mars.analysis.alignment import alignment_numbers
from mars.artifact.artifact import Artifact
from mars.fitted.fitted import Cloud

from ..results import CloudMean, Measured
from .pictures import Pictures


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
