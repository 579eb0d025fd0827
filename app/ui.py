"""The page: top line, the layer that all tabs share, and the tabs."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gradio as gr

from app import markup, model_picker, permalink, take_away, tour
from app.api import add_compare, add_sweep
from app.examples import FOLDER
from app.figures.palette import DARK, LIGHT
from app.plotly_panel import head
from app.state import Visit
from app.tabs import compare, evaluate, geometry, layers, tokens
from app.tabs.shared import QUIET, Shared
from app.workbench import MAX_GAIN, Workbench

LAYER = (
    "A layer (decoder block) is one step of the model's reading. The one shown here is looked at and "
    "steered on every tab."
)
FILTERS = Path(__file__).with_name("case_filters.js")
GAIN = "Multiplies the push; 0 switches it off."
MAX_FILE_SIZE = "100mb"
VISIT_SECONDS = 3600
"""How long a visit is remembered after its last request."""
CACHE = (600, 3600)
"""Seconds between sweeps of uploads, and their age at which they go."""


def create_app(workbench: Workbench, for_operator: bool = True) -> gr.Blocks:
    """The whole page. Launch it with `launch_options()`.

    for_operator: whether visitors may load another model, which is right where the page serves this machine alone.
    """
    gr.set_static_paths([FOLDER])
    with gr.Blocks(title="MARS Lens", analytics_enabled=False, delete_cache=CACHE) as page:
        top = gr.HTML(markup.top_line(workbench.card))
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
        page.load(lambda: workbench.generation, outputs=generation, **QUIET)

        def from_link(request: gr.Request) -> list:
            return _from_link(workbench, request.query_params)

        page.load(
            from_link,
            outputs=[layer, gain, compared.length, compared.text, compared.media, tabs],
            **QUIET,
        )
        add_compare(workbench, page)
        add_sweep(workbench, page)
    return page


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


def launch_options() -> dict[str, Any]:
    """What Gradio takes at launch: the look, and that nothing is kept or sent."""
    return {
        "theme": _theme(),
        "css": _variables() + Path(__file__).with_name("style.css").read_text(encoding="utf-8"),
        "head": f"{head()}<script>{FILTERS.read_text(encoding='utf-8')}</script>",
        "footer_links": ["api"],
        "run_history": False,
        "enable_monitoring": False,
        "max_file_size": MAX_FILE_SIZE,
        "show_error": False,
        "allowed_paths": [],
        "ssr_mode": False,
        "state_session_capacity": 200,
    }


def _variables() -> str:
    """The palette as CSS variables, light and dark."""

    def block(selector: str, palette: dict[str, str]) -> str:
        lines = "".join(f"--{role.replace('_', '-')}:{value};" for role, value in palette.items())
        return f"{selector} {{{lines}}}\n"

    return block(":root", LIGHT) + block(".dark", DARK)


def _theme() -> gr.themes.Base:
    """Quiet controls in the page's own ink, with the fonts that Gradio ships."""
    light = {
        "body_background_fill": LIGHT["surface"], "background_fill_primary": LIGHT["surface"],
        "block_background_fill": LIGHT["surface"], "input_background_fill": LIGHT["surface"],
        "body_text_color": LIGHT["ink"], "body_text_color_subdued": LIGHT["muted"],
        "block_label_text_color": LIGHT["ink"], "block_title_text_color": LIGHT["ink"],
        "block_info_text_color": LIGHT["muted"],
        "border_color_primary": LIGHT["rule"], "input_border_color": LIGHT["rule"],
        "input_border_color_focus": LIGHT["ink"],
        "button_primary_background_fill": LIGHT["ink"], "button_primary_background_fill_hover": "#3a3836",
        "button_primary_text_color": LIGHT["surface"],
        "button_secondary_background_fill": LIGHT["surface"], "button_secondary_background_fill_hover": "#f3f0eb",
        "button_secondary_text_color": LIGHT["ink"], "button_secondary_border_color": LIGHT["rule"],
        "slider_color": LIGHT["ink"], "color_accent": LIGHT["ink"], "input_placeholder_color": LIGHT["muted"],
    }  # fmt: skip
    dark = {
        "body_background_fill_dark": DARK["surface"], "background_fill_primary_dark": DARK["surface"],
        "background_fill_secondary_dark": DARK["surface"],
        "block_background_fill_dark": DARK["surface"], "input_background_fill_dark": "#23272c",
        "body_text_color_dark": DARK["ink"], "body_text_color_subdued_dark": DARK["muted"],
        "block_label_text_color_dark": DARK["ink"], "block_title_text_color_dark": DARK["ink"],
        "block_info_text_color_dark": DARK["muted"],
        "border_color_primary_dark": DARK["rule"], "input_border_color_dark": DARK["rule"],
        "input_border_color_focus_dark": DARK["ink"],
        "button_primary_background_fill_dark": DARK["ink"], "button_primary_background_fill_hover_dark": "#cfcbc5",
        "button_primary_text_color_dark": DARK["surface"],
        "button_secondary_background_fill_dark": "#23272c", "button_secondary_background_fill_hover_dark": "#2c3137",
        "button_secondary_text_color_dark": DARK["ink"], "button_secondary_border_color_dark": DARK["rule"],
        "slider_color_dark": DARK["ink"], "color_accent_soft_dark": "#2c3137",
        "input_placeholder_color_dark": DARK["muted"],
    }  # fmt: skip
    shape = {
        "block_border_width": "0px", "block_shadow": "none", "block_padding": "0px",
        "block_label_background_fill": "transparent",
        "input_border_width": "1px", "input_shadow": "none", "input_radius": "3px", "button_large_radius": "3px",
        "button_medium_radius": "3px", "button_small_radius": "3px", "button_border_width": "1px",
        "layout_gap": "16px", "block_label_text_weight": "600", "block_title_text_weight": "600",
        "block_label_text_size": "13px", "block_title_text_size": "13px",
    }  # fmt: skip
    return gr.themes.Base(
        primary_hue="stone",
        neutral_hue="stone",
        radius_size="sm",
        text_size="md",
        font=[gr.themes.LocalFont("IBM Plex Sans", weights=(400, 700)), "ui-sans-serif", "system-ui", "sans-serif"],
        font_mono=[gr.themes.LocalFont("IBM Plex Mono", weights=(400,)), "ui-monospace", "monospace"],
    ).set(**light, **dark, **shape)
