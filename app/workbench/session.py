"""A model in memory with its artifact, as the page asks it: one frozen object, so that no work meets two models."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from numpy.typing import NDArray

from mars.analysis.alignment import without_signal
from mars.artifact.artifact import Artifact
from mars.bundled import ARTIFACT, MODELS, model_source
from mars.media.thumbnails import thumbnail
from mars.model.generation import branch, prefill
from mars.model.load_checks import check_source
from mars.model.loaded_model import LoadedModel
from mars.model.loading import load_model, make_known, model_name
from mars.steering import Mars, Unsteered
from mars.types import TokenStep

from ..results import (
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
    RequestError,
    Scores,
    TokenMap,
    VerdictMap,
)
from . import scores
from .cards import artifact_words, coming_card, model_card
from .clouds import Clouds
from .examples import examples_of
from .prompts import MAX_NEW_TOKENS, checked_gain, checked_layer, one_sentence, posters, read_prompt, thumbnail_url
from .recorded import Recorded, read_aggregates, read_recorded
from .replies import Counted, Reader
from .sweeping import gain_map, verdict_map
from .taking import archive, snippet
from .tokens import token_map
from .watching import Report, lending, watched


@dataclass(frozen=True, repr=False, eq=False)
class LiveSession:
    """One model and one artifact, for every visitor. Another model is another session (`backend.Session`)."""

    loading: Future[LoadedModel]
    """The model, once it is there."""
    artifact: Artifact
    clouds: Clouds
    """What is remembered of the artifact's clouds."""
    name: str
    """Of the model: its hub id, or its folder's name."""
    artifact_name: str = "fitted in memory"
    """Where the artifact comes from, in a few words."""
    source: str = "MODEL"
    """Folder, hub id or bundled name of the model; a stand-in for one that was made in memory."""
    artifact_folder: str = "ARTIFACT"
    """Or the bundled name, as `Artifact.load` takes it."""
    examples: tuple[Example, ...] = ()
    record: Recorded | None = None
    """What was answered before; None where nothing was."""
    aggregates: tuple[Aggregate, ...] = ()
    generation: int = 0
    """How many sessions the page showed before this one."""
    lock: threading.Lock = field(default_factory=threading.Lock)
    """Held while a model computes. Sessions that follow each other share it."""

    @classmethod
    def of(cls, model: LoadedModel, artifact: Artifact, **named: Any) -> "LiveSession":
        """A model that is there already. named: further fields."""
        loading: Future[LoadedModel] = Future()
        loading.set_result(model)
        return cls(loading, artifact, Clouds(artifact), model.name, **named)

    @classmethod
    def to_load(cls, source: str | Path, artifact: str | Path | None = None) -> "LiveSession":
        """A model that `load` will load, with its artifact and gallery; until then whatever needs the model waits.

        So the page is served meanwhile: on two busy cores it is usable 9.1 s after the imports, and 17.4 s where the
        model is loaded first (medians of six; `python scripts/latency.py`, and with --load-first).
        artifact: its folder; by default the folder `artifact` inside the model's own. Raises RequestError.
        """
        if not str(source).strip():
            raise RequestError("No model is named. Give a model's folder or its hub id.")
        folder = Path(artifact) if artifact else Path(model_source(source)) / ARTIFACT
        if not artifact and not folder.parent.is_dir() and str(source) not in MODELS:
            # Said before anything is fetched.
            raise RequestError(
                f"There is no folder {source} with a model and its artifact. Give the model's folder; for a "
                f"hub id, fit an artifact here or with python -m mars fit --model {source} --out FOLDER, and name "
                "that folder too."
            )
        with one_sentence():
            check_source(model_source(source))
            make_known(model_source(source))
            fitted = Artifact.read(folder)
            examples = examples_of(source)
        own = Path(model_source(source))
        return cls(
            Future(),
            fitted,
            Clouds(fitted),
            model_name(source),
            artifact_words(folder, fitted),
            source=str(source),
            artifact_folder=str(folder if artifact or str(source) not in MODELS else source),
            examples=examples,
            record=read_recorded(own, fitted.hash),
            aggregates=read_aggregates(own),
        )

    def load(self) -> "LiveSession":
        """Load the model and check that the artifact is its own.

        Raises RequestError, as does all that waits for the model.
        """
        try:
            with one_sentence():
                model = load_model(self.source)
                self.artifact.check(model)
        except BaseException as error:
            self.loading.set_exception(error)
            raise
        self.loading.set_result(model)
        return self

    def warm_up(self) -> None:
        """Begin in the background what takes seconds: UMAP and the numbers, of the chosen layer first."""
        # Two threads that import it at the same time find it half initialised.
        for part in ("linear_model", "manifold", "metrics", "neighbors", "pipeline", "preprocessing"):
            import_module(f"sklearn.{part}")
        self.clouds.pictures.warm_up(self.chosen_layer)
        threading.Thread(target=self._measure_all, name="numbers", daemon=True).start()

    def _measure_all(self) -> None:
        for layer in sorted(range(self.n_layers), key=lambda layer: abs(layer - self.chosen_layer)):
            self.clouds.measured(layer)

    @property
    def model(self) -> LoadedModel:
        """Waits for a model that is still to be loaded. Raises RequestError where it could not be."""
        return self.loading.result()

    @property
    def card(self) -> ModelCard:
        return model_card(self.model, self.artifact, self.artifact_name)

    @property
    def card_at_once(self) -> ModelCard:
        return self.card if self.loading.done() else coming_card(self.name, self.artifact, self.artifact_name)

    @property
    def n_layers(self) -> int:
        return self.artifact.n_layers

    @property
    def chosen_layer(self) -> int:
        return self.artifact.layer

    @property
    def bands(self) -> Mapping[str, NDArray]:
        return {label: band.numpy() for label, band in self.artifact.bands.items()}

    @property
    def folder(self) -> Path:
        """Of the model, with its artifact and its gallery."""
        return Path(model_source(self.source))

    @property
    def results(self) -> Mapping[str, Any] | None:
        return None

    @property
    def opening(self) -> Example | None:
        return next((one for one in self.examples if self.record and one.title == self.record.opening), None)

    def recorded(self, example: Example) -> Comparison | None:
        found = self.record.comparisons.get(example.title) if self.record else None
        return found and replace(found, generation=self.generation)

    def posters(self) -> Mapping[str, str]:
        return posters(self.examples)

    def scores(self) -> Scores:
        return scores.told(self.artifact.scores, self.artifact.effect, self.artifact.rounding_note)

    def check_layer(self, layer: Any) -> int:
        return checked_layer(layer, self)

    def compare(
        self,
        text: str,
        files: Sequence[str | Path] = (),
        layer: Any = None,
        gain: Any = 1.0,
        max_new_tokens: int = 48,
        system: str = "",
    ) -> Iterator[Comparison]:
        layer, gain = self.check_layer(layer), checked_gain(gain)
        length = max(1, min(int(max_new_tokens), MAX_NEW_TOKENS))
        with one_sentence():
            prompt = read_prompt(text, files, system)
            geometry = self.artifact.geometry(layer, prompt.modality)
            counted = Counted(Mars(geometry.to(self.model.layer_device(layer)), gain))
            with self.lock:
                prefix = prefill(self.model, prompt)
            steps = branch(self.model, prefix, (Unsteered(), counted), layer, max_new_tokens=length)
            reader = Reader(
                self.model, self.artifact, prompt, layer, prefix, Mars(geometry, gain), counted,
                thumbnail_url(thumbnail(prompt)), self.generation,
            )  # fmt: skip
            yield from reader.comparisons(iter(partial(self._next, steps), None))

    def _next(self, steps: Iterator[TokenStep]) -> TokenStep | None:
        """One decoding step with the model to itself."""
        with self.lock:
            return next(steps, None)

    def token_map(self, text: str, files: Sequence[str | Path] = (), system: str = "") -> TokenMap:
        with one_sentence(), self.lock:
            return token_map(self.model, self.artifact, read_prompt(text, files, system), self.generation)

    def gain_map(self, text: str, files: Sequence[str | Path] = (), system: str = "") -> Iterator[Progress | GainMap]:
        def work(report: Report) -> GainMap:
            with self.lock:
                return gain_map(self.model, self.artifact, prompt, report)

        with one_sentence():
            prompt = read_prompt(text, files, system)
            yield from watched(work)

    def verdict_map(
        self, text: str, files: Sequence[str | Path] = (), system: str = ""
    ) -> Iterator[Progress | VerdictMap]:
        """The model answers others between two layers."""

        def work(report: Report) -> VerdictMap:
            with self.lock:
                return verdict_map(self.model, self.artifact, prompt, lending(self.lock, report))

        with one_sentence():
            prompt = read_prompt(text, files, system)
            yield from watched(work)

    def picture(
        self,
        view: str,
        layer: int,
        asked: Sequence[Asked] = (),
        no_signal: bool = False,
        own: OwnPoints | None = None,
    ) -> Picture:
        stars = [one for one in asked if one.generation == self.generation]
        with one_sentence():
            return self._clouds(no_signal).pictures.draw(view, self.check_layer(layer), stars, self._of_here(own))

    def cloud_means(self, layer: int, no_signal: bool = False) -> tuple[CloudMean, ...]:
        return self._clouds(no_signal).means(self.check_layer(layer))

    def cloud_points(self, layer: int, no_signal: bool = False, own: OwnPoints | None = None) -> CloudPoints:
        return self._clouds(no_signal).points(self.check_layer(layer), self._of_here(own))

    def _of_here(self, own: OwnPoints | None) -> OwnPoints | None:
        return own if own and own.generation == self.generation else None

    def nearest_points(self, asked: Asked, layer: int, no_signal: bool = False) -> NearestPoints:
        return self._clouds(no_signal).nearest(asked, self.check_layer(layer))

    def measured(self, layer: int, no_signal: bool = False) -> tuple[Measured, ...]:
        return self._clouds(no_signal).measured(self.check_layer(layer))

    def _clouds(self, no_signal: bool) -> Clouds:
        return self._without_signal if no_signal else self.clouds

    @cached_property
    def _without_signal(self) -> Clouds:
        """The clouds with labels at random, made when they are first asked for."""
        return Clouds(without_signal(self.artifact))

    def snippet(self, request: Request, layer: Any, gain: Any) -> str:
        return snippet(self.source, self.artifact_folder, request, self.check_layer(layer), checked_gain(gain))

    def archive(self) -> Path:
        path = Path(self._folder.name) / f"{self.name.replace('/', '-')}-artifact.zip"
        if not path.exists():
            archive(self.artifact, path)
        return path

    @cached_property
    def _folder(self) -> TemporaryDirectory:
        """For files that leave the page; it goes with the session."""
        return TemporaryDirectory(prefix="mars-lens-")
