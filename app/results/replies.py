"""A prompt with both of its replies, and what the edit did to the second."""

from dataclasses import dataclass
from math import exp
from typing import Literal

from numpy.typing import NDArray

from .asking import Example


@dataclass(frozen=True)
class Curves:
    """Refusal coordinate s of one prompt at every layer."""

    before: NDArray
    """(layer,), as the model has it."""
    after: NDArray
    """(layer,), re-centred."""
    modality: str
    """"text", "image" or "video"."""


@dataclass(frozen=True)
class Likely:
    """One candidate for the first token of a reply."""

    token: str
    probability: float
    refuses: bool
    """Whether a refusal begins with it."""


@dataclass(frozen=True)
class Verdict:
    """What a reply does, and why that is thought (`mars.verdict`)."""

    kind: Literal["refuses", "complies", "deflects", "broken", "undecided", "not judged"]
    reason: str
    """The words or the measure that decided."""


@dataclass(frozen=True)
class Reply:
    """One of the two replies, so far."""

    text: str
    finished: bool
    cut_after: int | None
    """Tokens after which the length allowed ended it; None where it goes on, or ended by itself."""
    verdict: Verdict | None
    """None while it is being written and nothing is decided."""
    refusal_score: float
    """log P_ref - log(1 - P_ref) of the first token, in nats."""
    first_tokens: tuple[Likely, ...]
    """The ten likeliest first tokens, likeliest first."""

    @property
    def kind(self) -> str:
        """The verdict in a word or two, as far as there is one."""
        return self.verdict.kind if self.verdict else "undecided"

    @property
    def refused(self) -> bool:
        return self.kind == "refuses"

    @property
    def refusal_share(self) -> float:
        """P_ref: probability of all first tokens that open a refusal, together."""
        small = exp(-abs(self.refusal_score))
        return (1 if self.refusal_score > 0 else small) / (1 + small)


@dataclass(frozen=True)
class Receipt:
    """What the edit did. Lengths are in units of the residual stream at that layer."""

    layer: int
    position: int
    """Position in the prompt, from 0: the last one."""
    gain: float
    gate_open: bool
    sigma_before: float
    """Distance beyond harmless text along the refusal direction, re-centred."""
    sigma_after: float
    strength: float
    """How far the edit moved the activation."""
    length: float
    """R: distance between harmless and harmful text, which gives the others their scale."""
    radius: float
    """rho: how far harmful text reaches, the edge of the trust region."""
    fired: int
    """Times that the hook acted."""
    check: str
    """Result of the check at load: that strength 0 gives the unsteered tokens."""

    @property
    def room(self) -> float:
        """How far the trust region still allowed, after the edit."""
        return max(self.radius - self.sigma_after, 0.0)

    def coordinate(self, sigma: float) -> float:
        """The refusal coordinate s of a distance beyond the mean of harmless text: −1 there, +1 at R."""
        return 2 * sigma / self.length - 1


@dataclass(frozen=True)
class Comparison:
    """Both replies as they stand after one decoding step; all but the texts is known from the first on."""

    index: int
    """0 for the first token."""
    curves: Curves
    unsteered: Reply
    steered: Reply
    receipt: Receipt
    activations: NDArray
    """(layer, d_model), the unsteered prompt at its last position, to place it among the clouds; in place of them the
    number of the prompt, (1,), where a session knows its place by that."""
    thumbnail: str = ""
    """Data URL of a small picture of what was shown; empty for words alone."""
    warning: str = ""
    """What is to be said beside the results on this prompt, such as that first tokens tell no refusal of this model;
    empty where nothing is."""
    outside: tuple[str, ...] = ()
    """Why the prompt lies outside what was fitted, so that the numbers mean little, in sentences; empty elsewhere."""
    generation: int = 0
    """Of the session that answered (`backend.Session`)."""

    @property
    def is_finished(self) -> bool:
        return self.unsteered.finished and self.steered.finished


@dataclass(frozen=True)
class Beside:
    """A neighbour of the prompt with its own comparison, under the same steering."""

    example: Example
    comparison: Comparison
    is_benign: bool
    """Whether it is the harmless one; otherwise it is a twin in another modality."""


@dataclass(frozen=True)
class Aggregate:
    """What MARS does at gain 1 to all test cases of one modality: refusals of n, without steering and with MARS."""

    modality: str
    before: int
    """Harmful requests refused without steering."""
    after: int
    """The same with MARS."""
    n: int
    cost_before: int
    """Harmless requests refused without steering."""
    cost_after: int
    """The same with MARS."""
    n_harmless: int
    layer: int | None = None
    """That was steered at; None where it is the chosen one."""
