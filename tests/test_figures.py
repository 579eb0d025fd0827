"""Charts say what their arrays say, in one visual language, and follow the theme."""

import json

import numpy as np
import pytest

from app.figures.clouds import cloud_pair, cloud_panel, shared_ranges
from app.figures.curves import layer_curves
from app.figures.gains import FAR, VERDICTS, damage_map, score_map, verdict_cells
from app.figures.palette import DARK, DARK_FOR_LIGHT, LIGHT, SYMBOLS
from app.figures.scores import score_rows
from app.figures.tokens import MEDIUM_ROOM, MOST_LABELS, frames, patches, position_map

BANDS = {
    "harmful": np.stack([np.full(6, 0.6), np.full(6, 1.0), np.full(6, 1.3)], axis=1),
    "harmless": np.stack([np.full(6, -1.3), np.full(6, -1.0), np.full(6, -0.7)], axis=1),
}


def _curves(**changes):
    given = {"bands": BANDS, "before": np.arange(6) / 10, "after": np.arange(6) / 5, "modality": "image",
             "selected": 2, "chosen": 4}  # fmt: skip
    return layer_curves(**(given | changes))


NO_STARS = np.zeros((0, 2))


def _panel(points, labels, modalities, stars=NO_STARS, titles=(), **thumbnails):
    return cloud_panel(
        points, modalities, labels, titles or [f"point {row}" for row in range(len(points))], stars,
        [f"star {row}" for row in range(len(stars))], ("x axis", "y axis"), shared_ranges(points, stars), "A cloud.",
        **thumbnails,
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


def test_each_point_keeps_what_it_shows_apart_from_its_data_and_each_picture_is_in_a_figure_once():
    url, labels = [f"data:image/webp;base64,{row}" for row in range(4)], ["harmful", "neutral", "harmful", "harmful"]
    modalities = ["image", "image", "text", "image"]
    figure = _panel(
        np.eye(4)[:, :2], labels, modalities, np.ones((2, 2)),
        thumbnails=[url[0], "", "", url[1]], star_thumbnails=["", url[2]],
    )  # fmt: skip
    traces = _by_name(figure)
    assert traces["image, harmful"].meta == {"thumbnails": [url[0], url[1]]}
    assert [star.meta for star in figure.data[-2:]] == [None, {"thumbnails": [url[2]]}]
    assert traces["text, harmful"].meta is None and traces["image, neutral"].meta is None
    assert all("base64" not in str(trace.customdata) for trace in figure.data)
    assert figure.to_json().count(";base64,") == 3


def test_a_long_title_takes_lines_that_fit_a_phone_and_stays_whole_in_the_data():
    title = "please show me what to do with some soup. + a meaningless video"
    figure = _panel(np.eye(2), ["harmful"] * 2, ["text"] * 2, titles=[title, "short"])
    assert figure.data[0].hovertext == ("please show me what to do with<br>some soup. + a meaningless video", "short")
    assert figure.data[0].customdata[0][0] == title


def test_what_a_person_typed_is_no_markup_in_the_label_of_a_point():
    figure = _panel(np.eye(2), ["harmful"] * 2, ["text"] * 2, titles=["a <b>bold</b> & <div>", "short"])
    assert figure.data[0].hovertext[0] == "a &lt;b&gt;bold&lt;/b&gt; &amp; &lt;div&gt;"


def test_both_panels_of_a_pair_share_ranges_that_hold_every_point():
    before, after = np.array([[0.0, 0.0], [1.0, 1.0]]), np.array([[-5.0, 2.0], [9.0, 3.0]])
    (left, right), (bottom, top) = shared_ranges(before, after)
    assert left < -5 and right > 9 and bottom < 0 and top > 3


def _pair(layers=0, shown=None):
    """Three points and a star, which move by one a layer, and half as far before as after."""
    points = np.array([[[0.0, 0.0], [1.0, 1.0], [2.0, 0.0]]] * 2)
    stars = np.array([[[0.5, 0.5]]] * 2)
    path, star_path = None, None
    if layers:
        steps = np.arange(layers)[:, None, None, None] * np.array([0.5, 1.0])[None, :, None, None]
        path, star_path = points + steps, stars + steps
    return cloud_pair(
        points, ["text", "image", "image"], ["harmful", "harmful", "neutral"], ["a", "b", "c"], stars, ["asked"],
        ("x axis", "y axis"), ("before", "after"), "A pair.", ["", "data:b", "data:c"], [""], shown,
        1, path, star_path,
    )  # fmt: skip


def test_each_point_of_a_pair_knows_its_twin_in_the_other_panel():
    traces = _pair().data
    for trace in traces:
        twin = traces[trace.meta["twin"]]
        assert (twin.name, twin.hovertext) == (trace.name, trace.hovertext) and twin.xaxis != trace.xaxis
    assert _by_name(_pair())["image, neutral"].meta["thumbnails"] == ["data:c"]


def test_zooming_one_panel_of_a_pair_zooms_the_other():
    layout = _pair().layout
    assert layout.dragmode and not layout.xaxis.fixedrange and layout.meta["zooms"]
    assert layout.xaxis2.matches == "x" and layout.yaxis2.matches == "y"


def test_the_legend_hides_by_modality_and_by_label():
    figure = _pair(shown=["text", "image", "harmful"])
    assert {trace.name: trace.visible for trace in figure.data} == {
        "text, harmful": True, "image, harmful": True, "image, neutral": False, "this visit": False,
    }  # fmt: skip
    assert all(trace.visible for trace in _pair().data)


def test_a_scrubber_has_a_frame_a_layer_in_which_every_point_of_both_panels_is_where_it_lies_there():
    figure = _pair(layers=4)
    (slider,), (buttons,) = figure.layout.sliders, figure.layout.updatemenus
    assert [step.label for step in slider.steps] == [frame.name for frame in figure.frames] == list("0123")
    assert slider.active == 1 and len(buttons.buttons) == 2
    last = figure.frames[-1]
    assert list(last.traces) == list(range(len(figure.data)))
    for trace, moved in zip(figure.data, last.data, strict=True):
        by = 1.5 if trace.xaxis == "x" else 3.0
        assert list(moved.x) == [x + by for x in trace.x] and list(moved.y) == [y + by for y in trace.y]
    assert figure.layout.xaxis.range[1] >= 5 and not _pair().frames and not _pair().layout.sliders


def test_points_of_a_set_of_ones_own_are_traces_of_their_own_that_the_legend_hides_alone():
    figure = _crowd(60, own=20)
    for panel in ("x", "x2"):
        rows = [row for trace in figure.data if trace.xaxis == panel and trace.name.startswith("your set: ")
                for row in trace.meta["rows"]]  # fmt: skip
        assert sorted(rows) == list(range(40, 60))
    traces = _by_name(figure)
    own, other = traces["your set: text, harmful"], traces["text, harmful"]
    assert own.marker.line.color == LIGHT["ink"] != other.marker.line.color and own.marker.color == other.marker.color
    assert "your set: text, harmful" in own.hovertemplate and own.meta["twin"] != figure.data.index(own)
    hidden = _crowd(60, own=20, shown={*SYMBOLS, "harmful", "harmless", "neutral", "star"})
    assert {trace.name.startswith("your set") for trace in hidden.data if not trace.visible} == {True}
    assert all(trace.visible for trace in _crowd(60, own=20).data)


def _crowd(count, **more):
    rng = np.random.default_rng(0)
    modalities = rng.choice([*SYMBOLS], count).tolist()
    return cloud_pair(
        rng.normal(size=(2, count, 2)), modalities, rng.choice(["harmful", "harmless", "neutral"], count).tolist(),
        [f"point {row}" for row in range(count)], np.zeros((2, 1, 2)), ["asked"], ("x axis", "y axis"),
        ("before", "after"), "A pair.", ["" if kind == "text" else f"data:{kind}" for kind in modalities], [""],
        **more,
    )  # fmt: skip


def test_every_point_of_both_panels_is_named_by_its_row_and_a_figure_names_its_clouds():
    figure = _crowd(50, rows_of="some clouds")
    for panel in ("x", "x2"):
        named = [(row, title) for trace in figure.data if trace.xaxis == panel and "rows" in trace.meta
                 for row, (title,) in zip(trace.meta["rows"], trace.customdata, strict=True)]  # fmt: skip
        assert sorted(named) == [(row, f"point {row}") for row in range(50)]
    assert figure.layout.meta["rows_of"] == "some clouds"


def test_images_and_videos_are_marks_with_their_label_as_rim_on_request():
    traces = _by_name(_crowd(50, as_images=True))
    assert not any(trace.meta.get("as_images") for trace in _crowd(50).data)
    for modality in ("image", "video"):
        trace = traces[f"{modality}, harmful"]
        assert trace.meta["as_images"] and trace.marker.size > 20 and trace.marker.line.color == LIGHT["harmful"]
    assert "as_images" not in traces["text, harmful"].meta


@pytest.mark.parametrize(("count", "kind"), [(500, "scatter"), (20_000, "scattergl")])
def test_webgl_draws_very_many_points_which_are_neither_followed_nor_images(count, kind):
    path = np.zeros((2, 2, count, 2))
    figure = _crowd(count, as_images=True, path=path, star_path=np.zeros((2, 2, 1, 2)))
    clouds = [trace for trace in figure.data if "rows" in trace.meta]
    assert {trace.type for trace in clouds} == {kind} and sum(len(trace.x) for trace in clouds) == 2 * count
    assert bool(figure.frames) is any("as_images" in trace.meta for trace in clouds) is (kind == "scatter")


def test_of_two_stars_on_one_spot_the_upper_one_hides_the_number_of_the_other():
    figure = _panel(np.eye(2), ["harmful"] * 2, ["text"] * 2, stars=np.ones((2, 2)))
    first, second = figure.data[-2:]
    assert (first.text, second.text) == (("1",), ("2",)) and first.textposition == "middle center"


def test_the_chosen_layer_has_the_largest_mark():
    for trace in _scores(chosen=3).data:
        assert int(np.argmax(trace.marker.size)) == 3


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


# --- positions, patches, frames

KINDS = ("text", "video", "video", "text", "video", "video", "text")
STEPS = (None, 0, 0, None, 1, 1, None)
URL = "data:image/png;base64,"


def _map(**changes):
    s = np.arange(14, dtype=float).reshape(7, 2) / 10
    given = {"coordinates": s, "kinds": KINDS, "tokens": ("a",) * 7, "frames": STEPS, "selected": 1}
    return position_map(**(given | changes))


def _patches(values=None, **more):
    return patches(np.array([[0.1, 0.2, 0.3], [0.4, 0.5, 0.9]]) if values is None else values, URL, **more)


def _frames(steps=2, pictures=4, **more):
    mean = np.linspace(-0.5, 0.5, steps)
    return frames(mean, mean - 0.1, mean + 0.2, [URL] * pictures, [0.5 * n for n in range(pictures)], **more)


def test_the_map_has_positions_to_the_right_layers_up_and_colours_that_end_at_the_means_of_text():
    heat = _map().data[0]
    assert np.array(heat.z).shape == (2, 7) and heat.z[1][6] == 1.3
    assert (heat.zmin, heat.zmax) == (-1, 1)
    assert [stop[1] for stop in heat.colorscale] == [LIGHT["harmless"], LIGHT["surface"], LIGHT["harmful"]]


def test_the_selected_layer_of_the_map_is_framed_over_all_positions():
    (rect,) = [shape for shape in _map(selected=1).layout.shapes if shape.type == "rect"]
    assert (rect.x0, rect.x1, rect.y0, rect.y1) == (-0.5, 6.5, 0.5, 1.5)


def test_every_token_of_text_is_labelled_by_itself_and_never_as_markup():
    labels = _map(tokens=("<b>", "-", "-", " ", "-", "-", "\n")).layout.xaxis.ticktext
    assert labels == ("&lt;b&gt;", "1", "␣", "2", "↵")


def test_patches_stand_closer_together_so_that_all_tokens_keep_their_room():
    kinds, length = ("text",) * 6 + ("image",) * 480 + ("text",) * 2, 488
    figure = _map(coordinates=np.zeros((length, 2)), kinds=kinds, tokens=("a",) * length, frames=(None,) * length)
    axis, edges = figure.layout.xaxis, np.array(figure.data[0].x)
    assert axis.ticktext == ("a",) * 6 + ("480 patches",) + ("a",) * 2
    assert np.diff(edges)[[0, 487]] == pytest.approx(1) and edges[486] - edges[6] == pytest.approx(MEDIUM_ROOM)
    assert axis.tickvals[6] == pytest.approx((edges[6] + edges[486]) / 2)
    assert figure.data[0].customdata[0][400].startswith("position 400, patch")


def test_of_very_many_tokens_some_are_labelled():
    figure = _map(coordinates=np.zeros((400, 2)), kinds=("text",) * 400, tokens=("a",) * 400, frames=(None,) * 400)
    assert 40 <= len(figure.layout.xaxis.ticktext) <= MOST_LABELS


def test_the_picture_lies_exactly_under_its_patches():
    figure = _patches()
    (picture,) = figure.layout.images
    assert (picture.x, picture.y, picture.sizex, picture.sizey) == (0.5, 0.5, 3, 2)
    assert figure.layout.yaxis.range[0] > figure.layout.yaxis.range[1]  # the first row is on top


def test_patches_have_the_colours_of_s_unless_they_are_stretched_over_the_patches():
    heat, stretched = _patches().data[0], _patches(is_stretched=True).data[0]
    assert (heat.zmin, heat.zmax) == (-1, 1) and (stretched.zmin, stretched.zmax) == (0.1, 0.9)
    assert [heat.colorscale[0][1], heat.colorscale[-1][1]] == [LIGHT["harmless_veil"], LIGHT["harmful_veil"]]
    alike = _patches(np.full((2, 2), 0.3), is_stretched=True).data[0]
    assert alike.zmin < alike.zmax


def test_patches_and_film_strip_can_be_enlarged():
    large = _patches(is_large=True).layout
    assert large.height > _patches().layout.height and large.meta["width"] > _patches().layout.meta["width"]
    strip = _frames(is_large=True).layout
    assert strip.images[0].sizey > _frames().layout.images[0].sizey and strip.height > _frames().layout.height


def test_frames_that_a_model_joins_stand_over_their_common_value():
    figure = _frames(steps=2, pictures=4)
    assert [image.x for image in figure.layout.images] == pytest.approx([-0.25, 0.25, 0.75, 1.25])
    assert list(figure.data[0].x) == [0, 1]
    assert figure.layout.xaxis.ticktext == ("0.2", "1.2")  # means of 0 and 0.5, of 1 and 1.5 seconds
    assert list(figure.data[0].error_y.array) == pytest.approx([0.2, 0.2])


# --- layers and gains


def _gains(draw=score_map, selected=(1, 2.0), **more):
    values = np.array([[-9.0, 0.5, 1.0], [0.1, 2.0, 2.0]])
    held = np.array([[False, False, True], [False, True, True]])
    return draw(values, held, [["a", "b", "<i>"]] * 2, (0, 1), (0.5, 1.0, 2.0), selected, **more)


def test_layers_lie_to_the_right_and_gains_up_evenly_spaced():
    figure = _gains()
    assert list(figure.data[0].x) == [0, 1] and list(figure.layout.yaxis.tickvals) == [0, 1, 2]
    assert figure.layout.yaxis.ticktext == ("0.5", "1", "2")
    assert figure.data[0].z[2][1] == 2.0 and figure.data[0].z[0][0] == -9.0


def test_refusal_is_coloured_from_answering_to_refusing_with_no_colour_at_0_and_alike_on_every_map():
    heat = _gains().data[0]
    assert [stop[1] for stop in heat.colorscale] == [LIGHT["harmless"], LIGHT["surface"], LIGHT["harmful"]]
    weak = score_map(np.full((1, 1), 0.2), np.zeros((1, 1), bool), [["a"]], (0,), (1.0,), (0, 1.0)).data[0]
    assert (heat.zmin, heat.zmax) == (weak.zmin, weak.zmax) == (-FAR, FAR)
    assert _gains(damage_map).data[0].zmin == 0


def test_capped_cells_are_hatched_and_said_so_and_the_selected_one_is_framed():
    figure = _gains()
    hatch = _by_name(figure)["capped by the trust region"]
    corners = np.array([place if place is not None else np.nan for place in hatch.x], float).reshape(-1, 6)[:, :5]
    rows = np.array([place if place is not None else np.nan for place in hatch.y], float).reshape(-1, 6)[:, :5]
    middles = [(one.min() + 0.5, other.min() + 0.5) for one, other in zip(corners, rows, strict=True)]
    assert middles == [(0, 2), (1, 1), (1, 2)] and hatch.fillpattern.shape == "/"
    told = [cell[2] for row in figure.data[0].customdata for cell in row]
    assert sum("capped" in words for words in told) == 3
    (rect,) = figure.layout.shapes
    assert (rect.x0, rect.x1, rect.y0, rect.y1) == (0.5, 1.5, 1.5, 2.5)
    assert not _gains(selected=(1, 0.75)).layout.shapes


def test_pinned_cells_bear_their_letters_and_a_map_says_whose_it_is():
    figure = _gains(title="Its <twin>", pins=[(0, 2.0), (1, 0.5), (1, 9.0)])
    letters = {note.text: (note.x, note.y) for note in figure.layout.annotations if len(note.text) == 1}
    assert letters == {"A": (0, 2), "B": (1, 0)}
    assert any(note.text == "Its &lt;twin&gt;" for note in figure.layout.annotations)
    assert figure.layout.meta["description"].startswith("Its <twin>: ")


# --- all of them

EVERY = [_curves(), _scores(), _panel(np.eye(2), ["harmful"] * 2, ["text"] * 2), _map(), _patches(), _frames(),
         _gains(), _gains(damage_map), _pair(layers=4)]  # fmt: skip


@pytest.mark.parametrize("figure", EVERY)
def test_every_chart_has_a_height_a_description_and_axis_titles(figure):
    assert figure.layout.height >= 250
    assert figure.layout.meta["description"].endswith(".")
    titled_x = [axis.title.text for axis in figure.select_xaxes() if axis.title.text]
    assert titled_x and all(axis.title.text for axis in figure.select_yaxes())


@pytest.mark.parametrize("figure", EVERY)
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


def _verdicts(kinds, told=None, **changes):
    told = told or [["a reason"] * len(row) for row in kinds]
    given = {"layers": range(len(kinds)), "gains": [1.0, 2.0], "selected": (1, 2.0)}
    return verdict_cells(kinds, told, **(given | changes))


def test_every_cell_of_a_map_of_verdicts_has_the_colour_and_the_initial_of_its_verdict_alone():
    kinds = [["complies", "refuses"], ["refuses", "broken"], ["not judged", "undecided"], ["deflects", "refuses"]]
    figure = _verdicts(kinds)
    covered = np.zeros((2, 4), dtype=int)
    for trace in figure.data:
        cells = ~np.isnan(trace.z)
        assert (trace.text == np.where(cells, trace.name[0].upper(), "")).all()
        assert (cells == (trace.name == np.array(kinds).T)).all()
        covered += cells
    assert (covered == 1).all() and {trace.name for trace in figure.data} == set(VERDICTS)
    assert len({kind[0] for kind in VERDICTS}) == len(VERDICTS)
    assert "refuses 3, complies 1" in figure.layout.meta["description"]
    (frame,) = figure.layout.shapes
    assert (frame.x0, frame.y0) == (0.5, 0.5)


@pytest.mark.parametrize("palette", [LIGHT, DARK])
def test_the_initials_of_verdicts_can_be_read_in_both_themes(palette):
    for fill, ink in VERDICTS.values():
        if palette[fill].startswith("#"):
            assert _contrast(palette[fill], palette[ink]) >= 4.5, fill


def test_what_a_model_replies_is_no_markup_in_a_map_of_verdicts():
    (trace,) = _verdicts([["broken", "broken"]], told=[["<b>one</b>", "word " * 40]], selected=(9, 9.0)).data
    assert trace.customdata[0, 0].tolist() == ["1", "&lt;b&gt;one&lt;/b&gt;"]
    assert trace.customdata[1, 0][1].count("<br>") > 1


def test_the_axes_are_those_of_layers_that_spread_as_far_as_the_drawn_one():
    rng = np.random.default_rng(0)
    path = rng.normal(size=(3, 2, 40, 2)) * np.array([30.0, 1.1, 1.0])[:, None, None, None]
    points, stars = path[2], np.zeros((2, 0, 2))
    names = (["text"] * 40, ["harmful"] * 20 + ["harmless"] * 20, ["a"] * 40)
    figure = cloud_pair(
        points, *names, stars, [], ("x", "y"), ("Before", "After"), "", layer=2, path=path,
        star_path=np.zeros((3, 2, 0, 2)),
    )  # fmt: skip
    low, high = figure.layout.xaxis.range
    assert abs(path[1:, :, :, 0]).max() <= max(-low, high) < 10
