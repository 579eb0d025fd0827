"""Many prompts at one layer: pictures of them, and numbers that may contradict these."""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from numpy.typing import NDArray


@dataclass(frozen=True)
class Asked:
    """A prompt of this visit, as the Geometry tab needs it."""

    title: str
    modality: str
    activations: NDArray
    """As those of `Comparison`."""
    thumbnail: str = ""
    """Data URL of what was shown; empty for words alone."""
    generation: int = 0
    """Of the session that was asked."""


@dataclass(frozen=True, eq=False)
class OwnPoints:
    """Prompts of a visitor's own set, as the clouds need them; equal to itself alone, for a gr.State hashes it."""

    values: NDArray
    """(point, layer, d_model), half precision: the unsteered prompts at their last position."""
    modalities: tuple[str, ...]
    labels: tuple[str, ...]
    """"harmful" or "harmless"."""
    titles: tuple[str, ...]
    thumbnails: tuple[str, ...]
    """Data URL of what each shows; empty for words alone."""
    chosen: int
    """How many prompts were to be read: all, or a sample by a fixed seed; these are the ones that could be."""
    of: int
    """Prompts of the set."""
    generation: int = 0
    """Of the session that read them."""

    @cached_property
    def name(self) -> str:
        """By which these points are told from others."""
        return hashlib.sha256(self.values.tobytes()).hexdigest()[:8]

    @property
    def told(self) -> str:
        """How many of the set are drawn, in a sentence."""
        shown = f"With a dark rim: {len(self.titles):,} prompts of your set"
        sample = f" of {self.of:,}, drawn by a fixed seed" if self.chosen < self.of else ""
        unread = self.chosen - len(self.titles)
        return f"{shown}{sample}{f'; {unread:,} more cannot be read' if unread else ''}."


@dataclass(frozen=True)
class Measured:
    """One number that may contradict a picture, before and after re-centering, in a sentence of its own."""

    name: str
    before: float | None
    after: float
    chance: tuple[float, float] | None
    """95 % of what shuffled labels give; None where chance has no meaning."""
    meaning: str
    better: Literal["higher", "lower"] | None
    """Which way a number points that speaks for a signal; None where neither does."""
    quantity: str = ""
    """"bias", "AUC of s", share "above" 0, "probe AUC" or "purity"."""
    modality: str = ""
    """Empty where it is of all together."""
    label: str = ""
    """Harmful or harmless; empty where it is of both."""

    @property
    def is_chance(self) -> bool:
        """Whether shuffled labels do as well, so that the picture shows nothing of the kind."""
        if self.chance is None or self.better is None:
            return False
        low, high = self.chance
        return self.after <= high if self.better == "higher" else self.after >= low


@dataclass(frozen=True)
class CloudMean:
    """Where one cloud lies along the refusal direction."""

    modality: str
    label: str
    count: int
    before: float
    """Mean refusal coordinate s, dimensionless."""
    after: float


@dataclass(frozen=True)
class Picture:
    """Twin panels of all clouds at one layer, before and after re-centering."""

    before: NDArray
    """(point, 2)."""
    after: NDArray
    """(point, 2)."""
    modalities: tuple[str, ...]
    labels: tuple[str, ...]
    """"harmful", "harmless" or "neutral"."""
    titles: tuple[str, ...]
    thumbnails: tuple[str, ...]
    """Data URL of what each point shows; empty where it shows nothing, or none was kept."""
    stars_before: NDArray
    """(star, 2)."""
    stars_after: NDArray
    """(star, 2)."""
    star_titles: tuple[str, ...]
    star_thumbnails: tuple[str, ...]
    """As those of the points."""
    axes: tuple[str, str]
    caption: str
    """How to read it, and what not to read into it."""
    trustworthiness: tuple[float, float]
    """How far neighbours in each panel are neighbours in the residual stream, 0 to 1: before, after."""
    standing_in: str = ""
    """A sentence where another view stands in for the one asked for; empty otherwise."""
    is_temporary: bool = False
    """Whether the view asked for, or its path, will be there soon."""
    path: NDArray | None = None
    """The same points at every layer, before and after: (layer, 2, point, 2); None where they cannot be followed."""
    star_path: NDArray | None = None
    """(layer, 2, star, 2)."""
    own: int = 0
    """How many of the points, at their end, are of a visitor's own set."""
    sample: int = 0
    """On how many points axes and numbers were found where there are too many for all; 0 where on all."""


@dataclass(frozen=True)
class CloudPoints:
    """All points of the clouds at one layer, in the order of `Picture`."""

    modalities: tuple[str, ...]
    labels: tuple[str, ...]
    """"harmful", "harmless" or "neutral"."""
    titles: tuple[str, ...]
    thumbnails: tuple[str, ...]
    """As those of `Picture`."""
    before: NDArray
    """Refusal coordinate s of each, as the model has it: (point,)."""
    after: NDArray
    """Re-centred: (point,)."""
    own: int = 0
    """As that of `Picture`."""

    def is_own(self, row: int) -> bool:
        return row >= len(self.titles) - self.own


@dataclass(frozen=True)
class NearestPoints:
    """The points of the clouds nearest to a prompt at one layer, re-centred, the nearest first."""

    title: str
    """Of the prompt."""
    rows: tuple[int, ...]
    """Which of `CloudPoints`."""
    cosines: tuple[float, ...]
