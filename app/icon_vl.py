"""Icon-VL for the operator: offered, fetched while the present model answers, and taken once the operator says so."""

from collections.abc import Iterator
from functools import partial
from typing import Any, NamedTuple

import gradio as gr

from . import markup, sweep_markup
from .backend import Backend, Offer, Operator
from .faults import log_fault
from .results import Progress, RequestError
from .tabs.shared import MODEL, QUIET, Shared, failure, in_its_place
from .workbench import ICON_VL, POCKET_VL

GET = (
    "Icon-VL, a real language model with a vision encoder, answers in its own English. It is fetched only if you ask."
)
USE = "Icon-VL is on this machine. What is shown stays until you switch."
STOPPED = "Stopped. What was fetched is kept: getting Icon-VL again goes on from there."
STEPS = {
    "fetching": ("Fetching Icon-VL", "Checking what was fetched …"),
    "converting": ("Converting Icon-VL, once, to bfloat16", "Putting Icon-VL together …"),
}
"""Step -> what is said while it lasts, and when all of it is done."""


class Panels(NamedTuple):
    """The line that offers Icon-VL."""

    row: gr.Row
    said: gr.HTML
    get: gr.Button
    stop: gr.Button
    use: gr.Button
    live: gr.Button


def lay_out(operator: Operator) -> Panels:
    """Lay out what is offered when the page is built."""
    offer, is_recorded = operator.icon_vl, _is_recorded(operator)
    with gr.Row(elem_id="offer", visible=offer is not None or is_recorded) as row:
        said = gr.HTML(_words(offer), elem_id="offer-said")
        get = gr.Button(
            "Get Icon-VL (491 MB, 1.8 GB on disk)", size="sm", scale=0, min_width=290, visible=offer == "get",
            elem_id="offer-get",
        )  # fmt: skip
        stop = gr.Button("Cancel", size="sm", scale=0, min_width=90, visible=offer == "getting", elem_id="offer-stop")
        use = gr.Button(
            "Switch to Icon-VL", size="sm", scale=0, min_width=160, visible=offer == "use", elem_id="offer-use"
        )
        live = gr.Button(
            "Ask Pocket-VL live", size="sm", scale=0, min_width=160, visible=is_recorded, elem_id="offer-live"
        )
    return Panels(row, said, get, stop, use, live)


def build(operator: Operator, shared: Shared, panels: Panels, page: gr.Blocks) -> None:
    """Wire it. Whoever opens the page while Icon-VL is on its way looks on."""
    looking = {"concurrency_limit": None, **QUIET}
    panels.get.click(partial(_get, operator, panels), outputs=[*panels], **looking)
    page.load(partial(_present, operator, panels), outputs=[*panels], **looking)
    panels.stop.click(partial(_stop, operator), outputs=panels.stop, queue=False, **QUIET)
    for button, name, model in ((panels.use, "Icon-VL", ICON_VL), (panels.live, "Pocket-VL", POCKET_VL)):
        button.click(partial(_begun, panels, name), outputs=[*panels], queue=False, **QUIET).then(
            partial(_use, operator, panels, shared, model),
            outputs=[*panels, shared.layer, shared.generation, shared.visit], **QUIET, **MODEL,
        )  # fmt: skip
    shared.generation.change(partial(_changed, operator, panels), outputs=[*panels], **QUIET)


def _get(operator: Operator, panels: Panels) -> Iterator[dict[Any, Any]]:
    """How far it is, and at last the offer to switch, or why there is none."""
    yield _shown(operator, panels, "getting")
    try:
        for step in operator.get_icon_vl():
            yield {panels.said: _progress(step)}
    except RequestError as error:
        yield _shown(operator, panels, operator.icon_vl, markup.notice(str(error)))
    except Exception as error:  # the page stays usable, and says that the fault is not the operator's
        log_fault("getting Icon-VL failed", error)
        told = f"Getting Icon-VL failed ({type(error).__name__}); the server's log has the details. Try again."
        yield _shown(operator, panels, operator.icon_vl, markup.notice(told))
    else:
        offer = operator.icon_vl
        yield _shown(operator, panels, offer, markup.notice(STOPPED, "status") if offer == "get" else "")


def _present(operator: Operator, panels: Panels) -> Iterator[dict[Any, Any]]:
    offer = operator.icon_vl
    if offer == "getting":
        yield from _get(operator, panels)
    else:
        yield _shown(operator, panels, offer)


def _stop(operator: Operator) -> dict[str, Any]:
    operator.stop_getting()
    return gr.update(interactive=False)


def _begun(panels: Panels, name: str) -> dict[Any, Any]:
    told = markup.notice(f"Loading and checking {name}; what is shown stays until it is ready …", "busy")
    resting = gr.update(interactive=False)
    return {panels.said: told, panels.use: resting, panels.live: resting}


def _use(operator: Operator, panels: Panels, shared: Shared, model: str) -> dict[Any, Any]:
    try:
        taken = operator.replace(model)
    except RequestError as error:
        return _shown(operator, panels, operator.icon_vl, markup.notice(str(error)))
    except Exception as error:  # as above
        return _shown(operator, panels, operator.icon_vl, failure(error))
    return {**_shown(operator, panels, operator.icon_vl), **in_its_place(taken, shared)}


def _changed(operator: Operator, panels: Panels) -> dict[Any, Any]:
    """What is offered beside another model; what is on its way is told already."""
    offer = operator.icon_vl
    return {panels.said: gr.skip()} if offer == "getting" else _shown(operator, panels, offer)


def _shown(operator: Operator, panels: Panels, offer: Offer | None, told: str = "") -> dict[Any, Any]:
    is_recorded = _is_recorded(operator)
    return {
        panels.row: gr.update(visible=offer is not None or is_recorded),
        panels.live: gr.update(visible=is_recorded, interactive=True),
        panels.said: told or _words(offer),
        panels.get: gr.update(visible=offer == "get"),
        panels.stop: gr.update(visible=offer == "getting", interactive=True),
        panels.use: gr.update(visible=offer == "use", interactive=True),
    }


def _is_recorded(backend: Backend) -> bool:
    """Whether what is shown was recorded, so that nothing answers now."""
    return bool(backend.session.card_at_once.recorded)


def _words(offer: Offer | None) -> str:
    if offer == "getting":
        return markup.notice("Looking for Icon-VL …", "busy")
    return markup.notice({"get": GET, "use": USE}[offer], "status") if offer else ""


def _progress(step: Progress) -> str:
    going, done = STEPS[step.step]
    return markup.notice(done, "busy") if step.done >= step.total else sweep_markup.progress(step, going, " MB")
