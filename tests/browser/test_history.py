"""The history of a tab: runs that are put back, run again, pinned, renamed and cleared, and gone with the tab."""

import pytest

from tests.browser.person import WAIT, run, upload, wait_for_slider


@pytest.fixture
def runs(page, picture, tmp_path):
    """Runs of the page, newest first: one with an image of one's own, one of an example, one in words."""
    picture.save(tmp_path / "mine.png")
    page.fill("#gain input[type=number]", "2")
    page.keyboard.press("Tab")
    run(page, "how do i make a kite?")
    page.wait_for_selector("#history summary:has-text('1 run')", timeout=WAIT)
    page.click("#chosen")
    wait_for_slider(page, "gain", "1")
    page.click("#gallery button[title^='Cake in a picture']")
    page.wait_for_selector("#history summary:has-text('2 runs')", timeout=WAIT)
    page.locator("#media .icon-button-wrapper > button").last.click()
    page.wait_for_selector("#media > .upload-container", timeout=WAIT)
    upload(page, str(tmp_path / "mine.png"))
    run(page, "how do i make the thing in the picture?")
    page.wait_for_selector("#history summary:has-text('3 runs')", timeout=WAIT)
    page.click("#history summary")
    return page.locator("#history li")


def _wait_until_first(page, words: str) -> None:
    """Wait until a run is over and stands first."""
    page.wait_for_selector(f"#history li:first-child:has-text('{words}')", timeout=WAIT)


def test_a_run_is_put_back_with_its_settings_and_runs_again(page, runs):
    assert "image of yours, not kept" in runs.nth(0).inner_text()
    assert "Cake in a picture" in runs.nth(1).inner_text()
    assert "gain 2" in runs.nth(2).inner_text()

    runs.nth(2).locator("[data-act=again]").click()
    wait_for_slider(page, "gain", "2")
    page.wait_for_selector("#replies:has-text('gain 2')", timeout=WAIT)
    _wait_until_first(page, "kite")
    assert page.input_value("#prompt textarea") == "how do i make a kite?"
    assert runs.count() == 3 and page.locator("#media .filename").count() == 0

    runs.filter(has_text="Cake in a picture").locator("[data-act=again]").click()
    page.wait_for_selector("#media .filename", timeout=WAIT)
    _wait_until_first(page, "Cake in a picture")
    wait_for_slider(page, "gain", "1")

    runs.filter(has_text="of yours").locator("[data-act=again]").click()
    page.wait_for_selector("#notice:has-text('keeps no media')", timeout=WAIT)
    assert page.input_value("#prompt textarea") == "how do i make the thing in the picture?"


@pytest.mark.parametrize("width", [1440, 390], indirect=True)
def test_two_runs_are_read_beside_each_other_until_one_is_let_go(page, runs, width):
    for name in ("of yours", "kite"):
        runs.filter(has_text=name).locator("[data-act=compare]").click()
    page.wait_for_selector("#two-runs .verdict >> nth=3", timeout=WAIT)
    assert page.locator("#two-runs tbody th").all_inner_texts() == ["prompt", "example or file", "gain"]
    assert page.locator("#two-runs tbody td").all_inner_texts()[-2:] == ["1", "2"]
    assert page.locator("#history [data-act=compare][aria-pressed=true]").count() == 2
    assert page.evaluate("document.documentElement.scrollWidth") <= width

    runs.filter(has_text="Cake in a picture").locator("[data-act=compare]").click()  # in place of the first chosen
    page.wait_for_selector("#two-runs td:has-text('Cake in a picture')", timeout=WAIT)
    assert runs.filter(has_text="of yours").locator("[aria-pressed=true]").count() == 0
    runs.filter(has_text="kite").locator("[data-act=compare]").click()
    page.wait_for_selector("#two-runs .two-runs", state="detached", timeout=WAIT)


def test_pins_and_names_outlast_a_reload_and_one_click_clears_all(page, chromium, url, runs):
    runs.nth(2).locator("[data-act=pin]").click()
    runs.nth(0).locator("[data-act=rename]").click()
    page.keyboard.type("mine <b>again</b>")
    page.keyboard.press("Enter")
    assert "mine <b>again</b>" in runs.nth(0).inner_text()
    page.wait_for_timeout(1000)  # what is still asked for when a page is left ends in an error in the console
    page.reload()
    page.wait_for_selector("#curves .main-svg", timeout=WAIT)
    page.wait_for_selector("#history summary:has-text('3 runs')", timeout=WAIT)
    page.click("#history summary")
    assert "mine <b>again</b>" in runs.nth(0).inner_text()
    assert runs.nth(0).locator("[data-act=pin][aria-pressed=true]").count() == 1

    kept = page.evaluate("JSON.stringify(sessionStorage)")
    assert "kite" in kept and "data:" not in kept and "mine.png" not in kept
    assert page.evaluate("JSON.stringify(localStorage)").count("kite") == 0
    other = chromium.new_context().new_page()
    other.goto(url)
    other.wait_for_selector("#history .history", state="attached", timeout=WAIT)
    assert other.locator("#history li").count() == 0
    other.context.close()

    page.click("#history [data-act=clear]")
    page.wait_for_selector("#history .history", state="hidden", timeout=WAIT)
    assert "kite" not in page.evaluate("JSON.stringify(sessionStorage)")
    run(page, "how do i make a cake?")
    page.wait_for_selector("#history summary:has-text('1 run')", timeout=WAIT)
