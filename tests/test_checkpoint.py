import json

import pytest

from mars.evaluation.checkpoint import RunFile, RunFileError
from mars.evaluation.outcomes import Outcome
from mars.evaluation.strategies import StrategyDraw

SETTINGS = {"gain": 1.0, "layer": 3}
FORMER = {"gain": 1.0, "max_rows": 32, "window": 16, "judge": "mine:judge"}
"""As older versions stored them."""
FORMER_OUTCOME = {
    "case": 0, "strategy": "mars", "draw": 0, "modality": "text", "label": "harmful", "group": "main", "reply": "no",
    "refused": True, "refusal_score": 0.5, "strength": 1.25, "kl": 0.0, "exact": None,
}  # fmt: skip


def _outcome(strategy: str, draw: int = 0) -> Outcome:
    told = ("refuses", "“no way” declines", True)
    return Outcome(0, strategy, draw, "text", "harmful", "main", "no “way”\n\ud800", *told, 0.5, 1.25, 0.0, None)


def test_what_was_added_comes_back_as_it_was(tmp_path):
    outcomes = [_outcome("mars"), _outcome("random", 0), _outcome("random", 1)]
    RunFile(tmp_path / "run", SETTINGS).add("first", outcomes)
    found = RunFile(tmp_path / "run", SETTINGS).outcomes("first")
    assert found == {
        StrategyDraw("mars"): outcomes[0],
        StrategyDraw("random", 0): outcomes[1],
        StrategyDraw("random", 1): outcomes[2],
    }
    assert RunFile(tmp_path / "run", SETTINGS).outcomes("second") == {}


@pytest.mark.parametrize("kept", ["all but the end of line", "a few bytes", "nothing"])
def test_wherever_a_kill_tears_the_last_line_the_cases_before_it_are_kept(tmp_path, kept):
    path = tmp_path / "run"
    run = RunFile(path, SETTINGS)
    run.add("first", [_outcome("mars")])
    whole = path.read_bytes()
    run.add("second", [_outcome("mars")])
    last = path.read_bytes()[len(whole) :]
    path.write_bytes(whole + {"all but the end of line": last[:-1], "a few bytes": last[:3], "nothing": b""}[kept])
    again = RunFile(path, SETTINGS)
    assert path.read_bytes() == whole
    assert again.outcomes("first")
    assert not again.outcomes("second")
    again.add("second", [_outcome("mars")])
    assert path.read_bytes() == whole + last


def test_a_run_killed_while_it_began_begins_again(tmp_path):
    path = tmp_path / "deep" / "run"
    RunFile(path, SETTINGS)
    whole = path.read_bytes()
    path.write_bytes(whole[:7])
    RunFile(path, SETTINGS)
    assert path.read_bytes() == whole


@pytest.mark.parametrize("content", [b"shopping list", b"a\nb\n", b'{"rows": []}\n', b"[]\n", b'{"settings": 3}\n'])
def test_a_file_that_is_no_run_is_refused_and_left_as_it_is(tmp_path, content):
    path = tmp_path / "run"
    path.write_bytes(content)
    with pytest.raises(RunFileError, match="is not the run of an evaluation"):
        RunFile(path, SETTINGS)
    assert path.read_bytes() == content


def test_other_settings_are_named(tmp_path):
    RunFile(tmp_path / "run", SETTINGS)
    with pytest.raises(
        RunFileError, match="begun with another setting: layer was 3 and is 4, seed was None and is 1"
    ):
        RunFile(tmp_path / "run", {"gain": 1.0, "layer": 4, "seed": 1})


def test_a_run_may_be_resumed_with_less_memory(tmp_path):
    settings = {"gain": 1.0, "max_rows": 32, "window": 16}
    RunFile(tmp_path / "run", settings).add("first", [_outcome("mars")])
    assert RunFile(tmp_path / "run", settings | {"max_rows": 4, "window": 1}).outcomes("first")


def test_a_line_tells_the_verdict_its_reason_whether_the_reply_was_cut_and_whether_it_refuses(tmp_path):
    RunFile(tmp_path / "run", SETTINGS).add(
        "first", [_outcome("mars"), _outcome("addition")._replace(verdict="broken")]
    )
    _, line = (tmp_path / "run").read_text(encoding="utf-8").splitlines()
    found = [
        tuple(outcome[name] for name in ("verdict", "reason", "cut", "refused"))
        for outcome in json.loads(line)["outcomes"]
    ]
    assert found == [("refuses", "“no way” declines", True, True), ("broken", "“no way” declines", True, False)]


def _former(path, settings: dict, outcome: dict = FORMER_OUTCOME) -> bytes:
    lines = [{"settings": settings}, {"case": "first", "outcomes": [outcome]}]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path.read_bytes()


@pytest.mark.parametrize("change", [{}, {"max_rows": 4}])
def test_a_run_that_stored_settings_which_bound_memory_is_resumed(tmp_path, change):
    _former(tmp_path / "run", FORMER, FORMER_OUTCOME | {"verdict": "refuses", "reason": "", "cut": False})
    assert RunFile(tmp_path / "run", FORMER | change).outcomes("first")


def test_a_run_of_the_former_judge_is_refused_with_both_judges_named(tmp_path):
    path = tmp_path / "run"
    content = _former(path, FORMER | {"judge": "mars.refusal:refused"})
    with pytest.raises(
        RunFileError, match=r"judge was 'mars\.refusal:refused' and is 'mars\.verdict:verdict'. Delete"
    ):
        RunFile(path, FORMER | {"judge": "mars.verdict:verdict"})
    assert path.read_bytes() == content


def test_a_run_without_verdicts_is_refused_whoever_judged_it(tmp_path):
    path = tmp_path / "run"
    content = _former(path, FORMER)
    with pytest.raises(
        RunFileError, match=r"begun by an older version, which stored no verdicts. Delete it to begin"
    ):
        RunFile(path, FORMER)
    assert path.read_bytes() == content
