"""Results of an evaluation as a tab shows them: charts, tables, every case, and the files to take away."""

import json
import tempfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr

from .. import markup, report
from ..backend import Backend
from ..evaluation import page
from ..evaluation.charts import tradeoffs
from ..evaluation.rows import WORDS
from ..plotly_panel import PlotlyPanel
from .shared import QUIET

FILTERS = (
    "element.addEventListener('input', (event) => { if (event.target.closest('.filters')) filterCases(element); });"
    "element.addEventListener('submit', (event) => event.preventDefault());"
    "watch('value', () => requestAnimationFrame(() => filterCases(element)));"
)


class Results(NamedTuple):
    """What results fill."""

    about: gr.HTML
    text_title: gr.HTML
    image_title: gr.HTML
    video_title: gr.HTML
    text: PlotlyPanel
    image: PlotlyPanel
    video: PlotlyPanel
    tables: gr.HTML
    csv: gr.DownloadButton
    json: gr.DownloadButton
    html: gr.DownloadButton
    cases: gr.HTML


def build(backend: Backend, tab: gr.Tab) -> None:
    """Lay out what came with the session, for whoever may not evaluate."""
    panels = lay_out()
    tab.select(partial(_made_before, backend, panels), outputs=[*panels], **QUIET)


def lay_out() -> Results:
    """The panels, empty."""
    about = gr.HTML()
    with gr.Row(elem_id="evaluate-charts"):
        titles, charts = [], []
        for modality in WORDS:
            with gr.Column(min_width=300):
                titles.append(gr.HTML())
                charts.append(PlotlyPanel(elem_id=f"tradeoff-{modality}"))
    tables = gr.HTML(elem_id="evaluate-tables")
    with gr.Row():
        files = [
            gr.DownloadButton(f"{kind} {what}", visible=False, size="sm", elem_id=f"download-{kind.lower()}")
            for kind, what in (("CSV", "of the rates"), ("JSON", "of everything"), ("HTML", "report"))
        ]
    return Results(about, *titles, *charts, tables, *files, gr.HTML(elem_id="evaluate-cases", js_on_load=FILTERS))


def shown(panels: Results, results: Mapping[str, Any]) -> dict[Any, Any]:
    """What the panels show of results, as `mars-lens eval --json` keys them."""
    charts, told = tradeoffs(results)
    return {
        panels.about: page.charts_head(results, told),
        **{getattr(panels, modality): charts[modality].figure if modality in charts else "" for modality in WORDS},
        **{
            getattr(panels, f"{modality}_title"): markup.panel_title(charts[modality].title)
            if modality in charts
            else ""
            for modality in WORDS
        },
        panels.tables: page.tables(results),
        panels.cases: page.cases(results),
        **_downloads(panels, results),
    }


def _made_before(backend: Backend, panels: Results) -> dict[Any, Any]:
    results = backend.session.results
    return {panels.about: gr.skip()} if results is None else shown(panels, results)


def _downloads(panels: Results, results: Mapping[str, Any]) -> dict[Any, Any]:
    """The files behind the buttons, which the page's cache holds and sweeps away with the uploads.

    No report of results without rows, as of questions with a known answer alone.
    """
    contents = {
        panels.csv: ("evaluation.csv", page.as_csv(results)),
        panels.json: ("evaluation.json", json.dumps(results, indent=1) + "\n"),
        panels.html: ("evaluation.html", report.render(results) if results["rows"] else ""),
    }
    files = {}
    with tempfile.TemporaryDirectory(prefix="mars-lens-") as folder:
        for button, (name, content) in contents.items():
            path = Path(folder, name)
            path.write_text(content, encoding="utf-8")
            files[button] = gr.update(value=button.move_resource_to_block_cache(path), visible=bool(content))
    return files
