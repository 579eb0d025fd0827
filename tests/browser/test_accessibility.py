"""axe finds no serious violation on any tab, in light and in dark, of ours or of Gradio's own widgets."""

import pytest

from tests.browser.person import CHART, TABS, WAIT, evaluate, open_tab, run, upload

axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")

OPTIONS = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"], "resultTypes": ["violations"]}


def serious(page) -> list[str]:
    """Serious and critical violations, one line each; Gradio's own widgets count too."""
    found = axe.Axe().run(page, options=OPTIONS).response["violations"]
    return [
        f"{violation['id']}: {node['target']}: {node['failureSummary']}"
        for violation in found
        if violation["impact"] in ("serious", "critical")
        for node in violation["nodes"]
    ]


@pytest.mark.parametrize("theme", ["light", "dark"], indirect=True)
def test_no_tab_has_a_serious_violation(page, png, tmp_path):
    (tmp_path / "own.csv").write_text("text,label\nhow do i make a cake?,harmless\nhow do i break it?,harmful\n")
    for part in ("Take away", "Use another model"):
        page.get_by_text(part, exact=True).click()
    upload(page, png)
    run(page)
    page.wait_for_selector("#python .cm-line span", timeout=WAIT)
    for tab in TABS:
        open_tab(page, tab)
        if tab == "Layers":
            for of, chart in (("verdicts", "verdict-map"), ("first token", "damage-map")):
                page.get_by_label(of, exact=True).check()
                page.wait_for_selector("#sweep:not([disabled])", timeout=WAIT)
                page.click("#sweep")
                page.wait_for_selector(f"#{chart} .main-svg", timeout=WAIT)
                page.wait_for_timeout(500)
                assert serious(page) == [], of
        elif tab == "Geometry":
            page.wait_for_function(f"{CHART}?.layout?.sliders?.length", timeout=WAIT)
            page.get_by_label("No signal").check()
            page.wait_for_selector("#geometry-notice:has-text('randomly permuted')", timeout=WAIT)
        elif tab == "Evaluate":
            evaluate(page, str(tmp_path / "own.csv"))
        for fold in page.locator("details.numbers:visible").all()[:3]:
            fold.evaluate("details => { details.open = true; }")
        page.wait_for_timeout(500)
        assert serious(page) == [], tab


@pytest.mark.parametrize("tab", ["Layers", "Tokens", "Evaluate"])
def test_a_tab_without_a_prompt_has_no_serious_violation(page, tab):
    open_tab(page, tab)
    page.wait_for_timeout(300)
    assert serious(page) == []


@pytest.mark.parametrize(("theme", "width"), [("dark", 390)], indirect=True)
def test_the_tour_has_no_serious_violation_on_a_phone(page):
    page.click("#tour-next")
    page.wait_for_selector("#replies.spot", timeout=WAIT)
    page.wait_for_function("!document.querySelector('#tour-said').innerText.includes('One moment')", timeout=WAIT)
    assert serious(page) == []
