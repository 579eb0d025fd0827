"""Layers: why this layer, from text alone, and the means to overrule it by a click."""

from html import escape

import gradio as gr

from app import markup
from app.figures.scores import HEIGHT, score_rows
from app.plotly_panel import PlotlyPanel
from app.tabs.shared import QUIET, Shared, select_layer_by_click
from app.workbench import Workbench

INTRO = (
    "Where to steer is chosen on a validation split of <b>text alone</b>; no picture and no clip is "
    "touched. That the choice "
    "weighs these three scores is stated by the paper; their formulas are our reconstruction. Click a "
    "layer to overrule the choice."
)


def build(workbench: Workbench, shared: Shared) -> None:
    """Lay the tab out and wire it."""
    scores = workbench.scores()
    with gr.Row():
        with gr.Column(scale=2, min_width=320):
            gr.HTML(markup.section("Three scores and their mean", INTRO))
            panel = PlotlyPanel(_figure(workbench, workbench.chosen_layer), height=HEIGHT, elem_id="scores")
            numbers = gr.HTML(markup.scores_table(scores, workbench.chosen_layer), elem_id="scores-table")
        with gr.Column(scale=1, min_width=300):
            gr.HTML(markup.section(f"Layer {scores.chosen} is chosen", escape(scores.reason)))
            gr.HTML(markup.definitions(scores.meanings))
            if not scores.eligible.all():
                first = int(scores.eligible.argmin())
                gr.HTML(markup.caption(
                    f"Layers from {first} on are shaded: the last fifth of the depth is not considered, "
                    "since an edit so late "
                    "leaves the model little room to act on it."
                ))  # fmt: skip
    select_layer_by_click(panel, workbench, shared)
    shared.layer.change(
        lambda layer: [_figure(workbench, layer), markup.scores_table(scores, layer)],
        shared.layer, [panel, numbers], trigger_mode="always_last", **QUIET,
    )  # fmt: skip


def _figure(workbench: Workbench, layer: int):
    scores = workbench.scores()
    return score_rows(scores.curves, scores.units, layer, scores.chosen, scores.eligible)
