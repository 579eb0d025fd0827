"""An evaluation on the Ray that the operator named: it goes on when nobody looks, and can be found again."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

from app.results import Progress, RequestError
from app.workbench.watching import Report, watched

BUSY = "An evaluation runs on Ray already. Follow it here, or stop it first."


class Afar:
    """One evaluation at a time, in a thread that drives the cluster."""

    def __init__(self) -> None:
        self._run: _Run | None = None
        self._beginning = threading.Lock()

    @property
    def is_running(self) -> bool:
        return self._run is not None and not self._run.ended

    @property
    def was_begun(self) -> bool:
        return self._run is not None

    def begin(self, work: Callable[[Report], dict[str, Any]]) -> None:
        """Begin work that reports how far it is. Raises RequestError where other work is going on."""
        with self._beginning:
            if self.is_running:
                raise RequestError(BUSY)
            self._run = _Run()
        threading.Thread(target=self._run.carry_out, args=(work,), name="evaluation on Ray", daemon=True).start()

    def follow(self) -> Iterator[Progress | dict[str, Any]]:
        """Progress from where it is, and the results at last; none where it was stopped or nothing was begun.

        Closing the iterator stops nothing. What the work raised is raised here.
        """
        if self._run is not None:
            yield from self._run.told()

    def stop(self) -> None:
        """End the work at its next report."""
        if self._run is not None:
            self._run.stopping.set()


class _Run:
    """Work under way, looked at by any number of people."""

    def __init__(self) -> None:
        self.stopping = threading.Event()
        self.ended = False
        self._last: Progress | dict[str, Any] | None = None
        self._error: Exception | None = None
        self._changed = threading.Condition()

    def carry_out(self, work: Callable[[Report], dict[str, Any]]) -> None:
        try:
            for step in watched(work, self.stopping):
                with self._changed:
                    self._last = step
                    self._changed.notify_all()
        except Exception as error:
            self._error = error
        finally:
            with self._changed:
                self.ended = True
                self._changed.notify_all()

    def told(self) -> Iterator[Progress | dict[str, Any]]:
        shown = None
        while True:
            with self._changed:
                while self._last is shown and not self.ended:
                    self._changed.wait()
                step, ended = self._last, self.ended
            if step is not shown:
                yield step
                shown = step
            elif ended:
                break
        if self._error is not None:
            raise self._error
