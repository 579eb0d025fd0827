"""The guided tour: five steps on a prepared example, each one sentence and one highlighted view.

What a step says is read off the results, so that a model that does otherwise is not talked over.
"""

from collections.abc import Iterator
from functools import partial
from html import escape
from typing import Any, NamedTuple

import gradio as gr

from .backend import Backend, Session
from .markup import length, signed
from .neighbour_markup import cost
from .neighbours import known_as, medium_of, neighbours_of
from .reply_markup import FATES
from .results import Beside, Example
from .state import Visit
from .tabs import comparing
from .tabs.compare import Compared
from .tabs.shared import MODEL, QUIET, Shared

SPOTS = {1: "replies", 2: "replies", 3: "curves", 4: "receipt", 5: "beside"}
"""Step -> the view that it highlights, by its id."""
OFFER = "See in five steps how a picture slips past a refusal, and what MARS does about it."
HIGHLIGHT = (
    "const show = () => {"
    " document.querySelectorAll('.spot').forEach((one) => one.classList.remove('spot'));"
    " const view = document.getElementById(element.querySelector('[data-spot]')?.dataset.spot);"
    " if (view) { view.classList.add('spot'); view.scrollIntoView({ block: 'center' }); } };"
    "watch('value', () => setTimeout(show, 60));"
)


class Story(NamedTuple):
    """A harmful request in words and with a picture."""

    words: Example
    picture: Example


class Buttons(NamedTuple):
    """What moves through the tour."""

    back: gr.Button
    forward: gr.Button
    end: gr.Button


class Laid(NamedTuple):
    """The components of the tour."""

    said: gr.HTML
    step: gr.State
    buttons: Buttons


def stories(session: Session) -> list[Story]:
    """All that the gallery of the model has to tell."""
    return [
        Story(twin, example)
        for example in session.examples
        if example.label == "harmful" and medium_of(example.media) == "image"
        for twin in neighbours_of(example.text, [example.media], session.examples).twins
        if twin.media is None
    ]


def tells_most(session: Session, story: Story) -> bool:
    """Whether its picture is answered unsteered and refused with MARS."""
    *_, last = session.compare(story.picture.text, [story.picture.media])
    return (last.unsteered.kind, last.steered.kind) == ("complies", "refuses")


def build(backend: Backend, shared: Shared, compared: Compared, tabs: gr.Tabs, laid: Laid) -> None:
    """Wire the tour."""
    said, step, buttons = laid
    panels, texts = compared.panels, [compared.text, compared.media]
    told: dict[int, Story | None] = {}
    """Generation of a session -> its story: the first that tells most, else the first there is."""

    def going(by: int, at: int, tokens: int, visit: Visit) -> Iterator[dict[Any, Any]]:
        """One step on or back; the prompt of the step is run unless it is the one on the page."""
        session, number = backend.session, min(max(at + by, 1), len(SPOTS))
        yield {said: _said(number, "One moment …"), **_moves(buttons, number)}
        if session.generation not in told:
            there = stories(session)
            for tried, story in enumerate(there, start=1):
                if len(there) > 1:
                    yield {said: _said(number, f"Looking for the example that shows most, {tried} of {len(there)} …")}
                if tells_most(session, story):
                    break
            else:
                story = there[0] if there else None
            told[session.generation] = story
        story = told[session.generation]
        if story is None:
            yield {said: _said(0, "There is no example for the tour in this gallery."), **_moves(buttons, 0), step: 0}
            return
        example = story.words if number == 1 else story.picture
        files = [example.media] if example.media else []
        if not _is_shown(session, visit, example):
            layer = session.chosen_layer
            yield {texts[0]: example.text, texts[1]: files or None, shared.layer: layer, shared.gain: 1.0,
                   tabs: gr.Tabs(selected="compare")}  # fmt: skip
            for change in comparing.answered(
                session, panels, shared.visit, example.text, files, layer, 1.0, tokens, None, visit
            ):
                visit = change.get(shared.visit, visit)
                yield change
        sentence = sentence_of(number, visit) if _is_shown(session, visit, example) else ""
        words = _said(number, sentence or "The step could not be run; the message beside the prompt says why.")
        yield {said: words, step: number, tabs: gr.Tabs(selected="compare"), **_moves(buttons, number)}

    outputs = [said, step, *buttons, *texts, shared.layer, shared.gain, tabs, *panels, shared.visit]
    for button, by in ((buttons.forward, 1), (buttons.back, -1)):
        button.click(partial(going, by), [step, compared.length, shared.visit], outputs, **QUIET, **MODEL)
    buttons.end.click(lambda: {said: _said(0, OFFER), step: 0, **_moves(buttons, 0)}, outputs=[said, step, *buttons],
                      **QUIET)  # fmt: skip


def lay_out() -> Laid:
    """The tour's own line: what it says, and what moves through it."""
    step = gr.State(0)
    with gr.Row(elem_id="tour"):
        said = gr.HTML(_said(0, OFFER), js_on_load=HIGHLIGHT, elem_id="tour-said")
        back = gr.Button("Back", size="sm", scale=0, min_width=80, visible=False, elem_id="tour-back")
        forward = gr.Button("Start the tour", size="sm", scale=0, min_width=140, elem_id="tour-next")
        end = gr.Button("End", size="sm", scale=0, min_width=80, visible=False, elem_id="tour-end")
    return Laid(said, step, Buttons(back, forward, end))


def sentence_of(number: int, visit: Visit) -> str:
    """What one step says of the results on the page."""
    shown, receipt = visit.shown, visit.shown.receipt
    unsteered, steered = shown.unsteered.kind, shown.steered.kind
    benign = next((one for one in visit.beside if one.is_benign), None)
    if number == 1:
        why = {"refuses": ", without any steering", "complies": ": this model does not refuse it even as text"}
        return f"Asked in words, “{visit.request.text}” {FATES[unsteered]}{why.get(unsteered, '')}."
    if number == 2:
        why = {
            "refuses": " too: this model's refusal reaches this picture",
            "complies": ": the refusal of text does not reach the picture",
        }
        return f"With a picture in place of the name it {FATES[unsteered]}{why.get(unsteered, '')}."
    if number == 3:
        return _seen(visit, benign)
    if number == 4:
        still = " still" * (unsteered == steered == "complies")
        return (
            f"Re-centred, and pushed once along the direction at layer {receipt.layer} by "
            f"{length(receipt.strength)}, the request with the picture {FATES[steered]}{still}."
        )
    if benign is None:
        return "For this example the gallery knows no harmless request to hold the cost against."
    return cost(benign)


def _seen(visit: Visit, benign: Beside | None) -> str:
    layer, curves = visit.shown.receipt.layer, visit.shown.curves
    before, after = float(curves.before[layer]), float(curves.after[layer])
    where = (
        f"at layer {layer} the picture lies at s = {signed(before)}, re-centred at {signed(after)}, where harmless "
        "text has −1 and harmful text +1"
    )
    if benign is None:
        return f"The refusal direction, shifted: {where}."
    other = float(benign.comparison.curves.after[layer])
    sees = "The direction still sees it, shifted" if after > other else "The direction does not see it here"
    return f"{sees}: {where}; its harmless neighbour lies at {signed(other)}."


def _is_shown(session: Session, visit: Visit, example: Example) -> bool:
    """Whether Compare shows this example as the tour wants it: at the chosen layer with gain 1, of this model."""
    if visit.shown is None or visit.request is None or visit.neighbours is None:
        return False
    receipt = visit.shown.receipt
    return (
        known_as(visit.request.text, visit.request.files, session.examples) == example
        and (receipt.layer, receipt.gain) == (session.chosen_layer, 1.0)
        and visit.shown.generation == session.generation
    )


def _said(number: int, sentence: str) -> str:
    count = f"<b>{number} of {len(SPOTS)}</b> " if number else ""
    spot = f' data-spot="{SPOTS[number]}"' if number else ""
    return f'<p class="tour" role="status"{spot}>{count}{escape(sentence)}</p>'


def _moves(buttons: Buttons, number: int) -> dict[Any, Any]:
    """Which way one can go from a step."""
    last = number == len(SPOTS)
    return {
        buttons.back: gr.update(visible=number > 1),
        buttons.forward: gr.update(value="Next" if number else "Start the tour", visible=not last),
        buttons.end: gr.update(visible=number > 0),
    }
