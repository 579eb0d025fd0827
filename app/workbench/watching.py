"""Work that takes a while, watched: its progress comes out step by step, and who stops looking stops the work."""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from queue import Queue
from typing import Protocol, TypeVar

from ..results import Progress

T = TypeVar("T")
PAUSE = 0.002
"""Seconds for which a lock is lent, so that whoever waits for it gets it."""


class Report(Protocol):
    """What the work calls with how much is done, and of how much; with the step's name where there are several."""

    def __call__(self, done: int, total: int, step: str = "") -> None: ...


WINDOW = 50
"""Reports over which the pace is taken."""


class Stopped(Exception):
    """Raised inside the work, from its own report, once nobody looks any more."""


def watched(work: Callable[[Report], T], stop: threading.Event | None = None) -> Iterator[Progress | T]:
    """Do work in a thread and yield its progress; the last thing yielded is its result.

    Closing the iterator, or setting `stop`, ends the work at its next report; with `stop` the iterator ends without
    a result. What the work raises is raised here.
    """
    stop = stop or threading.Event()
    told: Queue[tuple[str, object]] = Queue()

    def report(done: int, total: int, step: str = "") -> None:
        if stop.is_set():
            raise Stopped
        told.put(("progress", (time.monotonic(), done, total, step)))

    def run() -> None:
        try:
            told.put(("result", work(report)))
        except Stopped:
            told.put(("stopped", None))
        except Exception as error:
            told.put(("error", error))

    threading.Thread(target=run, name="watched work", daemon=True).start()
    recent: deque[tuple[float, int]] = deque(maxlen=WINDOW)
    at = ""
    try:
        while True:
            kind, value = told.get()
            if kind == "progress":
                now, done, total, step = value
                if step != at:
                    at = step
                    recent.clear()
                recent.append((now, done))
                if told.empty():
                    yield Progress(done, total, _seconds_left(recent, total), step)
            elif kind == "error":
                raise value
            else:
                if kind == "result":
                    yield value
                return
    finally:
        stop.set()


def lending(lock: threading.Lock, report: Report) -> Report:
    """A report at which others may have the lock that the work holds."""

    def lent(done: int, total: int, step: str = "") -> None:
        lock.release()
        try:
            report(done, total, step)
            time.sleep(PAUSE)
        finally:
            lock.acquire()

    return lent


def _seconds_left(recent: deque[tuple[float, int]], total: int) -> float | None:
    """At the pace of late; what a resumed run did long ago says nothing about it."""
    (began, before), (now, done) = recent[0], recent[-1]
    return (now - began) / (done - before) * (total - done) if done > before else None
