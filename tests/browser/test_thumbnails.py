"""What a point of the clouds shows, seen where the pointer is on it."""

from pathlib import Path

import pytest

from tests.browser.person import WAIT, drawn, hover_over, open_tab, run, upload

SEEN = "#clouds .point-thumbnail:not([hidden])"
GONE = "document.querySelector('#clouds .point-thumbnail').hidden"


def _open_clouds(page) -> None:
    """The view that needs no time, so that nothing is drawn anew under the pointer."""
    open_tab(page, "Geometry")
    page.get_by_label("Refusal axis").check()
    page.wait_for_function(
        "document.querySelector('#clouds .chart')?.layout?.xaxis.title.text.startsWith('refusal coordinate') "
        "&& !document.querySelector('#geometry-notice .busy')",
        timeout=WAIT,
    )
    page.wait_for_timeout(500)


def _hovered(page):
    """Address of the picture of the point that has the hover label."""
    return page.evaluate(
        "(([point]) => point.data.meta?.thumbnails?.[point.pointNumber])"
        "(document.querySelector('#clouds .chart')._hoverdata)"
    )


def _is_within(page, selector: str) -> bool:
    box, width = page.locator(selector).bounding_box(), page.viewport_size["width"]
    return box["x"] >= 0 and box["x"] + box["width"] <= width and box["y"] >= 0


@pytest.mark.parametrize("theme", ["light", "dark"], indirect=True)
@pytest.mark.parametrize("width", [390, 1440], indirect=True)
def test_a_point_shows_its_picture_beside_its_words_until_the_pointer_leaves(page):
    _open_clouds(page)
    for trace in ("image, harmful", "video, harmful", "image, neutral"):
        hover_over(page, "clouds", trace)
        page.wait_for_selector(SEEN, timeout=WAIT)
        assert page.get_attribute(f"{SEEN} img", "src") == _hovered(page)
        assert page.evaluate(f"document.querySelector('{SEEN} img').naturalWidth") > 8
        assert page.is_visible("#clouds .twin-mark")  # the same point in the other panel
        card, label = (page.locator(part).first.bounding_box() for part in (SEEN, "#clouds .hovertext"))
        assert card["y"] + card["height"] <= label["y"] or card["y"] >= label["y"] + label["height"]
        assert _is_within(page, SEEN)
        page.mouse.move(2, 2)
        page.wait_for_function(GONE, timeout=WAIT)
    assert page.get_attribute("#clouds .point-thumbnail", "aria-hidden") == "true"
    assert page.get_attribute("#clouds .point-thumbnail img", "alt") == ""


def test_words_alone_have_no_picture_and_a_star_has_its_own(page, picture, tmp_path):
    picture.save(tmp_path / "picture.png")
    upload(page, str(tmp_path / "picture.png"))
    run(page)
    _open_clouds(page)
    assert "this visit" in drawn(page, "clouds")
    hover_over(page, "clouds", "this visit")
    page.wait_for_selector(SEEN, timeout=WAIT)
    assert page.get_attribute(f"{SEEN} img", "src") == _hovered(page)
    label = "document.querySelector('#clouds .hovertext')?.textContent"
    page.wait_for_function(f"{label}?.includes('+ image')", timeout=WAIT)
    hover_over(page, "clouds", "text, harmful")
    page.wait_for_function(f"{label}?.includes('text, harmful')", timeout=WAIT)
    page.wait_for_function(GONE, timeout=WAIT)


def test_a_picture_goes_with_the_tab_and_with_a_chart_that_is_drawn_anew(page):
    _open_clouds(page)
    hover_over(page, "clouds", "image, harmful")
    page.wait_for_selector(SEEN, timeout=WAIT)
    page.evaluate("document.body.classList.toggle('dark')")
    page.wait_for_function(GONE, timeout=WAIT)
    hover_over(page, "clouds", "image, harmful")
    page.wait_for_selector(SEEN, timeout=WAIT)
    page.get_by_role("tab", name="Layers").focus()
    page.keyboard.press("Enter")  # the pointer stays
    page.wait_for_function(GONE, timeout=WAIT)


def test_a_chart_with_pictures_is_saved_without_them(page):
    _open_clouds(page)
    for kind in ("csv", "svg"):
        with page.expect_download(timeout=WAIT) as download:
            page.click(f'#clouds .downloads [data-as="{kind}"]')
        saved = Path(download.value.path()).read_text(encoding="utf-8")
        assert "base64" not in saved and len(saved) > 1000
