"""Recording a session: every prompt asked as the page asks it, and what it answered written to a folder."""

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from mars.analysis.alignment import without_signal
from mars.artifact.artifact import Artifact
from mars.bundled import model_source
from mars.distributed.executor import Cluster, Executor, run_serial
from mars.fitted.fitted import in_half
from mars.media.decode import read_media
from mars.media.prompt import Prompt
from mars.media.thumbnails import SIDE, thumbnail
from mars.model.info import Load, ModelInfo, model_info
from mars.model.loaded_model import LoadedModel
from mars.recording.machine import peak_bytes, processor_of
from mars.recording.plan import Settings, Shape, passes
from mars.recording.prompts import Line, medium_hash
from mars.recording.storage import Entry, Header, Recorder, Recording
from mars.versions import versions_here

from ...results import Aggregate, Asked, Example, ModelCard, RequestError
from ...results.packing import pack
from .. import scores
from ..cards import artifact_words, model_card
from ..clouds import Clouds
from ..pictures import VIEWS
from ..prompts import data_url, read_prompt
from ..recorded import read_aggregates
from ..session import LiveSession
from ..sweeping import verdict_map
from .kept import (
    CLOUDS,
    NO_SIGNAL,
    RESULTS,
    SESSION,
    KeptClouds,
    KeptHead,
    KeptPlace,
    KeptPrompt,
    KeptSession,
    KeptView,
)

PAUSE = 0.05
"""Seconds between looks whether a layout that is computed in the background is there."""

Progress = Callable[[str, int, int], None]
"""Called with the step, how much of it is done, and of how much."""


class Subject(NamedTuple):
    """What is recorded; the model itself may be on another machine."""

    info: ModelInfo
    card: ModelCard
    processor: str


def record(
    folder: str | Path,
    session: LiveSession,
    lines: Sequence[Line],
    settings: Settings,
    *,
    results: Mapping[str, Any] | None = None,
    progress: Progress = lambda step, done, total: None,  # noqa: ARG005
) -> Recording:
    """Record prompts into a folder, one after the other; a recording that was stopped goes on where it was.

    results: of an evaluation, as `mars-lens eval --json` writes them. Raises RecordingError where the folder holds
    anything else or was begun otherwise, ValueError for a layer or a prompt that cannot be recorded.
    """
    settings = settings.at(session.chosen_layer, session.n_layers)
    subject = _subject(session.model, session.artifact, session.artifact_name)
    make = partial(Answerer, session, settings)
    return _record(folder, session.source, subject, session.artifact, session.aggregates, lines, settings, results,
                   run_serial, make, progress)  # fmt: skip


def record_on(
    cluster: Cluster,
    load: Load,
    folder: str | Path,
    source: str,
    artifact_folder: Path,
    lines: Sequence[Line],
    settings: Settings,
    *,
    results: Mapping[str, Any] | None = None,
    progress: Progress = lambda step, done, total: None,  # noqa: ARG005
) -> Recording:
    """As `record`, by the workers of a cluster, each of which loads the model once; none is loaded here."""
    artifact = Artifact.read(artifact_folder)
    settings = settings.at(artifact.layer, artifact.n_layers)
    subject = cluster.once(partial(_loaded_subject, load, artifact_folder))
    make = partial(_loaded_answerer, load, artifact_folder, settings)
    aggregates = read_aggregates(Path(model_source(source)))
    return _record(folder, source, subject, artifact, aggregates, lines, settings, results, cluster.execute, make,
                   progress)  # fmt: skip


@dataclass(frozen=True)
class Answerer:
    """Asks a session everything that is recorded of a prompt."""

    session: LiveSession
    settings: Settings

    def __call__(self, line: Line) -> Entry:
        """What `KeptPrompt` holds, packed. Raises RequestError where the prompt cannot be answered."""
        began, computed = time.monotonic(), time.process_time()
        session, files = self.session, [str(line.medium)] if line.medium else []
        length = self.settings.length(line)
        comparisons = []
        for layer, gain in self.settings.cells:
            *_, last = session.compare(line.text, files, layer, gain, length, line.system)
            comparisons.append(last)
        tokens = session.token_map(line.text, files, line.system)
        if not line.keeps_medium:
            shown = read_prompt(line.text, files).images
            tokens = replace(tokens, pictures=tuple(data_url(one, SIDE) for one in shown))
        *_, gains = session.gain_map(line.text, files, line.system)
        activations = comparisons[0].activations
        asked = Asked(line.title, comparisons[0].curves.modality, activations, generation=session.generation)
        kept = KeptPrompt(
            comparisons=tuple(replace(one, activations=np.zeros(0, np.float32)) for one in comparisons),
            tokens=tokens,
            gains=gains,
            verdicts=self._verdicts(line, files) if self.settings.verdicts else None,
            place=place_of(session, asked, no_signal=False),
            place_no_signal=place_of(session, asked, no_signal=True),
            hidden_states=in_half(torch.from_numpy(activations)).numpy() if self.settings.hidden_states else None,
            seconds=time.monotonic() - began,
            processor_seconds=time.process_time() - computed,
        )
        return Entry(*pack(kept))

    def _verdicts(self, line: Line, files: list[str]):
        session = self.session
        length = self.settings.length(line, session.artifact.reply_tokens)
        prompt = read_prompt(line.text, files, line.system)
        return verdict_map(session.model, session.artifact, prompt, lambda *_: None, length)


def kept_clouds(clouds: Clouds, progress: Callable[[int], None] = lambda _: None) -> KeptClouds | None:
    """The clouds of an artifact at every layer; None where it holds none. Waits for layouts that are computed.

    progress: called with how many layers were drawn so far, over all of VIEWS.
    """
    if not clouds.artifact.clouds:
        return None
    layers = range(clouds.artifact.n_layers)
    points = [clouds.points(layer) for layer in layers]
    views = {}
    for number, view in enumerate(VIEWS):
        drawn = []
        for layer in layers:
            drawn.append(_finished(partial(clouds.pictures.draw, view, layer, ())))
            progress(number * len(layers) + layer + 1)
        if not any(one.standing_in for one in drawn):
            views[view] = KeptView(
                points=np.array([[one.before, one.after] for one in drawn], np.float32),
                trustworthiness=np.array([one.trustworthiness for one in drawn]),
                axes=tuple(one.axes for one in drawn),
                caption=drawn[0].caption,
            )
    first = points[0]
    return KeptClouds(
        first.modalities, first.labels, first.titles, first.thumbnails,
        coordinates=np.array([[one.before, one.after] for one in points], np.float32),
        views=views,
        means=tuple(clouds.means(layer) for layer in layers),
        measured=tuple(clouds.measured(layer) for layer in layers),
    )  # fmt: skip


def place_of(session: LiveSession, asked: Asked, no_signal: bool) -> KeptPlace | None:
    """Where a prompt lies at every layer; None where the artifact holds no clouds."""
    if not session.artifact.clouds:
        return None
    layers = range(session.n_layers)
    views = {}
    for view in VIEWS:
        drawn = [_finished(partial(session.picture, view, layer, [asked], no_signal)) for layer in layers]
        if not any(one.standing_in for one in drawn):
            views[view] = np.array([[one.stars_before[0], one.stars_after[0]] for one in drawn], np.float32)
    near = [session.nearest_points(asked, layer, no_signal) for layer in layers]
    rows, cosines = np.array([one.rows for one in near]), np.array([one.cosines for one in near], np.float64)
    return KeptPlace(views, rows, cosines)


def _finished(draw: Callable[[], Any]) -> Any:
    while (drawn := draw()).is_temporary:
        time.sleep(PAUSE)
    return drawn


def _record(
    folder: str | Path,
    source: str,
    subject: Subject,
    artifact: Artifact,
    aggregates: tuple[Aggregate, ...],
    lines: Sequence[Line],
    settings: Settings,
    results: Mapping[str, Any] | None,
    execute: Executor,
    make: Callable[[], Callable[[Line], Entry]],
    progress: Progress,
) -> Recording:
    if results is not None and results.get("hashes", {}).get("artifact", artifact.hash) != artifact.hash:
        raise ValueError("The results are of an evaluation with another artifact. Evaluate what is recorded.")
    recorder = Recorder(folder, _header(source, subject, artifact, settings))
    heads, media = [], set()
    for line in lines:
        head = _head(recorder, line)
        heads.append(head)
        media.update({head.example.media} - {None})
    if artifact.clouds:
        _keep_clouds(recorder, artifact, progress)
    missing = [line for line in lines if not recorder.has(_name(line.key))]
    done = len(lines) - len(missing)
    progress("prompts", done, len(lines))
    for number, entry in execute(missing, _same, make):
        line = missing[number]
        if entry is None:
            raise RequestError(f"Each worker that was given “{line.title}” died, perhaps because memory ran out.")
        recorder.keep(_name(line.key), entry)
        done += 1
        progress("prompts", done, len(lines))
    kept = KeptSession(
        card=subject.card,
        n_layers=artifact.n_layers,
        chosen_layer=artifact.layer,
        bands={label: band.numpy() for label, band in artifact.bands.items()},
        scores=scores.told(artifact.scores, artifact.effect, artifact.rounding_note),
        aggregates=aggregates,
        prompts=tuple(heads),
    )
    recorder.keep(SESSION, Entry(*pack(kept)))
    names = [SESSION, *((CLOUDS, NO_SIGNAL) if artifact.clouds else ())]
    if results is not None:
        recorder.keep(RESULTS, Entry(dict(results), {}))
    if results is not None or recorder.has(RESULTS):
        names.append(RESULTS)
    took: Counter[str] = Counter()
    for line in lines:
        took.update({name: recorder.entry(_name(line.key)).plain[name] for name in ("seconds", "processor_seconds")})
    shape = Shape.of(artifact)
    cost = {
        "prompts": len(lines),
        "passes": sum(passes(line, settings, shape) for line in lines),
        **{name: round(seconds, 3) for name, seconds in took.items()},
        "layers": artifact.n_layers,
        "peak_bytes": peak_bytes(),
    }
    recorder.finish([*names, *(_name(line.key) for line in lines)], media, cost)
    return Recording.open(folder)


def _keep_clouds(recorder: Recorder, artifact: Artifact, progress: Progress) -> None:
    """The clouds with labels and with labels at random, where they are not there yet."""
    each = len(VIEWS) * artifact.n_layers
    for number, (name, of) in enumerate(((CLOUDS, lambda: artifact), (NO_SIGNAL, lambda: without_signal(artifact)))):

        def drawn(layers: int, before: int = number * each) -> None:
            progress("clouds", before + layers, 2 * each)

        drawn(0)
        if not recorder.has(name):
            recorder.keep(name, Entry(*pack(kept_clouds(Clouds(of()), drawn))))
    progress("clouds", 2 * each, 2 * each)


def _name(key: str) -> str:
    return f"prompts/{key}"


def _same(line: Line) -> Line:
    """Nothing is prepared ahead: a prompt is read by the session that answers it."""
    return line


def _head(recorder: Recorder, line: Line) -> KeptHead:
    """A prompt as it is listed, its medium or a thumbnail of it kept."""
    shown, marks = None, ()
    if line.medium is not None:
        if line.keeps_medium:
            shown = recorder.keep_medium(line.medium.read_bytes(), line.medium.name)
        else:
            shown = recorder.keep_medium(
                thumbnail(Prompt.of("", read_media(line.medium))), f"{line.medium.stem}.webp"
            )
        marks = (medium_hash(line.medium), Path(shown).parent.name)
    return KeptHead(line.key, Example(line.title, line.text, shown, line.label, line.twin), line.system, marks)


def _header(source: str, subject: Subject, artifact: Artifact, settings: Settings) -> Header:
    info = subject.info
    return Header(
        model=info.name,
        source=source,
        revision=info.revision,
        dtype=info.dtype.removeprefix("torch."),
        weights=info.weights,
        visual_weights=info.visual_weights,
        template_hash=info.template_hash,
        system=info.system,
        artifact=artifact.hash,
        settings=asdict(settings) | {"layers": list(settings.layers), "gains": list(settings.gains)},
        versions=versions_here(),
        processor=subject.processor,
        device=subject.card.device,
        date=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _subject(model: LoadedModel, artifact: Artifact, artifact_name: str) -> Subject:
    return Subject(model_info(model), model_card(model, artifact, artifact_name), processor_of(model.device))


def _loaded_subject(load: Load, artifact_folder: Path) -> Subject:
    model = load()
    artifact = Artifact.load(artifact_folder, model)
    return _subject(model, artifact, artifact_words(artifact_folder, artifact))


def _loaded_answerer(load: Load, artifact_folder: Path, settings: Settings) -> Answerer:
    model = load()
    return Answerer(LiveSession.of(model, Artifact.load(artifact_folder, model)), settings)
