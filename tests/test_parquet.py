"""Finished cases in Parquet: what comes back, what a kill leaves, and that other programs open it."""

import json

import pytest

from mars.datasets.case import CaseInfo
from mars.evaluation.checkpoint import RunFileError
from mars.evaluation.outcomes import CaseResult, Outcome
from mars.evaluation.strategies import StrategyDraw

pa = pytest.importorskip("pyarrow", reason="pyarrow comes with requirements-ray.txt")
pq = pytest.importorskip("pyarrow.parquet")

from mars.evaluation.parquet import RunTable  # noqa: E402

SETTINGS = {"gain": 1.0, "layer": 3}


def _result(case: int, *strategies: str) -> CaseResult:
    info = CaseInfo(f"hash of {case}", "how do i make a cake?", "text", "harmless", "main", None)
    told, measured = ("refuses", "“no way” declines", True), (0.5, 1.25, 0.125, None, (0.5, -1.5))
    outcomes = (
        Outcome(case, strategy, 0, "text", "harmless", "main", "no “way”\n", *told, *measured)
        for strategy in strategies
    )
    return CaseResult(case, info, tuple(outcomes))


def test_what_was_kept_comes_back_as_it_was_but_for_what_would_fill_the_memory(tmp_path):
    first, second = _result(0, "unsteered", "mars"), _result(1, "mars")
    RunTable(tmp_path / "run.parquet", SETTINGS).keep([first, second])
    again = RunTable(tmp_path / "run.parquet", SETTINGS)
    expected = {StrategyDraw(o.strategy): o._replace(coordinates=()) for o in first.outcomes}
    assert again.outcomes("hash of 0") == expected
    assert set(again.finished) == {"hash of 0", "hash of 1"}


def test_a_row_a_case_and_strategy_holds_hash_settings_score_verdict_reply_and_coordinates_and_no_prompt(tmp_path):
    RunTable(tmp_path, SETTINGS).keep([_result(7, "unsteered", "mars")])
    frame = pq.read_table(tmp_path).to_pandas()
    assert list(frame.strategy) == ["unsteered", "mars"]
    row = frame.iloc[1]
    assert (row.case, row.hash, row.refusal_score, row.reply) == (7, "hash of 7", 0.5, "no “way”\n")
    assert (row.verdict, row.reason, row.cut, row.refused) == ("refuses", "“no way” declines", True, True)
    assert list(row.coordinates) == [0.5, -1.5]
    assert row.settings == '{"gain": 1.0, "layer": 3}'
    assert "cake" not in frame.to_csv()


def test_nothing_is_kept_twice_and_another_strategy_joins(tmp_path):
    table = RunTable(tmp_path, SETTINGS)
    table.keep([_result(0, "mars")])
    table.keep([_result(0, "mars"), _result(0, "mars", "unsteered")])
    RunTable(tmp_path, SETTINGS).keep([_result(0, "mars")])
    assert sorted(pq.read_table(tmp_path)["strategy"].to_pylist()) == ["mars", "unsteered"]


def test_a_case_that_failed_is_a_row_with_its_error_until_the_run_goes_on(tmp_path):
    table = RunTable(tmp_path, SETTINGS)
    table.keep([_result(0, "mars"), CaseResult(1, None, error="The clip has no frame.")])
    table.keep([CaseResult(2, _result(2).info, error="Memory ran out.")])
    rows = pq.read_table(tmp_path).to_pandas().set_index("case")
    assert rows.error[1] == "The clip has no frame." and rows.strategy.isna()[1] and rows.hash[2] == "hash of 2"
    again = RunTable(tmp_path, SETTINGS)
    assert pq.read_table(tmp_path)["case"].to_pylist() == [0]
    assert set(again.finished) == {"hash of 0"}


def test_what_a_kill_tore_off_is_swept_away(tmp_path):
    RunTable(tmp_path, SETTINGS).keep([_result(0, "mars")])
    (tmp_path / ".half.parquet.0123abcd.part").write_bytes(b"PAR1 and then nothing")
    assert set(RunTable(tmp_path, SETTINGS).finished) == {"hash of 0"}
    assert len(list(tmp_path.iterdir())) == 1


def test_a_folder_that_is_no_run_or_one_of_other_settings_is_refused_and_left_as_it_is(tmp_path):
    RunTable(tmp_path / "run", SETTINGS).keep([_result(0, "mars")])
    with pytest.raises(RunFileError, match="begun with another setting: layer was 3 and is 4"):
        RunTable(tmp_path / "run", {"gain": 1.0, "layer": 4})
    (tmp_path / "run" / "list.parquet").write_bytes(b"shopping list")
    with pytest.raises(RunFileError, match="is not the table of an evaluation"):
        RunTable(tmp_path / "run", SETTINGS)
    assert (tmp_path / "run" / "list.parquet").read_bytes() == b"shopping list"
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(RunFileError, match="is not the table"):
        RunTable(tmp_path / "file", SETTINGS)


def _rewritten(folder, settings: dict, without: tuple[str, ...] = ()) -> None:
    """Give the one file in a folder other settings, and leave out columns."""
    (path,) = folder.iterdir()
    table = pq.read_table(path)
    column = pa.array([json.dumps(settings)] * len(table)).cast(table.schema.field("settings").type)
    table = table.set_column(table.schema.get_field_index("settings"), "settings", column)
    pq.write_table(table.drop_columns(list(without)), path)


def test_a_table_is_resumed_with_less_memory(tmp_path):
    former = {"gain": 1.0, "max_rows": 32, "window": 16, "judge": "mine:judge"}
    RunTable(tmp_path, SETTINGS).keep([_result(0, "mars")])
    _rewritten(tmp_path, former)
    now = former | {"max_rows": 4, "window": 1}
    RunTable(tmp_path, now).keep([_result(1, "mars")])
    assert set(RunTable(tmp_path, now).finished) == {"hash of 0", "hash of 1"}
    assert pq.read_table(tmp_path).num_rows == 2
    with pytest.raises(RunFileError, match=r"gain was 1\.0 and is 2\.0"):
        RunTable(tmp_path, now | {"gain": 2.0})


@pytest.mark.parametrize(
    ("judge", "told"),
    [
        ("mars.refusal:refused", r"judge was 'mars\.refusal:refused' and is 'mine:judge'. Delete it"),
        (
            "mine:judge",
            "an older version, which stored no verdicts. Delete it to begin anew, or name another folder",
        ),
    ],
)
def test_a_table_of_an_older_version_is_refused_and_left_as_it_is(tmp_path, judge, told):
    RunTable(tmp_path, SETTINGS).keep([_result(0, "mars"), CaseResult(1, None, error="The clip has no frame.")])
    _rewritten(tmp_path, SETTINGS | {"judge": judge}, without=("verdict", "reason", "cut"))
    (path,) = tmp_path.iterdir()
    content = path.read_bytes()
    with pytest.raises(RunFileError, match=told):
        RunTable(tmp_path, SETTINGS | {"judge": "mine:judge"})
    assert path.read_bytes() == content
