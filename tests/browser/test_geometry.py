"""A researcher plays through the layers, finds points in both panels, filters them, and looks at patches closely."""

import pytest

from tests.browser.person import WAIT, click_in, drawn, hover_over, open_tab, run, upload

CHART = "document.querySelector('#clouds .chart')"


@pytest.mark.parametrize("width", [1440, 390], indirect=True)
def test_points_are_followed_through_the_layers_in_both_panels(page, width):
    open_tab(page, "Geometry")
    page.wait_for_function(f"{CHART}?.layout?.sliders?.length", timeout=WAIT)
    page.wait_for_timeout(500)
    assert page.get_by_label("Refusal axis", exact=True).is_checked()
    assert "false refusals" in page.inner_text("#story") or "AUC" in page.inner_text("#story")
    assert page.locator("#clouds [data-title*='Cloud'], #clouds [data-title*='Share']").count() == 0
    hover_over(page, "clouds", "text, harmful")
    page.wait_for_selector("#clouds .twin-mark:not([hidden])", timeout=WAIT)
    other = page.locator("#clouds .nsewdrag").nth(1).bounding_box()
    ring = page.locator("#clouds .twin-mark").bounding_box()
    for start, length in (("x", "width"), ("y", "height")):
        assert other[start] <= ring[start] + ring[length] / 2 <= other[start] + other[length]

    where = f"Array.from({CHART}._fullData[0].x).join()"
    before = page.evaluate(where)
    page.locator("#clouds .updatemenu-button").first.click()
    page.wait_for_function(f"{where} !== '{before}'", timeout=WAIT)
    page.locator("#clouds .updatemenu-button").last.click()
    if width == 1440:  # on a phone the rail is not hit by its place on the screen
        page.locator("#clouds .slider-rail-touch-rect").scroll_into_view_if_needed()
        box = page.locator("#clouds .slider-rail-touch-rect").bounding_box()
        page.mouse.click(box["x"] + 8, box["y"] + box["height"] / 2)
        page.wait_for_function("document.querySelector('#layer input[type=number]').value === '0'", timeout=WAIT)
        page.wait_for_selector("#story:has-text('Layer 0.')", timeout=WAIT)

    page.get_by_label("■ images").uncheck()
    page.wait_for_function(
        f"{CHART}.data.every(trace => (trace.visible !== false) === !trace.name.startsWith('image'))", timeout=WAIT
    )
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_patches_are_enlarged_by_a_click_and_by_the_keyboard(page, picture, tmp_path):
    picture.save(tmp_path / "picture.png")
    upload(page, str(tmp_path / "picture.png"))
    run(page)
    open_tab(page, "Tokens")
    drawn(page, "medium")
    height = "document.querySelector('#medium .chart').layout.height"
    small = page.evaluate(height)
    click_in(page, "medium", x=1, y=1)
    page.wait_for_function(f"{height} > {small}", timeout=WAIT)
    page.focus("#enlarge input")
    page.keyboard.press("Space")
    page.wait_for_function(f"{height} === {small}", timeout=WAIT)
    ticks = page.evaluate("document.querySelector('#positions .chart').layout.xaxis.ticktext")
    assert "picture" in " ".join(ticks) and any("patches" in tick for tick in ticks)
