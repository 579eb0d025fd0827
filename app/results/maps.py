"""What steering at each layer with each gain does to one prompt."""

from dataclasses import dataclass

from numpy.typing import NDArray

from .asking import Example
from .replies import Comparison, Verdict


@dataclass(frozen=True)
class GainMap:
    """What steering at each layer with each gain does to the first token of one prompt."""

    layers: tuple[int, ...]
    gains: tuple[float, ...]
    refusal_scores: NDArray
    """log P_ref - log(1 - P_ref), in nats: (layer, gain)."""
    kl: NDArray
    """KL of the steered from the unsteered first token, in nats: (layer, gain)."""
    saturated: NDArray
    """Whether the trust region capped the strength, bool: (layer, gain)."""
    tokens: tuple[tuple[str, ...], ...]
    """The likeliest first token: layer -> gain."""
    unsteered_score: float
    unsteered_token: str
    warning: str = ""
    """As that of a Comparison."""


@dataclass(frozen=True)
class VerdictMap:
    """What steering at each layer with each gain makes of the whole reply to one prompt; all by layer -> gain."""

    layers: tuple[int, ...]
    gains: tuple[float, ...]
    verdicts: tuple[tuple[Verdict, ...], ...]
    replies: tuple[tuple[str, ...], ...]
    cuts: tuple[tuple[bool, ...], ...]
    """Whether the length ended a reply."""
    unsteered: Verdict
    length: int
    """Tokens of a reply at most."""


@dataclass(frozen=True)
class Mapped:
    """The map of one prompt beside that of its benign twin, both of one kind and of the same layers and gains."""

    own: GainMap | VerdictMap
    twin: GainMap | VerdictMap | None
    """None where there is no twin, or its map is not made yet."""
    benign: Example | None
    """The harmless request that the twin's map is of."""
    no_twin: str
    """A sentence where there is none."""
    is_harmless: bool
    """Whether the prompt itself is known to be harmless, so that what changes is damage."""
    generation: int
    """Of the session that made it."""


@dataclass(frozen=True)
class Pin:
    """One cell of a map whose replies are kept, to be read beside those of another."""

    layer: int
    gain: float
    own: Comparison
    twin: Comparison | None
    """Of the benign twin at this layer and gain."""

    @property
    def cell(self) -> tuple[int, float]:
        return self.layer, self.gain
