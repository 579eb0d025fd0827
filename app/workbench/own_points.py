"""A visitor's own set among the clouds: a sample of its prompts, read at their last position."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from mars.artifact.artifact import Artifact
from mars.datasets.case import Case
from mars.fitted.fitted import in_half
from mars.geometry.projection import sampled
from mars.geometry.recentering import recenter
from mars.media.thumbnails import thumbnail
from mars.model.capture import capture
from mars.model.loaded_model import LoadedModel

from ..results import Asked, OwnPoints, RequestError
from .prompts import thumbnail_url
from .watching import Report

MOST_POINTS = 500
"""Drawn of a set; more hide each other."""
MOST_BYTES = 64_000_000
"""Of the activations that a visit keeps: 244 points of a model of 32 layers and 4,096 dimensions."""
BATCH = 16
"""Prompts that are decoded at once."""


class Points(NamedTuple):
    """What each point of the clouds is, those of a visitor's own set last."""

    modalities: tuple[str, ...]
    labels: tuple[str, ...]
    titles: tuple[str, ...]
    thumbnails: tuple[str, ...]
    own: int
    """How many are of the visitor's own set."""

    @classmethod
    def of(cls, artifact: Artifact, own: OwnPoints | None) -> "Points":
        clouds = artifact.clouds
        found = (
            tuple(cloud.modality for cloud in clouds for _ in cloud.titles),
            tuple(cloud.label for cloud in clouds for _ in cloud.titles),
            tuple(title for cloud in clouds for title in cloud.titles),
            tuple(map(thumbnail_url, artifact.thumbnails)),
        )
        if own is None:
            return cls(*found, own=0)
        further = (own.modalities, own.labels, own.titles, own.thumbnails)
        return cls(*map(tuple.__add__, found, further), own=len(own.titles))


def read_points(
    model: LoadedModel, artifact: Artifact, cases: Sequence[Case], report: Report, generation: int = 0
) -> OwnPoints:
    """Where the prompts of a set lie: of all, or of a sample by a fixed seed where more than are drawn or kept.

    A case that cannot be read, or whose modality the artifact was not fitted for, is left out. Raises RequestError
    where none is left.
    """
    most = min(len(cases), MOST_POINTS, max(1, MOST_BYTES // (2 * model.n_layers * model.d_model)))
    chosen = sampled(len(cases), most).tolist()
    points = []
    for start in range(0, most, BATCH):
        report(start, most)
        batch = list(_readable(cases, chosen[start : start + BATCH], {"text", *artifact.bias}))
        points += [
            (values, case.prompt.modality, case.label, case.prompt.text, thumbnail_url(thumbnail(case.prompt)))
            for case, values in _captured(model, batch)
        ]
    report(most, most)
    if not points:
        raise RequestError("None of the prompts of your set can be read, so none is drawn among the clouds.")
    values, *told = zip(*points, strict=True)
    return OwnPoints(np.stack(values), *told, chosen=most, of=len(cases), generation=generation)


def vectors_at(
    artifact: Artifact, layer: int, own: OwnPoints | None, asked: Sequence[Asked] = ()
) -> tuple[Tensor, Tensor]:
    """Activations of points and then of stars, as the model has them and re-centred: (point and star, d_model)."""
    vectors = [*(own.values[:, layer] if own else ()), *(one.activations[layer] for one in asked)]
    modalities = [*(own.modalities if own else ()), *(one.modality for one in asked)]
    values = torch.from_numpy(np.array(vectors, dtype=np.float32).reshape(-1, artifact.mean_harmful.shape[1]))
    bias = torch.zeros_like(values)
    for modality in set(modalities):
        bias[[one == modality for one in modalities]] = artifact.bias_of(modality)[layer]
    return values, recenter(values, bias)


def _readable(cases: Sequence[Case], numbers: Sequence[int], modalities: set[str]) -> Iterator[Case]:
    for number in numbers:
        try:
            case = cases[number]
        except ValueError:
            continue
        if case.prompt.modality in modalities:
            yield case


def _captured(model: LoadedModel, cases: Sequence[Case]) -> Iterator[tuple[Case, np.ndarray]]:
    """Cases with their activations, (layer, d_model) without those that the model cannot read."""
    try:
        found = in_half(capture(model, [case.prompt for case in cases], BATCH).values).numpy() if cases else ()
    except ValueError:
        for case in cases if len(cases) > 1 else ():
            yield from _captured(model, [case])
    else:
        yield from zip(cases, found, strict=True)
