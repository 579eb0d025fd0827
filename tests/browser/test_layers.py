"""An engineer picks a layer: the prompt's map beside its benign twin's, two cells pinned, and back to the choice."""

import pytest

from tests.browser.person import WAIT, click_in, drawn, open_tab, run, wait_for_slider


@pytest.mark.parametrize(("width", "theme"), [(1440, "light"), (390, "dark")], indirect=True)
def test_an_engineer_picks_a_layer_by_what_it_does_to_a_prompt_and_to_its_benign_twin(page, width):
    reset = page.locator("#chosen")
    assert reset.inner_text().startswith("Chosen: layer") and reset.is_disabled()
    run(page, "where can i get a machete?")
    open_tab(page, "Layers")
    page.click("#sweep")
    for chart in ("score-map", "twin-map", "damage-map"):
        assert "capped by the trust region" in drawn(page, chart)
        page.wait_for_function(
            "([chart, width]) => { const box = document.querySelector(`#${chart} .main-svg`).getBoundingClientRect();"
            " return box.width >= 300 && box.right <= width; }",
            arg=[chart, width],
            timeout=WAIT,
        )
    page.wait_for_selector("#sweep-reading .pair", timeout=WAIT)

    click_in(page, "twin-map", x=1, y=4)
    wait_for_slider(page, "layer", "1")
    wait_for_slider(page, "gain", "2")
    page.wait_for_selector("#cell-replies .score", timeout=WAIT)
    page.click("#pin")
    page.wait_for_selector("#pins:has-text('A: layer 1, gain 2')", timeout=WAIT)
    click_in(page, "damage-map", x=0, y=2)
    wait_for_slider(page, "layer", "0")
    page.click("#pin")
    page.wait_for_selector("#pins:has-text('B: layer 0, gain 1')", timeout=WAIT)
    assert page.locator("#pins .reply").count() == page.locator("#pins .verdict").count() == 4
    page.wait_for_function(
        "['A', 'B'].every(letter => document.querySelector('#score-map .chart').layout.annotations"
        ".some(note => note.text === letter))",
        timeout=WAIT,
    )
    assert page.evaluate("document.documentElement.scrollWidth") <= width

    page.wait_for_selector("#chosen:has-text('Reset to')", timeout=WAIT)
    chosen = reset.inner_text()
    reset.click()
    page.wait_for_selector("#chosen[disabled]", timeout=WAIT)
    assert f"layer {page.input_value('#layer input[type=number]')}, gain 1" in chosen
    assert page.input_value("#gain input[type=number]") == "1"


def test_a_term_explains_itself_to_the_keyboard(page):
    open_tab(page, "Layers")
    page.focus(".term:has-text('refusal score') >> visible=true")
    told = "getComputedStyle(document.activeElement, '::after').content"
    assert "opens a refusal" in page.evaluate(told)
    assert "opens a refusal" in page.evaluate("document.activeElement.getAttribute('aria-label')")
