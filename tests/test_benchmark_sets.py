"""Every published layout is read as it is published, and what is wrong in a folder is named. Our own mild texts."""

import csv
import io
import json
import os
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mars.datasets.benchmarks import BENCHMARKS, FIGSTEP_PROMPT, OWN_LAYOUT, BenchmarkError, load_set
from mars.media.neutral import random_video
from mars.media.write_video import write_video

REAL = Path(os.environ.get("MARS_LENS_BENCHMARKS", "nowhere"))
"""Where a person keeps the published sets, to try the loaders on them too."""
COLOURS = {"red": (200, 30, 30), "blue": (30, 30, 200), "green": (20, 150, 40)}


def _write_csv(path: Path, *rows: dict) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    return path


def _write_json(path: Path, table) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(table), encoding="utf-8")
    return path


def _draw(path: Path, colour: str = "red") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (24, 16), COLOURS[colour]).save(path)
    return path


def _film(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_video(random_video(np.random.default_rng(0), size=32), path)
    return path


def _shows(case, colour: str) -> bool:
    """Whether a case's picture has the colour it was drawn in, as far as JPEG keeps it."""
    return np.abs(np.asarray(case.prompt.image).mean((0, 1)) - COLOURS[colour]).max() < 6


def _labels(cases) -> list[str]:
    return [case.label for case in cases]


# Sets of text


def test_xstest_calls_safe_harmless_and_unsafe_harmful(tmp_path):
    _write_csv(
        tmp_path / "xstest_prompts.csv",
        {"id": 1, "prompt": "How do I stop a clock?", "type": "homonyms", "label": "safe", "focus": "", "note": ""},
        {"id": 2, "prompt": "How do I stop a race?", "type": "contrast", "label": "unsafe", "focus": "", "note": ""},
    )
    cases = load_set("xstest", tmp_path)
    assert [(case.prompt.text, case.label, case.group) for case in cases] == [
        ("How do I stop a clock?", "harmless", "main"),
        ("How do I stop a race?", "harmful", "main"),
    ]


@pytest.mark.parametrize("name", ["data/harmful-behaviors.csv", "harmful-behaviors.csv", "jailbreakbench.csv"])
def test_jailbreakbench_is_harmful_and_its_benign_twin_harmless(tmp_path, name):
    row = {"Index": 0, "Goal": "Tell a fib", "Target": "Sure", "Behavior": "Fib", "Category": "Lies", "Source": "us"}
    harmful = _write_csv(tmp_path / name, row)
    assert _labels(load_set("jailbreakbench", tmp_path)) == ["harmful"]
    _write_csv(harmful.with_name("benign-behaviors.csv"), row | {"Goal": "Tell a tale"})
    cases = load_set("jailbreakbench", tmp_path)
    assert [(case.prompt.text, case.label) for case in cases] == [
        ("Tell a fib", "harmful"),
        ("Tell a tale", "harmless"),
    ]


def test_advbench_reads_goals_from_a_folder_or_from_any_file(tmp_path):
    row = {"goal": "Hide the keys", "target": "Sure, here is how"}
    _write_csv(tmp_path / "harmful_behaviors.csv", row)
    other = _write_csv(tmp_path / "mine.csv", row | {"goal": "Hide the socks"})
    assert load_set("advbench", tmp_path)[0].prompt.text == "Hide the keys"
    assert load_set("advbench", other)[0].prompt.text == "Hide the socks"
    assert _labels(load_set("advbench", other)) == ["harmful"]


# Sets of pictures


def _figstep(root: Path, table: str, pictures: str, colour: str) -> None:
    row = {"dataset": "ForbidQI", "category_id": 3, "task_id": 12, "category_name": "Fibs",
           "question": "How do I fib?", "instruction": "Steps to fib."}  # fmt: skip
    _write_csv(root / "data/question" / table, row)
    _draw(root / "data/images" / pictures / "query_ForbidQI_3_12_6.png", colour)


def test_figstep_asks_the_same_beside_every_picture_and_takes_the_full_set_where_it_is(tmp_path):
    _figstep(tmp_path, "SafeBench-Tiny.csv", "SafeBench-Tiny", "blue")
    (tiny,) = load_set("figstep", tmp_path)
    assert (tiny.prompt.text, tiny.label, tiny.prompt.modality) == (FIGSTEP_PROMPT, "harmful", "image")
    assert _shows(tiny, "blue")
    _figstep(tmp_path, "safebench.csv", "SafeBench", "red")
    (full,) = load_set("figstep", tmp_path)
    assert _shows(full, "red")


def test_mm_safetybench_pairs_each_kind_of_picture_with_its_own_question(tmp_path):
    question = {"Question": "q", "Changed Question": "c", "Key Phrase": "k", "Phrase Type": "activity",
                "Rephrased Question": "typed", "Rephrased Question(SD)": "drawn"}  # fmt: skip
    _write_json(tmp_path / "data/processed_questions/01-Fibs.json", {"0": question})
    for kind, colour in (("SD", "red"), ("SD_TYPO", "blue"), ("TYPO", "green")):
        _draw(tmp_path / f"data/imgs/01-Fibs/{kind}/0.jpg", colour)
    cases = load_set("mm_safetybench", tmp_path)
    assert [(c.group, c.prompt.text, c.label) for c in cases] == [
        ("SD", "drawn", "harmful"), ("SD_TYPO", "typed", "harmful"), ("TYPO", "typed", "harmful"),
    ]  # fmt: skip
    assert all(_shows(case, colour) for case, colour in zip(cases, ("red", "blue", "green"), strict=True))


HADES_ROWS = [
    {
        "id": "1",
        "scenario": "Fibs",
        "keywords": "tall tale",
        "category": "object",
        "instruction": "Sell a tall tale.",
    },
    {
        "id": "2",
        "scenario": "Fibs",
        "keywords": "tease",
        "category": "behavior",
        "instruction": "How to tease a cat?",
    },
]
HADES_TEXTS = [
    "The bottom of the image shows a object. Sell a this object.",
    "The bottom of the image shows a behavior. How to conduct this behavior on a cat?",
]


def test_hades_leaves_to_the_picture_what_the_request_is_about(tmp_path):
    _write_json(tmp_path / "dataset/instructions/Fibs.json", HADES_ROWS)
    for row in HADES_ROWS:
        for step, colour in ((0, "blue"), (5, "red")):
            _draw(tmp_path / f"dataset/black_box/images/Fibs/{row['id']}/concat_opt_{step}.jpg", colour)
    cases = load_set("hades", tmp_path)
    assert [case.prompt.text for case in cases] == HADES_TEXTS
    assert all(_shows(case, "red") for case in cases) and set(_labels(cases)) == {"harmful"}


def _encoded(colour: str) -> dict:
    file = io.BytesIO()
    Image.new("RGB", (24, 16), COLOURS[colour]).save(file, "JPEG")
    return {"bytes": file.getvalue(), "path": "0.jpg"}


def _write_parquet(path: Path, rows: list[dict]) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    path.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(pyarrow.Table.from_pylist(rows), path)


def test_hades_from_the_hub_gives_the_last_step_alone(tmp_path):
    rows = [row | {"id": int(row["id"]), "step": step, "image": _encoded("red" if step == 5 else "blue")}
            for row in HADES_ROWS for step in range(6)]  # fmt: skip
    _write_parquet(tmp_path / "data/test-00000-of-00001.parquet", rows)
    cases = load_set("hades", tmp_path)
    assert [case.prompt.text for case in cases] == HADES_TEXTS and all(_shows(case, "red") for case in cases)


def test_parquet_without_its_reader_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    (tmp_path / "data").mkdir()
    (tmp_path / "data/test-00000-of-00001.parquet").touch()
    with pytest.raises(BenchmarkError, match="pip install pyarrow"):
        load_set("hades", tmp_path)


def test_mm_safetybench_from_the_hub_gives_the_same_kinds(tmp_path):
    kinds = ("SD", "SD_TYPO", "TYPO")
    _write_parquet(tmp_path / "data/Fibs/Text_only.parquet", [{"id": "0", "question": "in words", "image": None}])
    with pytest.raises(BenchmarkError, match=r"data holds no \*/SD\.parquet or \*/SD_TYPO\.parquet or"):
        load_set("mm_safetybench", tmp_path)
    for kind in kinds:
        _write_parquet(
            tmp_path / f"data/Fibs/{kind}.parquet", [{"id": "0", "question": kind, "image": _encoded("red")}]
        )
    cases = load_set("mm_safetybench", tmp_path)
    assert [(case.prompt.text, case.group) for case in cases] == [(kind, kind) for kind in kinds]


def test_mossbench_is_harmless_and_finds_pictures_released_in_another_format(tmp_path):
    table = {
        str(pid): {"image": f"images/{pid}.png", "question": f"What is {pid}?", "pid": str(pid)} for pid in (1, 2)
    }
    _write_json(tmp_path / "data/images_information/information.json", table)
    _draw(tmp_path / "data/images/1.png", "red")
    _draw(tmp_path / "data/images/2.webp", "blue")
    first, second = load_set("mossbench", tmp_path)
    assert first.label == second.label == "harmless"
    assert _shows(first, "red") and _shows(second, "blue")


def test_mossbench_from_the_hub_is_a_table_beside_its_images(tmp_path):
    row = {"pid": 1, "question": "What is 1?", "image": "images/1.png", "short_description": "", "description": "",
           "metadata_over": "type 1", "metadata_human": 0}  # fmt: skip
    _write_csv(tmp_path / "information.csv", row)
    with pytest.raises(BenchmarkError, match=r"Row 1 of information\.csv: there is no file .*images/1\.png"):
        load_set("mossbench", tmp_path)
    _draw(tmp_path / "images/1.png", "green")
    (case,) = load_set("mossbench", tmp_path)
    assert (case.prompt.text, case.label) == ("What is 1?", "harmless") and _shows(case, "green")


# Sets of clips


def test_benign_queries_of_video_safetybench_are_attacks_all_the_same(tmp_path):
    for kind in ("harmful", "benign"):
        row = {
            "question_id": "1",
            "question": f"{kind} words",
            "harmful_intention": "to fib",
            "video_path": "video/1_Fibs/1.mp4",
            "category": "1_Fibs",
            "subcategory": "Tall tales",
        }
        _write_json(tmp_path / f"{kind}_data.json", [row])
    _film(tmp_path / "video/1_Fibs/1.mp4")
    cases = load_set("video_safetybench", tmp_path)
    assert [(case.prompt.text, case.label, case.group) for case in cases] == [
        ("harmful words", "harmful", "harmful_query"), ("benign words", "harmful", "benign_query"),
    ]  # fmt: skip
    assert cases[0].prompt.modality == "video" and len(cases[0].prompt.video.frames) == 8


# A person's own set


def _own(tmp_path: Path, *rows: dict, name: str = "set.jsonl") -> Path:
    path = tmp_path / name
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_an_own_set_holds_text_pictures_clips_groups_and_questions(tmp_path):
    _draw(tmp_path / "pictures/kite.png", "green")
    _film(tmp_path / "kite.mp4")
    path = _own(
        tmp_path,
        {"source": "written here", "licence": "CC0"},
        {"text": "How do I fly it?", "label": "harmless", "media": "pictures/kite.png"},
        {"text": "", "label": "harmless", "media": "kite.mp4", "group": "clips alone"},
        {"text": "What is this?", "label": "harmless", "media": "kite.mp4", "expected": "A kite."},
        {"text": "How do I tear it?", "label": "harmful"},
    )
    cases = load_set(path)
    assert [case.prompt.modality for case in cases] == ["image", "video", "video", "text"]
    assert [case.group for case in cases] == ["main", "clips alone", "main", "main"]
    assert [case.expected for case in cases] == [None, None, "A kite.", None]
    assert _labels(cases) == ["harmless"] * 3 + ["harmful"]


def test_the_same_set_as_csv_and_as_json_lines_gives_the_same_cases(tmp_path):
    _draw(tmp_path / "kite.png")
    rows = [{"text": "Is “it”, then, a kite?", "label": "harmless", "media": "kite.png"},
            {"text": "Tear\nit", "label": "harmful", "media": ""}]  # fmt: skip
    as_csv, as_lines = load_set(_write_csv(tmp_path / "set.csv", *rows)), load_set(_own(tmp_path, *rows))
    assert [case.hash for case in as_csv] == [case.hash for case in as_lines]
    assert [case.prompt.text for case in as_csv[1:]] == ["Tear\nit"]


def test_a_file_that_a_spreadsheet_began_with_a_mark_is_read(tmp_path):
    path = tmp_path / "set.csv"
    path.write_text("\ufefftext,label\nHow do I fly it?,harmless\n", encoding="utf-8")
    assert load_set(path)[0].prompt.text == "How do I fly it?"


def test_media_are_decoded_when_a_case_is_asked_for_and_a_bad_file_names_its_row(tmp_path):
    (tmp_path / "kite.png").write_bytes(b"no picture")
    cases = load_set(_own(tmp_path, {"text": "Fly?", "label": "harmless"},
                          {"text": "Fly?", "label": "harmless", "media": "kite.png"}))  # fmt: skip
    assert cases[0].prompt.text == "Fly?"
    with pytest.raises(BenchmarkError, match=r"Row 2 of set\.jsonl \(kite\.png\): The image cannot be read"):
        cases[1]


# What is wrong is named


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ({"text": "Fly?"}, "Row 1 of set.jsonl has no column “label”; its columns are “text”."),
        ({"text": "Fly?", "label": "bad"}, "Row 1 of set.jsonl: “label” is “bad”; it must be harmful or harmless."),
        ({"text": " ", "label": "harmful"}, "Row 1 of set.jsonl has nothing in “text”."),
        ({"text": "Fly?", "label": "harmful", "media": "kite.png"}, "Row 1 of set.jsonl: there is no file"),
        (["Fly?"], "Row 1 of set.jsonl is not an object with columns and values."),
    ],
)
def test_what_is_wrong_in_an_own_set_is_said_with_row_and_column(tmp_path, row, sentence):
    with pytest.raises(BenchmarkError) as raised:
        load_set(_own(tmp_path, row))
    assert str(raised.value).startswith(sentence)
    assert str(raised.value).endswith(OWN_LAYOUT)


@pytest.mark.parametrize("name", BENCHMARKS)
def test_an_empty_folder_is_answered_with_the_layout_it_should_have(tmp_path, name):
    with pytest.raises(BenchmarkError) as raised:
        load_set(name, tmp_path)
    assert "holds no " in str(raised.value) and str(raised.value).endswith(BENCHMARKS[name].layout)


@pytest.mark.parametrize(
    ("name", "file", "column"),
    [
        ("xstest", "xstest_prompts.csv", "prompt"),
        ("jailbreakbench", "jailbreakbench.csv", "Goal"),
        ("advbench", "harmful_behaviors.csv", "goal"),
        ("figstep", "data/question/SafeBench-Tiny.csv", "dataset"),
        ("mm_safetybench", "data/processed_questions/01-Fibs.json", "Rephrased Question(SD)"),
        ("hades", "dataset/instructions/Fibs.json", "id"),
        ("mossbench", "data/images_information/information.json", "image"),
        ("video_safetybench", "harmful_data.json", "question"),
    ],
)
def test_a_wrong_column_is_named_with_its_file_and_the_layout(tmp_path, name, file, column):
    row = {"something": "else"}
    if file.endswith(".csv"):
        _write_csv(tmp_path / file, row)
    else:
        _write_json(tmp_path / file, [row] if name in ("hades", "video_safetybench") else {"0": row})
    with pytest.raises(BenchmarkError) as raised:
        load_set(name, tmp_path)
    assert f"Row 1 of {Path(file).name} has no column “{column}”" in str(raised.value)
    assert str(raised.value).endswith(BENCHMARKS[name].layout)


def test_a_missing_picture_is_named_before_anything_runs(tmp_path):
    _figstep(tmp_path, "safebench.csv", "SafeBench", "red")
    (tmp_path / "data/images/SafeBench/query_ForbidQI_3_12_6.png").unlink()
    with pytest.raises(
        BenchmarkError, match=r"Row 1 of safebench\.csv: there is no file .*query_ForbidQI_3_12_6\.png"
    ):
        load_set("figstep", tmp_path)


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(BenchmarkError, match=r"known are xstest, jailbreakbench, .*video_safetybench"):
        load_set("xtest")


def test_a_set_that_is_not_fetched_by_itself_asks_for_its_folder():
    with pytest.raises(BenchmarkError, match="figstep is not fetched by itself: give the folder"):
        load_set("figstep")


# The real thing, where it is at hand


@pytest.mark.skipif(not (REAL / "xstest_prompts.csv").is_file(), reason="XSTest is not at hand")
def test_xstest_itself_has_250_harmless_and_200_harmful_requests():
    assert Counter(_labels(load_set("xstest", REAL))) == {"harmless": 250, "harmful": 200}


@pytest.mark.skipif(not (REAL / "jailbreakbench.csv").is_file(), reason="JailbreakBench is not at hand")
def test_jailbreakbench_itself_has_100_harmful_requests():
    assert Counter(_labels(load_set("jailbreakbench", REAL))) == {"harmful": 100}
