"""A recording of a few prompts, and the session that it was made of."""

from dataclasses import replace

import numpy as np
import pytest

from app.workbench import LiveSession, RecordedSession
from app.workbench.recording.lines import lines_of
from app.workbench.recording.making import record
from tests.recording.samples import RESULTS, SETTINGS, TITLES

POINTS = 6
"""Of each cloud, so that a test takes seconds."""


@pytest.fixture(scope="package")
def live():
    """Pocket-VL with a few points of its clouds, and four examples of its gallery."""
    whole = LiveSession.to_load("pocket-vl").load()
    starts = np.cumsum([0, *(len(cloud.titles) for cloud in whole.artifact.clouds)])
    rows = np.concatenate([np.arange(start, start + POINTS) for start in starts[:-1]])
    clouds = tuple(
        cloud._replace(
            values=cloud.values[:POINTS], titles=cloud.titles[:POINTS], thumbnails=cloud.thumbnails[:POINTS]
        )
        for cloud in whole.artifact.clouds
    )
    artifact = replace(whole.artifact, clouds=clouds, umap=whole.artifact.umap[:, :, rows])
    examples = tuple(one for one in whole.examples if one.title in TITLES)
    return LiveSession.of(
        whole.model, artifact, source="pocket-vl", artifact_folder="pocket-vl", examples=examples,
        aggregates=whole.aggregates,
    )  # fmt: skip


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
