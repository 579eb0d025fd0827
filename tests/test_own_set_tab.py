"""A set put together on the page: what comes of what is brought, and a bulk run, stopped, resumed and exported."""

import gc
import json
import zipfile
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from app import own_set_markup
from app.backend import Plan
from app.results import Progress, RequestError
from app.workbench import Draft, LiveSession, Workbench
from app.workbench.own_points import MOST_POINTS
from app.workbench.own_set import ALONE
from mars.__main__ import main
from mars.datasets.benchmarks import load_set
from mars.evaluation.evaluate import Settings
from tests.hostile.trial import is_sentence

EVERY = 5
"""One row in so many names an image."""


@pytest.fixture
def draft():
    return Draft()


def _zip_of_images(path: Path, count: int) -> str:
    """Small images, each of another colour, in a zip archive."""
    colours = np.random.default_rng(0).integers(0, 256, (count, 3))
    with zipfile.ZipFile(path, "w") as archive:
        for number, colour in enumerate(colours.tolist()):
            with archive.open(f"photos/{number:03}.png", "w") as file:
                Image.new("RGB", (16, 16), tuple(colour)).save(file, "PNG")
    return str(path)


def _cells(rows: int) -> str:
    """Cells of a spreadsheet: requests, of which every fifth names an image, and one row more, which is wrong."""
    lines = ["prompt\timage\tlabel"]
    for number in range(rows):
        verb, label = (("break", "unsafe"), ("make", "safe"))[number % 2]
        image = f"{number // EVERY:03}.png" if number % EVERY == 0 else ""
        lines.append(f"how do i {verb} cake {number}?\t{image}\t{label}")
    return "\n".join([*lines, "what is this?\tgone.png\tsafe"])


@pytest.mark.parametrize("rows", [100, pytest.param(1000, marks=pytest.mark.long)])
def test_a_bulk_run_is_stopped_resumed_and_exported(
    draft, rows, tiny, tiny_folder, tiny_artifact, tmp_path, monkeypatch
):
    images, pasted = _zip_of_images(tmp_path / "images.zip", rows // EVERY), _cells(rows)
    monkeypatch.setattr("app.workbench.evaluating.Settings", partial(Settings, max_new_tokens=1, window=rows // 20))
    workbench = Workbench(LiveSession.of(tiny, tiny_artifact), runs=tmp_path / "runs")
    draft.read(pasted, [images], "", "")
    assert draft.counts == {"ready": rows, "harmful": rows // 2, "harmless": rows // 2, "problem": 1}
    plan = Plan(("unsteered",), draft.write())

    for step in workbench.evaluate(plan):
        if step.done >= rows // 4:
            workbench.stop_evaluation()
    assert isinstance(step, Progress) and step.done < step.total == rows
    (kept,) = workbench.runs.iterdir()
    finished = kept.read_text(encoding="utf-8").count('"outcomes"')
    assert rows // 4 <= finished < rows

    again = Draft()  # the page was opened anew, and the same was brought
    again.read(pasted, [images], "", "")
    *steps, results = workbench.evaluate(Plan(plan.strategies, again.write()))
    assert steps[-1].done == rows and not list(workbench.runs.iterdir())
    found = {(row["modality"], row["label"]): row["n"] for row in results["rows"]}
    with_image = rows // EVERY // 2
    assert found == {
        (modality, label): count
        for modality, count in (("text", rows // 2 - with_image), ("image", with_image))
        for label in ("harmful", "harmless")
    }
    assert results["failures"]["n"] == 0
    *_, points = workbench.read_points(plan)
    assert (len(points.titles), points.of) == (min(rows, MOST_POINTS), rows)

    with zipfile.ZipFile(again.export()) as archive:
        archive.extractall(tmp_path / "taken")
    exported = load_set(tmp_path / "taken" / "set.jsonl")
    assert [case.hash for case in exported[::97]] == [case.hash for case in load_set(draft.write())[::97]]
    assert len(exported) == rows
    tiny_artifact.save(tmp_path / "artifact")
    few = (tmp_path / "taken" / "set.jsonl").read_text(encoding="utf-8").splitlines()[:4]
    (tmp_path / "taken" / "few.jsonl").write_text("\n".join(few), encoding="utf-8")
    given = ["--model", str(tiny_folder), "--artifact", str(tmp_path / "artifact"), "--max-new-tokens", "1"]
    assert main(["eval", *given, "--set", str(tmp_path / "taken" / "few.jsonl")]) == 0


def test_labels_given_by_click_stay_when_more_is_brought(draft, png):
    draft.read("bake a cake\nbreak a cake", [], "", "")
    draft.label([1], "harmful")
    draft.read("bake a cake\nbreak a cake\nbuild a boat", [png], "", "what is it?")
    assert [row[:3] for row in draft.rows] == [
        ("bake a cake", "", ""), ("break a cake", "", "harmful"), ("build a boat", "", ""),
        ("what is it?", "picture.png", ""),
    ]  # fmt: skip
    draft.label([0, 2, 3], "harmless")
    assert draft.counts == {"ready": 4, "harmful": 1, "harmless": 3}
    with pytest.raises(RequestError, match="A label is harmful or harmless"):
        draft.label([0], "<b>")


def test_files_need_a_request_or_rows_that_name_them_and_what_is_missing_is_said(draft, png):
    draft.read("", [png], "", "")
    assert draft.notes == (ALONE,) and draft.counts == {"label": 1}
    draft.read("bake a cake", [png], "", "")
    assert draft.notes == (
        "One file is named by no row, and left out: type a request for such files to have a row each.",
    )
    with pytest.raises(RequestError, match=r"No row can be evaluated yet\. Row 1 has no label\."):
        draft.write()


def test_another_column_is_another_reading_and_an_unknown_one_a_sentence(draft):
    draft.read("prompt\tfrage\tlabel\nbake?\tbacken?\tsafe", [], "", "")
    draft.choose({"text": "frage", "label": "label"})
    assert draft.rows == [("backen?", "", "harmless", "", False)]
    with pytest.raises(RequestError, match="There is no column “<b>”"):
        draft.choose({"text": "<b>"})


def test_uploads_and_their_set_live_as_long_as_the_visit_and_no_longer(png):
    draft = Draft()
    draft.read("", [png], "", "what is it?")
    draft.label([0], "harmless")
    Path(png).unlink()  # as the page sweeps its uploads away
    folder = draft.folder
    (case,) = load_set(draft.write())
    assert case.prompt.modality == "image" and json.loads((folder / "set.jsonl").read_text())["media"]
    del draft
    gc.collect()
    assert not folder.exists()


def test_a_folder_of_this_machine_is_read_where_it_is(draft, picture, tmp_path):
    (tmp_path / "given").mkdir()
    picture.save(tmp_path / "given" / "kite.png")
    (tmp_path / "given" / "set.csv").write_text("question,file,label\nwhat?,kite.png,benign\n", encoding="utf-8")
    draft.read("", [], f" {tmp_path / 'given'} ", "")
    (line,) = Path(draft.write()).read_text(encoding="utf-8").splitlines()
    assert json.loads(line)["media"] == str(tmp_path / "given" / "kite.png")
    draft.read("", [], str(tmp_path / "nowhere"), "")
    assert draft.rows == [] and draft.notes == (f"There is no file or folder {tmp_path / 'nowhere'}.",)


def test_rows_may_name_files_of_this_machine_by_their_full_path_or_beside_their_table(draft, png):
    draft.read(f"prompt\timage\tlabel\nwhat?\t{png}\tsafe\nwhat?\t{png}.jpg\tsafe", [], "", "")
    assert draft.counts == {"ready": 1, "harmless": 1, "problem": 1}
    (Path(png).parent / "set.csv").write_text("question,file,label\nwhat?,picture.png,benign\n", encoding="utf-8")
    draft.read("", [], str(Path(png).parent / "set.csv"), "")
    assert [row[:3] for row in draft.rows] == [("what?", "picture.png", "harmless")]
    (case,) = load_set(draft.write())
    assert case.prompt.modality == "image"


PIECES = (
    *("prompt", "image", "label", "safe", "/", "x" * 300),
    *("\t", ",", ";", "\n", '"', "{", "[", "\0", "\ufeff"),
)


@settings(deadline=None)
@example("prompt\t\n\t\tprompt")
@example("image\t\n\x00")
@given(st.lists(st.sampled_from(PIECES), max_size=40).map("".join) | st.text(max_size=60))
def test_whatever_is_pasted_or_named_is_rows_or_a_sentence(text):
    draft = Draft()
    draft.read(text, [], f"/nowhere/{text}", text)
    assert all(is_sentence(row[3]) or not row[3] for row in draft.rows)
    assert sum(draft.counts[kind] for kind in ("ready", "label", "problem")) == len(draft.rows)
    draft.label(range(len(draft.rows)), "harmless")
    assert draft.counts["label"] == 0


def test_what_is_said_above_the_rows_is_escaped_and_counts_what_is_left_out():
    assert own_set_markup.summary({}, ()) == ""
    told = own_set_markup.summary({"ready": 1, "harmful": 1, "label": 1200, "problem": 2}, ["<b>bad</b>"] * 9)
    assert "<b>1 of 1,203 rows can be evaluated: 1 harmful, 0 harmless.</b>" in told
    assert "Left out: 1,200 without a label and 2 with a problem" in told
    assert "&lt;b&gt;bad" in told and "And 3 more of this kind." in told
