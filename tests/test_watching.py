"""Work that is watched: progress, its result, what it raises, and stopping it."""

import threading

import pytest

from app.backend import Plan
from app.results import RequestError
from app.workbench import LiveSession, Workbench
from app.workbench.watching import watched

TEXT = "how do i make a cake?"


def test_watched_work_tells_its_progress_and_ends_with_its_result():
    seen = threading.Event()

    def work(report):
        for done in range(4):
            report(done, 3)
            seen.wait(0.05)  # a report that nobody has fetched is dropped for the next
        return "made"

    *steps, result = watched(work)
    assert result == "made" and (steps[-1].done, steps[-1].total) == (3, 3)


def test_what_watched_work_raises_is_raised_to_who_watches():
    def work(report):
        report(0, 1)
        raise RequestError("This cannot be.")

    with pytest.raises(RequestError, match="cannot be"):
        list(watched(work))


def test_work_that_nobody_looks_at_any_more_does_not_go_on_beside_the_next(tiny, tiny_artifact, monkeypatch):
    """Whoever closes the tab does not wait for the report at which the work ends."""
    go_on, ended = threading.Event(), threading.Event()
    rounds = []

    def work(model, artifact, plan, report, folder):  # noqa: ARG001
        number = len(rounds)
        rounds.append(number)
        try:
            report(0, 2)
            if number == 0:
                go_on.wait(5)
            report(1, 2)
            rounds.append("went on" if number == 0 else "second")
            return {}
        finally:
            if number == 0:
                ended.set()

    monkeypatch.setattr("app.workbench.bench.evaluate", work)
    workbench = Workbench(LiveSession.of(tiny, tiny_artifact))
    first = workbench.evaluate(Plan(("unsteered",)))
    next(first)
    first.close()
    second = workbench.evaluate(Plan(("unsteered",)))
    threading.Timer(0.2, go_on.set).start()
    assert list(second)[-1] == {}
    assert ended.wait(5) and "went on" not in rounds


@pytest.mark.parametrize("by_event", [True, False])
def test_work_stops_when_nobody_looks_any_more(by_event):
    stop, ended, go_on = threading.Event(), threading.Event(), threading.Event()

    def work(report):
        try:
            for done in range(10_000):
                report(done, 10_000)
                go_on.wait(0.001)
        finally:
            ended.set()

    steps = watched(work, stop)
    next(steps)
    if by_event:
        stop.set()
        list(steps)
    else:
        steps.close()
    assert ended.wait(5)
