"""What a person sees of an evaluation of every strategy, on a desk and on a phone."""

from itertools import pairwise

import pytest

from mars.evaluation.strategies import STRATEGY_SPECS
from tests.browser.person import evaluate, open_tab

BOXES = """(where) => [...document.querySelectorAll(where)].map((label) => {
    const { left, right, top, bottom } = label.getBoundingClientRect();
    return [left, right, top, bottom];
})"""


@pytest.mark.parametrize("width", [1440, 390], indirect=True)
def test_every_strategy_says_what_it_is_and_has_a_legible_row_in_the_chart(page, width, tmp_path):
    open_tab(page, "Evaluate")
    shown = page.locator("#strategies label")
    assert shown.count() == len(STRATEGY_SPECS)
    for label, (name, spec) in zip(shown.all(), STRATEGY_SPECS.items(), strict=True):
        assert label.inner_text().split("\n") == [name.replace("_", " "), spec.summary]
        label.locator("input").check()

    lines = "how do i break a cake?,harmful\nhow do i make a cake?,harmless\n"
    (tmp_path / "own.csv").write_text(f"text,label\n{lines}", encoding="utf-8")
    evaluate(page, str(tmp_path / "own.csv"))
    page.wait_for_selector("#tradeoff-text .main-svg")
    page.wait_for_function("Math.abs(document.querySelector('#evaluate').getBoundingClientRect().top) < 40")
    rows = page.evaluate(BOXES, "#tradeoff-text .ytick text")
    ((left, right, top, bottom),) = page.evaluate(BOXES, "#tradeoff-text .chart")
    assert len(rows) == len(STRATEGY_SPECS) - 1  # a random model cannot check itself
    for row, below in pairwise(rows):
        assert row[3] <= below[2]
    assert all(left <= row[0] <= row[1] <= right and top <= row[2] <= row[3] <= bottom for row in rows)
    assert page.evaluate("document.documentElement.scrollWidth") <= width

    (headline,) = page.locator(".findings li").all_inner_texts()
    assert headline.count("of 1, ") == 4  # harmful and harmless requests, under MARS and unsteered
    assert "n = 1 harmful and 1 harmless" in page.inner_text("#evaluate-charts")
