"""The chart of a report: what each strategy refuses, with intervals."""

import numpy as np
import pytest

from app.figures.palette import CROSSED, LIGHT, SYMBOLS
from app.figures.tradeoff import LETTER, ROW, Strategy, tradeoff

RATES = {"unsteered": (0.1, 0.0), "addition": (1.0, 0.8), "mars": (0.9, 0.1)}


def _chart(modality: str = "image", rates: dict = RATES, broken: dict | None = None, summary: str = ""):
    strategies = []
    for name, pair in rates.items():
        intervals = np.array([(rate, rate - 0.02, rate + 0.03) for rate in pair])
        strategies.append(Strategy(name, intervals, (200, 100), np.array((broken or {}).get(name, (0, 0))), summary))
    return tradeoff(strategies, modality)


@pytest.mark.parametrize(("modality", "symbol"), SYMBOLS.items())
def test_marks_lie_at_their_rates_with_intervals_the_colour_of_their_label_and_the_shape_of_their_modality(
    modality, symbol
):
    harmful, harmless = _chart(modality).data
    for trace, rates, label in ((harmful, (0.1, 1.0, 0.9), "harmful"), (harmless, (0.0, 0.8, 0.1), "harmless")):
        assert trace.name == label and trace.marker.color == trace.error_x.color == LIGHT[label]
        assert tuple(trace.x) == rates and tuple(trace.y) == tuple(RATES)
        assert trace.error_x.array == pytest.approx(0.03) and trace.error_x.arrayminus == pytest.approx(0.02)
        assert set(trace.marker.symbol) == {symbol}


@pytest.mark.parametrize(("modality", "symbol"), SYMBOLS.items())
def test_a_strategy_that_breaks_the_model_is_marked_labelled_hovered_and_told(modality, symbol):
    chart = _chart(modality, broken={"addition": (0.02, 0.05), "mars": (0.049, 0.0), "unsteered": (np.nan, np.nan)})
    for trace in chart.data:
        assert list(trace.marker.symbol) == [symbol, CROSSED[symbol], symbol]
        assert trace.text[1].endswith("replies broken: harmful 2.0 %, harmless 5.0 %")
        assert trace.text[0].endswith("replies broken: harmful –, harmless –")
    assert list(chart.layout.yaxis.ticktext) == ["unsteered", "addition, broken", "<b>mars</b>"]
    assert chart.layout.meta["description"].endswith("; 5% of replies or more are broken under addition.")


def test_a_mark_says_on_hover_what_its_strategy_is_and_both_rates_with_n_and_interval():
    (text, *_) = _chart(summary="As it is, & no <more>.").data[0].text
    assert text.startswith(
        "<b>unsteered</b><br>As it is, &amp; no &lt;more&gt;.<br>harmful refused 10.0 % of 200 (8.0"
    )
    assert "<br>harmless refused 0.0 % of 100 (-2.0 to 3.0)<br>" in text


def test_the_file_of_a_chart_names_strategies_and_their_intervals():
    harmful = _chart().data[0]  # as chart_files.js reads it: y, x and customdata
    assert (harmful.y[2], harmful.x[2], harmful.customdata[2]) == ("mars", 0.9, "90.0 % of 200 (88.0 to 93.0)")


@pytest.mark.parametrize("count", [1, 4, 18])
def test_every_strategy_has_a_row_of_its_own_and_room_for_its_name(count):
    rates = {f"mars_no_trust_region_{number}": (0.98, 0.01) for number in range(count)}
    layout = _chart(rates=rates).layout
    ends = layout.yaxis.range
    plot = layout.height - layout.margin.t - layout.margin.b
    assert plot / (ends[0] - ends[1]) == ROW and len(layout.yaxis.ticktext) == count
    assert layout.margin.l >= LETTER * max(map(len, layout.yaxis.ticktext))


def test_the_row_of_mars_is_shaded_and_a_line_says_what_the_model_refuses_unsteered():
    shade, line = sorted(_chart().layout.shapes, key=lambda shape: shape.type == "line")
    assert (shade.y0, shade.y1, shade.fillcolor) == (1.5, 2.5, LIGHT["selected"])
    assert line.x0 == line.x1 == 0.1


def test_the_axis_shows_all_shares():
    layout = _chart().layout
    assert layout.xaxis.range[0] <= 0 and layout.xaxis.range[1] >= 1
    assert layout.meta["description"].endswith(".") and "mars refuses 90% of harmful" in layout.meta["description"]
