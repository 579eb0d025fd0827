"""The page on a recording, walked as a visitor walks it: no model is loaded, and what was not recorded is said."""

import re

import pytest

from app.serving import serve
from app.ui import create_app
from app.workbench import RecordedSession, Workbench
from mars.bundled import shipped_recording
from tests.browser.person import WAIT, click_in, drawn, open_tab, wait_for_slider
from tests.recording.samples import with_results


@pytest.fixture(scope="module")
def url(chromium, tmp_path_factory):  # noqa: ARG001 - no server without a browser
    folder = shipped_recording("pocket-vl")
    evaluated = with_results(folder, tmp_path_factory.mktemp("recordings") / "evaluated")
    workbench = Workbench(RecordedSession.open(folder), (str(folder),))
    blocks = create_app(workbench, others=[Workbench(RecordedSession.open(evaluated))])
    yield serve(blocks, workbench)
    assert isinstance(workbench.session, RecordedSession)
    blocks.close(verbose=False)


def test_a_visitor_walks_the_recorded_page(page):
    assert re.search(r"recorded \d{4}-\d\d-\d\d on .+, no model is loaded", page.inner_text("header.top summary"))
    page.wait_for_selector("#replies .score", timeout=WAIT)  # it opens on an example
    page.click("#gallery [title*='Machete in a clip']")
    page.wait_for_function("document.querySelector('#prompt textarea').value.includes('the clip')", timeout=WAIT)
    page.wait_for_selector("#run:not([disabled])", timeout=WAIT)
    assert page.inner_text("#media .filename").split() == ["machete", ".mp4"]
    assert {"this prompt, before", "this prompt, re-centred"} <= set(drawn(page, "curves"))
    assert "gate" in page.inner_text("#receipt")

    open_tab(page, "Geometry")
    for view in ("UMAP", "PCA"):
        page.get_by_label(view, exact=True).check()
        page.wait_for_function("!document.querySelector('#geometry-notice .busy')", timeout=WAIT)
        assert {"video, harmful", "this visit"} <= set(drawn(page, "clouds"))
    assert "text to video" in page.inner_text("#measured") and page.inner_text("#near")
    page.get_by_label("No signal").check()
    page.wait_for_selector("#geometry-notice:has-text('randomly permuted')", timeout=WAIT)

    open_tab(page, "Tokens")
    drawn(page, "positions")
    page.wait_for_function("document.querySelectorAll('#medium .main-svg image').length > 1", timeout=WAIT)

    open_tab(page, "Layers")
    drawn(page, "scores")
    page.click("#sweep")
    click_in(page, "score-map", x=1, y=4)
    wait_for_slider(page, "layer", "1")
    said = "was not recorded for this prompt. The nearest is layer 6"
    page.wait_for_selector(f"#cell-replies:has-text('{said}')", timeout=WAIT)

    open_tab(page, "Compare")
    page.fill("#prompt textarea", "what should i cook tonight?")
    page.click("#run")
    page.wait_for_selector("#notice:has-text('was not recorded, and no model is loaded')", timeout=WAIT)
    page.wait_for_selector("#run:not([disabled])", timeout=WAIT)

    open_tab(page, "Evaluate")
    page.click("#evaluate")
    page.wait_for_selector("#evaluate-notice:has-text('no model is loaded')", timeout=WAIT)


def test_an_example_at_a_layer_that_was_not_recorded_says_so_and_leaves_no_run(page):
    page.fill("#layer input[type=number]", "2")
    page.keyboard.press("Enter")
    wait_for_slider(page, "layer", "2")
    page.click("#gallery [title*='Machete in a clip']")
    page.wait_for_selector("#notice:has-text('Layer 2 at gain 1 was not recorded for this prompt')", timeout=WAIT)
    page.wait_for_selector("#run:not([disabled])", timeout=WAIT)
    page.wait_for_timeout(1000)
    assert "was not recorded" in page.inner_text("#notice")
    assert page.locator("#history").count() == 1 and page.locator("#history li").count() == 0


def test_the_tour_runs_on_a_recording(page):
    page.click("#tour-next")
    for number in range(2, 6):
        page.wait_for_selector(f"#tour-said:has-text('{number - 1} of 5'):not(:has-text('One moment'))", timeout=WAIT)
        page.click("#tour-next")
    page.wait_for_selector("#tour-said:has-text('5 of 5'):has-text('refusals go from')", timeout=WAIT)


def test_a_visitor_goes_to_another_recording_and_sees_its_evaluation(page):
    assert page.inner_text("#switch [aria-current]") == "pocket-vl (1)"
    page.click("#switch a:has-text('(2)')")
    page.wait_for_selector("#switch [aria-current]:has-text('(2)')", timeout=WAIT)
    drawn(page, "curves")
    page.click("#gallery [title*='Machete in words']")
    page.wait_for_function("document.querySelector('#prompt textarea').value.includes('machete')", timeout=WAIT)
    page.wait_for_selector("#run:not([disabled])", timeout=WAIT)
    page.get_by_role("button", name="Take away").click()
    page.wait_for_selector("#permalink a", timeout=WAIT)
    assert "/recording-2?" in page.evaluate("document.querySelector('#permalink a').href")

    open_tab(page, "Evaluate")
    page.wait_for_selector("#evaluate-tables table", timeout=WAIT)
    page.click("#evaluate-cases summary")
    assert "i can not help with that" in page.inner_text("#evaluate-cases details[open]")
    assert page.locator("#evaluate").count() == 0  # there is nothing that could be evaluated
