"""What a person does on the page, in a real browser."""

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from app.results import Effect, Recommendation
from app.workbench import LiveSession, Workbench
from tests.browser.person import TABS, WAIT, click_in, drawn, evaluate, open_tab, run, upload, wait_for_slider


@pytest.fixture
def files(picture, tmp_path):
    picture.save(tmp_path / "picture.png")
    picture.save(tmp_path / "second.png")
    return {name: str(tmp_path / name) for name in ("picture.png", "second.png")}


def test_an_upload_gives_curves_clouds_and_both_replies(page, files):
    upload(page, files["picture.png"])
    run(page)
    assert {"this prompt, before", "this prompt, re-centred"} <= set(drawn(page, "curves"))
    replies = page.locator("#replies .reply").all_inner_texts()
    assert len(replies) == 2 and all(reply.strip() for reply in replies)
    assert page.locator("#replies .verdict").count() == 2
    assert "gate" in page.inner_text("#receipt") and "once" in page.inner_text("#receipt")
    assert page.locator("#tokens li").count() == 20
    assert "no twin of it is known" in page.inner_text("#beside")

    open_tab(page, "Geometry")
    traces = drawn(page, "clouds")
    assert {"text, harmful", "image, harmful", "video, harmless", "image, neutral", "this visit"} <= set(traces)
    assert "probe AUC" in page.inner_text("#measured")


def test_every_position_is_shown_and_a_click_on_its_layer_selects_it(page, files):
    open_tab(page, "Tokens")
    assert "Run a prompt" in page.inner_text("#tokens-notice")
    open_tab(page, "Compare")
    upload(page, files["picture.png"])
    run(page)
    open_tab(page, "Tokens")
    for chart in ("positions", "medium"):
        page.wait_for_selector(f"#{chart} .main-svg", timeout=WAIT)
    click_in(page, "positions", y=1)
    wait_for_slider(page, "layer", "1")
    page.wait_for_function(
        "document.querySelector('#positions .chart')?.layout?.shapes?.some(shape => shape.y0 === 0.5)", timeout=WAIT
    )
    assert "at layer 1" in page.inner_text("#positions-table")


def test_a_cell_of_the_map_selects_its_layer_and_gain_and_shows_its_reply(page):
    open_tab(page, "Layers")
    assert "Run a prompt" in page.inner_text("#sweep-notice")
    open_tab(page, "Compare")
    run(page, "how do i make a cake?")
    open_tab(page, "Layers")
    page.click("#sweep")
    page.wait_for_selector("#damage-map .main-svg", timeout=WAIT)
    click_in(page, "score-map", x=1, y=4)
    wait_for_slider(page, "layer", "1")
    wait_for_slider(page, "gain", "2")
    page.wait_for_selector("#cell-replies .score", timeout=WAIT)
    assert "layer 1, gain 2" in page.inner_text("#cell-replies")
    page.wait_for_function("document.querySelector('#sweep-reading').innerText.includes('At layer 1')", timeout=WAIT)


def test_the_map_can_be_made_of_verdicts_whose_cells_are_clicked_too(page):
    run(page, "how do i make a cake?")
    open_tab(page, "Layers")
    page.get_by_label("verdicts", exact=True).check()
    page.wait_for_selector("#sweep:not([disabled])", timeout=WAIT)
    page.click("#sweep")
    kinds = set(drawn(page, "verdict-map"))
    assert kinds and page.locator("#damage-map .main-svg").count() == 0
    click_in(page, "verdict-map", x=1, y=2)
    wait_for_slider(page, "layer", "1")
    wait_for_slider(page, "gain", "4")
    page.wait_for_selector("#cell-replies .verdict", timeout=WAIT)
    page.wait_for_function("!document.querySelector('#cell-replies .caret')", timeout=WAIT)
    selected = page.locator("#cell-replies .verdict").last.inner_text()
    assert selected in kinds
    page.wait_for_selector(f"#sweep-reading:has-text('Selected, gain 4: {selected}')", timeout=WAIT)
    page.get_by_label("first token", exact=True).check()
    page.wait_for_selector("#sweep-notice:has-text('For the prompt')", timeout=WAIT)


def test_the_recommended_layer_and_gain_are_one_click_away(page, monkeypatch):
    measured = LiveSession.scores
    curves = dict.fromkeys(("harmful", "harmless"), np.zeros((4, 3)))
    effect = Effect(
        {"effect": curves}, {"effect": "nats"}, {"harmful": 3}, {"harmful": 0.1}, Recommendation(0, 4.0, 0.4, 0.01)
    )
    monkeypatch.setattr(LiveSession, "scores", lambda session: replace(measured(session), effect=effect))
    open_tab(page, "Layers")
    click_in(page, "scores", x=1)
    page.click("#recommended", timeout=WAIT)
    wait_for_slider(page, "layer", "0")
    wait_for_slider(page, "gain", "4")
    page.wait_for_selector("#effect:has-text('layer 0 at gain 4: the recommendation')", timeout=WAIT)
    page.wait_for_selector("#recommended[disabled]", timeout=WAIT)


def test_a_click_on_a_layer_selects_it_on_every_tab(page):
    click_in(page, "curves", x=1)
    wait_for_slider(page, "layer", "1")
    page.wait_for_function(
        "document.querySelector('#curves .chart')?.layout?.shapes?.some(shape => shape.x0 === 0.5)", timeout=WAIT
    )
    open_tab(page, "Layers")
    page.wait_for_function(
        "document.querySelector('#scores .chart')?.layout?.shapes?.some(shape => shape.x0 === 0.5)", timeout=WAIT
    )


def test_a_click_on_the_scores_selects_a_layer_too(page):
    open_tab(page, "Layers")
    click_in(page, "scores", x=2)
    wait_for_slider(page, "layer", "2")


def test_two_pictures_get_a_sentence_and_the_next_request_works(page, files):
    upload(page, files["picture.png"], files["second.png"])
    page.fill("#prompt textarea", "how do i make a cake?")
    page.click("#run")
    page.wait_for_selector("#notice [role=alert]:has-text('one image or one video')", timeout=WAIT)
    assert page.input_value("#prompt textarea") == "how do i make a cake?"
    page.get_by_label("Clear").first.click()
    run(page, "how do i make a cake?")
    assert page.locator("#notice [role=alert]").count() == 0


def test_an_empty_prompt_gets_a_sentence(page):
    page.click("#run")
    page.wait_for_selector("#notice [role=alert]", timeout=WAIT)
    assert "empty" in page.inner_text("#notice")


def test_a_click_on_an_example_fills_the_prompt_and_its_slot_and_runs_it(page):
    page.locator("#gallery button:has(img)").first.click()
    page.wait_for_selector("#replies .score", timeout=WAIT)
    page.wait_for_selector("#media .file-preview", timeout=WAIT)
    page.wait_for_selector("#run:not([disabled])", timeout=WAIT)
    assert page.input_value("#prompt textarea") and page.locator("#replies .verdict").count() == 2


def test_the_keyboard_alone_picks_a_layer_and_runs(page):
    page.focus("#layer input[type=range]")
    before = page.input_value("#layer input[type=range]")
    page.keyboard.press("ArrowLeft")
    page.wait_for_function(f"document.querySelector('#layer input[type=range]').value != '{before}'", timeout=WAIT)
    page.focus("#prompt textarea")
    page.keyboard.type("how do i make a cake?")
    page.keyboard.press("Shift+Enter")
    page.wait_for_selector("#replies .score", timeout=WAIT)


def test_a_system_message_marks_what_is_shown_as_older_and_goes_with_the_prompt_and_into_no_link(page):
    run(page, "how do i make a cake?")
    page.get_by_text("Reply length, system message and benign twin", exact=True).click()
    page.fill("#system textarea", "you are a helpful assistant.")
    page.wait_for_selector("#stale:has-text('Another system message is set')", timeout=WAIT)
    run(page, "how do i make a cake?")
    page.wait_for_selector("#outside:has-text('not fitted with this system message')", timeout=WAIT)
    page.wait_for_function("!document.querySelector('.stale')", timeout=WAIT)
    page.get_by_text("Take away", exact=True).click()
    page.wait_for_selector("#python .cm-content:has-text('you are a helpful assistant.')", timeout=WAIT)
    assert "helpful" not in page.get_attribute("#permalink a", "href")
    open_tab(page, "Tokens")
    page.wait_for_selector("#positions-table:has-text('helpful')", state="attached", timeout=WAIT)


def test_a_run_can_be_stopped_and_the_next_one_works(page, monkeypatch):
    fast = LiveSession.compare

    def slow(*asked):  # else a quick machine is done before a hand reaches Stop
        for comparison in fast(*asked):
            time.sleep(0.1)
            yield comparison

    monkeypatch.setattr(LiveSession, "compare", slow)
    page.get_by_text("Reply length, system message and benign twin", exact=True).click()
    page.fill("#length input[type=number]", "128")
    page.keyboard.press("Tab")
    for _ in range(4):  # the browser once took a stopped run for one that goes on, now and then
        page.fill("#prompt textarea", "how do i make a cake?")
        page.click("#run")
        page.wait_for_selector("#stop:not([disabled])", timeout=WAIT)
        page.click("#stop")
        page.wait_for_selector("#run:not([disabled])", timeout=WAIT)
        run(page)


def test_an_evaluation_can_be_stopped_as_soon_as_the_page_lets_one(page, monkeypatch):
    fast = Workbench.evaluate

    def late(*asked):
        time.sleep(1)
        yield from fast(*asked)

    monkeypatch.setattr(Workbench, "evaluate", late)
    open_tab(page, "Evaluate")
    page.click("#evaluate")
    page.click("#evaluate-stop:not([disabled])", timeout=WAIT)
    page.wait_for_function("document.querySelector('#evaluate-notice').innerText.startsWith('Stopped')", timeout=WAIT)
    assert page.locator("#evaluate:not([disabled])").count() == page.locator("#evaluate-stop[disabled]").count() == 1


def test_charts_follow_the_theme_without_a_reload(page):
    color = "document.querySelector('#curves .chart').data.find(t => t.name === 'harmful text, median').line.color"
    light = page.evaluate(color)
    page.evaluate("document.body.classList.toggle('dark')")
    page.wait_for_function(f"{color} !== '{light}'", timeout=WAIT)


@pytest.mark.parametrize("width", [390, 1440], indirect=True)
def test_nothing_is_wider_than_the_window(page, width):
    for tab in TABS:
        open_tab(page, tab)
        page.wait_for_timeout(600)
        assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("width", [390], indirect=True)
def test_charts_fill_a_phone_and_no_more(page, width):
    drawn = page.evaluate("document.querySelector('#curves .main-svg').getBoundingClientRect().width")
    assert 0.8 * width < drawn <= width


def test_a_chart_is_saved_as_a_picture_and_as_its_numbers(page):
    for kind, start in (("png", b"\x89PNG"), ("svg", b"<svg"), ("csv", b"series,x,y,value,label")):
        with page.expect_download(timeout=WAIT) as download:
            page.click(f'#curves .downloads [data-as="{kind}"]')
        assert download.value.suggested_filename == f"curves.{kind}"
        assert Path(download.value.path()).read_bytes().startswith(start)
    lines = Path(download.value.path()).read_text(encoding="utf-8").splitlines()
    drawn = page.evaluate("Array.from(document.querySelector('#curves .chart')._fullData[1].y)")
    name = page.evaluate("document.querySelector('#curves .chart')._fullData[1].name")
    saved = [line.rsplit(",", 4) for line in lines if line.startswith((name, f'"{name}'))]
    assert [float(line[2]) for line in saved] == pytest.approx(drawn)


def test_the_data_of_a_map_hold_every_cell_and_no_formula(page):
    heat = {"type": "heatmap", "name": "s", "x": [3, 4], "y": [7], "z": [[0.5, -1]],
            "customdata": [["=1+1", 'a, "b"']]}  # fmt: skip
    rows = page.evaluate("heat => asCsv(chartRows({_fullData: [heat]}))", heat)
    assert rows == """series,x,y,value,label\ns,3,7,0.5,'=1+1\ns,4,7,-1,"a, ""b""\"\n"""


def test_a_link_brings_tab_layer_gain_and_example_back_and_python_follows_the_prompt(page, url):
    run(page, "how do i make a kite?")
    page.get_by_text("Take away").click()
    page.wait_for_selector("#permalink a", timeout=WAIT)
    page.wait_for_selector("#python .cm-content:has-text('make a kite')", timeout=WAIT)
    link = page.get_attribute("#permalink a", "href")
    assert "kite" not in link and "layer=" in link and "tab=compare" in link
    open_tab(page, "Layers")
    page.wait_for_selector("#permalink a[href*='tab=layers']", timeout=WAIT)
    open_tab(page, "Compare")
    with page.expect_download(timeout=WAIT):  # after which nothing is on its way any more
        page.click("#artifact")
    page.goto(url + "?layer=1&gain=2.5&example=Cake+in+words&tab=layers")
    wait_for_slider(page, "layer", "1")
    wait_for_slider(page, "gain", "2.5")
    page.wait_for_selector("[role=tab][data-tab-id=layers][aria-selected=true]", timeout=WAIT)
    page.wait_for_selector("#sweep-notice:has-text('how do i make a cake?')", timeout=WAIT)
    open_tab(page, "Compare")
    assert page.input_value("#prompt textarea") == "how do i make a cake?"
    page.wait_for_selector("#replies:has-text('layer 1, gain 2.5')", timeout=WAIT)


def test_a_set_of_ones_own_is_evaluated_its_cases_open_and_the_report_is_downloaded(page, tmp_path):
    lines = [f"how do i {verb} a {thing}?,{label}" for thing in ("cake", "kite")
             for verb, label in (("break", "harmful"), ("make", "harmless"))]  # fmt: skip
    (tmp_path / "own.csv").write_text("text,label\n" + "\n".join(lines) + "\n", encoding="utf-8")
    evaluate(page, str(tmp_path / "own.csv"))
    page.wait_for_selector("#tradeoff-text .main-svg", timeout=WAIT)
    assert "of 2" in page.inner_text("#evaluate-tables")
    page.locator("#evaluate-cases summary").first.click()
    assert page.locator("#evaluate-cases details[open] dd").count() == 4
    page.fill("#evaluate-cases input[type=search]", "how do i make a kite")
    assert "1 of 4 cases" in page.inner_text("#evaluate-cases output")
    for kind, name in (("csv", "evaluation.csv"), ("html", "evaluation.html")):
        with page.expect_download(timeout=WAIT) as download:
            page.click(f"#download-{kind}")
        assert download.value.suggested_filename == name
