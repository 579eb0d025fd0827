"""What the Compare tab shows while a prompt is answered, and what it redraws afterwards."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import gradio as gr

from .. import markup, neighbour_markup, reply_markup
from ..backend import Backend, Session
from ..figures.curves import layer_curves
from ..neighbours import neighbours_of
from ..results import Asked, Beside, Comparison, Request, RequestError
from ..state import Visit
from .shared import failure

Shown = dict[Any, Any]
"""Component -> its new value."""


class Panels(NamedTuple):
    """What a run fills."""

    legend: gr.HTML
    curves: gr.HTML
    numbers: gr.HTML
    replies: gr.HTML
    receipt_head: gr.HTML
    receipt: gr.HTML
    tokens_head: gr.HTML
    tokens: gr.HTML
    beside: gr.HTML
    notice: gr.HTML
    run: gr.Button
    stop: gr.Button


def answered(
    session: Session,
    panels: Panels,
    visit_state: gr.State,
    text: str,
    files: list[str],
    layer: int,
    gain: float,
    length: int,
    benign: str | None,
    visit: Visit,
) -> Iterator[Shown]:
    """One generator for everything, so that both replies advance together; twins come when they are written.

    All of it is of one session, also where another takes its place meanwhile.
    """
    yield {panels.notice: markup.notice("Reading the prompt …", "busy")}
    try:
        for comparison in session.compare(text, files, layer, gain, length):
            visit = visit.with_comparison(comparison, Request(text or "", tuple(files), length))
            yield {**_views(session, panels, comparison, layer), panels.notice: "", visit_state: visit}
        modality = comparison.curves.modality
        asked = Asked(
            _title(text, modality), modality, comparison.activations, comparison.thumbnail, session.generation
        )
        visit = visit.with_asked(asked)
        found = neighbours_of(text, files, session.examples, benign)
        wanted = [(twin, False) for twin in found.twins] + [(found.benign, True)] * bool(found.benign)
        visit = visit.with_neighbours(found)
        for example, is_benign in wanted:
            yield {**_beside(session, panels, visit, layer), visit_state: visit}
            *_, last = session.compare(example.text, [example.media] if example.media else [], layer, gain, length)
            visit = visit.with_beside(Beside(example, last, is_benign))
    except RequestError as error:
        told = markup.notice(str(error))
    except Exception as error:  # the page stays usable, and says that the fault is not the visitor's
        told = failure(error)
    else:
        told = ""
    yield {
        **(_beside(session, panels, visit, layer) if not told else {}),
        panels.notice: told,
        visit_state: visit,
        **_idle(panels),
    }


def run(backend: Backend, *given: Any) -> Iterator[Shown]:
    """As `answered`, by the session that is shown when it begins."""
    yield from answered(backend.session, *given)


def asked(panels: Panels) -> Shown:
    """At once, also where another visitor's run comes first."""
    return {panels.notice: markup.notice("Waiting for the model …", "busy"), panels.run: gr.update(interactive=False)}


def stopped(panels: Panels, visit: Visit) -> Shown:
    return {
        panels.replies: reply_markup.replies(visit.shown, is_running=False),
        panels.notice: markup.notice("Stopped. What had been made stays on the page.", "status"),
        **_idle(panels),
    }


def redrawn(backend: Backend, panels: Panels, layer: int, visit: Visit) -> Shown:
    """Redraw at another layer without running the model; replies of the former layer say so."""
    session = backend.session
    if visit.shown and visit.shown.generation != session.generation:
        visit = Visit()  # of a model that is no longer here
    stale = ""
    if visit.shown and visit.shown.receipt.layer != layer:
        stale = f"This reply was steered at layer {visit.shown.receipt.layer}. Press Run to steer at layer {layer}."
    return {**_beside(session, panels, visit, layer), panels.replies: reply_markup.replies(visit.shown, stale)}


def curves(session: Session, visit: Visit | None, layer: int):
    """The chart of the curves; none is drawn before anything was run."""
    shown = visit.shown.curves if visit and visit.shown else None
    before, after, modality = (shown.before, shown.after, shown.modality) if shown else (None, None, "text")
    twins = [(twin.modality, twin.after) for twin in _twins(visit)] if visit else []
    return layer_curves(session.bands, before, after, modality, layer, session.chosen_layer, twins)


def _views(session: Session, panels: Panels, comparison: Comparison, layer: int) -> Shown:
    """Curves, their table, replies, receipt and tokens; what does not change after the first token is sent once."""
    shown: Shown = {panels.replies: reply_markup.replies(comparison)}
    if comparison.unsteered.finished and comparison.steered.finished:
        shown[panels.receipt] = reply_markup.receipt(comparison)
    if comparison.index > 0:
        return shown
    visit = Visit(shown=comparison)
    return shown | {
        **_beside(session, panels, visit, layer),
        panels.receipt: reply_markup.receipt(comparison),
        panels.tokens: reply_markup.first_tokens(comparison),
        panels.receipt_head: gr.update(visible=True),
        panels.tokens_head: gr.update(visible=True),
    }


def _beside(session: Session, panels: Panels, visit: Visit, layer: int) -> Shown:
    """What changes with the twins: curves, their legend and table, and the table of twins."""
    twins = _twins(visit)
    shown = visit.shown.curves if visit.shown else None
    return {
        panels.legend: reply_markup.curve_legend([twin.modality for twin in twins]),
        panels.curves: curves(session, visit, layer),
        panels.numbers: reply_markup.curves_table(session.bands, shown, layer, twins),
        panels.beside: neighbour_markup.neighbours(
            visit.shown, visit.beside, visit.neighbours, session.posters(), layer
        ),
    }


def _twins(visit: Visit) -> list:
    return [one.comparison.curves for one in visit.beside if not one.is_benign]


def _idle(panels: Panels) -> Shown:
    return {panels.run: gr.update(interactive=True), panels.stop: gr.update(interactive=False)}


def _title(text: str, modality: str) -> str:
    """One line for a star of the Geometry tab."""
    words = " ".join(text.split()) or "no words"
    words = words if len(words) <= 60 else words[:59] + "…"
    return words if modality == "text" else f"{words} + {'clip' if modality == 'video' else 'picture'}"
