"""The history of a tab: words and settings of its runs, which the browser keeps until the tab is closed.

No medium is kept; on the server, for as long as the visit, the replies are, to compare two of them. What comes back
from the browser is checked again.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import gradio as gr

from . import permalink, reply_markup
from .backend import Session
from .neighbours import known_as
from .results import Comparison
from .state import Visit
from .workbench import MAX_GAIN

SCRIPT = Path(__file__).with_name("history.js")
MISSING = "The history keeps no media: see that the image or video of this run is in its place, then press Run."
MOST_ANSWERS = 30
"""Runs whose replies are kept for a visit, as many as the browser keeps that are not pinned."""
GONE = "This run cannot be put back: its example is not in the gallery of the model in use."
LIST = (
    '<details class="history" hidden><summary></summary><ol></ol>'
    '<p class="quiet">A click runs one. Words and settings, no media; in this tab alone, until it is closed.</p>'
    '<button type="button" data-act="clear">Clear history</button><template><li>'
    '<button type="button" data-act="again"><span></span><small></small></button>'
    '<button type="button" data-act="pin" aria-pressed="false">Pin</button>'
    '<button type="button" data-act="compare" aria-pressed="false">Compare</button>'
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

    @classmethod
    def of(cls, given: Any) -> "Run | None":
        """A run as a browser kept it; None for anything else."""
        parts = [given.get(name) for name in cls.__dataclass_fields__] if isinstance(given, dict) else [None]
        return cls(*parts) if all(isinstance(part, str) for part in parts) else None

    @property
    def said(self) -> Mapping[str, str]:
        """What its query says."""
        return dict(parse_qsl(self.query.removeprefix("?")))

    @property
    def settings(self) -> Mapping[str, str]:
        """All of it by name, in words."""
        said = self.said
        return {
            "prompt": self.text or "no words",
            "example or file": said.get("example", f"{self.medium} of yours" if self.medium else "none"),
            "system message": self.system or "none",
            **{name: said.get(name, "") for name in ("layer", "gain", "length")},
        }


Answers = Mapping[Run, Comparison]
"""The replies to runs of a visit, newest last."""


def run_of(session: Session, visit: Visit) -> Run | None:
    """The run that is shown; None where there is none."""
    shown, request = visit.shown, visit.request
    if shown is None or request is None:
        return None
    example = known_as(request.text, request.files, session.examples)
    medium = shown.curves.modality if request.files and example is None else ""
    query = permalink.link(session.name, shown.receipt.layer, shown.receipt.gain, request.length, example)
    return Run(request.text, medium, request.system, query)


def newest(session: Session, visit: Visit, answers: Answers) -> tuple[str, Answers]:
    """The run that is shown, for `History`, one that is repeated anew; and the replies with those to it.

    An empty one where nothing was run.
    """
    run = run_of(session, visit) if visit.was_asked else None
    if run is None:
        return "", answers
    others = [(other, answer) for other, answer in answers.items() if other != run]
    answer = replace(visit.shown, activations=visit.shown.activations[:0])
    return (
        json.dumps({**asdict(run), "at": time.time()}),
        dict([*others, (run, answer)][-MOST_ANSWERS:]),
    )


def two_runs(answers: Answers, given: Any) -> str:
    """Two runs that a browser names beside each other, as HTML; empty where it does not name two."""
    named = [(run, part) for part in given if (run := Run.of(part))] if isinstance(given, list) else []
    if len(named) != 2:
        return ""
    return reply_markup.two_runs(
        [str(part.get("name") or run.text or "no words") for run, part in named],
        [run.settings for run, _ in named],
        [answers.get(run) for run, _ in named],
    )


def read(given: Any, session: Session, lengths: tuple[int, int]) -> tuple[Run, permalink.Configuration] | None:
    """A run that a browser kept, and its settings; what is out of bounds counts as not said.

    None for what is no run, and for an example that the gallery does not hold.
    """
    run = Run.of(given)
    if run is None:
        return None
    query = run.said
    said = permalink.read(query, session.name, session.n_layers, MAX_GAIN, lengths, session.examples)
    return None if "example" in query and said.example is None else (run, said)


class History(gr.HTML):
    """The runs of this tab, folded away; its value brings the newest (`newest`).

    A click triggers `again` with `evt.run`, or `restore` where the run had media of the visitor's own; a choice of
    runs to compare triggers `beside` with `evt.runs`, two at most.
    """

    def __init__(self, **options) -> None:
        script = SCRIPT.read_text(encoding="utf-8")
        super().__init__("", html_template=LIST, js_on_load=script, apply_default_css=False, **options)

    def get_block_name(self) -> str:
        return "html"
