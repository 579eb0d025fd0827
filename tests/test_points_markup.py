"""Points of the clouds as tables and CSV say what was selected and nothing that a spreadsheet or a page would run."""

import csv
import io
from dataclasses import replace

import numpy as np

from app import points_markup
from app.results import CloudPoints, NearestPoints

POINTS = CloudPoints(
    modalities=("text", "image", "video"),
    labels=("harmful", "harmless", "neutral"),
    titles=("=1+1", "<b>a, cake</b>", "a field"),
    thumbnails=("", "data:image/webp;base64,AA", ""),
    before=np.float32([0.5, -1.0, 2.0]),
    after=np.float32([0.5, -1.5, 1.0]),
)


def _many(count):
    s = np.linspace(-1, 1, count)
    return CloudPoints(("text",) * count, ("harmful",) * count, ("asked",) * count, ("",) * count, s, s)


def test_a_selection_is_listed_from_the_largest_coordinate_down_and_offers_its_csv_and_its_end():
    shown = points_markup.selection(POINTS, [0, 2], 3, is_selected=True)
    assert "2 of 3 points selected" in shown and "<button" in shown and 'download="selection-layer-3.csv"' in shown
    assert shown.index("a field") < shown.index("=1+1") and "cake" not in shown


def test_while_nothing_is_selected_all_points_are_folded_away():
    shown = points_markup.selection(POINTS, [0, 1, 2], 3, is_selected=False)
    assert shown.startswith("<details") and "3 of 3 points" in shown and "<button" not in shown
    assert "&lt;b&gt;a, cake&lt;/b&gt;" in shown and "<b>a, cake" not in shown
    assert "data:image/webp;base64,AA" in shown


def test_of_many_points_some_are_listed_and_the_csv_has_all():
    points = _many(150)
    shown = points_markup.selection(points, range(150), 0, is_selected=True)
    assert shown.count('<th scope="row">') == points_markup.MOST_ROWS and "The first 100 are listed" in shown
    assert len(points_markup.as_csv(points, range(150), 0).splitlines()) == 151


def test_the_csv_has_both_coordinates_and_no_formula():
    lines = [*csv.reader(io.StringIO(points_markup.as_csv(POINTS, [0, 1], 3)))]
    assert lines == [
        ["prompt", "modality", "label", "set", "layer", "s before", "s after"],
        ["'=1+1", "text", "harmful", "clouds", "3", "0.50000", "0.50000"],
        ["<b>a, cake</b>", "image", "harmless", "clouds", "3", "-1.00000", "-1.50000"],
    ]


def test_points_of_a_set_of_ones_own_are_marked_in_table_and_csv():
    points = replace(POINTS, own=1)
    assert points_markup.selection(points, [1, 2], 0, is_selected=True).count("your set") == 1
    _, *lines = csv.reader(io.StringIO(points_markup.as_csv(points, [1, 2], 0)))
    assert [line[3] for line in lines] == ["clouds", "own"]


def test_nearest_points_stand_with_their_cosines_in_order():
    shown = points_markup.nearest(POINTS, NearestPoints("what <is> this?", (1, 0), (0.987, -0.25)), 2)
    assert "Nearest at layer 2 to: what &lt;is&gt; this?" in shown
    assert shown.index("+0.99") < shown.index("−0.25") and shown.index("cake") < shown.index("=1+1")
