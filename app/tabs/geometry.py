"""Geometry: the clouds before and after re-centering, and the numbers that may contradict the picture."""

from collections.abc import Collection
from functools import partial
from html import escape

import gradio as gr
import numpy as np
import plotly.graph_objects as go

from .. import geometry_markup, markup, points_markup
from ..backend import Backend, Session
from ..figures.clouds import cloud_pair
from ..plotly_panel import PlotlyPanel
from ..results import OwnPoints, Picture, RequestError
from ..state import Selection, Visit
from ..workbench import VIEWS
from .shared import QUIET, Shared, select_layer_by_click

INTRO = (
    "Each point is one prompt at this layer, as the model holds it at its last position; neither direction nor bias "
    f"was fitted on it. What {markup.term('re-centering')} does is to "
    "move every cloud of a modality by one vector, so means come together <b>by construction</b>; whether the "
    f"{markup.term('refusal direction')} tells harmful from harmless there is what the numbers say."
)
NUMBERS = (
    "On the points of the plot. <b>Chance</b> is where 95 % of values lie when labels are shuffled; a number inside "
    "it says the plot shows nothing. s is the coordinate along the refusal direction; the probe, a linear classifier "
    f"of text, may find another one. {markup.term('AUC')} · {markup.term('modality purity')}"
)
NOTHING = (
    "The labels harmful and harmless are randomly permuted within each modality here: there is nothing to find. What "
    "still looks like a group is what such a plot makes of nothing, and one number in twenty lies outside its chance "
    "band all the same."
)
SHOWN = {
    "text": "● text", "image": "■ images", "video": "▲ videos",
    "harmful": "harmful", "harmless": "harmless", "neutral": "○ meaningless", "own": "◉ your set",
    "star": "★ this visit",
}  # fmt: skip
"""What the legend filters by -> what it says."""
MOVE = "Drag to move, double-click for all; the buttons above zoom, or select by box or lasso; both panels follow."
PLAY = "▶ plays through the layers, each point followed; the layer at which it or the scrubber stops is selected."
IMAGES = "Images are square, videos round, and their rim is the label."
NEAR = (
    "The points in whose direction a prompt of this visit lies after re-centering, by cosine at this layer; seen "
    "from s = 0, between harmless and harmful text, since all cosines are near 1 seen from the origin."
)
NEWEST = -1
CLEAR = (
    "element.addEventListener('click', (event) => { if (event.target.closest('button'))"
    " document.querySelector('#clouds .chart').emit('plotly_deselect'); });"
)
POLL_SECONDS = 2.0


def build(backend: Backend, shared: Shared) -> None:
    """Lay the tab out and wire it."""
    gr.HTML(markup.section("Clouds before and after re-centering", INTRO))
    with gr.Row(elem_classes="options"):
        view = gr.Radio(
            [(name, view) for view, name in VIEWS.items()], value="axis", label="View", elem_id="view",
            container=False,
        )  # fmt: skip
        as_images = gr.Checkbox(
            False, label="Images as points", elem_id="as-images", container=False, scale=0, min_width=160
        )
        no_signal = gr.Checkbox(
            False, label="No signal: labels at random", elem_id="no-signal", container=False, scale=0, min_width=240
        )
    shown = gr.CheckboxGroup(
        [(name, kind) for kind, name in SHOWN.items()], value=list(SHOWN), label="Legend: what is shown",
        container=False, elem_id="cloud-legend",
    )  # fmt: skip
    notice = gr.HTML(elem_id="geometry-notice")
    with gr.Row():
        with gr.Column(scale=2, min_width=320):
            clouds = PlotlyPanel(elem_id="clouds")
            points = gr.HTML(elem_id="points", js_on_load=CLEAR)
            story = gr.HTML(elem_id="story")
            caption = gr.HTML(elem_id="geometry-caption")
            means = gr.HTML(elem_id="means")
            gr.HTML(markup.section("Stars", "Prompts of this visit, by their number in the plot."))
            asked = gr.HTML(markup.asked_list(()))
            with gr.Column(visible=False) as near_stars:
                gr.HTML(markup.section("Nearest points", NEAR))
                star = gr.Dropdown(
                    [("the newest star", NEWEST)], value=NEWEST, label="Nearest to", elem_id="near-star",
                )  # fmt: skip
                near = gr.HTML(elem_id="near")
        with gr.Column(scale=1, min_width=320):
            gr.HTML(markup.section("Numbers that may contradict the plot", NUMBERS))
            numbers = gr.HTML(elem_id="measured")
    timer = gr.Timer(POLL_SECONDS, active=False)

    selection = gr.State(Selection())

    draw = partial(_draw, backend)
    inputs = [view, as_images, no_signal, shown, selection, shared.layer, shared.own_points, shared.visit]
    outputs = [clouds, points, story, caption, means, numbers, asked, notice, timer]
    shared.redraw(draw, inputs, outputs, "layer", "model", "tab", tab="geometry")
    for event in (view.change, as_images.change, no_signal.change, shown.change, shared.own_points.change,
                  timer.tick):  # fmt: skip
        event(draw, inputs, outputs, trigger_mode="always_last", **QUIET)
    select_layer_by_click(clouds, backend, shared, axis="step")

    def select(no_signal: bool, shown: list[str], layer: int, own: OwnPoints | None, event: gr.EventData) -> list:
        return _select(backend, no_signal, shown, layer, own, event)

    clouds.points(select, [no_signal, shown, shared.layer, shared.own_points], [selection, points], **QUIET)
    nearest, near_inputs = partial(_nearest, backend), [star, no_signal, shared.layer, shared.visit]
    shared.redraw(nearest, near_inputs, [near_stars, star, near], "layer", "model", "tab", tab="geometry")
    for event in (no_signal.change, star.input):
        event(nearest, near_inputs, [near_stars, star, near], trigger_mode="always_last", **QUIET)


def _draw(
    backend: Backend,
    view: str,
    as_images: bool,
    no_signal: bool,
    shown: list[str],
    selection: Selection,
    layer: int,
    own: OwnPoints | None,
    visit: Visit,
) -> list:
    """Both panels, their words and numbers; a timer runs on while something is still to come in the background."""
    session, own = backend.session, None if no_signal else own
    try:
        picture = session.picture(view, layer, visit.asked, no_signal, own)
    except RequestError as error:
        return [*[gr.skip()] * 7, markup.notice(str(error)), gr.Timer(active=False)]
    means, numbers = session.cloud_means(layer, no_signal), session.measured(layer, no_signal)
    drawn = "axis" if picture.standing_in else view
    return [
        _clouds(picture, shown, layer, _name(session, no_signal, own), as_images),
        _points(session, selection, no_signal, shown, layer, own),
        "" if no_signal else geometry_markup.story(layer, numbers, means, session.bands, drawn),
        _caption(picture, as_images),
        markup.clouds_table(means),
        markup.measured(numbers),
        markup.asked_list(picture.star_titles),
        _told(picture, no_signal),
        gr.Timer(active=picture.is_temporary),
    ]


def _select(
    backend: Backend, no_signal: bool, shown: list[str], layer: int, own: OwnPoints | None, event: gr.EventData
) -> list:
    """What a browser selected, which may be anything, and the table of it."""
    session, own = backend.session, None if no_signal else own
    try:
        known = range(len(session.cloud_points(layer, no_signal, own).titles))
        rows = tuple(row for row in dict.fromkeys(event.rows) if type(row) is int and row in known)
        selection = Selection(rows, _name(session, no_signal, own))
        return [selection, _points(session, selection, no_signal, shown, layer, own)]
    except (RequestError, AttributeError, TypeError):
        return [gr.skip(), gr.skip()]


def _points(
    session: Session,
    selection: Selection,
    no_signal: bool,
    shown: Collection[str],
    layer: int,
    own: OwnPoints | None,
) -> str:
    """The table of what is selected in these clouds, or of all that the legend shows."""
    points = session.cloud_points(layer, no_signal, own)
    if selection.rows and selection.of == _name(session, no_signal, own):
        return points_markup.selection(points, selection.rows, layer, is_selected=True)
    kinds = enumerate(zip(points.modalities, points.labels, strict=True))
    listed = [row for row, kind in kinds if {*kind, *["own"] * points.is_own(row)} <= set(shown)]
    return points_markup.selection(points, listed, layer, is_selected=False)


def _nearest(backend: Backend, star: int, no_signal: bool, layer: int, visit: Visit) -> list:
    """The points nearest to a star, and the stars to choose from; nothing without one."""
    session = backend.session
    asked = [one for one in visit.asked if one.generation == session.generation]
    if not asked:
        return [gr.Column(visible=False), gr.skip(), ""]
    star = star if star in range(len(asked)) else NEWEST
    choices = [("the newest star", NEWEST), *((f"{at + 1}: {one.title}", at) for at, one in enumerate(asked))]
    try:
        found = session.nearest_points(asked[star], layer, no_signal)
        told = points_markup.nearest(session.cloud_points(layer, no_signal), found, layer)
    except RequestError as error:
        told = markup.notice(str(error))
    return [gr.Column(visible=True), gr.Dropdown(choices, value=star, visible=len(asked) > 1), told]


def _name(session: Session, no_signal: bool, own: OwnPoints | None) -> str:
    """Of the points that are drawn: with other labels, of another model or another set, rows mean other points."""
    return f"{session.generation}{'-no-signal' * no_signal}{own.name if own else ''}"


def _caption(picture: Picture, as_images: bool) -> str:
    """How to use the plot and how to read it."""
    before, after = picture.trustworthiness
    trust = f"The {markup.term('trustworthiness')} of the plot is {before:.2f} before and {after:.2f} after."
    told = f"{MOVE} {PLAY} {picture.caption}" if picture.path is not None else f"{MOVE} {picture.caption}"
    told = f"{told} {IMAGES}" if as_images else told
    if picture.sample:
        told += (
            f" There are {len(picture.titles) - picture.own:,} points: axes, trustworthiness and the numbers beside "
            f"the plot are of a sample of {picture.sample:,} of them, drawn by a fixed seed."
        )
    return f'<p class="quiet">{escape(told)} {trust}</p>'


def _told(picture: Picture, no_signal: bool) -> str:
    """What a person must know before looking at the panels."""
    told = markup.notice(NOTHING, "status") if no_signal else ""
    return told + (markup.notice(picture.standing_in, "busy") if picture.standing_in else "")


def _clouds(picture: Picture, shown: Collection[str], layer: int, name: str, as_images: bool) -> go.Figure:
    points, stars = len(picture.before), len(picture.star_titles)
    return cloud_pair(
        np.stack([picture.before, picture.after]), picture.modalities, picture.labels, picture.titles,
        np.stack([picture.stars_before, picture.stars_after]), picture.star_titles, picture.axes,
        ("<b>Before</b> re-centering", "<b>After</b> re-centering"),
        f"{points} prompts before and after re-centering at layer {layer}, and {stars} of this visit as stars.",
        picture.thumbnails, picture.star_thumbnails, shown, layer, picture.path, picture.star_path,
        name, as_images, picture.own,
    )  # fmt: skip
