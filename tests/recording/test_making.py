"""Making a recording: stopped and continued, planned, by the command and by workers of a cluster."""

import pickle
from functools import partial

import numpy as np
import pytest

from app.results import RequestError
from app.workbench import LiveSession, RecordedSession
from app.workbench.recording import making
from app.workbench.recording.command import parser
from app.workbench.recording.making import Answerer, record, record_on
from mars.bundled import MODELS
from mars.model.loading import load_model
from mars.recording.plan import Settings, Shape, estimate, layer_seconds_of, passes
from mars.recording.storage import Recording
from tests.recording.samples import RESULTS, SETTINGS


class Stop(Exception):
    pass


def test_a_stop_loses_nothing_and_doubles_nothing(live, lines, folder, tmp_path, monkeypatch):
    path, asked = tmp_path / "stopped", []

    def stopping(step, done, total):  # noqa: ARG001
        if (step, done) == ("prompts", 2):
            raise Stop

    with pytest.raises(Stop):
        record(path, live, lines, SETTINGS, progress=stopping)
    with pytest.raises(RequestError, match="not finished"):
        RecordedSession.open(path)
    ask = Answerer.__call__
    monkeypatch.setattr(Answerer, "__call__", lambda self, line: (asked.append(line.title), ask(self, line))[1])
    monkeypatch.setattr(making, "kept_clouds", lambda *_: pytest.fail("they were there already"))
    resumed = record(path, live, lines, SETTINGS, results=RESULTS)
    assert asked == [line.title for line in lines[2:]]
    whole = Recording.open(folder)
    assert resumed.names == whole.names
    for name in whole.names:
        then, now = whole.entry(name), resumed.entry(name)
        if name.startswith("prompts/"):
            for one in (then, now):
                del one.plain["seconds"], one.plain["processor_seconds"]
        assert then.plain == now.plain
        for array in then.arrays:
            np.testing.assert_array_equal(then.arrays[array], now.arrays[array])


def test_a_plan_counts_what_is_recorded(live, lines, folder):
    shape, settings = Shape.of(live.artifact), SETTINGS.at(live.chosen_layer, live.n_layers)
    assert passes(lines[0], settings, shape) == 4 * (1 + 8) + 3 + 2 + (live.n_layers + 1) * 8
    found = estimate(lines, settings, shape, 8 * 10**9, 1e9, 0.001)
    assert found.seconds == pytest.approx(found.passes * (live.n_layers * 0.001 + 8))
    assert found.memory == 10**10
    size = Recording.open(folder).size
    assert size / 2 < found.size < 2 * size
    cost = Recording.open(folder).header.cost
    assert (
        layer_seconds_of(Recording.open(folder).header)
        == cost["processor_seconds"] / cost["passes"] / live.n_layers
        > 0
    )


def test_the_command_names_what_is_wrong_before_anything_is_loaded(tmp_path, capsys, monkeypatch):
    from app.workbench.recording import command

    monkeypatch.setattr(command, "load_of", lambda options: lambda: pytest.fail("it was loaded"))  # noqa: ARG005
    for given, said in (
        ([], "--out is missing"),
        (["--out", str(tmp_path), "--layers", "99"], "Layer 99 does not exist"),
        (["--out", str(tmp_path), "--layers", "some"], "numbers from 0, or the word all"),
        (["--out", str(tmp_path), "--gains", "-1"], "gain"),
        (["--out", str(tmp_path), "--prompts", str(tmp_path / "no.jsonl")], "no file"),
    ):
        assert command.main(given) == 1
        assert said in capsys.readouterr().err
    assert parser().parse_args(["--out", "x"]).gains == (1.0,)
    assert command.main(["--plan", "--bandwidth", "100"]) == 0
    told = capsys.readouterr().out
    assert "20 prompts" in told and "at 100 GB/s" in told and "MB" in told


class InProcess:
    """A cluster whose workers are here: what travels is pickled, as a real one does."""

    def once(self, work):
        return _sent(_sent(work)())

    def execute(self, items, prepare, make):
        worker = _sent(make)()
        for number in reversed(range(len(items))):
            yield number, _sent(worker(prepare(_sent(items[number]))))


def _sent(value):
    return pickle.loads(pickle.dumps(value))


def test_workers_of_a_cluster_record_the_same(lines, tmp_path):
    artifact = MODELS["pocket-vl"] / "artifact"
    given = (partial(load_model, str(MODELS["pocket-vl"])), tmp_path / "there", "pocket-vl", artifact)
    found = record_on(InProcess(), *given, lines[:2], Settings())
    session = RecordedSession.open(tmp_path / "there")
    assert [head.key for head in session.kept.prompts] == [line.key for line in lines[:2]]
    (kept,) = session.compare(lines[0].text)
    *_, now = LiveSession.to_load("pocket-vl").load().compare(lines[0].text)
    assert kept.steered == now.steered and found.header.source == "pocket-vl"
