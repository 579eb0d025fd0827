"""The layer x gain map of the Layers tab: what every layer and gain does to the prompt and to its benign twin.

It is made of the first token, or of verdicts on whole replies. Two of its cells can be pinned, to read their replies.
"""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import gradio as gr

from .. import markup, reply_markup, sweep_markup
from ..backend import Backend, Session
from ..figures import gains as figures
from ..neighbours import known_as, neighbours_of
from ..plotly_panel import PlotlyPanel
from ..results import Comparison, Mapped, Pin, Progress, RequestError
from ..state import Visit
from .shared import AT_ONCE, MODEL, QUIET, Shared, failure

INTRO = (
    "For the prompt on Compare, each cell steers at one layer with one gain; beside it stands the map of its "
    "<b>benign twin</b>, a harmless request like it, which should not come to be refused. The "
    f"{markup.term('refusal score')} says whether the first token opens a refusal; {markup.term('damage')} is shown "
    f"for a harmless prompt alone. A {markup.term('verdict')} says what the whole reply does. Click a cell to select "
    "it and see its reply."
)
FIRST_TOKEN, VERDICTS = "first token", "verdicts"
SLOWER = "A map of verdicts writes a reply for each cell: seconds on Pocket-VL, minutes on a larger model."
NEW_TOKENS = 48
"""Of the reply to a cell, where no map of verdicts says how long its replies are."""
ALONE = {"concurrency_id": "map", "concurrency_limit": 1}
PROMPT, TWIN = "this prompt", "its benign twin"


class Panels(NamedTuple):
    """What a map fills."""

    notice: gr.HTML
    legend: gr.HTML
    scores: PlotlyPanel
    twin: PlotlyPanel
    damage: PlotlyPanel
    verdicts: PlotlyPanel
    twin_verdicts: PlotlyPanel
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
    reading = gr.HTML(elem_id="sweep-reading")
    legend = gr.HTML()
    with gr.Row(elem_id="maps"):
        scores, twin, damage, verdicts, twin_verdicts = (
            PlotlyPanel(elem_id=name)
            for name in ("score-map", "twin-map", "damage-map", "verdict-map", "twin-verdict-map")
        )
    numbers = gr.HTML(elem_id="sweep-table")
    with gr.Row():
        ask = gr.Button("Reply at this layer and gain", interactive=False, scale=0, min_width=260, elem_id="cell-run")
        pin = gr.Button("Pin this layer and gain", interactive=False, scale=0, min_width=220, elem_id="pin")
        unpin = gr.Button("Clear pins", interactive=False, scale=0, min_width=110, elem_id="unpin")
    reply = gr.HTML(elem_id="cell-replies")
    pins = gr.HTML(elem_id="pins")
    panels = Panels(notice, legend, scores, twin, damage, verdicts, twin_verdicts, reading, numbers, make, stop)
    at = [of, shared.layer, shared.gain, shared.visit]
    below = [ask, reply, pin, unpin, pins]

    begun = make.click(partial(_begun, panels), outputs=[notice, make], queue=False, **QUIET)
    mapping = begun.then(partial(_map, backend, panels, shared.visit), at, [*panels, shared.visit], **QUIET, **ALONE)
    # Only once the map is on its way: a stop before that would cancel nothing.
    begun.then(lambda: gr.update(interactive=True), outputs=stop, queue=False, **QUIET)
    mapping.then(_ready, shared.visit, below, **QUIET)
    stop.click(partial(_stopped, panels), outputs=[*panels], cancels=[mapping], queue=False, **QUIET)
    show = partial(_show, backend, panels)
    of.change(show, at, [*panels], **AT_ONCE)
    tab.select(_ready, shared.visit, below, **AT_ONCE)
    shared.redraw(show, at, [*panels], "layer", "gain", "model", "tab", tab="layers")

    def clicked(of: str, visit: Visit, event: gr.EventData) -> list:
        """Layer and gain of the cell; what comes from a browser may be anything, so it is checked."""
        found = _made(backend.session, of, visit)
        try:
            layer, column = backend.session.check_layer(float(event.x)), round(float(event.y))
            if found is None or not 0 <= column < len(found.own.gains):
                return [gr.skip(), gr.skip()]
        except (RequestError, AttributeError, TypeError, ValueError, OverflowError):
            return [gr.skip(), gr.skip()]
        return [layer, found.own.gains[column]]

    replying = partial(_reply, backend)
    for panel in (scores, twin, damage, verdicts, twin_verdicts):
        panel.select(clicked, [of, shared.visit], [shared.layer, shared.gain], **QUIET).then(
            replying, at, reply, **QUIET, **MODEL
        )
    ask.click(replying, at, reply, **QUIET, **MODEL)
    pin.click(partial(_pin, backend), at, [shared.visit, unpin, pins], **QUIET, **MODEL).then(
        show, at, [*panels], **QUIET
    )
    unpin.click(_unpinned, shared.visit, [shared.visit, unpin, pins], **QUIET).then(show, at, [*panels], **QUIET)


def _map(
    backend: Backend, panels: Panels, visit_state: gr.State, of: str, layer: int, gain: float, visit: Visit
) -> Iterator[dict[Any, Any]]:
    """The map with its progress, then that of the benign twin beside it."""
    session = backend.session
    if visit.request is None:
        yield _show(backend, panels, of, layer, gain, visit)
        return
    mapped = session.verdict_map if of == VERDICTS else session.gain_map
    text, files = visit.request.text, visit.request.files
    benign, no_twin = _twin(session, visit)
    own = known_as(text, files, session.examples)
    is_harmless = own is not None and own.label == "harmless"
    asked = [(PROMPT, text, files)]
    if benign:
        asked.append((TWIN, benign.text, (benign.media,) if benign.media else ()))
    found = []
    try:
        for whose, *request in asked:
            for step in mapped(*request, visit.request.system):
                if isinstance(step, Progress):
                    yield {panels.notice: sweep_markup.progress(step, f"Cells of the map of {whose}")}
                else:
                    found.append(step)
            pair = Mapped(found[0], found[1] if len(found) > 1 else None, benign, no_twin, is_harmless,
                          session.generation)  # fmt: skip
            visit = visit.with_map(pair)
            yield {**_show(backend, panels, of, layer, gain, visit), visit_state: visit}
    except RequestError as error:
        yield {**_show(backend, panels, of, layer, gain, visit), panels.notice: markup.notice(str(error))}
    except Exception as error:  # the page stays usable, and says that the fault is not the visitor's
        yield {**_show(backend, panels, of, layer, gain, visit), panels.notice: failure(error)}


def _twin(session: Session, visit: Visit) -> tuple[Any, str]:
    """The benign twin of the prompt that is shown, as Compare has it; a sentence where there is none."""
    found = visit.neighbours or neighbours_of(visit.request.text, visit.request.files, session.examples)
    return found.benign, found.no_benign


def _made(session: Session, of: str, visit: Visit) -> Mapped | None:
    """The map that is looked at, once this model has made it."""
    found = visit.verdict_map if of == VERDICTS else visit.gain_map
    return found if found and found.generation == session.generation else None


def _show(backend: Backend, panels: Panels, of: str, layer: int, gain: float, visit: Visit) -> dict[Any, Any]:
    """The map as far as there is one, without running the model."""
    found = _made(backend.session, of, visit)
    buttons = {
        panels.make: gr.update(interactive=visit.request is not None),
        panels.stop: gr.update(interactive=False),
    }
    if found is None:
        told = sweep_markup.empty() if visit.request is None else sweep_markup.waiting(visit.request.text)
        return dict.fromkeys(panels, "") | {panels.notice: told} | buttons
    pins = [pin.cell for pin in visit.pins]
    drawn = (_verdicts if of == VERDICTS else _first_tokens)(panels, found, layer, gain, pins)
    return dict.fromkeys(panels, "") | drawn | buttons


def _first_tokens(panels: Panels, found: Mapped, layer: int, gain: float, pins: list) -> dict[Any, Any]:
    own, twin = found.own, found.twin

    def drawn(draw: Any, of: Any, values: Any, title: str) -> Any:
        return draw(values, of.saturated, of.tokens, of.layers, of.gains, (layer, gain), title, pins)

    harmless, whose = (own, PROMPT) if found.is_harmless else (twin, TWIN)
    charts = {panels.scores: drawn(figures.score_map, own, own.refusal_scores, PROMPT.capitalize())}
    if twin:
        charts[panels.twin] = drawn(figures.score_map, twin, twin.refusal_scores, TWIN.capitalize())
    if harmless:
        charts[panels.damage] = drawn(figures.damage_map, harmless, harmless.kl, f"Damage to {whose}")
    return charts | {
        panels.legend: sweep_markup.LEGEND,
        panels.reading: sweep_markup.pair_reading(found, layer, gain) + sweep_markup.reading(own, layer, gain),
        panels.numbers: sweep_markup.tables(own, layer, PROMPT)
        + (sweep_markup.tables(twin, layer, TWIN) if twin else ""),
    }


def _verdicts(panels: Panels, found: Mapped, layer: int, gain: float, pins: list) -> dict[Any, Any]:
    maps = {panels.verdicts: (found.own, PROMPT)} | ({panels.twin_verdicts: (found.twin, TWIN)} if found.twin else {})
    charts, told, numbers = {}, "", ""
    for panel, (one, whose) in maps.items():
        kinds = [[verdict.kind for verdict in row] for row in one.verdicts]
        charts[panel] = figures.verdict_cells(
            kinds, sweep_markup.hover(one), one.layers, one.gains, (layer, gain), pins, whose.capitalize()
        )
        told += sweep_markup.verdict_reading(one, layer, gain, whose)
        numbers += sweep_markup.verdict_table(one, layer, whose)
    if found.no_twin:
        told += markup.caption(found.no_twin)
    return charts | {
        panels.legend: sweep_markup.verdict_legend(*(one for one, _ in maps.values())),
        panels.reading: told,
        panels.numbers: numbers,
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
    """Whether there is a prompt to reply to, and its pins; a reply to a former prompt goes."""
    can = gr.update(interactive=visit.request is not None)
    return [can, "", can, *(_pins(visit)[1:] if visit.request else [gr.update(interactive=False), ""])]


def _pins(visit: Visit) -> list:
    """The visit, whether there are pins to clear, and what they hold."""
    return [visit, gr.update(interactive=bool(visit.pins)), sweep_markup.pinned(visit.pins)]


def _reply(backend: Backend, of: str, layer: int, gain: float, visit: Visit) -> Iterator[str]:
    """Both replies to the prompt at the selected cell, token by token."""
    if visit.request is None:
        yield ""
        return
    try:
        for comparison in _compared(backend.session, of, layer, gain, visit, visit.request.text, visit.request.files):
            yield reply_markup.replies(comparison)
    except RequestError as error:
        yield markup.notice(str(error))
    except Exception as error:  # as above
        yield failure(error)


def _pin(backend: Backend, of: str, layer: int, gain: float, visit: Visit) -> Iterator[list]:
    """Keep the replies of prompt and benign twin at the selected cell."""
    if visit.request is None:
        yield _pins(visit)
        return
    session = backend.session
    benign, _ = _twin(session, visit)
    yield [gr.skip(), gr.skip(), markup.notice("Writing the replies of this cell …", "busy")]
    try:
        *_, own = _compared(session, of, layer, gain, visit, visit.request.text, visit.request.files)
        twin = None
        if benign:
            media = (benign.media,) if benign.media else ()
            *_, twin = _compared(session, of, layer, gain, visit, benign.text, media)
        yield _pins(visit.with_pin(Pin(layer, float(gain), own, twin)))
    except RequestError as error:
        yield [gr.skip(), gr.skip(), markup.notice(str(error))]
    except Exception as error:  # as above
        yield [gr.skip(), gr.skip(), failure(error)]


def _compared(
    session: Session, of: str, layer: int, gain: float, visit: Visit, text: str, files: tuple
) -> Iterator[Comparison]:
    """Both replies at a cell, as long as those of the map that is looked at."""
    found = _made(session, VERDICTS, visit) if of == VERDICTS else None
    length = found.own.length if found else NEW_TOKENS
    yield from session.compare(text, files, layer, gain, length, visit.request.system)


def _unpinned(visit: Visit) -> list:
    return _pins(replace(visit, pins=()))
