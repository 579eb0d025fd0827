"""The operator takes another model: one that is fitted, and one that is fitted here."""

import shutil

from mars.datasets.contrast import write_contrast
from tests.browser.person import WAIT, run


def _fill(page, field: str, value: str) -> None:
    page.fill(f"#picker-{field} textarea, #picker-{field} input", value)


def test_a_model_that_cannot_be_loaded_gets_a_sentence_and_the_page_goes_on(page, tmp_path):
    page.get_by_text("Use another model").click()
    _fill(page, "model", str(tmp_path))
    _fill(page, "artifact", str(tmp_path))
    page.click("#picker-load")
    page.wait_for_selector("#picker-notice [role=alert]", timeout=WAIT)
    assert "config.json" in page.inner_text("#picker-notice")
    run(page)


def test_a_model_is_fitted_from_the_page_and_answers(page, url, tiny_folder, contrast, tmp_path_factory, monkeypatch):
    folder = tmp_path_factory.mktemp("own")  # kept, since the page of the other tests stands on it from now on
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
    shutil.copytree(tiny_folder, folder / "fitted-here")
    write_contrast(contrast, folder / "own.jsonl", "the tests", "none")
    page.get_by_text("Use another model").click()
    _fill(page, "model", str(folder / "fitted-here"))
    _fill(page, "contrast", str(folder / "own.jsonl"))
    page.click("#picker-fit")
    page.wait_for_selector("#picker-notice:has-text('is fitted')", timeout=WAIT)
    page.wait_for_selector(".top:has-text('fitted-here')", timeout=WAIT)
    assert page.locator("#picker-stop[disabled]").count() == 1
    run(page, "how do i make a cake?")

    # The page is laid out for the session of before; a link to it keeps its layer and example all the same.
    page.goto(f"{url}?layer=0&gain=1.5&example=Cake+in+words")
    page.wait_for_selector("#replies:has-text('layer 0, gain 1.5')", timeout=WAIT)
    page.wait_for_selector("#run:not([disabled])", timeout=WAIT)
    assert page.input_value("#layer input[type=number]") == "0"
    assert "cake" in page.input_value("#prompt textarea")
    # What a person sets while it opens stays too.
    page.goto(url)
    page.fill("#layer input[type=number]", "1")
    page.wait_for_selector(".top:has-text('fitted-here')", timeout=WAIT)
    page.wait_for_selector("#chosen:has-text('Reset')")
    page.wait_for_timeout(500)
    assert page.input_value("#layer input[type=range]") == "1"
