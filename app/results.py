"""What a session hands to the page: plain numbers and words, no model, no tensor, no gradio.

Layers are numbered from 0; arrays are float32 and say their axes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import exp
from typing import Literal

from numpy.typing import NDArray


class RequestError(ValueError):
    """A request that cannot be answered; the message is one sentence that says what is wrong and what to do."""


@dataclass(frozen=True)
class ModelCard:
    """What the top line says about the model in use."""

    name: str
    parameters: int | None
    """None while the model is being opened; `device` and `dtype` are empty then."""
    n_layers: int
    d_model: int
    device: str
    dtype: str
    artifact: str
    """Where the fitted directions come from, in a few words."""
    versions: Mapping[str, str]
    """Library -> version."""
    badges: tuple[str, ...] = ()
    """What is off, one short sentence each; empty where nothing is."""
    kind: str = ""
    """Whether it is a toy or a real model, in a word or two; empty where that is not known."""
    note: str = ""
    """What a reader must know of this model before trusting its answers; empty where there is nothing."""
    modalities: tuple[str, ...] = ("text",)
    """What it can see."""
    system: str = ""
    """The system message in every prompt, as the artifact names it; empty where it names none."""


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
    """(layer, d_model), the unsteered prompt at its last position, to place it among the clouds."""
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

    example: "Example"
    comparison: Comparison
    is_benign: bool
    """Whether it is the harmless one; otherwise it is a twin in another modality."""


@dataclass(frozen=True)
class Aggregate:
    """What MARS does to all test cases of one modality: refusals of n, without steering and with MARS."""

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


@dataclass(frozen=True)
class Request:
    """What was asked, to ask it again: of another tab, or of another model."""

    text: str
    files: tuple[str, ...]
    """Paths of uploads; they are swept away some time after the visit."""
    length: int = 48
    """Tokens of a reply at most."""
    system: str = ""
    """A system message of the visitor's; empty where there is none."""


@dataclass(frozen=True)
class TokenMap:
    """The refusal coordinate at every position of one prompt, and what stands there."""

    tokens: tuple[str, ...]
    kinds: tuple[str, ...]
    """"text", "image" or "video" of each position."""
    frames: tuple[int | None, ...]
    """Step in time of a clip's patch, from 0."""
    cells: tuple[tuple[int, int] | None, ...]
    """Row and column of a patch."""
    grid: tuple[int, int, int] | None
    """Steps in time, rows and columns; None where the processor does not tell."""
    coordinates: NDArray
    """(position, layer), as the model has it, without unit."""
    pictures: tuple[str, ...]
    """The picture, or the clip's frames, as data URLs."""
    times: tuple[float, ...]
    """Seconds of each frame of a clip."""
    generation: int
    """Of the session that read it."""

    @property
    def modality(self) -> str:
        return next((kind for kind in self.kinds if kind != "text"), "text")

    @property
    def n_steps(self) -> int:
        """Steps in time that can be told apart."""
        return 1 + max((frame for frame in self.frames if frame is not None), default=-1)


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
    """Whether the trust region held the push, bool: (layer, gain)."""
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
    benign: "Example | None"
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


@dataclass(frozen=True)
class Progress:
    """How far a piece of work is."""

    done: int
    total: int
    seconds_left: float | None
    """At the pace of late; None while there is none."""
    step: str = ""
    """Which of several steps it is at; empty where there is one."""


@dataclass(frozen=True)
class Asked:
    """A prompt of this visit, as the Geometry tab needs it."""

    title: str
    modality: str
    activations: NDArray
    """(layer, d_model)."""
    thumbnail: str = ""
    """Data URL of what was shown; empty for words alone."""
    generation: int = 0
    """Of the session that was asked."""


@dataclass(frozen=True)
class Recommendation:
    """The layer and gain with the largest rise on harmful text that all but spare harmless text."""

    layer: int
    gain: float
    harmful: float
    """Rise of P_ref on harmful text, 0 to 1."""
    harmless: float
    """Rise of P_ref on harmless text."""


@dataclass(frozen=True)
class Effect:
    """What steering does to validation text, measured at the fit."""

    curves: Mapping[str, Mapping[str, NDArray]]
    """Name -> "harmful" or "harmless" -> mean, low and high end of 95 %, (layer, 3): the change of the refusal score,
    and the share of replies that refuse where that was measured."""
    units: Mapping[str, str]
    """Name -> what the axis says."""
    texts: Mapping[str, int]
    """How many of each label."""
    unsteered: Mapping[str, float]
    """Mean P_ref of each label without steering."""
    recommended: Recommendation | None
    """None where no edit raises refusal of harmful text by a point."""


@dataclass(frozen=True)
class Scores:
    """Why the layer was chosen, from text alone, and what steering at each layer does."""

    curves: Mapping[str, NDArray]
    """Name -> (layer,); NaN where a layer has none. The mean is last."""
    units: Mapping[str, str]
    """Name -> what the axis says."""
    meanings: Mapping[str, str]
    """Name -> the score in a sentence."""
    eligible: NDArray
    """(layer,) bool: whether a layer may be chosen."""
    chosen: int
    reason: str
    effect: Effect | None = None
    """None where it was not measured."""

    @property
    def recommended(self) -> Recommendation | None:
        return self.effect.recommended if self.effect else None

    def chosen_by(self, layer: int, gain: float) -> tuple[Literal["scores", "effect"], ...]:
        """What chooses a layer and a gain: the three scores, with gain 1, or the effect on validation text."""
        found = self.recommended
        choices = {"scores": (self.chosen, 1.0), "effect": (found.layer, found.gain) if found else None}
        return tuple(name for name, choice in choices.items() if choice == (layer, gain))


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
    """"bias", "AUC", "accuracy" or "purity"."""
    modality: str = ""
    """Empty where it is of all together."""

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
    """Mean refusal coordinate s, without unit."""
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


@dataclass(frozen=True)
class Example:
    """One of the gallery."""

    title: str
    text: str
    media: str | None
    """Path of a picture or clip."""
    label: str
    """"harmful" or "harmless"."""
    twin: str
    """Examples with the same twin ask for the same thing in another modality; "" where there is none."""
