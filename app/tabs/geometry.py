"""Geometry: the clouds before and after re-centering, and the numbers that may contradict the picture."""

from functools import partial

import gradio as gr

from .. import markup
from ..backend import Backend
from ..figures.clouds import HEIGHT, cloud_panel, shared_ranges
from ..plotly_panel import PlotlyPanel
from ..results import Picture, RequestError
from ..state import Visit
from ..workbench import VIEWS
from .shared import QUIET, Shared

INTRO = (
    "Each point is one prompt at this layer, as the model holds it at its last position; neither direction nor bias "
    "was fitted on it. "
    "<b>Re-centering</b> moves every cloud of pictures and clips by one vector, so clouds come together "
    "<b>by construction</b>; whether the refusal direction tells harmful from harmless there is what the "
    "numbers say."
)
NUMBERS = (
    "On the points of the picture. <b>Chance</b> is where 95 % of values lie when labels are shuffled; a number "
    "inside it says the picture shows nothing."
)
NOTHING = (
    "Harmful and harmless are dealt at random within each modality here: there is nothing to find. The clouds come "
    "together all the same; what still looks like a group is what such a picture makes of nothing."
)
POLL_SECONDS = 2.0


def build(backend: Backend, shared: Shared, tab: gr.Tab) -> None:
    """Lay the tab out and wire it."""
    gr.HTML(markup.section("Clouds before and after re-centering", INTRO))
    with gr.Row():
        view = gr.Radio(
            [(name, view) for view, name in VIEWS.items()], value="umap", label="View", elem_id="view",
            container=False,
        )  # fmt: skip
        no_signal = gr.Checkbox(
            False, label="No signal: labels at random", elem_id="no-signal", container=False, scale=0, min_width=240
        )
    gr.HTML(markup.cloud_legend())
    notice = gr.HTML(elem_id="geometry-notice")
    with gr.Row():
        with gr.Column(scale=2, min_width=320):
            with gr.Row():
                with gr.Column(min_width=300):
                    before_title = gr.HTML()
                    before = PlotlyPanel(height=HEIGHT, elem_id="before")
                with gr.Column(min_width=300):
                    after_title = gr.HTML()
                    after = PlotlyPanel(height=HEIGHT, elem_id="after")
            caption = gr.HTML()
            means = gr.HTML(elem_id="means")
            gr.HTML(markup.section("Stars", "Prompts of this visit, by their number in the picture."))
            asked = gr.HTML(markup.asked_list(()))
        with gr.Column(scale=1, min_width=320):
            gr.HTML(markup.section("Numbers that may contradict the picture", NUMBERS))
            numbers = gr.HTML(elem_id="measured")
    timer = gr.Timer(POLL_SECONDS, active=False)

    draw = partial(_draw, backend)
    inputs = [view, no_signal, shared.layer, shared.visit]
    outputs = [before, after, before_title, after_title, caption, means, numbers, asked, notice, timer]
    shared.redraw(draw, inputs, outputs)
    for event in (tab.select, view.change, no_signal.change, timer.tick):
        event(draw, inputs, outputs, trigger_mode="always_last", **QUIET)


def _draw(backend: Backend, view: str, no_signal: bool, layer: int, visit: Visit) -> list:
    """Both panels, their words and numbers; a timer runs on while another view stands in for UMAP."""
    session = backend.session
    try:
        picture = session.picture(view, layer, visit.asked, no_signal)
    except RequestError as error:
        return [*[gr.skip()] * 8, markup.notice(str(error)), gr.Timer(active=False)]
    before, after = _panels(picture)
    trust_before, trust_after = picture.trustworthiness
    return [
        before,
        after,
        markup.panel_title("Before", f"as the model has it; trustworthiness {trust_before:.2f}"),
        markup.panel_title("After", f"re-centred; trustworthiness {trust_after:.2f}"),
        markup.caption(picture.caption),
        markup.clouds_table(session.cloud_means(layer, no_signal)),
        markup.measured(session.measured(layer, no_signal)),
        markup.asked_list(picture.star_titles),
        _told(picture, no_signal),
        gr.Timer(active=picture.is_temporary),
    ]


def _told(picture: Picture, no_signal: bool) -> str:
    """What a person must know before looking at the panels."""
    told = markup.notice(NOTHING, "status") if no_signal else ""
    return told + (markup.notice(picture.standing_in, "busy") if picture.standing_in else "")


def _panels(picture: Picture) -> tuple:
    ranges = shared_ranges(picture.before, picture.after, picture.stars_before, picture.stars_after)

    def panel(points, stars, when: str):
        return cloud_panel(
            points, picture.modalities, picture.labels, picture.titles, stars, picture.star_titles, picture.axes,
            ranges, f"{len(points)} prompts {when} re-centering, and {len(stars)} of this visit as stars.",
            picture.thumbnails, picture.star_thumbnails,
        )  # fmt: skip

    return panel(picture.before, picture.stars_before, "before"), panel(picture.after, picture.stars_after, "after")
