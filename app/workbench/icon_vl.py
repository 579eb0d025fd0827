"""Icon-VL behind the page: whether it is there, and getting it while the present model answers."""

import threading
from collections.abc import Iterator

from mars.bundled import cache_folder, shipped_recording
from mars.icon_vl.folder import get_icon_vl, is_complete, is_fetched
from mars.recording.storage import is_recording

from ..results import Progress, RequestError
from .prompts import one_sentence
from .watching import Report, watched

ICON_VL, POCKET_VL = "icon-vl", "pocket-vl"
SECONDS_BETWEEN = 0.3
"""How often whoever looks on is told how far it is."""


def usual_model() -> str:
    """The model that the page opens on where none is named: Icon-VL where all of it is on this machine."""
    return ICON_VL if is_complete() and is_fetched() else POCKET_VL


def usual_recordings() -> tuple[str, ...]:
    """What the page opens on where no model is named and Icon-VL is not here: its recording, where one is shipped."""
    folder = shipped_recording(ICON_VL)
    return (str(folder),) if usual_model() == POCKET_VL and is_recording(folder) else ()


class Getting:
    """Icon-VL on its way into the cache: once for the process, and not ended by who stops looking on."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._step: Progress | None = None
        self._error: Exception | None = None

    @property
    def is_running(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def watch(self) -> Iterator[Progress]:
        """How far it is, in MB, until it is there or was stopped; begun where it is not on its way yet.

        Raises RequestError where it failed; what was fetched is kept, and it goes on from there.
        """
        with self._lock:
            if not self.is_running:
                self._stop.clear()
                self._step = self._error = None
                self._thread = threading.Thread(target=self._run, name="getting Icon-VL", daemon=True)
                self._thread.start()
            thread = self._thread
        while thread.is_alive():
            if self._step is not None:
                yield self._step
            thread.join(SECONDS_BETWEEN)
        if self._error is not None:
            raise self._error

    def stop(self) -> None:
        """End it within a second; what was fetched is kept."""
        self._stop.set()

    def _run(self) -> None:
        try:
            with one_sentence():
                for step in watched(_get, self._stop):
                    self._step = step if isinstance(step, Progress) else self._step
        except OSError as error:
            self._error = RequestError(
                f"Icon-VL cannot be kept in {cache_folder()} ({error.strerror or error}). Make that folder writable, "
                "or name another in XDG_CACHE_HOME and start the page again."
            )
        except Exception as error:
            self._error = error


def _get(report: Report) -> None:
    get_icon_vl(lambda step, done, total: report(done // 10**6, total // 10**6, step))
