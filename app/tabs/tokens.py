"""Tokens: the refusal coordinate at every position of the prompt, over its picture and along its clip."""

from collections.abc import Iterator
from functools import partial
from typing import Any, NamedTuple

import gradio as gr
import numpy as np

from .. import markup, token_markup
from ..backend import Backend, Session
from ..figures import tokens as figures
from ..plotly_panel import PlotlyPanel
from ..results import RequestError, TokenMap
from ..state import Visit
from .shared import MODEL, QUIET, Shared, failure, select_layer_by_click

INTRO = (
    f"The {markup.term('refusal coordinate s')} at each token of the prompt and each layer, as the model has it. It "
    "is <b>calibrated at the last position only</b>, where its means were taken; elsewhere it is indicative. Click a "
    "row to select its layer."
)
LATER = "A later position has read the earlier ones, so the last step may carry what was seen before."


class Panels(NamedTuple):
    """What one prompt fills."""

    notice: gr.HTML
    ramp: gr.HTML
    chart: PlotlyPanel
    numbers: gr.HTML
    medium_title: gr.HTML
    medium: PlotlyPanel
    medium_numbers: gr.HTML


def build(backend: Backend, shared: Shared, tab: gr.Tab) -> None:
    """Lay the tab out and wire it."""
    gr.HTML(markup.section("Position by position", INTRO))
    notice = gr.HTML(token_markup.empty(), elem_id="tokens-notice")
    ramp = gr.HTML()
    chart = PlotlyPanel(elem_id="positions")
    numbers = gr.HTML(elem_id="positions-table")
    medium_title = gr.HTML(elem_id="medium-title")
    with gr.Row(elem_id="medium-options", elem_classes="options"):
        stretch = gr.Checkbox(False, label="Stretch colours over these patches", container=False, elem_id="stretch")
        enlarge = gr.Checkbox(False, label="Enlarge (or click it)", container=False, elem_id="enlarge")
    medium = PlotlyPanel(elem_id="medium")
    medium_numbers = gr.HTML(elem_id="medium-table")
    panels = Panels(notice, ramp, chart, numbers, medium_title, medium, medium_numbers)
    at = [shared.layer, stretch, enlarge, shared.visit]
    tab.select(partial(_read, backend, panels, shared.visit), at, [*panels, shared.visit], **QUIET, **MODEL)
    redrawn = partial(_redrawn, backend, panels)
    shared.redraw(redrawn, at, [*panels], "layer", "model", tab="tokens")
    for box in (stretch, enlarge):
        box.change(redrawn, at, [*panels], **QUIET)
    medium.select(lambda is_large: not is_large, enlarge, enlarge, **QUIET)
    select_layer_by_click(chart, backend, shared, axis="y")


def _read(
    backend: Backend,
    panels: Panels,
    visit_state: gr.State,
    layer: int,
    is_stretched: bool,
    is_large: bool,
    visit: Visit,
) -> Iterator[dict[Any, Any]]:
    """Read the prompt that Compare shows, unless this model has read it already."""
    if visit.request is None:
        yield _nothing(panels, token_markup.empty())
        return
    session = backend.session
    if visit.positions is None or visit.positions.generation != session.generation:
        yield {panels.notice: markup.notice("Reading every position of the prompt …", "busy")}
        try:
            asked = visit.request
            visit = visit.with_positions(session.token_map(asked.text, asked.files, asked.system))
        except RequestError as error:
            yield _nothing(panels, markup.notice(str(error)))
            return
        except Exception as error:  # the page stays usable, and says that the fault is not the visitor's
            yield _nothing(panels, failure(error))
            return
    drawn = _drawn(session, panels, visit.positions, layer, is_stretched, is_large)
    yield {**drawn, visit_state: visit}


def _redrawn(
    backend: Backend, panels: Panels, layer: int, is_stretched: bool, is_large: bool, visit: Visit
) -> dict[Any, Any]:
    """Another layer of what was read, without running the model; nothing of a model that is no longer here."""
    if visit.positions is None:  # what is being read meanwhile must stay
        return {panels.notice: gr.skip()}
    if visit.positions.generation != backend.session.generation:
        return _nothing(panels, token_markup.empty())
    return _drawn(backend.session, panels, visit.positions, layer, is_stretched, is_large)


def _nothing(panels: Panels, notice: str) -> dict[Any, Any]:
    """No chart, and why."""
    return dict.fromkeys(panels, "") | {panels.notice: notice}


def _drawn(
    session: Session, panels: Panels, shown: TokenMap, layer: int, is_stretched: bool, is_large: bool
) -> dict[Any, Any]:
    title, chart, numbers = _medium(shown, layer, is_stretched, is_large)
    return {
        panels.notice: "",
        panels.ramp: token_markup.ramp(session.bands, layer),
        panels.chart: figures.position_map(shown.coordinates, shown.kinds, shown.tokens, shown.frames, layer),
        panels.numbers: token_markup.positions_table(shown, layer),
        panels.medium_title: title,
        panels.medium: chart,
        panels.medium_numbers: numbers,
    }


def _medium(shown: TokenMap, layer: int, is_stretched: bool, is_large: bool) -> list:
    """Title, chart and table of the image's patches or the video's frames; a sentence where there are none."""
    s = shown.coordinates[:, layer]
    if shown.modality == "image":
        title = "Patches over the image"
        if shown.grid is None:
            return [markup.section(title, token_markup.NO_GRID), "", ""]
        told = "Each square is one patch as the model reads it, "
        told += "coloured from the least to the most of these patches." if is_stretched else "in the colours above."
        values = s[np.array([cell is not None for cell in shown.cells])]
        chart = figures.patches(values.reshape(shown.grid[1:]), shown.pictures[0], is_stretched, is_large)
        return [markup.section(title, told), chart, token_markup.spread(values, layer, "patches")]
    if shown.modality == "video":
        title = "Frame by frame"
        if not shown.n_steps:
            return [markup.section(title, token_markup.NO_FRAMES), "", ""]
        told = (
            "The mean s of the patches at each step in time; bars reach from the least to the most of them. " + LATER
        )
        if shown.n_steps < len(shown.pictures):
            told += f" This model joins its {len(shown.pictures)} frames to {shown.n_steps} steps in time."
        values = [s[np.array([frame == step for frame in shown.frames])] for step in range(shown.n_steps)]
        mean, low, high = (np.array([of(part) for part in values]) for of in (np.mean, np.min, np.max))
        chart = figures.frames(mean, low, high, shown.pictures, shown.times, is_large)
        numbers = token_markup.spread(mean, layer, "steps") + token_markup.frames_table(shown, mean, low, high)
        return [markup.section(title, told), chart, numbers]
    return ["", "", ""]
