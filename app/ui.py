"""The page: top line, the layer that all tabs share, and the tabs."""

from collections.abc import Mapping, Sequence
from typing import Any

import gradio as gr

from . import icon_vl, markup, model_picker, permalink, recording, switch, take_away, tour
from .api import add_compare, add_sweep
from .backend import Backend, Operator, Session
from .results import RequestError
from .tabs import compare, comparing, evaluate, evaluated, geometry, layers, tokens
from .tabs.shared import AT_ONCE, QUIET, VISIT_SECONDS, Shared, layer_range
from .workbench import MAX_GAIN

LAYER = "The decoder layer that every tab looks at and steers."
GAIN = "Steering strength; 0 = off."
GAIN_AT_START = 1.0
OPEN = """() => {
  const query = new URLSearchParams(location.search), tab = query.get('tab');
  if (tab && query.has('example') === EXAMPLE)
    document.querySelector(`[role=tab][data-tab-id="${CSS.escape(tab)}"]`)?.click();
}"""
"""Opens the tab of a link as a person does, so that it is drawn: after its example was run, where it names one."""
CACHE = (600, 3600)
"""Seconds between sweeps of uploads, and their age at which they go."""


def create_app(
    backend: Backend | Operator,
    for_operator: bool = True,
    keeps_history: bool = True,
    others: Sequence[Backend] = (),
) -> gr.Blocks:
    """The whole page, to be served with `serving.serve`.

    for_operator: whether visitors may load another model, which takes an Operator, and take photographs; right
        where the page serves this machine alone.
    keeps_history: whether a browser tab keeps the words and settings of its runs (`history`); not where strangers
        are let in.
    others: further recordings, each on a page of its own beside this one, to which every visitor may go.
    """
    every = (backend, *others)
    with gr.Blocks(title="MARS Lens", analytics_enabled=False, delete_cache=CACHE) as page:
        _lay_out(page, every, 0, for_operator, keeps_history)
    for number in range(1, len(every)):
        with page.route(str(number), switch.path(number), show_in_navbar=False):
            _lay_out(page, every, number, False, keeps_history)
    return page


def _lay_out(
    page: gr.Blocks, every: Sequence[Backend | Operator], number: int, for_operator: bool, keeps_history: bool
) -> None:
    """One page: that of the backend of this number, beside those of the others."""
    backend = every[number]
    session = backend.session
    with gr.Row(elem_id="head"):
        top = gr.HTML(markup.top_line(session.card_at_once))
        laid = tour.lay_out() if session.examples else None
    nav = gr.HTML(switch.links(every, number), visible=len(every) > 1, elem_id="switch")
    offer = icon_vl.lay_out(backend) if for_operator else None
    visit = gr.State(comparing.opened(session), time_to_live=VISIT_SECONDS)
    generation = gr.State(session.generation)
    linked = gr.State(None)
    with gr.Row(elem_id="bar"):
        layer = gr.Slider(
            **layer_range(session), value=session.chosen_layer, label="Layer", info=LAYER, elem_id="layer", scale=1,
            buttons=[],
        )  # fmt: skip
        gain = gr.Slider(
            0, MAX_GAIN, GAIN_AT_START, step=0.25, label="Gain", info=GAIN, elem_id="gain", scale=1, buttons=[],
        )  # fmt: skip
        back = gr.Button(
            elem_id="chosen",
            scale=0,
            min_width=190,
            size="sm",
            **_chosen(session, session.chosen_layer, GAIN_AT_START),
        )
    own_points = gr.State(None, time_to_live=VISIT_SECONDS)
    shared = Shared(layer, gain, visit, own_points, generation, tab=gr.State(permalink.TABS[0]))
    with gr.Tabs() as tabs:
        with gr.Tab("Compare", id="compare"):
            compared = compare.build(backend, shared, linked, keeps_history, has_camera=for_operator)
        with gr.Tab("Geometry", id="geometry"):
            geometry.build(backend, shared)
        with gr.Tab("Layers", id="layers") as tab:
            layers.build(backend, shared, tab)
        with gr.Tab("Tokens", id="tokens") as tab:
            tokens.build(backend, shared, tab)
        if for_operator:
            with gr.Tab("Evaluate", id="evaluate") as tab:
                to_record = evaluate.build(backend, shared, tab)
        elif session.results is not None:
            with gr.Tab("Evaluate", id="evaluate") as tab:
                evaluated.build(backend, tab)
    if laid:
        tour.build(backend, shared, compared, tabs, laid)
    take_away.build(backend, shared, compared.ran, switch.path(number))
    if for_operator:
        recording.build(backend, shared, to_record)
        model_picker.build(backend, shared)
    back.click(lambda: [backend.session.chosen_layer, GAIN_AT_START], outputs=[layer, gain], **AT_ONCE)
    shared.redraw(
        lambda layer, gain: [gr.update(**_chosen(backend.session, layer, gain))],
        [layer, gain], [back], "layer", "gain", "model",
    )  # fmt: skip

    def taken() -> list:
        """Top line and links for a session that took another's place."""
        return [markup.top_line(backend.session.card), switch.links(every, number)]

    shared.wire(
        tabs.select(_opened, outputs=shared.tab, **AT_ONCE),
        generation.change(taken, outputs=[top, nav], **QUIET),
    )

    def from_link(shown: Any, request: gr.Request) -> list:
        return _from_link(backend.session, request.query_params, shown)

    named = gr.State(None)
    as_linked = page.load(from_link, layer, [layer, gain, compared.length, named, compared.panels.notice], **QUIET)
    as_linked.then(None, js=OPEN.replace("EXAMPLE", "false"), api_visibility="private")
    # These wait for the model. The example is last, since another session puts its opening into the prompt.
    as_linked.then(lambda: _present(backend.session), outputs=[top, generation], **QUIET).then(
        lambda number: number, named, linked, **QUIET
    )
    compared.linking.then(None, js=OPEN.replace("EXAMPLE", "true"), api_visibility="private")
    if offer:
        icon_vl.build(backend, shared, offer, page)
    add_compare(backend, page)
    add_sweep(backend, page)


def _opened(event: gr.SelectData) -> str:
    """Id of the tab that was opened."""
    return str(event.value).lower()


def _present(session: Session) -> list:
    """The top line and the session's number, once its model is there."""
    try:
        return [markup.top_line(session.card), session.generation]
    except RequestError:
        return [gr.skip(), gr.skip()]  # it cannot be opened, and the page is about to close


def _from_link(session: Session, query: Mapping[str, str], shown: Any) -> list:
    """The page as a link describes it, and the example to run; what the link does not say stays.

    shown: the layer on the page, which was laid out before this session where it took another's place.
    """
    asked = permalink.read(query, session.name, session.n_layers, MAX_GAIN, compare.LENGTHS, session.examples)
    start = session.chosen_layer if asked.layer is None else asked.layer
    value = {} if start == shown else {"value": start}  # where nothing has to change, what is set meanwhile stays
    told = (gr.update(**layer_range(session), **value), asked.gain, asked.length)
    named = compare.UNKNOWN if query.get("example") and asked.example is None else asked.example
    return [
        *(gr.skip() if value is None else value for value in told),
        named,
        markup.notice(asked.missing, "status") if asked.missing else gr.skip(),
    ]


def _chosen(session: Session, layer: int, gain: float) -> dict[str, Any]:
    """The button that resets layer and gain: it says so, and rests where there is nothing to reset."""
    choice = f"layer {session.chosen_layer}, gain {GAIN_AT_START:g}"
    is_chosen = (layer, gain) == (session.chosen_layer, GAIN_AT_START)
    return {"value": f"Chosen: {choice}" if is_chosen else f"Reset to {choice}", "interactive": not is_chosen}
