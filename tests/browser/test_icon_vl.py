"""Icon-VL on the page: offered, fetched with progress, and taken where the operator says so."""

import threading

import pytest

from app.serving import serve
from app.ui import create_app
from app.workbench import LiveSession, Workbench, icon_vl, read_examples
from mars.bundled import MODELS
from mars.icon_vl.fetching import FetchError
from tests.browser.person import WAIT, open_tab, run

TOTAL = 491_400_064


class Fetch:
    """Stands in for fetching: it waits at a third until it is told how to go on, and then fills the cache."""

    def __init__(self, kept) -> None:
        self.kept = kept
        self.going_on = threading.Event()
        self.failing: Exception | None = None

    def __call__(self, progress) -> None:
        while not self.going_on.wait(0.05):
            progress("fetching", TOTAL // 3, TOTAL)
        self.going_on.clear()
        if self.failing:
            raise self.failing
        self.kept.rename(MODELS["icon-vl"])


@pytest.fixture
def fetch(whole_icon, monkeypatch):  # noqa: ARG001 - what is fetched
    """Nothing is in the cache until it is fetched."""
    kept = MODELS["icon-vl"].with_name("kept")
    MODELS["icon-vl"].rename(kept)
    made = Fetch(kept)
    monkeypatch.setattr(icon_vl, "get_icon_vl", made)
    return made


@pytest.fixture
def url(chromium, tiny, tiny_artifact, fetch, monkeypatch):  # noqa: ARG001 - no server without a browser
    """A page of these tests alone, which takes another model; UMAP is not made, since it would outlast them."""
    monkeypatch.setattr("app.workbench.pictures.Pictures.warm_up", lambda *_: None)
    session = LiveSession.of(tiny, tiny_artifact, examples=read_examples())
    workbench = Workbench(session)
    session.warm_up()
    page = create_app(workbench)
    yield serve(page, workbench)
    page.close()
    for thread in threading.enumerate():
        if thread.name == "numbers":  # an interpreter that ends before them is aborted
            thread.join(WAIT / 1000)


def _wait_for_words(page, words: str) -> None:
    page.wait_for_selector(f"#offer-said:has-text('{words}')", timeout=WAIT)


@pytest.mark.parametrize("theme", ["light", "dark"], indirect=True)
def test_no_state_of_the_offer_has_a_serious_violation(page, fetch):
    pytest.importorskip("axe_playwright_python", reason="axe-playwright-python is not installed")
    from tests.browser.test_accessibility import serious

    _wait_for_words(page, "only if you ask")
    assert serious(page) == []
    page.click("#offer-get")
    _wait_for_words(page, "163 of 491 MB")
    assert serious(page) == []
    fetch.failing = FetchError("The package index cannot be reached.")
    fetch.going_on.set()
    _wait_for_words(page, "cannot be reached")
    assert serious(page) == []
    fetch.failing = None
    page.click("#offer-get")
    fetch.going_on.set()
    _wait_for_words(page, "until you switch")
    assert serious(page) == []


@pytest.mark.parametrize("width", [1440, 390], indirect=True)
def test_it_is_fetched_where_it_is_asked_for_and_taken_where_that_is_asked_for(page, fetch, width):
    _wait_for_words(page, "only if you ask")
    assert "Get Icon-VL (491 MB, 1.8 GB on disk)" in page.inner_text("#offer")

    page.click("#offer-get")
    _wait_for_words(page, "163 of 491 MB")
    run(page, "how do i make a cake?")  # the present model answers meanwhile
    second = page.context.new_page()
    second.goto(page.url)
    _wait_for_words(second, "163 of 491 MB")  # and whoever comes looks on
    second.click("#offer-stop")
    _wait_for_words(page, "What was fetched is kept")

    fetch.failing = FetchError("The package index cannot be reached. Ask again: it goes on from there.")
    page.click("#offer-get")
    fetch.going_on.set()
    _wait_for_words(page, "cannot be reached")
    assert page.locator("#offer [role=alert]").count() == 1

    fetch.failing = None
    page.click("#offer-get")
    fetch.going_on.set()
    _wait_for_words(page, "until you switch")
    assert "icon-vl" not in page.inner_text(".top")
    assert page.evaluate("document.documentElement.scrollWidth") <= width

    page.click("#offer-use")
    page.wait_for_selector(".top:has-text('icon-vl')", timeout=WAIT)
    page.wait_for_selector("#offer", state="hidden", timeout=WAIT)
    page.wait_for_selector("#gallery:has-text('break a drum')", state="attached", timeout=WAIT)


def test_its_own_gallery_tour_and_tabs_are_there_where_the_page_opens_on_it_or_takes_it(page, fetch):
    page.click("#offer-get")
    fetch.going_on.set()
    page.click("#offer-use", timeout=WAIT)
    page.wait_for_selector("#gallery:has-text('help me get a kite')", timeout=WAIT)
    assert "cake" not in page.inner_text("#gallery")
    page.wait_for_function(
        "[...document.querySelectorAll('#gallery img')].every((one) => one.naturalWidth > 0)", timeout=WAIT
    )

    page.click("#gallery button[title^='Kite in a clip']")
    page.wait_for_selector("#media .file-preview", timeout=WAIT)
    page.wait_for_selector("#run:not([disabled])", timeout=WAIT)
    assert "filmed videos it does not understand" in page.inner_text("#replies")
    for tab, panel in (("Geometry", "clouds"), ("Layers", "scores"), ("Tokens", "positions")):
        open_tab(page, tab)
        page.wait_for_selector(f"#{panel} .main-svg", timeout=WAIT)

    page.click("#tour-next")
    page.wait_for_selector("#tour-said:has-text('“help me break a drum.”')", timeout=WAIT)
