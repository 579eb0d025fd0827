"""The sliders of the page: the number field beside each takes what can be used, and the track shows the value."""

import pytest

from tests.browser.person import open_tab, wait_for_slider

TRACK = "getComputedStyle(document.querySelector('#layer input[type=range]')).getPropertyValue"


@pytest.mark.parametrize(
    ("slider", "typed"),
    [("layer", "99"), ("layer", "-1"), ("layer", "12"), ("layer", ""), ("layer", "1.5"), ("gain", "9"), ("gain", "")],
)
def test_a_number_that_cannot_be_used_is_not_and_the_one_from_before_is_back(page, caplog, slider, typed):
    open_tab(page, "Layers")
    field, knob = (f"#{slider} input[type={kind}]" for kind in ("number", "range"))
    before = page.input_value(field)
    page.click(field)
    page.keyboard.press("Control+a")
    page.keyboard.press("Delete")
    page.keyboard.type(typed)
    assert page.get_attribute(field, "aria-invalid") == "true"
    page.keyboard.press("Enter")
    wait_for_slider(page, slider, before)
    page.keyboard.press("Tab")
    page.wait_for_timeout(500)
    assert page.input_value(field) == page.input_value(knob) == before
    assert page.get_attribute(field, "aria-invalid") == "false"
    assert not [record for record in caplog.records if record.exc_info]


def test_a_number_that_can_be_used_is_used_as_it_is_typed(page):
    for slider, typed in (("layer", "1"), ("gain", "1.3")):
        page.fill(f"#{slider} input[type=number]", typed)
    page.wait_for_selector("#chosen:has-text('Reset')")
    page.keyboard.press("Tab")
    assert page.input_value("#layer input[type=range]") == "1"
    assert page.input_value("#gain input[type=number]") == "1.3"


@pytest.mark.parametrize("theme", ["light", "dark"], indirect=True)
def test_the_track_is_darker_or_lighter_where_it_is_filled(page):
    def lightness(variable: str) -> int:
        colour = page.evaluate(f"{TRACK}('{variable}')").strip().lstrip("#")
        return sum(bytes.fromhex(colour))

    assert abs(lightness("--slider-color") - lightness("--neutral-200")) > 300
