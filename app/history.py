"""The history of a tab: words and settings of its runs, which the browser keeps until the tab is closed.

No medium is kept, and on the server nothing beyond the visit; what comes back from the browser is checked again.
"""

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import gradio as gr

from . import permalink
from .backend import Session
from .neighbours import known_as
from .state import Visit
from .workbench import MAX_GAIN

SCRIPT = Path(__file__).with_name("history.js")
MISSING = "The history keeps no media: see that the image or video of this run is in its place, then press Run."
GONE = "This run cannot be put back: its example is not in the gallery of the model in use."
LIST = (
    '<details class="history" hidden><summary></summary><ol></ol>'
    '<p class="quiet">A click runs one. Words and settings, no media; in this tab alone, until it is closed.</p>'
    '<button type="button" data-act="clear">Clear history</button><template><li>'
    '<button type="button" data-act="again"><span></span><small></small></button>'
    '<button type="button" data-act="pin" aria-pressed="false">Pin</button>'
    '<button type="button" data-act="rename">Rename</button></li></template></details>'
)


@dataclass(frozen=True)
class Run:
    """One run as it is kept."""

    text: str
    medium: str
    """"image" or "video" where it had one of the visitor's own; empty for words and for an example of the gallery."""
    system: str
    """A system message of the visitor's; empty where there was none."""
    query: str
    """Layer, gain, length and example, as a link has them (`permalink`)."""


def run_of(session: Session, visit: Visit) -> Run | None:
    """The run that is shown; None where there is none."""
    shown, request = visit.shown, visit.request
    if shown is None or request is None:
        return None
    example = known_as(request.text, request.files, session.examples)
    medium = shown.curves.modality if request.files and example is None else ""
    query = permalink.link(shown.receipt.layer, shown.receipt.gain, request.length, example)
    return Run(request.text, medium, request.system, query)


def newest(session: Session, visit: Visit) -> str:
    """The run that is shown, for `History`; one that is repeated is told anew."""
    run = run_of(session, visit)
    return json.dumps({**asdict(run), "at": time.time()}) if run else ""


def read(given: Any, session: Session, lengths: tuple[int, int]) -> tuple[Run, permalink.Configuration] | None:
    """A run that a browser kept, and its settings; what is out of bounds counts as not said.

    None for what is no run, and for an example that the gallery does not hold.
    """
    if not isinstance(given, dict):
        return None
    parts = [given.get(name) for name in Run.__dataclass_fields__]
    if not all(isinstance(part, str) for part in parts):
        return None
    run = Run(*parts)
    query = dict(parse_qsl(run.query.removeprefix("?")))
    said = permalink.read(query, session.n_layers, MAX_GAIN, lengths, session.examples)
    return None if "example" in query and said.example is None else (run, said)


class History(gr.HTML):
    """The runs of this tab, folded away; its value brings the newest (`newest`).

    A click triggers `again` with `evt.run`, or `restore` where the run had media of the visitor's own.
    """

    def __init__(self, **options) -> None:
        script = SCRIPT.read_text(encoding="utf-8")
        super().__init__("", html_template=LIST, js_on_load=script, apply_default_css=False, **options)

    def get_block_name(self) -> str:
        return "html"
