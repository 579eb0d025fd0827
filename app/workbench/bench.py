"""The workbench: which model the page shows, and what its operator does beyond asking.

Everything goes out as `results`; everything that a person can get wrong comes back as RequestError, one sentence.
"""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from mars.bundled import is_icon_vl, model_source
from mars.icon_vl.folder import is_complete, is_fetched
from mars.recording.storage import is_recording

from ..backend import FinishedRecording, FitPlan, Offer, Plan, RecordPlan, Session
from ..results import OwnPoints, Progress
from .evaluating import RUNS, evaluate, read_cases
from .fitting import fitted
from .icon_vl import Getting
from .own_points import read_points
from .prompts import checked_gain, one_sentence
from .recording.planned import record_planned
from .recording.session import RecordedSession
from .session import LiveSession
from .watching import Report, lending, watched


@dataclass(repr=False, eq=False)
class Workbench:
    """One session at a time, for every visitor of the process (`backend.Operator`)."""

    session: LiveSession | RecordedSession
    """Taken once at the start of each piece of work, and kept to its end."""
    recordings: tuple[str, ...] = ()
    """Folders that the page was started with."""
    runs: Path = RUNS
    """Folder in which evaluations that were stopped wait to go on."""
    _stop: threading.Event = field(default_factory=threading.Event)
    _stop_fit: threading.Event = field(default_factory=threading.Event)
    _stop_recording: threading.Event = field(default_factory=threading.Event)
    _getting: Getting = field(default_factory=Getting)

    def replace(self, source: str | Path, artifact: str | Path | None = None) -> Session:
        if is_recording(source):
            return self._take(RecordedSession.open(source))
        return self._take(LiveSession.to_load(source, artifact).load())

    def fit(self, plan: FitPlan) -> Iterator[Progress | Session]:
        self._stop_fit = threading.Event()
        with one_sentence():
            for step in watched(partial(fitted, plan), self._stop_fit):
                yield step if isinstance(step, Progress) else self._take(step)

    def stop_fit(self) -> None:
        self._stop_fit.set()

    def _take(self, found: LiveSession | RecordedSession) -> Session:
        """Show another session from now on, under the number and the lock that are the page's."""
        with self.session.lock:
            before = self.session
            taken = replace(found, generation=before.generation + 1, lock=before.lock)
            self.session = taken
        taken.warm_up()
        return taken

    def evaluate(self, plan: Plan) -> Iterator[Progress | dict[str, Any]]:
        """The model answers others between two cases."""
        session = self.session
        plan = replace(plan, layer=session.check_layer(plan.layer), gain=checked_gain(plan.gain))

        def work(report: Report) -> dict[str, Any]:
            model = session.model
            with session.lock:
                return evaluate(model, session.artifact, plan, lending(session.lock, report), self.runs)

        self._stop = threading.Event()
        with one_sentence():
            yield from watched(work, self._stop)

    def read_points(self, plan: Plan) -> Iterator[Progress | OwnPoints]:
        """The model answers others between two batches."""
        session = self.session

        def work(report: Report) -> OwnPoints:
            report = lending(session.lock, report)
            with session.lock:
                return read_points(session.model, session.artifact, read_cases(plan), report, session.generation)

        self._stop = threading.Event()
        with one_sentence():
            yield from watched(work, self._stop)

    def stop_evaluation(self) -> None:
        self._stop.set()

    def record(self, plan: RecordPlan) -> Iterator[Progress | FinishedRecording]:
        """The model answers others between two tokens."""
        session = self.session
        self._stop_recording = threading.Event()
        with one_sentence():
            yield from watched(partial(record_planned, session, plan), self._stop_recording)

    def stop_recording(self) -> None:
        self._stop_recording.set()

    @property
    def icon_vl(self) -> Offer | None:
        if not is_complete() or is_icon_vl(model_source(self.session.source)):
            return None
        if self._getting.is_running:
            return "getting"
        return "use" if is_fetched() else "get"

    def get_icon_vl(self) -> Iterator[Progress]:
        return self._getting.watch()

    def stop_getting(self) -> None:
        self._getting.stop()
