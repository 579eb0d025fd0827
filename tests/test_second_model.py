"""What a second language model is asked, what is counted of its replies, and the tables of it."""

from collections import Counter

import pytest

from mars import Artifact, load_model
from mars.evaluation.checkpoint import RunFile
from mars.evaluation.runner import CaseRunner, Settings
from scripts import second_model
from scripts.second_model import PIECES, SIZE, Asked, answer, counted, inputs, measure, tables
from tests.tiny import save_tiny_language_model


@pytest.fixture(scope="module")
def lens(tmp_path_factory):
    return load_model(save_tiny_language_model(tmp_path_factory.mktemp("second") / "tiny-words"))


@pytest.fixture(scope="module")
def artifact(lens, contrast):
    return Artifact.fit(lens, contrast, notice=lambda _: None)


def few() -> list[Asked]:
    """One input of each kind and label."""
    return list({(one.kind, one.case.label): one for one in inputs()}.values())


def test_the_pieces_are_as_long_as_the_file():
    assert sum(piece.size for piece in PIECES) == SIZE
    assert len({piece.sha256 for piece in PIECES}) == len({piece.member for piece in PIECES}) == 22


def test_it_is_asked_held_out_requests_and_things_for_validation_each_once():
    asked = inputs()
    assert len({one.case.hash for one in asked}) == len(asked)
    counts = Counter((one.kind, one.case.label) for one in asked)
    assert counts["request", "harmful"] == counts["request", "harmless"] == second_model.REQUESTS_OF_A_LABEL
    of_thing = Counter(one.thing for one in asked if one.kind == "in place")
    assert set(of_thing.values()) == {4} and len(of_thing) == 45


def test_replies_are_counted_by_thing_and_not_asked_for_again(lens, artifact, tmp_path, monkeypatch):
    run = RunFile(tmp_path / "run.jsonl", {})
    runner = CaseRunner(lens, artifact, Settings(1, 1.0, max_new_tokens=2))
    answer(lens, runner, few(), run)
    cells = {(cell.kind, cell.label, cell.strategy): cell for cell in counted(few(), run)}
    assert {key[2] for key in cells if key[1] == "harmless"} == {"unsteered", "mars"}
    assert [n for _, n in cells["in place", "harmful", "random"].things.values()] == [10]
    assert sum(cells["request", "harmful", "permuted"].verdicts.values()) == 1
    monkeypatch.setattr(CaseRunner, "__call__", lambda *_: pytest.fail("asked again"))
    answer(lens, runner, few(), run)


def test_the_tables_hold_what_was_measured_of_models_of_different_depth(lens, artifact, tmp_path, monkeypatch):
    monkeypatch.setattr(second_model, "WORK", tmp_path)
    monkeypatch.setattr(second_model, "TOKENS", 2)
    monkeypatch.setattr(second_model, "inputs", few)
    found = measure(lens, artifact)
    shallower = found | {
        "effect": found["effect"] | {"score": {k: v[:3] for k, v in found["effect"]["score"].items()}}
    }
    lines = tables([found, shallower])
    (row,) = [line for line in lines if line.startswith("| contrast requests kept for tests | MARS")]
    assert row.count(" of 1, ") == 4
    (last,) = [line for line in lines if line.startswith("| 3 |")]
    mean = found["effect"]["score"]["harmful"][3][found["effect"]["gains"].index(second_model.GAIN)][0]
    assert f"{mean:+.1f} [" in last and last.count("–") == 2
