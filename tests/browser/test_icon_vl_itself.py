"""Icon-VL's own page, where it was fetched: opened, asked in words and about an image, looked at in every tab."""

import threading

import pytest

from app.serving import serve
from app.ui import create_app
from app.workbench import ICON_VL, LiveSession, Workbench
from mars.icon_vl.folder import is_fetched
from tests.browser.person import ask, click_in, drawn, open_tab, upload, wait_for_slider

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(not is_fetched(), reason="Icon-VL is not here; python -m mars cache --get icon-vl fetches it"),
]

WAIT = 300_000
"""Milliseconds: a real model on a busy machine."""
SHORTEST = 8
"""Tokens of a reply."""


@pytest.fixture(scope="module")
def session():
    """One copy of the model for all of these tests, in the precision that it was fitted in."""
    session = LiveSession.to_load(ICON_VL).load()
    session.warm_up()
    return session


@pytest.fixture(scope="module")
def url(chromium, session):  # noqa: ARG001 - no server without a browser
    workbench = Workbench(session)
    page = create_app(workbench)
    yield serve(page, workbench)
    page.close()
    for thread in threading.enumerate():
        if thread.name in ("numbers", "planes", "umap"):  # an interpreter that ends before them is aborted
            thread.join()


def _ask(page, text: str) -> None:
    """Ask for short replies and wait for both, and for twins and benign twin."""
    page.evaluate("document.querySelector('#settings button').click()")
    page.fill("#length input[type=number]", str(SHORTEST))
    page.fill("#prompt textarea", text)
    ask(page, lambda: page.click("#run"), WAIT)


def _take_away_the_image(page) -> None:
    page.locator("#media .icon-button-wrapper button").last.click()
    page.wait_for_selector("#media .file-preview", state="detached", timeout=WAIT)


def _replies(page) -> list[str]:
    return [reply.strip() for reply in page.locator("#replies .reply").all_inner_texts()]


def test_it_opens_on_a_finished_example_that_its_model_was_not_asked_for_again(page, session):
    assert page.input_value("#prompt textarea") == session.opening.text
    recorded = session.recorded(session.opening)
    assert page.locator("#replies .verdict").all_inner_texts() == [recorded.unsteered.kind, recorded.steered.kind]
    assert page.locator("#outside .notice").count() == 0
    assert "icon-vl: small real model" in page.inner_text(".top")
    assert page.locator("#offer").count() == 0
    page.wait_for_function(
        "[...document.querySelectorAll('#gallery img')].every((one) => one.naturalWidth > 0)", timeout=WAIT
    )


def test_an_ordinary_question_is_answered_without_the_banner_of_what_lies_outside(page):
    _take_away_the_image(page)
    _ask(page, "What is the capital of Australia?")
    assert all(_replies(page)) and page.locator("#outside .notice").count() == 0
    assert page.locator("#tokens li").count() > 0


def test_an_image_of_ones_own_is_answered_at_another_layer_and_found_in_geometry_and_tokens(
    page, session, picture, tmp_path
):
    picture.save(tmp_path / "mine.png")
    _take_away_the_image(page)
    upload(page, str(tmp_path / "mine.png"))
    _ask(page, "What is in the image?")
    assert all(_replies(page)) and "this prompt with its image lies at" in page.inner_text(".results-of-run")

    other = session.chosen_layer - 1
    click_in(page, "curves", x=other, y=0)
    wait_for_slider(page, "layer", str(other))
    page.wait_for_selector("#stale:has-text('Another layer is set')", timeout=WAIT)
    page.click("#run")
    page.wait_for_selector(f"#replies:has-text('layer {other}, gain 1')", timeout=WAIT)
    page.wait_for_selector("#run:not([disabled])", timeout=WAIT)
    assert page.locator(".stale").count() == 0

    open_tab(page, "Geometry")
    page.wait_for_function("document.querySelector('#clouds .chart')?.layout?.sliders?.length", timeout=WAIT)
    assert "this visit" in drawn(page, "clouds")
    assert f"Layer {other}." in page.inner_text("#story")
    assert "What is in the image? + image" in page.inner_text("#near-star, .asked")
    page.wait_for_selector("#near tbody tr", timeout=WAIT)

    open_tab(page, "Tokens")
    page.wait_for_selector("#medium .main-svg", timeout=WAIT)
    heat = "document.querySelector('#positions .chart')._fullData[0].z"
    shape = page.evaluate(f"[{heat}.length, {heat}[0].length]")
    assert shape[0] == session.n_layers and shape[1] > 10
    assert page.evaluate("document.documentElement.scrollWidth") <= 1440
