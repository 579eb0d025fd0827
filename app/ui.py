"""The page: top line, the layer that all tabs share, and the tabs."""

from collections.abc import Mapping
from functools import partial

import gradio as gr

from app import markup, model_picker, permalink, take_away, tour
from app.api import add_compare, add_sweep
from app.examples import FOLDER
from app.results import RequestError
from app.state import Visit
from app.tabs import compare, evaluate, geometry, layers, tokens
from app.tabs.shared import QUIET, Shared
from app.workbench import MAX_GAIN, Workbench

LAYER = (
    "A layer (decoder block) is one step of the model's reading. The one shown here is looked at and "
    "steered on every tab."
)
GAIN = "Multiplies the push; 0 switches it off."
VISIT_SECONDS = 3600
"""How long a visit is remembered after its last request."""
CACHE = (600, 3600)
"""Seconds between sweeps of uploads, and their age at which they go."""


def create_app(workbench: Workbench, for_operator: bool = True) -> gr.Blocks:
    """The whole page, to be served with `serving.serve`.

    for_operator: whether visitors may load another model, which is right where the page serves this machine alone.
    """
    gr.set_static_paths([FOLDER])
    with gr.Blocks(title="MARS Lens", analytics_enabled=False, delete_cache=CACHE) as page:
        top = gr.HTML(markup.top_line(workbench.card_at_once))
        laid = tour.lay_out() if workbench.examples else None
        visit = gr.State(Visit(), time_to_live=VISIT_SECONDS)
        generation = gr.State(workbench.generation)
        with gr.Row(elem_id="bar"):
            layer = gr.Slider(label="Layer", info=LAYER, elem_id="layer", scale=1, buttons=[], **_layers(workbench))
            gain = gr.Slider(
                0, MAX_GAIN, 1.0, step=0.25, label="Gain", info=GAIN, elem_id="gain", scale=0, min_width=320,
                buttons=[],
            )  # fmt: skip
            back = gr.Button(_chosen(workbench), elem_id="chosen", scale=0, min_width=150, size="sm")
        shared = Shared(layer, gain, visit, generation)
        with gr.Tabs() as tabs:
            with gr.Tab("Compare", id="compare"):
                compared = compare.build(workbench, shared)
            with gr.Tab("Geometry", id="geometry") as tab:
                geometry.build(workbench, shared, tab)
            with gr.Tab("Layers", id="layers") as tab:
                layers.build(workbench, shared, tab)
            with gr.Tab("Tokens", id="tokens") as tab:
                tokens.build(workbench, shared, tab)
            if for_operator:
                with gr.Tab("Evaluate", id="evaluate"):
                    evaluate.build(workbench, shared)
        if laid:
            tour.build(workbench, shared, compared, tabs, laid)
        take_away.build(workbench, shared, compared.ran)
        if for_operator:
            model_picker.build(workbench, shared)
        back.click(lambda: workbench.chosen_layer, outputs=layer, **QUIET)
        generation.change(
            lambda: [markup.top_line(workbench.card), gr.update(**_layers(workbench)), _chosen(workbench)],
            outputs=[top, layer, back], **QUIET,
        )  # fmt: skip

        def from_link(request: gr.Request) -> list:
            return _from_link(workbench, request.query_params)

        page.load(
            from_link,
            outputs=[layer, gain, compared.length, compared.text, compared.media, tabs],
            **QUIET,
        )
        # Last, since a browser asks one after the other: it waits for the model.
        page.load(partial(_present, workbench), outputs=[top, generation], **QUIET)
        add_compare(workbench, page)
        add_sweep(workbench, page)
    return page


def _present(workbench: Workbench) -> list:
    """The top line and the count of models, once the model is there."""
    try:
        return [markup.top_line(workbench.card), workbench.generation]
    except RequestError:
        return [gr.skip(), gr.skip()]  # it cannot be opened, and the page is about to close


def _from_link(workbench: Workbench, query: Mapping[str, str]) -> list:
    """The page as a link describes it; what the link does not say stays."""
    asked = permalink.read(query, workbench.n_layers, MAX_GAIN, compare.LENGTHS, workbench.examples)
    example = None if asked.example is None else workbench.examples[asked.example]
    media = gr.skip() if example is None else [example.media] if example.media else None
    values = [asked.layer, asked.gain, asked.length, example and example.text]
    return [
        *(gr.skip() if value is None else value for value in values),
        media,
        gr.skip() if asked.tab is None else gr.Tabs(selected=asked.tab),
    ]


def _layers(workbench: Workbench) -> dict[str, int]:
    return {"minimum": 0, "maximum": workbench.n_layers - 1, "step": 1, "value": workbench.chosen_layer}


def _chosen(workbench: Workbench) -> str:
    return f"Chosen layer: {workbench.chosen_layer}"
