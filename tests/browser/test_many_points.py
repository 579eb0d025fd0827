"""Twenty thousand points are drawn, and a lasso selects among them in both panels."""

import pytest

from tests.browser.many_points import SELECTED, WAIT, lasso_left, open_clouds


@pytest.mark.parametrize("count", [20_000])
def test_very_many_points_are_drawn_and_selected_in_both_panels(chromium, count):
    page = chromium.new_page(viewport={"width": 1000, "height": 700})
    open_clouds(page, count)
    drawn = "document.querySelector('.chart')._fullData.reduce((sum, { x }) => sum + x.length, 0)"
    assert page.evaluate(drawn) == 2 * count
    lasso_left(page)
    page.wait_for_function("triggered.some(([name]) => name === 'points')", timeout=WAIT)
    before, after = page.evaluate(SELECTED)
    (_, event, _) = page.evaluate("triggered.filter(([name]) => name === 'points')")[-1]
    assert before == after and sorted(before) == sorted(event["rows"]) and 0.2 * count < len(before) < 0.8 * count
    page.close()
