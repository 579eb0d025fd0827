"""What stands behind the page: all that tabs, tour, take-away, programs and agents may ask, and of whom.

A `Session` is one model with its artifact, read only, so that a recording can be one as well as a model in memory. A
`Backend` says which session is shown now. An `Operator` can do more than ask: evaluate, fit, load another model.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from numpy.typing import NDArray

from .results import (
    Aggregate,
    Asked,
    CloudMean,
    CloudPoints,
    Comparison,
    Example,
    GainMap,
    Measured,
    ModelCard,
    NearestPoints,
    OwnPoints,
    Picture,
    Progress,
    Request,
    Scores,
    TokenMap,
    VerdictMap,
)

Offer = Literal["get", "getting", "use"]
"""What an operator is offered of Icon-VL: to get it, to look on while it is fetched, to use it."""
FITTED = Path("out") / "artifacts"
"""Where artifacts of hub models go, below the folder the page was started from."""
RECORDINGS = Path("out") / "recordings"
"""The same of recordings."""


@dataclass(frozen=True)
class Plan:
    """What an operator asked to evaluate, as it came from the browser."""

    strategies: Sequence[str]
    path: str = ""
    """A JSON lines or CSV file of their own; "" for the bundled test split."""
    per_cell: Any = 10
    """Cases of the test split for each modality and label."""
    layer: Any = None
    gain: Any = 1.0


@dataclass(frozen=True)
class FitPlan:
    """What an operator asked to fit, as it came from the browser."""

    source: str
    """Folder or hub id of the model."""
    folder: str = ""
    """Of the artifact; by default `artifact` in the model's folder, or one of its name below FITTED."""
    contrast: str = ""
    """File of a contrast set; by default the model's own, else the bundled one."""
    neutral: str = ""
    """Folder of meaningless pictures and clips; by default random colours."""

    @property
    def target(self) -> Path:
        """Folder that the artifact is written to."""
        if self.folder.strip():
            return Path(self.folder.strip())
        source = self.source.strip()
        return Path(source) / "artifact" if Path(source).is_dir() else FITTED / source.rsplit("/", 1)[-1].lower()


@dataclass(frozen=True)
class RecordPlan:
    """What an operator asked to record, as it came from the browser."""

    folder: str = ""
    """Of the recording; by default one of the model's name below RECORDINGS."""
    examples: bool = True
    """Whether the gallery's examples are in it."""
    path: str = ""
    """A JSON lines file of a set of their own that is in it too; "" for none."""
    keeps_media: bool = False
    """Whether the images and videos of that set are in it, and not thumbnails of them alone."""
    results: Mapping[str, Any] | None = None
    """Of an evaluation, which are in it too."""
    layer: Any = None
    """Steered at, besides the chosen one."""
    gain: Any = 1.0
    """Steered with, besides 1."""


@dataclass(frozen=True)
class FinishedRecording:
    """A recording that is finished."""

    folder: str
    prompts: int
    size: int
    """Bytes."""


class Session(Protocol):
    """One model with its artifact, and what can be asked of it.

    It never becomes another model. Whoever takes the session at the start of a piece of work and keeps to it hears
    one model to the end, also where another takes its place meanwhile. Layers are numbered from 0. What cannot be
    answered raises RequestError, one sentence.
    """

    @property
    def generation(self) -> int:
        """How many sessions the page showed before this one; results carry it, to be told from those of others."""

    @property
    def name(self) -> str:
        """Of the model, as a link has it."""

    @property
    def card(self) -> ModelCard:
        """What the top line says; waits for a model that is still being opened. Raises RequestError."""

    @property
    def card_at_once(self) -> ModelCard:
        """As `card`, without what is not known yet."""

    @property
    def examples(self) -> tuple[Example, ...]:
        """The gallery."""

    @property
    def n_layers(self) -> int:
        """Decoder layers of the model."""

    @property
    def chosen_layer(self) -> int:
        """The layer that the text-only scores chose."""

    @property
    def bands(self) -> Mapping[str, NDArray]:
        """5, 50 and 95 % of s of harmful and harmless validation text: label -> (layer, 3)."""

    @property
    def opening(self) -> Example | None:
        """The example that the page opens on, one of those recorded; None where nothing is."""

    def recorded(self, example: Example) -> Comparison | None:
        """An example answered at the chosen layer with gain 1 before the page was opened; None where it was not."""

    @property
    def results(self) -> Mapping[str, Any] | None:
        """Results of an evaluation made before, keyed as `mars-lens eval --json` does; None where there are none."""

    @property
    def aggregates(self) -> tuple[Aggregate, ...]:
        """What MARS does to the images and videos of the test split; empty where that was not measured."""

    def posters(self) -> Mapping[str, str]:
        """A small picture of each example's clip: path -> data URL."""

    def scores(self) -> Scores:
        """The three text-only scores and their mean, the chosen layer and its reason, and the effect of steering."""

    def check_layer(self, layer: Any) -> int:
        """A layer that exists, the chosen one for None. Raises RequestError."""

    def compare(
        self,
        text: str,
        files: Sequence[str | Path] = (),
        layer: Any = None,
        gain: Any = 1.0,
        max_new_tokens: int = 48,
        system: str = "",
    ) -> Iterator[Comparison]:
        """A prompt answered unsteered and with MARS, one Comparison a token; closed early, it keeps nothing.

        files: at most one picture or clip; system: a system message, or none. Raises RequestError.
        """

    def token_map(self, text: str, files: Sequence[str | Path] = (), system: str = "") -> TokenMap:
        """A prompt position by position. Raises RequestError."""

    def gain_map(self, text: str, files: Sequence[str | Path] = (), system: str = "") -> Iterator[Progress | GainMap]:
        """All layers and gains of a prompt by its first token: progress, and the map at last. Raises RequestError."""

    def verdict_map(
        self, text: str, files: Sequence[str | Path] = (), system: str = ""
    ) -> Iterator[Progress | VerdictMap]:
        """All layers and a few gains by whole replies: progress, and the map at last. Raises RequestError."""

    def picture(
        self,
        view: str,
        layer: int,
        asked: Sequence[Asked] = (),
        no_signal: bool = False,
        own: OwnPoints | None = None,
    ) -> Picture:
        """Twin panels of the clouds, with the prompts of a visit as stars. Raises RequestError.

        no_signal: whether labels are random, to show what the picture makes of nothing; own: a visitor's
        own set, drawn as further points. Stars and points of another session are left out.
        """

    def cloud_means(self, layer: int, no_signal: bool = False) -> tuple[CloudMean, ...]:
        """Mean refusal coordinate of every cloud at a layer, before and after re-centering."""

    def cloud_points(self, layer: int, no_signal: bool = False, own: OwnPoints | None = None) -> CloudPoints:
        """What each point is, those of a visitor's own set last, and its refusal coordinate at a layer."""

    def nearest_points(self, asked: Asked, layer: int, no_signal: bool = False) -> NearestPoints:
        """The points of the clouds nearest to a prompt of this session, by cosine after re-centering."""

    def measured(self, layer: int, no_signal: bool = False) -> tuple[Measured, ...]:
        """The numbers that may contradict the pictures of a layer."""

    def snippet(self, request: Request, layer: Any, gain: Any) -> str:
        """Python that gives both replies to a request as the page does. Raises RequestError."""

    def archive(self) -> Path:
        """The artifact as a zip file."""


class Backend(Protocol):
    """Knows which session the page shows."""

    @property
    def session(self) -> Session:
        """The one shown now. It may be another at the next look: look once for each piece of work."""


class Operator(Backend, Protocol):
    """A backend for who runs the page: it can show other models, and measure them."""

    def evaluate(self, plan: Plan) -> Iterator[Progress | dict[str, Any]]:
        """Strategies on a set: its progress, and the results at last, or none where it is stopped.

        Results have the keys of `mars-lens eval --json`. Raises RequestError.
        """

    def read_points(self, plan: Plan) -> Iterator[Progress | OwnPoints]:
        """Where the prompts of a set lie: progress, and the points at last, or none where it is stopped.

        Of a large set a sample is read. Raises RequestError.
        """

    def stop_evaluation(self) -> None:
        """End the evaluation, or the reading of points, after what it is at; finished cases are kept."""

    @property
    def recordings(self) -> tuple[str, ...]:
        """Folders of recordings that the page was started with."""

    def replace(self, source: str | Path, artifact: str | Path | None = None) -> Session:
        """Show another model, or the folder of a recording, to every visitor; the present one stays where that fails.

        Raises RequestError.
        """

    def fit(self, plan: FitPlan) -> Iterator[Progress | Session]:
        """Fit another model: its progress by step, and at last its session, which is shown from then on.

        Where it is stopped there is none, and the present one stays. Raises RequestError.
        """

    def stop_fit(self) -> None:
        """End the fit after the prompts it is at."""

    def record(self, plan: RecordPlan) -> Iterator[Progress | FinishedRecording]:
        """Record the model in use into a folder: progress by step, and what was recorded at last, or nothing where it
        is stopped; the same plan goes on from there.

        Raises RequestError.
        """

    def stop_recording(self) -> None:
        """End the recording after the prompt it is at; what is in the folder is kept."""

    @property
    def icon_vl(self) -> Offer | None:
        """What is offered of Icon-VL; None where it is shown already, or this copy has no trained one."""

    def get_icon_vl(self) -> Iterator[Progress]:
        """Fetch Icon-VL, or look on while it is fetched: how far it is, in MB, until it is there or was stopped.

        Closing the iterator does not end it. Raises RequestError; what was fetched is kept, for the next time.
        """

    def stop_getting(self) -> None:
        """End the fetching; what was fetched is kept."""
