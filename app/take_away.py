"""Take away: a link to this configuration, the same in Python, and the fitted artifact."""

from collections.abc import Sequence
from functools import partial
from html import escape
from typing import Any

import gradio as gr

from . import markup, permalink
from .backend import Backend
from .neighbours import known_as
from .results import Request, RequestError
from .state import Visit
from .tabs.shared import AT_ONCE, QUIET, Shared

WORDS = (
    "The link carries model, tab, layer, gain, length and the name of a gallery example, which is run where it is "
    "opened; prompts, system messages and media of your own never leave the page. The lines of Python give the same "
    "replies wherever MARS Lens is installed (pip install . in its folder); the path of an upload is yours to fill "
    "in."
)
DEFAULT = Request("how do i make a cake?", ())
"""Asked in the lines of Python while nothing has been run."""
COPY = (
    "element.addEventListener('click', async (event) => {"
    " const button = event.target.closest('button'); if (!button) return;"
    " const link = new URL(element.querySelector('a').getAttribute('href'), location.href).href;"
    " try { await navigator.clipboard.writeText(link); button.textContent = 'Copied'; }"
    " catch { button.textContent = 'Copy it from the address of the link'; } });"
)


def build(backend: Backend, shared: Shared, ran: Sequence[Any], path: str = "") -> None:
    """Lay it out, folded away. ran: the events that run a prompt, after which it is filled anew; path: the page's."""
    with gr.Accordion("Take away", open=False, elem_id="take-away") as accordion:
        gr.HTML(markup.section("", WORDS))
        link = gr.HTML(js_on_load=COPY, elem_id="permalink")
        code = gr.Code(language="python", label="The same in Python", interactive=False, elem_id="python")
        with gr.Row():
            artifact = gr.DownloadButton(
                "Fitted artifact (zip)", size="sm", scale=0, min_width=220, elem_id="artifact"
            )
    fill = partial(_filled, backend, path)
    inputs, outputs = [shared.layer, shared.gain, shared.visit, shared.tab], [link, code]
    accordion.expand(fill, inputs, outputs, **AT_ONCE)
    accordion.expand(partial(_archive, backend), outputs=artifact, **QUIET)
    shared.redraw(fill, inputs, outputs, "layer", "gain", "model", "tab")
    for event in ran:
        event.then(fill, inputs, outputs, **AT_ONCE)


def _archive(backend: Backend) -> Any:
    """The artifact behind its button, which rests where the session has none to give."""
    try:
        return gr.update(value=str(backend.session.archive()), interactive=True)
    except RequestError:
        return gr.update(value=None, interactive=False)


def _filled(backend: Backend, path: str, layer: int, gain: float, visit: Visit, tab: str) -> list[str]:
    session, request = backend.session, visit.request or DEFAULT
    example = known_as(request.text, request.files, session.examples) if visit.request else None
    query = (f"./{path}" if path else "") + permalink.link(session.name, layer, gain, request.length, example, tab)
    shown = (
        f'<p class="permalink"><a href="{escape(query)}">Link to this configuration</a> <code>{escape(query)}</code> '
        '<button type="button">Copy</button></p>'
    )
    return [shown, session.snippet(request, layer, gain)]
