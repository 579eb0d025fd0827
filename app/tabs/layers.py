"""Layers: why this layer, from text alone, and what every layer and gain does to the prompt."""

from functools import partial
from html import escape

import gradio as gr

from .. import markup
from ..backend import Backend
from ..figures.scores import HEIGHT, score_rows
from ..plotly_panel import PlotlyPanel
from ..results import Scores
from . import gains
from .shared import Shared, select_layer_by_click

INTRO = (
    "Where to steer is chosen on a validation split of <b>text alone</b>; no picture and no clip is "
    "touched. That the choice weighs these three scores is stated by the paper; their formulas are our "
    "reconstruction. Click a layer to overrule the choice."
)


def build(backend: Backend, shared: Shared, tab: gr.Tab) -> None:
    """Lay the tab out and wire it."""
    chart, table, why = _draw(backend, backend.session.chosen_layer)
    with gr.Row():
        with gr.Column(scale=2, min_width=320):
            gr.HTML(markup.section("Three scores and their mean", INTRO))
            panel = PlotlyPanel(chart, height=HEIGHT, elem_id="scores")
            numbers = gr.HTML(table, elem_id="scores-table")
        with gr.Column(scale=1, min_width=300):
            reason = gr.HTML(why, elem_id="reason")
    select_layer_by_click(panel, backend, shared)
    shared.redraw(partial(_draw, backend), [shared.layer], [panel, numbers, reason])
    gains.build(backend, shared, tab)


def _draw(backend: Backend, layer: int) -> list:
    """The chart, its table, and why the chosen layer was chosen."""
    scores = backend.session.scores()
    return [
        score_rows(scores.curves, scores.units, layer, scores.chosen, scores.eligible),
        markup.scores_table(scores, layer),
        _reason(scores),
    ]


def _reason(scores: Scores) -> str:
    words = markup.section(f"Layer {scores.chosen} is chosen", escape(scores.reason))
    words += markup.definitions(scores.meanings)
    if scores.eligible.all():
        return words
    return words + markup.caption(
        f"Layers from {int(scores.eligible.argmin())} on are shaded: the last fifth of the depth is not "
        "considered, since an edit so late leaves the model little room to act on it."
    )
