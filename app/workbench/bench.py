"""The workbench: one loaded model, its artifact, and what was computed of them.

Imports no gradio. Everything goes out as `app.results`; everything that a visitor can get wrong comes back as
RequestError, one sentence.
"""

import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from app.results import (
    Asked,
    CloudMean,
    Comparison,
    Example,
    GainMap,
    Measured,
    ModelCard,
    Picture,
    Progress,
    Request,
    RequestError,
    Scores,
    TokenMap,
)
from app.workbench import replies, scores, sweeping
from app.workbench.afar import Afar
from app.workbench.clouds import Clouds
from app.workbench.evaluating import RUNS, Plan, evaluate, evaluate_on_ray
from app.workbench.fitting import FitPlan, fitted
from app.workbench.opening import Coming, Opened, coming_card, model_card, one_sentence, opened, to_open
from app.workbench.prompts import MAX_NEW_TOKENS, checked_gain, posters, read_prompt, thumbnail_url
from app.workbench.taking import archive, snippet
from app.workbench.tokens import token_map
from app.workbench.watching import Report, watched
from mars.analysis.alignment import without_signal
from mars.artifact.artifact import Artifact
from mars.media.thumbnails import thumbnail
from mars.model.generation import branch, prefill
from mars.model.loaded_model import LoadedModel
from mars.steering import Mars, Unsteered
from mars.types import TokenStep

PAUSE = 0.002
"""Seconds between two cases of an evaluation, for whoever else waits for the model."""


@dataclass(repr=False, eq=False)
class Workbench:
    """One model and one artifact, for every visitor of the process."""

    model: LoadedModel | Coming
    artifact: Artifact
    artifact_name: str = "fitted in memory"
    examples: tuple[Example, ...] = ()
    generation: int = 0
    """How many times another model took this one's place."""
    _lock: threading.Lock = field(default_factory=threading.Lock)
    source: str = "MODEL"
    """Folder or hub id of the model, as the operator named it; a stand-in for one that was made in memory."""
    artifact_folder: str = "ARTIFACT"
    runs: Path = RUNS
    """Folder in which evaluations that were stopped wait to go on."""
    ray: str | None = None
    """Address of the Ray that the operator lets evaluations run on; None where there is none."""
    _afar: Afar = field(default_factory=Afar)
    _stop: threading.Event = field(default_factory=threading.Event)
    _stop_fit: threading.Event = field(default_factory=threading.Event)
    _archive: Path | None = None
    _posters: dict[str, str] | None = None

    def __post_init__(self) -> None:
        self._take_clouds()

    @classmethod
    def open(
        cls, source: str | Path, artifact: str | Path | None = None, examples: Sequence[Example] = ()
    ) -> "Workbench":
        """Load a model and its artifact, by default from the folder `artifact` inside the model's own.

        Raises RequestError with one sentence.
        """
        made = cls.to_open(source, artifact, examples)
        made.open_model()
        return made

    @classmethod
    def to_open(
        cls, source: str | Path, artifact: str | Path | None = None, examples: Sequence[Example] = ()
    ) -> "Workbench":
        """As `open`, but for the model: `open_model` opens it, and until then whatever needs it waits."""
        found = to_open(source, artifact)
        return cls(found.model, found.artifact, found.words, tuple(examples), source=found.source,
                   artifact_folder=str(found.folder))  # fmt: skip

    def open_model(self) -> None:
        """Open the model that is still to come, if it is. Raises RequestError with one sentence."""
        if isinstance(coming := self.model, Coming):
            model = coming.open(self.artifact)
            with self._lock:
                if self.model is coming:
                    self.model = model

    def replace(self, source: str | Path, artifact: str | Path | None = None) -> None:
        """Put another model in this one's place, for every visitor; this one stays where that fails.

        Raises RequestError with one sentence.
        """
        self._take(opened(source, artifact))

    def fit(self, plan: FitPlan) -> Iterator[Progress]:
        """Fit another model and put it in this one's place: its progress by step. This one stays where it is stopped.

        Raises RequestError with one sentence.
        """
        self._stop_fit.clear()
        with one_sentence():
            for step in watched(partial(fitted, plan), self._stop_fit):
                if isinstance(step, Progress):
                    yield step
                else:
                    self._take(step)

    def stop_fit(self) -> None:
        """End the fit after the prompts it is at."""
        self._stop_fit.set()

    def _take(self, found: Opened) -> None:
        with self._lock:
            self.model, self.artifact, self.artifact_name = found.model, found.artifact, found.words
            self.source, self.artifact_folder, self._archive = found.source, str(found.folder), None
            self._take_clouds()
            self.generation += 1
        self.warm_up()

    @property
    def n_layers(self) -> int:
        return self.artifact.n_layers

    @property
    def chosen_layer(self) -> int:
        """The layer that the text-only scores chose."""
        return self.artifact.layer

    @property
    def bands(self) -> dict[str, Any]:
        """5, 50 and 95 % of s of harmful and harmless validation text: label -> (layer, 3)."""
        return {label: band.numpy() for label, band in self.artifact.bands.items()}

    @property
    def card(self) -> ModelCard:
        """What the top line says; waits for a model that is still to come."""
        return model_card(self.model, self.artifact_name)

    @property
    def card_at_once(self) -> ModelCard:
        """As `card`, without what only the model can tell where it is still to come."""
        if isinstance(self.model, Coming):
            return coming_card(self.model, self.artifact, self.artifact_name)
        return self.card

    def scores(self) -> Scores:
        """The three text-only scores and their mean, with the chosen layer and its reason."""
        return scores.told(self.artifact.scores)

    def posters(self) -> dict[str, str]:
        """A small picture of each example's clip, of the frame that shows most: path -> data URL. Remembered."""
        if self._posters is None:
            self._posters = posters(self.examples)
        return self._posters

    def check_layer(self, layer: Any) -> int:
        """A layer that exists, the chosen one for None. Raises RequestError."""
        if layer is None or layer == "":
            return self.chosen_layer
        if isinstance(layer, float) and layer.is_integer():
            layer = int(layer)
        with one_sentence():
            return self.model.check_layer(layer)

    def compare(
        self,
        text: str,
        files: Sequence[str | Path] = (),
        layer: Any = None,
        gain: Any = 1.0,
        max_new_tokens: int = 48,
    ) -> Iterator[Comparison]:
        """Read a prompt once and answer it unsteered and with MARS, one Comparison a token.

        Nothing is kept when the iterator is closed early. Raises RequestError.
        """
        layer, gain = self.check_layer(layer), checked_gain(gain)
        length = max(1, min(int(max_new_tokens), MAX_NEW_TOKENS))
        with one_sentence():
            prompt = read_prompt(text, files)
            geometry = self.artifact.geometry(layer, prompt.modality)
            counted = replies.Counted(Mars(geometry.to(self.model.layer_device(layer)), gain))
            with self._lock:
                prefix = prefill(self.model, prompt)
            steps = branch(self.model, prefix, (Unsteered(), counted), layer, max_new_tokens=length)
            reader = replies.Reader(
                self.model, self.artifact, prompt.modality, layer, prefix, Mars(geometry, gain), counted,
                thumbnail_url(thumbnail(prompt)),
            )  # fmt: skip
            first: TokenStep | None = None
            while (step := self._next(steps)) is not None:
                first = first or step
                yield reader.comparison(first, step)

    def answer(self, text: str, files: Sequence[str | Path] = (), layer: Any = None, gain: Any = 1.0) -> dict:
        """The whole comparison as plain JSON values, as the API gives it. Raises RequestError."""
        *_, last = self.compare(text, files, layer, gain)
        return replies.as_json(last)

    def token_map(self, text: str, files: Sequence[str | Path] = ()) -> TokenMap:
        """A prompt position by position. Raises RequestError."""
        with one_sentence(), self._lock:
            return token_map(self.model, self.artifact, read_prompt(text, files), self.generation)

    def gain_map(self, text: str, files: Sequence[str | Path] = ()) -> Iterator[Progress | GainMap]:
        """All layers and gains of a prompt: its progress, and the map at last. Raises RequestError."""

        def work(report: Report) -> GainMap:
            with self._lock:
                return sweeping.gain_map(self.model, self.artifact, prompt, report)

        with one_sentence():
            prompt = read_prompt(text, files)
            yield from watched(work)

    def sweep(self, text: str, files: Sequence[str | Path] = ()) -> dict[str, Any]:
        """All layers and gains as plain JSON values, as the API gives them. Raises RequestError."""
        *_, found = self.gain_map(text, files)
        return sweeping.as_json(found)

    def evaluate(self, plan: Plan) -> Iterator[Progress | dict[str, Any]]:
        """Strategies on a set: its progress, and the results at last, or none where it is stopped.

        The model answers others between two cases. Raises RequestError.
        """
        plan = replace(plan, layer=self.check_layer(plan.layer), gain=checked_gain(plan.gain))

        def work(report: Report) -> dict[str, Any]:
            def pausing(done: int, total: int) -> None:
                self._lock.release()
                try:
                    report(done, total)
                    time.sleep(PAUSE)
                finally:
                    self._lock.acquire()

            with self._lock:
                return evaluate(self.model, self.artifact, plan, pausing, self.runs)

        self._stop.clear()
        with one_sentence():
            yield from watched(work, self._stop)

    def evaluate_afar(self, plan: Plan) -> Iterator[Progress | dict[str, Any]]:
        """As `evaluate`, on the operator's Ray; it goes on when the iterator is closed. Raises RequestError."""
        if self.ray is None:
            raise RequestError("This page has no Ray. Its operator names one with: python app.py --ray ADDRESS.")
        plan = replace(plan, layer=self.check_layer(plan.layer), gain=checked_gain(plan.gain))
        given = (self.ray, self.source, self.artifact_folder, self.model, self.artifact, plan)
        self._afar.begin(lambda report: evaluate_on_ray(*given, report, self.runs))
        yield from self.follow_evaluation()

    @property
    def has_evaluation_afar(self) -> bool:
        """Whether an evaluation on Ray was begun, be it over or not."""
        return self._afar.was_begun

    def follow_evaluation(self) -> Iterator[Progress | dict[str, Any]]:
        """An evaluation on Ray from where it is to its results; nothing where none was begun. Raises RequestError."""
        with one_sentence():
            yield from self._afar.follow()

    def stop_evaluation(self) -> None:
        """End the evaluation after the case it is at; what is finished is kept."""
        self._stop.set()
        self._afar.stop()

    def snippet(self, request: Request, layer: Any, gain: Any) -> str:
        """Python that gives both replies to a request as the page does. Raises RequestError."""
        return snippet(self.source, self.artifact_folder, request, self.check_layer(layer), checked_gain(gain))

    def archive(self) -> Path:
        """The artifact as a zip file, made once."""
        if self._archive is None or not self._archive.exists():
            self._archive = archive(self.artifact, f"{self.card.name.replace('/', '-')}-artifact")
        return self._archive

    def picture(self, view: str, layer: int, asked: Sequence[Asked] = (), no_signal: bool = False) -> Picture:
        """Twin panels of the clouds with this visit's prompts as stars. Raises RequestError.

        no_signal: whether labels are dealt at random, to show what the picture makes of nothing.
        """
        with one_sentence():
            return self._clouds(no_signal).pictures.draw(view, self.check_layer(layer), asked)

    def cloud_means(self, layer: int, no_signal: bool = False) -> tuple[CloudMean, ...]:
        """Mean refusal coordinate of every cloud at a layer, before and after re-centering."""
        return self._clouds(no_signal).means(self.check_layer(layer))

    def measured(self, layer: int, no_signal: bool = False) -> tuple[Measured, ...]:
        """The numbers that may contradict the pictures of a layer, remembered."""
        return self._clouds(no_signal).measured(self.check_layer(layer))

    def warm_up(self) -> None:
        """Begin in the background what takes seconds: UMAP and the numbers, of the chosen layer first."""
        # Two threads that import it at the same time find it half initialised.
        for part in ("linear_model", "manifold", "metrics", "neighbors", "pipeline", "preprocessing"):
            import_module(f"sklearn.{part}")
        self.clouds.pictures.warm_up(self.chosen_layer)
        threading.Thread(target=self._measure_all, name="numbers", daemon=True).start()

    def _measure_all(self) -> None:
        for layer in sorted(range(self.n_layers), key=lambda layer: abs(layer - self.chosen_layer)):
            self.measured(layer)

    def _take_clouds(self) -> None:
        self.clouds = Clouds(self.artifact)
        self._nothing: Clouds | None = None

    def _clouds(self, no_signal: bool) -> Clouds:
        """The artifact's clouds, or the same with labels dealt at random, made when they are first asked for."""
        if not no_signal:
            return self.clouds
        if self._nothing is None:
            self._nothing = Clouds(without_signal(self.artifact))
        return self._nothing

    def _next(self, steps: Iterator[TokenStep]) -> TokenStep | None:
        """One decoding step with the model to itself."""
        with self._lock:
            return next(steps, None)
