"""What is written is there whole or not at all: an artifact, the results of an evaluation, a report."""

import errno
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from app import report
from mars import atomic_file
from mars.artifact.artifact import Artifact
from mars.artifact.storage import METADATA
from mars.atomic_file import atomic_write
from mars.fitted.fitted import ArtifactError

ROOT = Path(__file__).parent.parent
WRITERS = {
    "results": lambda path: atomic_write(path, b"new"),
    "report": lambda path: report.write("new", path),
}


@pytest.fixture(params=WRITERS)
def writer(request):
    return WRITERS[request.param]


def test_a_file_takes_the_place_of_the_old_one_and_leaves_nothing_beside_it(writer, tmp_path):
    (tmp_path / "file").write_text("old")
    writer(tmp_path / "file")
    assert (tmp_path / "file").read_text() == "new" and len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("fault", [KeyboardInterrupt(), OSError(errno.ENOSPC, "No space left on device")])
def test_what_goes_wrong_before_the_last_step_leaves_the_old_file(writer, tmp_path, monkeypatch, fault):
    (tmp_path / "file").write_text("old")

    def fails(*_):
        raise fault

    monkeypatch.setattr(atomic_file.os, "replace", fails)
    with pytest.raises(type(fault)):
        writer(tmp_path / "file")
    assert (tmp_path / "file").read_text() == "old" and len(list(tmp_path.iterdir())) == 1


def test_a_full_disk_leaves_the_old_artifact(tiny, tiny_artifact, tmp_path, monkeypatch):
    tiny_artifact.save(tmp_path / "artifact")

    def full(path, content):
        with path.open("wb") as file:
            file.write(content[: len(content) // 2])
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space left"):
        replace(tiny_artifact, radius=tiny_artifact.radius + 1).save(tmp_path / "artifact")
    monkeypatch.undo()
    assert Artifact.load(tmp_path / "artifact", tiny).hash == tiny_artifact.hash
    assert len(list((tmp_path / "artifact").iterdir())) == 2


WRITES_ON_AND_ON = """
import sys
from pathlib import Path
from mars.atomic_file import atomic_write
number = 0
while True:
    atomic_write(sys.argv[1], f"{number % 10}".encode() * 3_000_000)
    number += 1
    print(number, flush=True)
"""


@pytest.mark.parametrize("lines", [1, 2, 4, 7])
def test_a_process_that_is_killed_while_it_writes_leaves_a_whole_file(tmp_path, lines):
    path = tmp_path / "results.json"
    writing = subprocess.Popen(
        [sys.executable, "-c", WRITES_ON_AND_ON, str(path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    for _ in range(lines):
        writing.stdout.readline()
    os.kill(writing.pid, signal.SIGKILL)
    writing.wait()
    content = path.read_bytes()
    assert len(content) == 3_000_000 and len(set(content)) == 1


def test_an_artifact_of_which_a_kill_left_tensors_alone_is_none(tiny, tiny_artifact, tmp_path):
    tiny_artifact.save(tmp_path)
    (tmp_path / METADATA).unlink()
    with pytest.raises(ArtifactError, match="is missing"):
        Artifact.load(tmp_path, tiny)
