"""Charts say what their arrays say, in one visual language, and follow the theme."""

import json

import numpy as np
import pytest

from app.figures.clouds import cloud_panel, shared_ranges
from app.figures.curves import layer_curves
from app.figures.palette import DARK, DARK_FOR_LIGHT, LIGHT, SYMBOLS
from app.figures.scores import score_rows

BANDS = {
    "harmful": np.stack([np.full(6, 0.6), np.full(6, 1.0), np.full(6, 1.3)], axis=1),
    "harmless": np.stack([np.full(6, -1.3), np.full(6, -1.0), np.full(6, -0.7)], axis=1),
}


def _curves(**changes):
    given = {"bands": BANDS, "before": np.arange(6) / 10, "after": np.arange(6) / 5, "modality": "image",
             "selected": 2, "chosen": 4}  # fmt: skip
    return layer_curves(**(given | changes))


NO_STARS = np.zeros((0, 2))


def _panel(points, labels, modalities, stars=NO_STARS):
    return cloud_panel(
        points, modalities, labels, [f"point {row}" for row in range(len(points))], stars,
        [f"star {row}" for row in range(len(stars))], ("x axis", "y axis"), shared_ranges(points, stars), "A cloud.",
    )  # fmt: skip


def _scores(chosen=3):
    return score_rows(
        {"consistency": np.linspace(0, 1, 6), "mean": np.r_[np.linspace(0, 1, 5), np.nan]},
        {"consistency": "cosine", "mean": "mean, 0 to 1"}, 1, chosen, np.arange(6) < 5,
    )  # fmt: skip


def _by_name(figure):
    return {trace.name: trace for trace in figure.data}


def _luminance(color):
    parts = [int(color[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one, other):
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def test_the_prompt_is_dashed_before_and_solid_after():
    traces = _by_name(_curves())
    assert traces["this prompt, before"].line.dash and not traces["this prompt, re-centred"].line.dash
    assert list(traces["this prompt, before"].y) == pytest.approx(list(np.arange(6) / 10))
    assert list(traces["this prompt, re-centred"].y) == pytest.approx(list(np.arange(6) / 5))


def test_bands_reach_from_the_lower_to_the_upper_quantile():
    band = _by_name(_curves())["harmful text, 5 to 95 %"]
    assert (min(band.y), max(band.y)) == (0.6, 1.3)
    assert band.fillcolor == LIGHT["harmful_band"]


def test_a_wild_first_layer_is_cut_and_said_so_while_the_others_are_shown_in_full():
    after = np.array([40.0, 3.0, 1.0, 1.0, 1.0, -2.5])
    figure = _curves(before=after, after=after)
    low, high = figure.layout.yaxis.range
    assert low < -2.5 and 3.0 < high < 40
    assert any("layer 0: cut, up to 40.0" in note.text for note in figure.layout.annotations)
    assert not any("cut" in note.text for note in _curves().layout.annotations)


def test_curves_without_a_prompt_show_the_text_bands_alone():
    assert set(_by_name(_curves(before=None, after=None))) == {
        "harmful text, 5 to 95 %", "harmful text, median", "harmless text, 5 to 95 %", "harmless text, median",
    }  # fmt: skip


@pytest.mark.parametrize("figure", [_curves(selected=2), _scores()])
def test_the_selected_layer_is_shaded_over_its_whole_width(figure):
    shaded = [shape for shape in figure.layout.shapes if shape.fillcolor == LIGHT["selected"]]
    assert shaded and all(shape.x1 - shape.x0 == 1 for shape in shaded)


@pytest.mark.parametrize(("modality", "symbol"), SYMBOLS.items())
def test_shape_says_modality_and_colour_says_label(modality, symbol):
    points = np.random.default_rng(0).normal(size=(6, 2))
    figure = _panel(points, ["harmful"] * 3 + ["harmless"] * 3, [modality] * 6)
    traces = _by_name(figure)
    for label in ("harmful", "harmless"):
        trace = traces[f"{modality}, {label}"]
        assert (trace.marker.symbol, trace.marker.color, len(trace.x)) == (symbol, LIGHT[label], 3)


def test_prompts_of_this_visit_are_stars_on_top_of_the_clouds():
    figure = _panel(np.eye(2), ["harmful", "neutral"], ["text", "image"], stars=np.array([[3.0, 4.0]]))
    top = figure.data[-1]
    assert (top.marker.symbol, top.x[0], top.y[0]) == ("star", 3.0, 4.0)


def test_both_panels_of_a_pair_share_ranges_that_hold_every_point():
    before, after = np.array([[0.0, 0.0], [1.0, 1.0]]), np.array([[-5.0, 2.0], [9.0, 3.0]])
    (left, right), (bottom, top) = shared_ranges(before, after)
    assert left < -5 and right > 9 and bottom < 0 and top > 3


def test_the_chosen_layer_has_the_largest_mark():
    for trace in _scores(chosen=3).data:
        assert int(np.argmax(trace.marker.size)) == 3


@pytest.mark.parametrize("figure", [_curves(), _scores(), _panel(np.eye(2), ["harmful"] * 2, ["text"] * 2)])
def test_every_chart_has_a_height_a_description_and_axis_titles(figure):
    assert figure.layout.height >= 250
    assert figure.layout.meta["description"].endswith(".")
    titled_x = [axis.title.text for axis in figure.select_xaxes() if axis.title.text]
    assert titled_x and all(axis.title.text for axis in figure.select_yaxes())


@pytest.mark.parametrize("figure", [_curves(), _scores(), _panel(np.eye(2), ["harmful"] * 2, ["text"] * 2)])
def test_every_colour_of_a_chart_has_its_dark_counterpart(figure):
    layout = json.loads(figure.to_json())
    layout["layout"].pop("template", None)
    colours = set()

    def collect(value, key=""):
        if isinstance(value, dict):
            for name, inner in value.items():
                collect(inner, name)
        elif isinstance(value, list):
            for inner in value:
                collect(inner, key)
        elif isinstance(value, str) and "color" in key:
            colours.add(value)

    collect(layout)
    assert colours - {"rgba(0, 0, 0, 0)"} <= set(DARK_FOR_LIGHT)


@pytest.mark.parametrize("palette", [LIGHT, DARK])
@pytest.mark.parametrize("role", ["ink", "muted", "harmful", "harmless"])
def test_words_in_every_colour_reach_the_contrast_of_wcag_aa(palette, role):
    assert _contrast(palette[role], palette["surface"]) >= 4.5


def test_twins_are_drawn_beside_the_prompt_by_their_modality():
    twin = np.linspace(-5, 1, 6)
    figure = _curves(twins=[("text", twin)])
    drawn = _by_name(figure)["the same in words, re-centred"]
    assert list(drawn.y) == list(twin) and drawn.marker.symbol == SYMBOLS["text"]
    assert figure.layout.yaxis.range[0] < twin[1:].min()
