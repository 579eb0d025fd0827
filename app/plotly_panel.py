"""A plotly chart that can be clicked and follows the theme.

Gradio's own plot component has no click, so the chart is drawn here by the plotly.js inside the plotly package,
served from this machine.
"""

import json
from pathlib import Path

import gradio as gr
import plotly
import plotly.graph_objects as go

from .figures.palette import DARK_FOR_LIGHT

PLOTLY_FOLDER = Path(plotly.__file__).parent / "package_data"
SCRIPTS = ("plotly_panel.js", "chart_files.js", "chart_thumbnail.js")


def head() -> str:
    """What the page's head needs for the panels; registers the script's folder to be served."""
    gr.set_static_paths([PLOTLY_FOLDER / "plotly.min.js"])
    source = (PLOTLY_FOLDER / "plotly.min.js").as_posix()
    return f'<script src="gradio_api/file={source}" defer></script><script>{script()}</script>'


def script() -> str:
    """What draws a panel, once plotly is there."""
    parts = (Path(__file__).with_name(name).read_text(encoding="utf-8") for name in SCRIPTS)
    return f"window.darkForLight = {json.dumps(DARK_FOR_LIGHT)};\n{''.join(parts)}"


def _chart(height: int) -> str:
    """A chart of a height in pixels, and room for what a point shows: no alt, since the hover label tells it."""
    return (
        f'<div class="plot"><div class="chart" style="height:{height}px"></div>'
        '<div class="point-thumbnail" aria-hidden="true" hidden><img alt=""></div>'
        '<div class="twin-mark" hidden></div>'
        '<svg width="0" height="0" aria-hidden="true"><defs class="patterns"></defs></svg></div>'
    )


DOWNLOADS = (
    '<p class="downloads" hidden>'
    '<button type="button" data-as="png" aria-label="Download this chart as PNG">PNG</button>'
    '<button type="button" data-as="svg" aria-label="Download this chart as SVG">SVG</button>'
    '<button type="button" data-as="csv" aria-label="Download the data of this chart as CSV">CSV</button></p>'
)


class PlotlyPanel(gr.HTML):
    """A chart, which takes no room while there is none.

    Its value is a figure; a click on it triggers `select` with `evt.x` and `evt.y`, the values there. The figure's
    `layout.meta` may hold a `description`, a largest `width` and a `least` one in pixels, below which it scrolls
    sideways; a trace's `meta` the `thumbnails` that are seen beside its points, or as its marks where `as_images` is
    set, as data URLs. Box and lasso trigger `points` with `evt.rows`, by which `meta.rows` of the traces name their
    points: these stay selected in every trace, and in figures to come with the same `layout.meta.rows_of`. height:
    room in pixels until something is drawn.
    """

    def __init__(self, value: go.Figure | None = None, *, height: int = 0, **options) -> None:
        super().__init__(
            value,
            html_template=_chart(height) + DOWNLOADS,
            # Gradio finds the names of its events here.
            js_on_load="drawChart(element, props, watch, trigger); // triggers 'select' and 'points'",
            apply_default_css=False,
            **options,
        )

    def postprocess(self, value: go.Figure | str | None) -> str | None:
        """The figure as JSON."""
        return value.to_json() if isinstance(value, go.Figure) else value or ""

    def get_block_name(self) -> str:
        return "html"
