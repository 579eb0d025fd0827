"""What a recording holds of a session: the results that the page was answered with, and where prompts lie.

It may come from a stranger: shapes that do not agree, and an image's address that is none, are refused here.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from numpy.typing import NDArray

from ...results import (
    Aggregate,
    CloudMean,
    Comparison,
    Example,
    GainMap,
    Measured,
    ModelCard,
    Scores,
    TokenMap,
    VerdictMap,
)
from ...results.packing import PackingError

SESSION, CLOUDS, NO_SIGNAL, RESULTS = "session", "clouds", "nosignal", "results"
"""Entries of a recording beside those of its prompts, which are called `prompts/` and their key."""
IMAGE = re.compile(r"(data:image/(png|webp);base64,[A-Za-z0-9+/]+=*)?")
"""Address of an image that holds it, or none."""


def _check(name: str, holds: bool) -> None:
    """Raise PackingError where something that was kept makes no sense."""
    if not holds:
        raise PackingError(f"{name} cannot be")


def _are_images(addresses: Iterable[str]) -> bool:
    return all(map(IMAGE.fullmatch, addresses))


@dataclass(frozen=True)
class KeptView:
    """One layout of the clouds at every layer."""

    points: NDArray
    """(layer, before | after, point, 2)."""
    trustworthiness: NDArray
    """(layer, before | after)."""
    axes: tuple[tuple[str, str], ...]
    """Of each layer."""
    caption: str


@dataclass(frozen=True)
class KeptClouds:
    """The clouds of an artifact, without its activations."""

    modalities: tuple[str, ...]
    labels: tuple[str, ...]
    titles: tuple[str, ...]
    thumbnails: tuple[str, ...]
    """As those of `CloudPoints`."""
    coordinates: NDArray
    """Refusal coordinate s: (layer, before | after, point)."""
    views: Mapping[str, KeptView]
    means: tuple[tuple[CloudMean, ...], ...]
    """Of each layer."""
    measured: tuple[tuple[Measured, ...], ...]
    """Of each layer."""

    def __post_init__(self) -> None:
        """Raises PackingError."""
        layers, points = len(self.means), len(self.titles)
        told = (self.modalities, self.labels, self.thumbnails)
        _check("the points", all(len(one) == points for one in told) and len(self.measured) == layers > 0)
        _check("the coordinates", self.coordinates.shape == (layers, 2, points))
        _check("the layouts", {"axis", "pca"} <= self.views.keys() <= {"axis", "pca", "umap"})
        for view in self.views.values():
            _check("a layout", view.points.shape == (layers, 2, points, 2) and len(view.axes) == layers)
            _check("a trustworthiness", view.trustworthiness.shape == (layers, 2))
        _check("a thumbnail", _are_images(self.thumbnails))


@dataclass(frozen=True)
class KeptPlace:
    """Where a prompt lies among the clouds at every layer."""

    views: Mapping[str, NDArray]
    """(layer, before | after, 2)."""
    rows: NDArray
    """The points nearest to it: (layer, point)."""
    cosines: NDArray
    """(layer, point)."""

    def __post_init__(self) -> None:
        """Raises PackingError."""
        _check("a place", self.rows.ndim == 2 and self.rows.shape == self.cosines.shape)
        _check("a place", all(view.shape == (len(self.rows), 2, 2) for view in self.views.values()))


@dataclass(frozen=True)
class KeptPrompt:
    """What a prompt was answered with."""

    comparisons: tuple[Comparison, ...]
    """At the cells that were recorded, that of the chosen layer at gain 1 among them; without activations."""
    tokens: TokenMap
    gains: GainMap
    verdicts: VerdictMap | None
    """None where it was not asked for."""
    place: KeptPlace | None
    """None where the artifact holds no clouds."""
    place_no_signal: KeptPlace | None
    """Among the clouds with labels at random."""
    hidden_states: NDArray | None
    """(layer, d_model), the unsteered prompt at its last position, in half precision where that has room for it; None
    where not asked for."""
    seconds: float
    """That it took."""
    processor_seconds: float
    """Of the process, also where others kept the machine busy."""

    def __post_init__(self) -> None:
        """Raises PackingError."""
        _check("a prompt without replies", bool(self.comparisons))
        thumbnails = (one.thumbnail for one in self.comparisons)
        _check("an image", _are_images((*thumbnails, *self.tokens.pictures)))
        _check("the positions", len(self.tokens.coordinates) == len(self.tokens.tokens) == len(self.tokens.kinds))
        cells = (len(self.gains.layers), len(self.gains.gains))
        _check(
            "the map", {self.gains.refusal_scores.shape, self.gains.kl.shape, self.gains.saturated.shape} == {cells}
        )
        for place in filter(None, (self.place, self.place_no_signal)):
            _check("a place", {len(one) for one in (place.rows, place.cosines)} == {cells[0]})

    def at(self, layer: int, gain: float) -> Comparison | None:
        """The comparison of a cell; None where it was not recorded."""
        return next((one for one in self.comparisons if (one.receipt.layer, one.receipt.gain) == (layer, gain)), None)


@dataclass(frozen=True)
class KeptHead:
    """A prompt as it is listed."""

    key: str
    example: Example
    """Its medium is a name in the recording: the file, or a thumbnail that stands for it."""
    system: str
    marks: tuple[str, ...]
    """SHA-256 of the file that was recorded and of what is in the recording; empty for words alone."""


@dataclass(frozen=True)
class KeptSession:
    """What the page says beside the prompts."""

    card: ModelCard
    n_layers: int
    chosen_layer: int
    bands: Mapping[str, NDArray]
    scores: Scores
    aggregates: tuple[Aggregate, ...]
    prompts: tuple[KeptHead, ...]

    def __post_init__(self) -> None:
        """Raises PackingError."""
        _check("the chosen layer", 0 <= self.chosen_layer < self.n_layers)
        _check("the bands", all(band.shape == (self.n_layers, 3) for band in self.bands.values()))
        _check("the labels", {"harmful", "harmless"} == self.bands.keys())
