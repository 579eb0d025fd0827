"""A set of one's own on the page: pasted, dropped, labelled by column and by click, and taken away."""

import json
import zipfile
from pathlib import Path

import pytest

from mars.datasets.benchmarks import load_set
from tests.browser.person import CHART, WAIT, drag, evaluate, hover_over, open_own_set, open_tab


def _paste(page, text: str) -> None:
    """As a person does, in one piece."""
    page.focus("#own-paste textarea")
    page.evaluate("text => document.execCommand('insertText', false, text)", text)


def _said(page, words: str) -> None:
    page.wait_for_selector(f"#own-summary :text('{words}')", timeout=WAIT)


def _list(page) -> list[str]:
    return page.locator("#own-rows .row .text").all_inner_texts()


def test_lines_are_labelled_by_click_by_shift_and_all_at_once(page):
    open_own_set(page)
    _paste(page, "\n".join(f"how do i bake cake {number}?" for number in range(6)))
    _said(page, "0 of 6 rows can be evaluated")
    assert _list(page) == [f"how do i bake cake {number}?" for number in range(6)]
    page.get_by_label("Row 2 is harmful").click()
    _said(page, "1 of 6 rows can be evaluated: 1 harmful, 0 harmless")
    page.get_by_label("Row 4 is harmful").click(modifiers=["Shift"])
    _said(page, "3 of 6 rows can be evaluated: 3 harmful")
    page.locator("#own-rows [data-kind=unlabelled]").click()
    assert len(_list(page)) == 3
    page.locator("#own-rows [data-all=harmless]").click()
    _said(page, "6 of 6 rows can be evaluated: 3 harmful, 3 harmless")
    page.fill("#own-rows input", "cake 3")
    page.locator("#own-rows [data-kind=all]").click()
    assert _list(page) == ["how do i bake cake 3?"]
    assert page.get_by_label("Row 4 is harmful").get_attribute("aria-pressed") == "true"


@pytest.mark.parametrize(("width", "theme"), [(1440, "light"), (390, "dark")], indirect=True)
def test_cells_and_files_are_paired_evaluated_and_taken_away(page, picture, clip, tmp_path, width):
    from mars.media.write_video import write_video

    picture.save(tmp_path / "kite.png")
    write_video(clip, tmp_path / "drum.mp4")
    (tmp_path / "notes.md").write_text("words")
    open_own_set(page)
    rows = ("frage\timage\turteil", "what is it?\tkite.png\tsafe", "what?\tdrum.mp4\tunsafe", "who?\tlamp.png\tsafe")
    _paste(page, "\n".join(rows))
    _said(page, "0 of 3 rows can be evaluated")
    page.set_input_files("#own-set input[type=file]", [str(tmp_path / name) for name in ("kite.png", "drum.mp4")])
    _said(page, "2 of 3 rows can be evaluated: 1 harmful, 1 harmless")
    (tmp_path / "folder").mkdir()
    picture.rotate(90).save(tmp_path / "folder" / "rose.png")
    with page.expect_file_chooser() as chosen:
        page.click("#own-directory")
    chosen.value.set_files(str(tmp_path / "folder"))
    _said(page, "One file is named by no row")
    assert "there is no file “lamp.png”" in page.inner_text("#own-rows .broken .missing")
    assert page.evaluate("document.documentElement.scrollWidth") <= width

    page.click("#own-export")
    with page.expect_download(timeout=WAIT) as download:
        page.click("#own-file")
    with zipfile.ZipFile(download.value.path()) as file:
        file.extractall(tmp_path / "taken")
    cases = load_set(tmp_path / "taken" / "set.jsonl")
    assert [(case.prompt.text, case.label, case.prompt.modality) for case in cases] == [
        ("what is it?", "harmless", "image"),
        ("what?", "harmful", "video"),
    ]
    page.click("#evaluate")
    page.wait_for_selector("#evaluate-cases .filters:not([hidden])", timeout=WAIT)
    assert "2 cases" in page.inner_text("#evaluate-cases output")


def test_a_folder_is_dropped_with_the_folders_in_it(page, picture, tmp_path):
    for number, name in enumerate(("kite.png", "more/drum.png", "more/still/lamp.png")):
        (tmp_path / "brought" / name).parent.mkdir(parents=True, exist_ok=True)
        picture.rotate(90 * number).save(tmp_path / "brought" / name)
    open_own_set(page)
    page.fill("#own-request textarea, #own-request input", "what is it?")
    box = page.locator("#own-set").bounding_box()
    client = page.context.new_cdp_session(page)
    for kind in ("dragEnter", "dragOver", "drop"):
        data = {"items": [], "files": [str(tmp_path / "brought")], "dragOperationsMask": 1}
        at = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
        client.send("Input.dispatchDragEvent", {"type": kind, "data": data, **at})
    _said(page, "0 of 3 rows can be evaluated")
    assert {"kite.png", "drum.png", "lamp.png"} <= set(page.locator("#own-rows .file").all_inner_texts())


def test_a_set_that_was_evaluated_lies_among_the_clouds_to_be_hovered_selected_and_taken_away(page, tmp_path):
    rows = [
        {"text": f"tell me how {thing}s {verb}", "label": label}
        for thing in ("cake", "kite", "boat")
        for verb, label in (("burn", "harmful"), ("grow", "harmless"))
    ]
    (tmp_path / "set.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    evaluate(page, str(tmp_path / "set.jsonl"))
    open_tab(page, "Geometry")
    traces = f"{CHART}?.data?.filter(({{ name, visible }}) => name.startsWith('your set: ') && visible !== false)"
    page.wait_for_function(f"{CHART}?.layout?.sliders?.length && {traces}.length === 4", timeout=WAIT)  # both panels
    assert "6 prompts of your set" in page.inner_text("#geometry-caption")
    hover_over(page, "clouds", "your set: text, harmless")
    page.get_by_label("◉ your set").uncheck()
    page.wait_for_function(f"{traces}.length === 0", timeout=WAIT)
    page.get_by_label("◉ your set").check()
    page.wait_for_function(f"{traces}.length === 4", timeout=WAIT)

    drag(page, "Lasso Select", (0.01, 0.01), (0.99, 0.01), (0.99, 0.99), (0.01, 0.99), (0.01, 0.01))
    page.wait_for_selector("#points .selection", timeout=WAIT)
    page.fill("#layer input[type=number]", "0")
    page.keyboard.press("Enter")
    page.wait_for_selector("#points caption:has-text('at layer 0 after')", timeout=WAIT)
    assert page.locator("#points tr:has-text('your set')").count() == 6
    with page.expect_download(timeout=WAIT) as download:
        page.click("#points a[download]")
    lines = Path(download.value.path()).read_text(encoding="utf-8").splitlines()
    own = [line for line in lines if ",own,0," in line]
    assert {line.split(",")[0] for line in own} == {row["text"] for row in rows} and len(own) == 6 < len(lines)


def test_a_column_with_an_unusual_name_is_chosen(page):
    open_own_set(page)
    _paste(page, "prompt\tother\tlabel\nbake?\tfry?\tsafe\n")
    _said(page, "1 of 1 row can be evaluated")
    page.click("#own-text input")
    page.get_by_role("option", name="other").click()
    page.wait_for_selector("#own-rows .text:has-text('fry?')", timeout=WAIT)


def test_of_ten_thousand_rows_those_in_view_alone_are_drawn(page, tmp_path):
    rows = ({"text": f"how do i bake cake {number}?", "label": "safe"} for number in range(10_000))
    (tmp_path / "set.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    open_own_set(page)
    page.set_input_files("#own-set input[type=file]", str(tmp_path / "set.jsonl"))
    _said(page, "10,000 of 10,000 rows can be evaluated")
    page.evaluate("document.querySelector('#own-rows .view').scrollTop = 9990 * 36")
    page.wait_for_selector("#own-rows .text:has-text('cake 9999?')", timeout=WAIT)
    page.fill("#own-rows input", "cake 777")
    page.wait_for_selector("#own-rows output:has-text('11 shown')", timeout=WAIT)
    page.get_by_label("Row 778 is harmful").click()
    _said(page, "1 harmful")
    page.fill("#own-rows input", "")
    page.locator("#own-rows [data-all=harmful]").click()
    _said(page, "10,000 harmful")
    assert page.locator("#own-rows .row").count() < 40
