"""The layer x gain map of the Layers tab: what every layer and gain does to the prompt, and each cell's reply.

It is made of the first token, or of verdicts on whole replies.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any, NamedTuple

import gradio as gr

from .. import markup, reply_markup, sweep_markup
from ..backend import Backend
from ..figures import gains as figures
from ..plotly_panel import PlotlyPanel
from ..results import GainMap, Progress, RequestError, VerdictMap
from ..state import Visit
from .shared import MODEL, QUIET, Shared, failure

INTRO = (
    "For the prompt on Compare, each cell steers at one layer with one gain. The <b>refusal score</b> is the log "
    "odds that the first token opens a refusal; above 0 refusing is likelier than not. The <b>damage</b> is how far "
    "the distribution of the first token moves from the unsteered one (KL divergence). A <b>verdict</b> says what "
    "the whole reply does. Click a cell to select it and see its reply."
)
FIRST_TOKEN, VERDICTS = "first token", "verdicts"
SLOWER = "A map of verdicts writes a reply for each cell: seconds on Pocket-VL, minutes on a larger model."
NEW_TOKENS = 48
"""Of the reply to a cell, where no map of verdicts says how long its replies are."""
ALONE = {"concurrency_id": "map", "concurrency_limit": 1}


class Panels(NamedTuple):
    """What a map fills."""

    notice: gr.HTML
    legend: gr.HTML
    scores: PlotlyPanel
    damage: PlotlyPanel
    verdicts: PlotlyPanel
    reading: gr.HTML
    numbers: gr.HTML
    make: gr.Button
    stop: gr.Button


def build(backend: Backend, shared: Shared, tab: gr.Tab) -> None:
    """Lay the map out and wire it."""
    gr.HTML(markup.section("Every layer and gain", INTRO))
    of = gr.Radio([FIRST_TOKEN, VERDICTS], value=FIRST_TOKEN, label="Map of", info=SLOWER, elem_id="map-of")
    with gr.Row():
        make = gr.Button("Map this prompt", variant="primary", interactive=False, scale=0, min_width=180,
                         elem_id="sweep")  # fmt: skip
        stop = gr.Button("Stop", interactive=False, scale=0, min_width=80, elem_id="sweep-stop")
    notice = gr.HTML(sweep_markup.empty(), elem_id="sweep-notice")
    legend = gr.HTML()
    with gr.Row():
        with gr.Column(min_width=320):
            scores = PlotlyPanel(height=figures.HEIGHT, elem_id="score-map")
        with gr.Column(min_width=320):
            damage = PlotlyPanel(height=figures.HEIGHT, elem_id="damage-map")
    verdicts = PlotlyPanel(height=0, elem_id="verdict-map")
    reading = gr.HTML(elem_id="sweep-reading")
    numbers = gr.HTML(elem_id="sweep-table")
    with gr.Row():
        ask = gr.Button("Reply at this layer and gain", interactive=False, scale=0, min_width=260, elem_id="cell-run")
    reply = gr.HTML(elem_id="cell-replies")
    panels = Panels(notice, legend, scores, damage, verdicts, reading, numbers, make, stop)
    at = [of, shared.layer, shared.gain, shared.visit]

    begun = make.click(partial(_begun, panels), outputs=[notice, make], queue=False, **QUIET)
    mapping = begun.then(partial(_map, backend, panels, shared.visit), at, [*panels, shared.visit], **QUIET, **ALONE)
    # Only once the map is on its way: a stop before that would cancel nothing.
    begun.then(lambda: gr.update(interactive=True), outputs=stop, queue=False, **QUIET)
    mapping.then(_ready, shared.visit, [ask, reply], **QUIET)
    stop.click(partial(_stopped, panels), outputs=[*panels], cancels=[mapping], queue=False, **QUIET)
    show = partial(_show, panels)
    for event in (tab.select, of.change):
        event(show, at, [*panels], **QUIET)
    tab.select(_ready, shared.visit, [ask, reply], **QUIET)
    shared.redraw(show, at, [*panels], with_gain=True)

    def clicked(of: str, visit: Visit, event: gr.EventData) -> list:
        """Layer and gain of the cell; what comes from a browser may be anything, so it is checked."""
        found = _made(of, visit)
        try:
            layer, column = backend.session.check_layer(float(event.x)), round(float(event.y))
            if found is None or not 0 <= column < len(found.gains):
                return [gr.skip(), gr.skip()]
        except (RequestError, AttributeError, TypeError, ValueError, OverflowError):
            return [gr.skip(), gr.skip()]
        return [layer, found.gains[column]]

    replying = partial(_reply, backend)
    for panel in (scores, damage, verdicts):
        panel.select(clicked, [of, shared.visit], [shared.layer, shared.gain], **QUIET).then(
            replying, at, reply, **QUIET, **MODEL
        )
    ask.click(replying, at, reply, **QUIET, **MODEL)


def _map(
    backend: Backend, panels: Panels, visit_state: gr.State, of: str, layer: int, gain: float, visit: Visit
) -> Iterator[dict[Any, Any]]:
    """The map with its progress."""
    if visit.request is None:
        yield _show(panels, of, layer, gain, visit)
        return
    session = backend.session
    mapped = session.verdict_map if of == VERDICTS else session.gain_map
    try:
        for step in mapped(visit.request.text, visit.request.files):
            if isinstance(step, Progress):
                yield {panels.notice: sweep_markup.progress(step, "Cells of the map")}
            else:
                visit = visit.with_map(step)
                yield {**_show(panels, of, layer, gain, visit), visit_state: visit}
    except RequestError as error:
        yield {**_show(panels, of, layer, gain, visit), panels.notice: markup.notice(str(error))}
    except Exception as error:  # the page stays usable, and says that the fault is not the visitor's
        yield {**_show(panels, of, layer, gain, visit), panels.notice: failure(error)}


def _made(of: str, visit: Visit) -> GainMap | VerdictMap | None:
    """The map that is looked at, once it has been made."""
    return visit.verdict_map if of == VERDICTS else visit.gain_map


def _show(panels: Panels, of: str, layer: int, gain: float, visit: Visit) -> dict[Any, Any]:
    """The map as far as there is one, without running the model."""
    found = _made(of, visit)
    buttons = {
        panels.make: gr.update(interactive=visit.request is not None),
        panels.stop: gr.update(interactive=False),
    }
    if found is None:
        told = sweep_markup.empty() if visit.request is None else sweep_markup.waiting(visit.request.text)
        return dict.fromkeys(panels, "") | {panels.notice: told} | buttons
    if isinstance(found, VerdictMap):
        return dict.fromkeys(panels, "") | _verdicts(panels, found, layer, gain) | buttons
    return {
        panels.notice: "",
        panels.legend: sweep_markup.LEGEND,
        panels.verdicts: "",
        panels.scores: _drawn(figures.score_map, found, found.refusal_scores, layer, gain),
        panels.damage: _drawn(figures.damage_map, found, found.kl, layer, gain),
        panels.reading: sweep_markup.reading(found, layer, gain),
        panels.numbers: sweep_markup.tables(found, layer),
        **buttons,
    }


def _drawn(draw: Any, found: GainMap, values: Any, layer: int, gain: float) -> Any:
    return draw(values, found.saturated, found.tokens, found.layers, found.gains, (layer, gain))


def _verdicts(panels: Panels, found: VerdictMap, layer: int, gain: float) -> dict[Any, Any]:
    kinds = [[one.kind for one in row] for row in found.verdicts]
    chart = figures.verdict_cells(kinds, sweep_markup.hover(found), found.layers, found.gains, (layer, gain))
    return {
        panels.legend: sweep_markup.verdict_legend(found),
        panels.verdicts: chart,
        panels.reading: sweep_markup.verdict_reading(found, layer, gain),
        panels.numbers: sweep_markup.verdict_table(found, layer),
    }


def _begun(panels: Panels) -> dict[Any, Any]:
    """At once, also where another visitor's run comes first."""
    return {
        panels.notice: markup.notice("Waiting for the model …", "busy"),
        panels.make: gr.update(interactive=False),
    }


def _stopped(panels: Panels) -> dict[Any, Any]:
    return {
        panels.notice: markup.notice("Stopped.", "status"),
        panels.make: gr.update(interactive=True),
        panels.stop: gr.update(interactive=False),
    }


def _ready(visit: Visit) -> list:
    """Whether there is a prompt to reply to; a reply to a former prompt goes."""
    return [gr.update(interactive=visit.request is not None), ""]


def _reply(backend: Backend, of: str, layer: int, gain: float, visit: Visit) -> Iterator[str]:
    """Both replies to the prompt at the selected cell, token by token."""
    if visit.request is None:
        yield ""
        return
    length = visit.verdict_map.length if of == VERDICTS and visit.verdict_map else NEW_TOKENS
    try:
        for comparison in backend.session.compare(visit.request.text, visit.request.files, layer, gain, length):
            yield reply_markup.replies(comparison)
    except RequestError as error:
        yield markup.notice(str(error))
    except Exception as error:  # as above
        yield failure(error)
