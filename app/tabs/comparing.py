"""What the Compare tab shows while a prompt is answered, and what it redraws afterwards."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import gradio as gr

from .. import markup, neighbour_markup, reply_markup
from ..backend import Backend, Session
from ..figures.curves import layer_curves
from ..neighbours import is_same, neighbours_of
from ..opening import files_of, recorded_visit
from ..results import Asked, Beside, Request, RequestError
from ..state import Visit
from .shared import failure

Shown = dict[Any, Any]
"""Component -> its new value."""


class Panels(NamedTuple):
    """What a run fills."""

    stale: gr.HTML
    outside: gr.HTML
    legend: gr.HTML
    curves: gr.HTML
    numbers: gr.HTML
    replies: gr.HTML
    receipt: gr.HTML
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
    system: str,
    benign: str | None,
    visit: Visit,
) -> Iterator[Shown]:
    """One generator for everything, so that both replies advance together; twins come when they are written.

    All of it is of one session, also where another takes its place meanwhile.
    """
    yield {panels.notice: markup.notice("Reading the prompt …", "busy"), panels.run: gr.update(interactive=False)}
    request = Request(text or "", tuple(files), length, (system or "").strip())
    try:
        for comparison in session.compare(text, files, layer, gain, length, request.system):
            visit = visit.with_comparison(comparison, request)
            yield {**_step(session, panels, visit), panels.notice: "", visit_state: visit}
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
            *_, last = session.compare(example.text, files_of(example), layer, gain, length, request.system)
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


def opened(session: Session) -> Visit:
    """The visit that a page opens with: the example that was answered before, or nothing."""
    return (recorded_visit(session, session.opening) or Visit()).unasked()


def drawn(session: Session, panels: Panels, visit: Visit, layer: int) -> Shown:
    """Everything that a run fills, from a visit."""
    return {
        **_beside(session, panels, visit, layer),
        panels.stale: "",
        panels.outside: markup.outside(visit.shown.outside if visit.shown else ()),
        panels.replies: reply_markup.replies(visit.shown),
        panels.receipt: reply_markup.receipt(visit.shown, session.bands),
        panels.tokens: reply_markup.first_tokens(visit.shown),
    }


def redrawn(backend: Backend, panels: Panels, layer: int, visit: Visit) -> Shown:
    """The curves with another layer selected; the model does not run."""
    session = backend.session
    if visit.shown and visit.shown.generation != session.generation:
        visit = Visit()  # of a model that is no longer here
    return _curves(session, panels, visit, layer)


def stale(text: str, files: list[str], layer: int, gain: float, length: int, system: str, visit: Visit) -> str:
    """Whether what is shown belongs to an older prompt or to other settings, in a sentence that says to which."""
    shown, request = visit.shown, visit.request
    if shown is None or request is None:
        return ""
    receipt = shown.receipt
    changed = [
        name
        for name, is_other in (
            ("prompt", not is_same(text or "", files, request.text, request.files)),
            ("layer", layer != receipt.layer),
            ("gain", gain != receipt.gain),
            ("length", length != request.length),
            ("system message", (system or "").strip() != request.system),
        )
        if is_other
    ]
    if not changed:
        return ""
    medium = {"image": " with its image", "video": " with its video"}.get(shown.curves.modality, "")
    return markup.stale(
        f"Another {' and '.join(changed)} is set. Results are still of “{_shortened(request.text)}”{medium}, layer "
        f"{receipt.layer}, gain {receipt.gain:g}: press Run."
    )


def curves(session: Session, visit: Visit, layer: int):
    """The chart of the curves; no prompt is drawn before anything was run."""
    shown = visit.shown.curves if visit.shown else None
    before, after, modality = (shown.before, shown.after, shown.modality) if shown else (None, None, "text")
    twins = [(twin.modality, twin.after) for twin in _twins(visit)]
    return layer_curves(session.bands, before, after, modality, layer, session.chosen_layer, twins)


def _step(session: Session, panels: Panels, visit: Visit) -> Shown:
    """What a decoding step changes: the replies, and with the first and the last what is told of them."""
    comparison = visit.shown
    if comparison.index == 0:
        return drawn(session, panels, visit, comparison.receipt.layer)
    shown: Shown = {panels.replies: reply_markup.replies(comparison)}
    if comparison.is_finished:
        shown[panels.receipt] = reply_markup.receipt(comparison, session.bands)
    return shown


def _beside(session: Session, panels: Panels, visit: Visit, layer: int) -> Shown:
    """What changes with the twins: curves, their legend and table, and the table of twins."""
    return {
        **_curves(session, panels, visit, layer),
        panels.legend: reply_markup.curve_legend([twin.modality for twin in _twins(visit)]),
        panels.beside: neighbour_markup.neighbours(visit.shown, visit.beside, visit.neighbours, session.posters()),
    }


def _curves(session: Session, panels: Panels, visit: Visit, layer: int) -> Shown:
    shown = visit.shown.curves if visit.shown else None
    return {
        panels.curves: curves(session, visit, layer),
        panels.numbers: reply_markup.curves_table(session.bands, shown, layer, _twins(visit)),
    }


def _twins(visit: Visit) -> list:
    return [one.comparison.curves for one in visit.beside if not one.is_benign]


def _idle(panels: Panels) -> Shown:
    return {panels.run: gr.update(interactive=True), panels.stop: gr.update(interactive=False)}


def _title(text: str, modality: str) -> str:
    """One line for a star of the Geometry tab."""
    words = _shortened(text) or "no words"
    return words if modality == "text" else f"{words} + {modality}"


def _shortened(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= 60 else words[:59] + "…"
