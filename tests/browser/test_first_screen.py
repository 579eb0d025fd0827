"""Pocket-VL's page as it opens: a finished example on the first screen, one click to another, a link that runs."""

import pytest

from app.serving import serve
from app.ui import create_app
from app.workbench import LiveSession, Workbench
from mars.bundled import MODELS
from tests.browser.person import WAIT, ask, wait_for_slider

HEADER = 140
"""Pixels of header, the offer of Icon-VL, tour and controls together."""


@pytest.fixture(scope="module")
def url(chromium, tmp_path_factory):  # noqa: ARG001 - no server without a browser
    """Of somebody who has not fetched Icon-VL."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(MODELS, "icon-vl", tmp_path_factory.mktemp("cache") / "icon-vl")
        workbench = Workbench(LiveSession.to_load("pocket-vl").load())
        page = create_app(workbench)
        yield serve(page, workbench)
        page.close()


def _box(page, selector: str) -> tuple[float, float]:
    """Top and bottom of an element on the screen, in pixels."""
    box = page.locator(selector).first.bounding_box()
    return box["y"], box["y"] + box["height"]


def _is_on_screen(page, selector: str) -> bool:
    top, bottom = _box(page, selector)
    return top >= 0 and bottom <= page.viewport_size["height"]


def _pick(page, title: str) -> None:
    """Click an example and wait for its replies, twins and benign twin."""
    page.wait_for_selector("#replies .verdict", timeout=WAIT)  # of the example that the page opens on
    ask(page, lambda: page.click(f"#gallery button[title^='{title}']"))


def _verdicts(page) -> list[str]:
    return page.locator("#replies .verdict").all_inner_texts()


ON_SCREEN = ("#prompt textarea", "#replies .replies", "#curves .chart", "#gallery .gallery")


def test_a_desk_shows_the_finished_example_on_opening_and_after_every_run(page):
    assert page.input_value("#prompt textarea") and page.locator("#media .file-preview").count() == 1
    assert _verdicts(page) == ["complies", "refuses"]
    assert all(_is_on_screen(page, part) for part in ON_SCREEN)
    assert page.is_visible("#offer-get")
    assert _box(page, "#bar")[1] <= HEADER
    assert page.evaluate("document.documentElement.scrollWidth") <= 1440
    button, bar = page.locator("#tour-next").bounding_box(), page.locator("#bar").bounding_box()
    assert button["x"] + button["width"] <= bar["x"] + bar["width"] + 1

    _pick(page, "Bicycle in a picture")
    assert _verdicts(page) == ["complies", "complies"]
    assert all(_is_on_screen(page, part) for part in ON_SCREEN)

    page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
    ask(page, lambda: page.evaluate("document.querySelector('#run').click()"))
    assert all(_is_on_screen(page, part) for part in ON_SCREEN)


@pytest.mark.parametrize("width", [390], indirect=True)
def test_a_phone_shows_the_prompt_first_and_brings_the_replies_into_view(page):
    page.set_viewport_size({"width": 390, "height": 844})
    assert _is_on_screen(page, "#prompt textarea")
    assert _box(page, "#gallery")[1] <= _box(page, "#replies")[0]
    _pick(page, "Machete in a clip")
    assert _verdicts(page) == ["complies", "refuses"]
    assert 0 <= _box(page, "#replies")[0] < 200


def test_what_is_shown_is_marked_once_it_belongs_to_an_older_prompt_or_setting(page):
    assert page.locator(".stale").count() == 0
    page.fill("#gain input[type=number]", "2")
    page.keyboard.press("Tab")
    page.wait_for_selector("#stale:has-text('Another gain is set')", timeout=WAIT)
    page.fill("#prompt textarea", "how do i make a cake?")
    page.wait_for_selector("#stale:has-text('Another prompt and gain')", timeout=WAIT)
    page.click("#chosen")
    wait_for_slider(page, "gain", "1")
    page.wait_for_selector("#stale:has-text('Another prompt is set')", timeout=WAIT)


def test_a_link_to_an_example_runs_it_once_with_its_settings_on_its_tab(page, url, monkeypatch):
    asked, compare = [], LiveSession.compare
    monkeypatch.setattr(
        LiveSession, "compare", lambda session, *given: asked.append(given[0]) or compare(session, *given)
    )
    page.wait_for_selector("#replies .verdict", timeout=WAIT)
    page.wait_for_timeout(1000)  # what is still asked for when a page is left ends in an error in the console
    page.goto(url + "?layer=4&gain=2&example=Bicycle+in+a+picture&tab=geometry")
    page.wait_for_selector("[role=tab][data-tab-id=geometry][aria-selected=true]", timeout=WAIT)
    page.wait_for_selector("#clouds .main-svg", timeout=WAIT)
    page.wait_for_selector("#near-star", timeout=WAIT)
    page.wait_for_selector("#replies:has-text('layer 4, gain 2')", state="attached", timeout=WAIT)
    page.wait_for_selector("#stop[disabled]", state="attached", timeout=WAIT)
    page.wait_for_selector("#beside:has-text('The same in words')", state="attached", timeout=WAIT)
    assert asked.count("where can i get the thing in the picture?") == 1
    page.get_by_role("tab", name="Compare").click()
    assert page.locator(".stale").count() == 0


def test_the_tour_is_told_from_what_was_recorded_each_step_on_one_screen(page, monkeypatch):
    def never(*_):
        raise AssertionError("the model was asked")

    monkeypatch.setattr(LiveSession, "compare", never)
    views = ("#replies", "#replies", "#curves .chart", "#replies", "#beside table")
    for number, (view, told) in enumerate(
        zip(views, ("is refused", "is answered", "lies at", "is refused", "78.5 %"), strict=True), start=1
    ):
        page.click("#tour-next")
        page.wait_for_selector(f"#tour-said:has-text('{number} of 5'):has-text('{told}')", timeout=WAIT)
        page.wait_for_timeout(800)
        assert _is_on_screen(page, view) and _is_on_screen(page, "#tour")
        assert _box(page, view)[1] <= _box(page, "#tour")[0], number
    page.click("#tour-end")
    page.wait_for_function("window.scrollY === 0", timeout=WAIT)


@pytest.mark.parametrize("width", [390], indirect=True)
def test_the_last_step_of_the_tour_shows_the_benign_twin_above_its_words_on_a_phone(page):
    page.set_viewport_size({"width": 390, "height": 844})
    for number in range(1, 6):
        page.click("#tour-next")
        page.wait_for_selector(f"#tour-said:has-text('{number} of 5'):not(:has-text('One moment'))", timeout=WAIT)
    page.wait_for_timeout(800)
    twin = "#beside tr:has-text('Benign twin')"
    assert _is_on_screen(page, twin) and _box(page, twin)[1] <= _box(page, "#tour")[0]


def test_one_place_says_which_model_answers_what_it_can_see_and_what_it_cannot(page):
    assert "toy model" in page.inner_text(".model summary")
    page.click(".model summary")
    told = page.inner_text(".model")
    for part in ("parameters", "text, image and video", "cannot read ordinary English", "system message"):
        assert part in told
