"""The look: the palette as CSS variables, and Gradio's controls in the page's own ink."""

from pathlib import Path

import gradio as gr

from .figures.palette import DARK, LIGHT


def css() -> str:
    """The page's own rules, after the palette that they use."""
    return _variables() + Path(__file__).with_name("style.css").read_text(encoding="utf-8")


def _variables() -> str:
    """The palette as CSS variables, light and dark."""

    def block(selector: str, palette: dict[str, str]) -> str:
        lines = "".join(f"--{role.replace('_', '-')}:{value};" for role, value in palette.items())
        return f"{selector} {{{lines}}}\n"

    return block(":root", LIGHT) + block(".dark", DARK)


def base() -> gr.themes.Base:
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
        "checkbox_background_color_selected_dark": "#5b6169", "checkbox_border_color_selected_dark": DARK["muted"],
        "checkbox_border_color_dark": DARK["muted"],
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
