"""A researcher plays through the layers, finds points in both panels, filters them, and looks at patches closely."""

from pathlib import Path

import pytest

from tests.browser.many_points import SELECTED
from tests.browser.person import (
    CHART,
    WAIT,
    click_in,
    drag,
    drawn,
    hover_over,
    open_tab,
    run,
    upload,
    wait_for_slider,
)


@pytest.mark.parametrize("width", [1440, 390], indirect=True)
def test_points_are_followed_through_the_layers_in_both_panels(page, width):
    open_tab(page, "Geometry")
    page.wait_for_function(f"{CHART}?.layout?.sliders?.length", timeout=WAIT)
    page.wait_for_timeout(500)
    assert page.get_by_label("Refusal axis", exact=True).is_checked()
    assert "AUC" in page.inner_text("#story")
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


ALL = ((0.01, 0.01), (0.99, 0.99))
LEFT_HALF = ((0.01, 0.01), (0.5, 0.01), (0.5, 0.99), (0.01, 0.99), (0.01, 0.01))


def _open(page) -> None:
    open_tab(page, "Geometry")
    page.wait_for_function(f"{CHART}?.layout?.sliders?.length", timeout=WAIT)
    page.locator("#clouds").scroll_into_view_if_needed()
    page.wait_for_timeout(500)


def _selected(page, rows: list[int]) -> None:
    """Wait until both panels have these rows selected, and no others."""
    page.wait_for_function(
        f"(rows) => {SELECTED}.every((one) => one.sort().join() === rows.sort().join())", arg=rows, timeout=WAIT
    )


def test_where_the_layers_end_or_stop_playing_is_the_layer_in_use(page):
    _open(page)
    last = page.evaluate(f"{CHART}.layout.sliders[0].steps.length") - 1
    assert page.input_value("#layer input[type=number]") != str(last)
    page.locator("#clouds .updatemenu-button").first.click()
    wait_for_slider(page, "layer", str(last))
    page.wait_for_selector(f"#story:has-text('Layer {last}.')", timeout=WAIT)


def _told(page, words: str) -> None:
    page.wait_for_function(
        "(words) => document.querySelector('#points').innerText.includes(words)", arg=words, timeout=WAIT
    )


def test_lasso_and_box_select_in_both_panels_until_cleared_and_the_rows_are_taken_away_as_csv(page):
    _open(page)
    points = page.evaluate(f"{CHART}.data.flatMap((trace) => (trace.xaxis === 'x' && trace.meta.rows) || []).length")
    _told(page, f"{points} of {points} points")
    drag(page, "Lasso Select", *LEFT_HALF)
    page.wait_for_selector("#points .selection", timeout=WAIT)
    before, after = page.evaluate(SELECTED)
    assert before == after and 0 < len(before) < points
    assert f"{len(before)} of {points} points selected" in page.inner_text("#points")
    assert page.locator("#points tbody tr").count() == len(before)
    assert page.locator("#clouds .select-outline, #clouds .selectionlayer path").count() == 0

    with page.expect_download(timeout=WAIT) as download:
        page.click("#points a[download]")
    head, *lines = Path(download.value.path()).read_text(encoding="utf-8").splitlines()
    assert head == "prompt,modality,label,set,layer,s before,s after" and len(lines) == len(before)

    page.get_by_label("PCA").check()  # the same points, wherever they lie now
    page.wait_for_function(f"{CHART}.layout.xaxis.title.text.includes('principal')", timeout=WAIT)
    page.fill("#layer input[type=number]", "0")
    page.keyboard.press("Enter")
    _told(page, "at layer 0 after")
    page.evaluate("document.body.classList.toggle('dark')")
    page.wait_for_timeout(1000)
    _selected(page, before)

    page.click("#points button")
    _told(page, f"{points} of {points} points")
    _selected(page, [])
    drag(page, "Box Select", *ALL)
    page.wait_for_selector("#points .selection", timeout=WAIT)
    box = page.locator("#clouds .nsewdrag").first.bounding_box()
    page.mouse.dblclick(box["x"] + 3, box["y"] + 3)
    _told(page, f"{points} of {points} points")
    _selected(page, [])


def test_shift_adds_to_a_selection_and_other_labels_end_it(page):
    _open(page)
    drag(page, "Lasso Select", *LEFT_HALF)
    page.wait_for_selector("#points .selection", timeout=WAIT)
    left, _ = page.evaluate(SELECTED)
    drag(page, "Box Select", (0.3, 0.01), (0.99, 0.99), keys=("Shift",))
    page.wait_for_function(f"{SELECTED}[0].length > {len(left)}", timeout=WAIT)
    both, _ = page.evaluate(SELECTED)
    assert set(left) < set(both) and len(set(both)) == len(both)
    page.get_by_label("No signal: labels at random").check()
    page.wait_for_function(f"{SELECTED}[0].length === 0", timeout=WAIT)
    page.wait_for_selector("#points .selection", state="detached", timeout=WAIT)


def test_a_prompt_has_its_nearest_points_beside_it_at_the_layer_in_use(page, picture, tmp_path):
    picture.save(tmp_path / "picture.png")
    upload(page, str(tmp_path / "picture.png"))
    run(page)
    _open(page)
    rows = page.locator("#near tbody tr")
    page.wait_for_selector("#near tbody tr", timeout=WAIT)
    assert rows.count() == 8
    cosines = [float(row.replace("−", "-")) for row in page.locator("#near td:nth-child(4)").all_inner_texts()]
    assert cosines == sorted(cosines, reverse=True) and cosines[0] <= 1
    page.fill("#layer input[type=number]", "0")
    page.keyboard.press("Enter")
    page.wait_for_selector("#near caption:has-text('at layer 0')", timeout=WAIT)
    assert rows.count() == 8
    kinds = page.locator("#near tbody tr").evaluate_all(
        "(rows) => rows.map((row) => [row.cells[1].innerText, row.querySelector('img') !== null])"
    )
    assert all(has_image is (modality != "text") for modality, has_image in kinds)


def test_images_are_points_that_keep_their_label_and_their_selection(page):
    _open(page)
    marks = "Array.from(document.querySelectorAll('#clouds .points path'))"
    filled = f"{marks}.filter((mark) => mark.style.fill.includes('url'))"
    assert page.evaluate(f"{filled}.length") == 0
    page.check("#as-images input")
    shown = f"{CHART}.data.filter(({{ meta }}) => meta.as_images).flatMap(({{ meta }}) => meta.rows).length"
    page.wait_for_function(f"{filled}.length > 0 && {filled}.length === {shown}", timeout=WAIT)
    drag(page, "Box Select", *ALL)
    page.wait_for_selector("#points .selection", timeout=WAIT)
    assert page.evaluate(f"{filled}.length") == page.evaluate(shown)
    image = "document.querySelector('#clouds .patterns image')"
    assert page.evaluate(f"{image}.getAttribute('href')").startswith("data:image/webp")
    page.uncheck("#as-images input")
    page.wait_for_function(f"{filled}.length === 0", timeout=WAIT)


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
