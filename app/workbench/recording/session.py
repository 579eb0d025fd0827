"""A recording as the page asks it: every answer is one that the model gave when it was recorded."""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mars.bundled import MODELS
from mars.recording.storage import Recording, RecordingError

from ...results import (
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
from ...results.packing import PackingError, unpack
from ..prompts import checked_gain, checked_layer, one_sentence, posters
from ..taking import snippet
from .asked import find
from .drawing import picture
from .kept import CLOUDS, NO_SIGNAL, RESULTS, SESSION, KeptClouds, KeptHead, KeptPlace, KeptPrompt, KeptSession
from .provenance import differing, recorded_on

IN_MEMORY = 16
"""Prompts whose answers are remembered."""


@dataclass(frozen=True, repr=False, eq=False)
class RecordedSession:
    """A recording, for every visitor. No model is loaded (`backend.Session`)."""

    recording: Recording
    kept: KeptSession
    clouds: KeptClouds | None
    no_signal: KeptClouds | None
    answers: Callable[[str], KeptPrompt]
    """Key of a prompt -> what it was answered with."""
    generation: int = 0
    """How many sessions the page showed before this one."""
    lock: threading.Lock = field(default_factory=threading.Lock)
    """Of the page's model; a recording needs none."""

    @classmethod
    def open(cls, folder: str | Path) -> "RecordedSession":
        """Check a recording and read all of it but its prompts. Raises RequestError."""
        with one_sentence():
            recording = Recording.open(folder)

            def read(kind: Any, name: str) -> Any:
                return _read(recording, kind, name)

            clouds, no_signal = (
                read(KeptClouds, name) if name in recording.names else None for name in (CLOUDS, NO_SIGNAL)
            )
            answers = lru_cache(IN_MEMORY)(lambda key: read(KeptPrompt, f"prompts/{key}"))
            kept = read(KeptSession, SESSION)
            if not kept.prompts:
                raise RecordingError(f"The recording in {folder} holds no prompt.")
            listed = {f"prompts/{head.key}.safetensors" for head in kept.prompts}
            listed |= {head.example.media for head in kept.prompts if head.example.media}
            if missing := sorted(listed - recording.files.keys()):
                raise RecordingError(f"The recording in {folder} is incomplete: it lists {missing[0]}, and lacks it.")
            return cls(recording, kept, clouds, no_signal, answers)

    def warm_up(self) -> None:
        """Nothing is computed."""

    @property
    def source(self) -> str:
        """Folder of the recording."""
        return str(self.recording.folder)

    @property
    def model(self) -> Any:
        """Raises RequestError: there is none."""
        raise RequestError(f"This is a recording of {self.name}, and no model is loaded. {self._load}")

    @property
    def name(self) -> str:
        return self.recording.header.model

    @cached_property
    def card(self) -> ModelCard:
        header, card = self.recording.header, self.kept.card
        note = " ".join(filter(None, (card.note, differing(header))))
        return replace(card, recorded=recorded_on(header), note=note)

    @property
    def card_at_once(self) -> ModelCard:
        return self.card

    @cached_property
    def examples(self) -> tuple[Example, ...]:
        return tuple(map(self._example, self.kept.prompts))

    @property
    def n_layers(self) -> int:
        return self.kept.n_layers

    @property
    def chosen_layer(self) -> int:
        return self.kept.chosen_layer

    @property
    def bands(self) -> Mapping[str, NDArray]:
        return self.kept.bands

    @cached_property
    def opening(self) -> Example | None:
        """The first harmful example with an image or video that was complied with and with MARS refused, else the
        first."""
        for head, example in zip(self.kept.prompts, self.examples, strict=True):
            if head.marks and example.label == "harmful" and not head.system:
                found = self.recorded(example)
                if found and (found.unsteered.kind, found.steered.kind) == ("complies", "refuses"):
                    return example
        return self.examples[0]

    def recorded(self, example: Example) -> Comparison | None:
        head = next((head for head in self.kept.prompts if self._example(head) == example and not head.system), None)
        found = head and self.answers(head.key).at(self.chosen_layer, 1.0)
        return found and self._own(found, head)

    @property
    def aggregates(self) -> tuple[Aggregate, ...]:
        return self.kept.aggregates

    @cached_property
    def results(self) -> Mapping[str, Any] | None:
        if RESULTS not in self.recording.names:
            return None
        with one_sentence():
            return self.recording.entry(RESULTS).plain

    def posters(self) -> Mapping[str, str]:
        return posters(self.examples)

    def scores(self) -> Scores:
        return self.kept.scores

    def check_layer(self, layer: Any) -> int:
        return checked_layer(layer, self)

    def compare(
        self,
        text: str,
        files: Sequence[str | Path] = (),
        layer: Any = None,
        gain: Any = 1.0,
        max_new_tokens: int = 48,  # noqa: ARG002 - a reply is as long as it was recorded
        system: str = "",
    ) -> Iterator[Comparison]:
        """Both whole replies at once, as long as they were recorded."""
        layer, gain = self.check_layer(layer), checked_gain(gain)
        head = self._find(text, files, system)
        kept = self.answers(head.key)
        found = kept.at(layer, gain)
        if found is None:
            cells = [(one.receipt.layer, one.receipt.gain) for one in kept.comparisons]
            at, by = min(cells, key=lambda cell: (abs(cell[0] - layer), abs(cell[1] - gain)))
            raise RequestError(
                f"Layer {layer} at gain {gain:g} was not recorded for this prompt. The nearest is layer {at} "
                f"at gain {by:g}: set it above, or load the model. {self._load}"
            )
        yield self._own(found, head)

    def token_map(self, text: str, files: Sequence[str | Path] = (), system: str = "") -> TokenMap:
        return replace(self.answers(self._find(text, files, system).key).tokens, generation=self.generation)

    def gain_map(self, text: str, files: Sequence[str | Path] = (), system: str = "") -> Iterator[Progress | GainMap]:
        yield self.answers(self._find(text, files, system).key).gains

    def verdict_map(
        self, text: str, files: Sequence[str | Path] = (), system: str = ""
    ) -> Iterator[Progress | VerdictMap]:
        found = self.answers(self._find(text, files, system).key).verdicts
        if found is None:
            raise RequestError(
                f"The map of verdicts was not recorded for this prompt; the map of first tokens was. {self._load}"
            )
        yield found

    def picture(
        self,
        view: str,
        layer: int,
        asked: Sequence[Asked] = (),
        no_signal: bool = False,
        own: OwnPoints | None = None,  # noqa: ARG002, of a model that answers
    ) -> Picture:
        asked = [one for one in asked if one.generation == self.generation]
        places = [self._place(one, no_signal) for one in asked]
        return picture(self._clouds(no_signal), view, self.check_layer(layer), asked, places)

    def cloud_means(self, layer: int, no_signal: bool = False) -> tuple[CloudMean, ...]:
        return self._clouds(no_signal).means[self.check_layer(layer)]

    def cloud_points(
        self,
        layer: int,
        no_signal: bool = False,
        own: OwnPoints | None = None,  # noqa: ARG002
    ) -> CloudPoints:
        clouds, layer = self._clouds(no_signal), self.check_layer(layer)
        return CloudPoints(
            clouds.modalities, clouds.labels, clouds.titles, clouds.thumbnails, *clouds.coordinates[layer]
        )

    def nearest_points(self, asked: Asked, layer: int, no_signal: bool = False) -> NearestPoints:
        place, layer = self._place(asked, no_signal), self.check_layer(layer)
        return NearestPoints(asked.title, tuple(place.rows[layer].tolist()), tuple(place.cosines[layer].tolist()))

    def measured(self, layer: int, no_signal: bool = False) -> tuple[Measured, ...]:
        return self._clouds(no_signal).measured[self.check_layer(layer)]

    def snippet(self, request: Request, layer: Any, gain: Any) -> str:
        source = self.recording.header.source
        artifact = source if source in MODELS else "ARTIFACT"  # of a bundled model it is known by the same name
        return snippet(source, artifact, request, self.check_layer(layer), checked_gain(gain))

    def archive(self) -> Path:
        raise RequestError(
            "The artifact is not in this recording, which names it by its hash, "
            f"{self.recording.header.artifact[:16]}."
        )

    @property
    def _load(self) -> str:
        """How to get the model itself."""
        source = self.recording.header.source
        return f"To ask {self.name} itself: python app.py --model {source}, where it can run."

    def _example(self, head: KeptHead) -> Example:
        media = head.example.media
        return head.example if media is None else replace(head.example, media=str(self.recording.folder / media))

    def _find(self, text: str, files: Sequence[str | Path], system: str) -> KeptHead:
        return find(self.kept.prompts, text, files, system, self._load)

    def _own(self, found: Comparison, head: KeptHead) -> Comparison:
        """A comparison as one of this session, with the number of its prompt in place of activations."""
        number = np.array([self.kept.prompts.index(head)], np.int64)
        return replace(found, activations=number, generation=self.generation)

    def _place(self, asked: Asked, no_signal: bool) -> KeptPlace:
        head = self.kept.prompts[int(asked.activations[0])]
        kept = self.answers(head.key)
        return kept.place_no_signal if no_signal else kept.place

    def _clouds(self, no_signal: bool) -> KeptClouds:
        clouds = self.no_signal if no_signal else self.clouds
        if clouds is None:
            raise RequestError("This recording holds no clouds to draw: the artifact that it was made with had none.")
        return clouds


def _read(recording: Recording, kind: Any, name: str) -> Any:
    """An entry as a result. Raises RequestError where it is damaged, or is none."""
    with one_sentence():
        entry = recording.entry(name)
        try:
            return unpack(kind, entry.plain, entry.arrays)
        except PackingError as error:
            raise RecordingError(f"The recording in {recording.folder} is incomplete: {name} ({error}).") from error
