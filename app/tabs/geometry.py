"""Geometry: the clouds before and after re-centering, and the numbers that may contradict the picture."""

from collections.abc import Collection
from functools import partial
from html import escape

import gradio as gr
import numpy as np
import plotly.graph_objects as go

from .. import geometry_markup, markup
from ..backend import Backend
from ..figures.clouds import cloud_pair
from ..plotly_panel import PlotlyPanel
from ..results import Picture, RequestError
from ..state import Visit
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
    f"it says the plot shows nothing. {markup.term('AUC')} · {markup.term('modality purity')}"
)
NOTHING = (
    "The labels harmful and harmless are randomly permuted within each modality here: there is nothing to find. What "
    "still looks like a group is what such a plot makes of nothing."
)
SHOWN = {
    "text": "● text", "image": "■ images", "video": "▲ videos",
    "harmful": "harmful", "harmless": "harmless", "neutral": "○ meaningless", "star": "★ this visit",
}  # fmt: skip
"""What the legend filters by -> what it says."""
MOVE = "Drag to move, double-click for all; the buttons above zoom, and both panels follow."
PLAY = "▶ plays through the layers, each point followed; where the scrubber is let go, its layer is selected."
POLL_SECONDS = 2.0


def build(backend: Backend, shared: Shared, tab: gr.Tab) -> None:
    """Lay the tab out and wire it."""
    gr.HTML(markup.section("Clouds before and after re-centering", INTRO))
    with gr.Row():
        view = gr.Radio(
            [(name, view) for view, name in VIEWS.items()], value="axis", label="View", elem_id="view",
            container=False,
        )  # fmt: skip
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
            clouds = PlotlyPanel(height=0, elem_id="clouds")
            story = gr.HTML(elem_id="story")
            caption = gr.HTML()
            means = gr.HTML(elem_id="means")
            gr.HTML(markup.section("Stars", "Prompts of this visit, by their number in the plot."))
            asked = gr.HTML(markup.asked_list(()))
        with gr.Column(scale=1, min_width=320):
            gr.HTML(markup.section("Numbers that may contradict the plot", NUMBERS))
            numbers = gr.HTML(elem_id="measured")
    timer = gr.Timer(POLL_SECONDS, active=False)

    draw = partial(_draw, backend)
    inputs = [view, no_signal, shown, shared.layer, shared.visit]
    outputs = [clouds, story, caption, means, numbers, asked, notice, timer]
    shared.redraw(draw, inputs, outputs)
    for event in (tab.select, view.change, no_signal.change, shown.change, timer.tick):
        event(draw, inputs, outputs, trigger_mode="always_last", **QUIET)
    select_layer_by_click(clouds, backend, shared, axis="step")


def _draw(backend: Backend, view: str, no_signal: bool, shown: list[str], layer: int, visit: Visit) -> list:
    """Both panels, their words and numbers; a timer runs on while something is still to come in the background."""
    session = backend.session
    try:
        picture = session.picture(view, layer, visit.asked, no_signal)
    except RequestError as error:
        return [*[gr.skip()] * 6, markup.notice(str(error)), gr.Timer(active=False)]
    means, numbers = session.cloud_means(layer, no_signal), session.measured(layer, no_signal)
    drawn = "axis" if picture.standing_in else view
    return [
        _clouds(picture, shown, layer),
        geometry_markup.story(layer, numbers, means, session.bands, drawn),
        _caption(picture),
        markup.clouds_table(means),
        markup.measured(numbers),
        markup.asked_list(picture.star_titles),
        _told(picture, no_signal),
        gr.Timer(active=picture.is_temporary),
    ]


def _caption(picture: Picture) -> str:
    """How to use the plot and how to read it."""
    before, after = picture.trustworthiness
    trust = f"The {markup.term('trustworthiness')} of the plot is {before:.2f} before and {after:.2f} after."
    told = f"{MOVE} {PLAY} {picture.caption}" if picture.path is not None else f"{MOVE} {picture.caption}"
    return f'<p class="quiet">{escape(told)} {trust}</p>'


def _told(picture: Picture, no_signal: bool) -> str:
    """What a person must know before looking at the panels."""
    told = markup.notice(NOTHING, "status") if no_signal else ""
    return told + (markup.notice(picture.standing_in, "busy") if picture.standing_in else "")


def _clouds(picture: Picture, shown: Collection[str], layer: int) -> go.Figure:
    points, stars = len(picture.before), len(picture.star_titles)
    return cloud_pair(
        np.stack([picture.before, picture.after]), picture.modalities, picture.labels, picture.titles,
        np.stack([picture.stars_before, picture.stars_after]), picture.star_titles, picture.axes,
        ("<b>Before</b> re-centering", "<b>After</b> re-centering"),
        f"{points} prompts before and after re-centering at layer {layer}, and {stars} of this visit as stars.",
        picture.thumbnails, picture.star_thumbnails, shown, layer, picture.path, picture.star_path,
    )  # fmt: skip
