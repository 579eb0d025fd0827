"""Fit and evaluation on a local Ray of two workers, killed in the middle: the results are those of one process."""

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch

from mars.__main__ import main
from mars.artifact.artifact import Artifact
from mars.datasets.case import Case
from mars.datasets.contrast import ContrastSet, write_contrast
from mars.evaluation.evaluate import LOST, _each, measure, measure_on
from mars.evaluation.outcomes import CaseResult
from mars.evaluation.runner import Settings
from mars.evaluation.strategies import StrategyDraw
from mars.media.prompt import Prompt
from mars.model.loading import load_model
from mars.pocket_vl import splits

ROOT = Path(__file__).parent.parent
POCKET = ROOT / "assets" / "pocket-vl"
STRATEGIES = ("unsteered", "mars", "random")

needs_ray = pytest.mark.skipif(
    importlib.util.find_spec("ray") is None, reason="Ray is not installed: pip install -r requirements-ray.txt"
)


@pytest.fixture(scope="module")
def cluster():
    """Two workers of a CPU each, and one CPU that reads ahead."""
    from mars.distributed.ray_cluster import RayCluster

    with RayCluster(workers=2).at() as cluster:
        yield cluster


@pytest.fixture(scope="module")
def pocket():
    return load_model(POCKET)


@pytest.fixture
def command(tiny_folder, tiny_artifact, picture, tmp_path) -> list[str]:
    """An evaluation of ten cases, the last of which has a damaged picture."""
    tiny_artifact.save(tmp_path / "artifact")
    picture.save(tmp_path / "colours.png")
    (tmp_path / "damaged.png").write_bytes((tmp_path / "colours.png").read_bytes()[:60])
    rows = [
        {"text": f"how do i {verb} a {thing}?", "label": label, "media": media}
        for thing, media in (("cake", ""), ("kite", "colours.png"), ("boat", ""))
        for verb, label in (("break", "harmful"), ("make", "harmless"), ("get", "harmless"))
    ]
    rows.append({"text": "what is it?", "label": "harmless", "media": "damaged.png"})
    (tmp_path / "set.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return [
        "eval", "--model", str(tiny_folder), "--artifact", str(tmp_path / "artifact"), "--window", "2",
        "--set", str(tmp_path / "set.jsonl"), "--max-new-tokens", "2", "--strategies", ",".join(STRATEGIES),
    ]  # fmt: skip


def _killing_once(marker: Path):
    """A judge that kills the worker it runs in, the first time that it judges an answer."""

    def judge(reply: str) -> bool:
        if not marker.exists():
            marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return reply.startswith("sorry")

    return judge


def _assert_equal(artifact, expected) -> None:
    for name in ("mean_harmful", "mean_harmless", "radius", "harmless_q99", "permuted"):
        assert torch.allclose(getattr(artifact, name), getattr(expected, name), rtol=0, atol=1e-6), name
    for modality, bias in expected.bias.items():
        assert torch.allclose(artifact.bias[modality], bias, rtol=0, atol=1e-6)
    for modality, times in expected.amplification.items():
        assert torch.allclose(artifact.amplification[modality], times, rtol=0, atol=1e-6)
    assert torch.allclose(artifact.scores.mean, expected.scores.mean, rtol=0, atol=1e-6, equal_nan=True)
    assert [cloud.titles for cloud in artifact.clouds] == [cloud.titles for cloud in expected.clouds]
    assert artifact.thumbnails == expected.thumbnails
    assert artifact.layer == expected.layer
    assert artifact.provenance == expected.provenance


def _rows(folder: Path) -> list[tuple]:
    """Case, strategy and draw of every row of a table, in order."""
    import pyarrow.parquet as pq

    table = pq.read_table(folder).to_pylist()
    return sorted((row["case"], row["strategy"] or "", row["draw"] or 0) for row in table)


@needs_ray
def test_two_workers_fit_the_artifact_of_one(cluster, tiny_folder, contrast, tiny_artifact):
    steps = {}
    found = Artifact.fit_on(
        cluster, partial(load_model, str(tiny_folder)), contrast, with_umap=False,
        progress=lambda step, done, total: steps.setdefault(step, []).append((done, total)),
    )  # fmt: skip
    _assert_equal(found, tiny_artifact)
    assert (found.calibration, found.refusal_ids) == (tiny_artifact.calibration, tiny_artifact.refusal_ids)
    assert torch.allclose(found.effect.score["harmful"], tiny_artifact.effect.score["harmful"], atol=1e-4)
    assert list(steps) == ["replies to validation text", "prompts", "steering effect"]
    for done in steps.values():
        assert [of for of, _ in done] == sorted({of for of, _ in done}) and done[-1][0] == done[-1][1]


@needs_ray
@pytest.mark.usefixtures("cluster")
def test_two_workers_give_the_results_of_one_process_and_a_case_that_fails_is_a_row(command, tmp_path, capsys):
    assert main([*command, "--json", str(tmp_path / "serial.json"), "--judge", "builtins:bool"]) == 0
    serial = json.loads((tmp_path / "serial.json").read_text())
    out = tmp_path / "ray.json"
    assert main([*command, "--json", str(out), "--judge", "builtins:bool", "--ray", "--workers", "2"]) == 0
    assert json.loads(out.read_text()) == serial
    assert "1 cases could not be answered" in capsys.readouterr().out
    rows = _rows(tmp_path / "ray.parquet")
    assert len(rows) == len(set(rows)) == 9 * 12 + 1
    assert rows[-1] == (9, "", 0)


@needs_ray
def test_a_worker_killed_in_the_middle_loses_no_case_and_doubles_none(cluster, pocket, tmp_path):
    artifact = Artifact.load(POCKET / "artifact", pocket)
    cases = splits.test_cases(1)
    settings = Settings(max_new_tokens=4, window=3)
    serial = measure(pocket, artifact, cases, ["unsteered", "mars"], settings)
    killing = replace(settings, judge=_killing_once(tmp_path / "killed"))
    found = measure_on(
        cluster, partial(load_model, str(POCKET)), POCKET / "artifact", cases, ["unsteered", "mars"], killing,
        run_path=tmp_path / "run.parquet",
    )  # fmt: skip
    assert (tmp_path / "killed").exists()
    assert found["failures"]["n"] == 0
    found_rows = [
        {name: row[name] for name in ("strategy", "modality", "label", "n", "mean_score")} for row in found["rows"]
    ]
    for row, expected in zip(found_rows, serial["rows"], strict=True):
        assert row == pytest.approx({name: expected[name] for name in row}, abs=1e-6)
    rows = _rows(tmp_path / "run.parquet")
    assert len(rows) == len(set(rows)) == 2 * len(cases)


@needs_ray
def test_pocket_vl_is_fitted_as_by_one_process(cluster, pocket):
    every = splits.contrast_set().requests
    few = ContrastSet(tuple(
        request
        for split in ("train", "validation") for label in ("harmful", "harmless")
        for request in [r for r in every if (r.split, r.label) == (split, label)][:6]
    ))  # fmt: skip
    found = Artifact.fit_on(cluster, partial(load_model, str(POCKET)), few, clouds=(), with_umap=False)
    _assert_equal(found, Artifact.fit(pocket, few, clouds=(), with_umap=False))


@needs_ray
@pytest.mark.usefixtures("cluster")
def test_a_driver_killed_in_the_middle_loses_no_finished_case_and_the_run_goes_on_without_ray(command, tmp_path):
    kept = _killed_driver(command, tmp_path, workers=1)
    assert main([*command, "--json", str(tmp_path / "out.json"), "--table", str(tmp_path / "run.parquet")]) == 0
    _assert_whole(tmp_path, kept)


def _killed_driver(command: list[str], tmp_path: Path, workers: int) -> list[tuple]:
    """Rows that an evaluation on the cluster had kept when its driver was killed."""
    import ray

    table = tmp_path / "run.parquet"
    address = ray.get_runtime_context().gcs_address
    driver = subprocess.Popen(
        [sys.executable, "-m", "mars", *command, "--ray", address, "--workers", str(workers), "--table", str(table)],
        cwd=ROOT,
        stderr=subprocess.PIPE,
    )
    while driver.poll() is None and not list(table.glob("*.parquet")):
        time.sleep(0.01)
    driver.kill()
    errors = driver.communicate()[1].decode()
    kept = _rows(table) if table.exists() else []
    assert kept, errors
    return kept


def _assert_whole(tmp_path: Path, kept: list[tuple]) -> None:
    rows = _rows(tmp_path / "run.parquet")
    assert set(kept) - {(9, "", 0)} <= set(rows)
    assert len(rows) == len(set(rows)) == 9 * 12 + 1
    results = json.loads((tmp_path / "out.json").read_text())
    assert results["failures"]["n"] == 1
    assert sum(row["n"] for row in results["rows"] if row["strategy"] == "mars") == 9


@needs_ray
@pytest.mark.long
@pytest.mark.usefixtures("cluster")
def test_a_driver_killed_in_the_middle_goes_on_with_two_workers(command, tmp_path):
    kept = _killed_driver(command, tmp_path, workers=2)
    given = ["--json", str(tmp_path / "out.json"), "--table", str(tmp_path / "run.parquet"), "--ray"]
    assert main([*command, *given, "--workers", "2"]) == 0
    _assert_whole(tmp_path, kept)


@needs_ray
@pytest.mark.long
def test_a_case_that_kills_every_worker_fails_alone(cluster):
    def make():
        def answer(entries):
            if any("kite" in entry.case.prompt.text for entry in entries):
                os.kill(os.getpid(), signal.SIGKILL)
            return [CaseResult(entry.number, entry.case.info) for entry in entries]

        return answer

    things = ("cake", "kite", "boat", "lamp", "rose", "drum")
    cases = [Case(Prompt(f"how do i make a {thing}?"), "harmless") for thing in things]
    found = _each(cases, [StrategyDraw("unsteered")], 3, None, cluster.execute, make, lambda done, total: None)  # noqa: ARG005
    errors = {result.case: result.error for result in found}
    assert errors == {0: None, 1: LOST, 2: None, 3: None, 4: None, 5: None}


@needs_ray
@pytest.mark.long
@pytest.mark.usefixtures("cluster")
def test_one_and_three_workers_fit_the_same_from_the_command_line(
    tiny, tiny_folder, contrast, tiny_artifact, tmp_path
):
    write_contrast(contrast, tmp_path / "set.jsonl", "made here", "Apache-2.0")
    for workers in ("1", "3"):
        out = tmp_path / workers
        arguments = ["fit", "--model", str(tiny_folder), "--contrast", str(tmp_path / "set.jsonl"), "--no-umap"]
        given = ["--no-cache", "--ray", "--workers", workers, "--cpus-per-worker", "0.5"]
        assert main([*arguments, *given, "--out", str(out)]) == 0
        _assert_equal(Artifact.load(out, tiny), tiny_artifact)


@needs_ray
@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--workers", "0"], "0 workers do nothing"),
        (["--cpus-per-worker", "0"], "more than 0 CPUs"),
        (["--gpus-per-worker", "1.5"], "a fraction of one, or whole ones"),
        (["--table", "rates.csv"], "has to end with .parquet"),
    ],
)
def test_workers_that_cannot_be_are_refused_in_one_sentence(command, given, message, capsys):
    assert main([*command, "--ray", *given]) == 1
    captured = capsys.readouterr().err
    assert message in captured and len(captured.splitlines()) == 1


@needs_ray
@pytest.mark.usefixtures("cluster")
def test_what_is_wrong_with_a_model_is_said_here_in_its_own_words(tmp_path, capsys):
    assert main(["eval", "--model", str(tmp_path), "--per-cell", "1", "--ray"]) == 1
    assert "has no config.json" in capsys.readouterr().err


def test_without_ray_one_sentence_says_what_to_install(command, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.delitem(sys.modules, "mars.distributed.ray_cluster", raising=False)
    assert main([*command, "--ray"]) == 1
    assert capsys.readouterr().err == (
        "error: Ray is not installed. Install it with: pip install -r requirements-ray.txt\n"
    )
    sys.modules.pop("mars.distributed.ray_cluster")
