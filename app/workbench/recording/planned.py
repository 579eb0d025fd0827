"""Recording from the page: what its operator chose, into a folder of the machine that it runs on."""

import re
from pathlib import Path

from mars.recording.plan import Settings

from ...backend import RECORDINGS, FinishedRecording, RecordPlan
from ...results import RequestError
from ..prompts import checked_gain
from ..session import LiveSession
from ..watching import Report
from .lines import distinct, lines_of, lines_of_set
from .making import record
from .session import RecordedSession


def record_planned(session: LiveSession | RecordedSession, plan: RecordPlan, report: Report) -> FinishedRecording:
    """Record a session as `mars-lens record` does; a folder that a stopped plan left goes on where it was.

    Raises RequestError where nothing is chosen, ValueError as `record` does.
    """
    settings = Settings((session.check_layer(plan.layer),), (checked_gain(plan.gain),))
    session.model  # noqa: B018 - of a recording there is none, which is said; else it is waited for
    chosen = lines_of(session.examples) if plan.examples else ()
    if plan.path:
        chosen += lines_of_set(plan.path, plan.keeps_media)
    if not chosen:
        raise RequestError("There is nothing to record. Choose the examples, or bring a set of your own in Evaluate.")
    lines = distinct(chosen)
    folder = Path(plan.folder.strip() or RECORDINGS / re.sub(r"[^\w.-]+", "-", session.name.lower()))
    try:
        found = record(
            folder, session, lines, settings, results=plan.results,
            progress=lambda step, done, total: report(done, total, step),
        )  # fmt: skip
    except OSError as error:
        raise RequestError(
            f"The recording cannot be written to {folder} ({error.strerror or error}). Name another folder."
        ) from error
    return FinishedRecording(str(folder), len(lines), found.size)
