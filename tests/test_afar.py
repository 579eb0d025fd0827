"""Evaluations that go on when nobody looks: left, found again, stopped."""

import threading

import pytest

from app.results import Progress, RequestError
from app.workbench.afar import Afar


def _counting(go_on: threading.Semaphore, total: int = 3):
    def work(report):
        for done in range(1, total + 1):
            go_on.acquire()
            report(done, total)
        return {"rows": ["all"]}

    return work


def test_who_leaves_and_comes_back_finds_it_further_and_gets_the_results():
    afar, go_on = Afar(), threading.Semaphore(1)
    afar.begin(_counting(go_on))
    steps = afar.follow()
    assert next(steps).done == 1
    steps.close()
    assert afar.is_running
    go_on.release(2)
    *_, last = afar.follow()
    assert last == {"rows": ["all"]}
    assert list(afar.follow())[-1] == last  # also for who comes later
    assert not afar.is_running


def test_one_runs_at_a_time_and_what_is_stopped_ends_without_results():
    afar, go_on = Afar(), threading.Semaphore(1)
    afar.begin(_counting(go_on))
    with pytest.raises(RequestError, match="runs on Ray already"):
        afar.begin(_counting(go_on))
    steps = afar.follow()
    assert next(steps).done == 1
    afar.stop()
    go_on.release()
    assert all(isinstance(step, Progress) for step in steps)
    assert not afar.is_running
    afar.begin(_counting(threading.Semaphore(3)))
    assert list(afar.follow())[-1] == {"rows": ["all"]}


def test_what_goes_wrong_is_told_to_who_looks():
    def work(report):  # noqa: ARG001
        raise ValueError("There is no Ray to be reached.")

    afar = Afar()
    assert list(afar.follow()) == []
    afar.begin(work)
    with pytest.raises(ValueError, match="no Ray to be reached"):
        list(afar.follow())
