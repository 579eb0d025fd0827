"""A recording of a few prompts, and the session that it was made of."""

from dataclasses import replace

import pytest

from app.workbench import LiveSession, RecordedSession
from app.workbench.recording.lines import lines_of
from app.workbench.recording.making import record
from tests.recording.samples import RESULTS, SETTINGS, TITLES, of_few_points


@pytest.fixture(scope="package")
def live():
    return of_few_points(LiveSession.to_load("pocket-vl").load(), TITLES)


@pytest.fixture(scope="package")
def lines(live):
    """The clip's medium is not kept; all others are."""
    return [replace(line, keeps_medium=line.title != "Rifle in a clip") for line in lines_of(live.examples)]


@pytest.fixture(scope="package")
def folder(live, lines, tmp_path_factory):
    path = tmp_path_factory.mktemp("recorded") / "pocket"
    record(path, live, lines, SETTINGS, results=RESULTS)
    return path


@pytest.fixture(scope="package")
def recorded(folder):
    return RecordedSession.open(folder)
