"""The guided tour: five steps on a finished example, each a few sentences and one highlighted view.

What a step says is read off the results, so that a model that does otherwise is not talked over.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from html import escape
from typing import Any, NamedTuple

import gradio as gr

from .backend import Backend, Session
from .markup import percent, signed
from .neighbour_markup import cost
from .neighbours import known_as
from .opening import KINDS, candidates, files_of, kinds, neighbours, recorded_visit
from .reply_markup import FATES
from .results import Aggregate, Beside, Example
from .state import Visit
from .tabs import comparing
from .tabs.compare import LENGTH, Compared
from .tabs.shared import MODEL, QUIET, Shared

SPOTS = {1: "replies", 2: "replies", 3: "curves", 4: "replies", 5: "beside"}
"""Step -> the view that it highlights, by its id."""
OFFER = "How images get past a refusal"
HIGHLIGHT = (
    "const show = () => {"
    " document.querySelectorAll('.spot').forEach((one) => one.classList.remove('spot'));"
    " const view = document.getElementById(element.querySelector('[data-spot]')?.dataset.spot);"
    " view?.classList.add('spot');"
    " document.body.style.setProperty('--tour-room', `${element.closest('#tour').offsetHeight + 28}px`);"
    " (view ?? document.body).scrollIntoView({ block: view ? 'nearest' : 'start' });"
    " view?.querySelector('tbody tr:last-child')?.scrollIntoView({ block: 'nearest' }); };"
    "watch('value', () => setTimeout(show, 60));"
)


class Story(NamedTuple):
    """A harmful request in words and with an image or video."""

    words: Example
    shown: Example


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
    """All that the gallery of the model has to tell, that of the example that the page opens on first."""
    found = [
        Story(twin, example)
        for example in candidates(session)
        for twin in neighbours(session, example).twins
        if twin.media is None
    ]
    return sorted(found, key=lambda story: story.shown != session.opening)


def tells_most(session: Session, story: Story) -> bool:
    """Whether its image or video is complied with unsteered and refused with MARS."""
    last = session.recorded(story.shown)
    if last is None:
        *_, last = session.compare(story.shown.text, files_of(story.shown))
    return kinds(last) == KINDS


def build(backend: Backend, shared: Shared, compared: Compared, tabs: gr.Tabs, laid: Laid) -> None:
    """Wire the tour."""
    said, step, buttons = laid
    panels, texts = compared.panels, [compared.text, compared.media, compared.system]
    told: dict[int, Story | None] = {}
    """Generation of a session -> its story: the first that tells most, else the first there is."""

    def compare_opened() -> dict[Any, Any]:
        return {tabs: gr.Tabs(selected="compare"), shared.tab: "compare"}

    def going(by: int, at: int, tokens: int, visit: Visit) -> Iterator[dict[Any, Any]]:
        """One step on or back; the prompt of the step is shown as it was recorded, or run."""
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
        example, layer = story.words if number == 1 else story.shown, session.chosen_layer
        if not _is_shown(session, visit, example):
            filled = dict(zip(texts, (example.text, files_of(example) or None, ""), strict=True))
            yield {**filled, shared.layer: layer, shared.gain: 1.0, **compare_opened()}
            recorded = recorded_visit(session, example, visit)
            if recorded:
                visit = recorded
                yield {**comparing.drawn(session, panels, visit, layer), compared.length: LENGTH, shared.visit: visit}
            else:
                for change in comparing.answered(
                    session, panels, shared.visit, example.text, files_of(example), layer, 1.0, tokens, "", None,
                    visit,
                ):  # fmt: skip
                    visit = change.get(shared.visit, visit)
                    yield change
        sentences = ["The step could not be run; the message beside the prompt says why."]
        if _is_shown(session, visit, example):
            sentences = sentences_of(number, visit, session.aggregates)
        yield {said: _said(number, *sentences), step: number, **compare_opened(), **_moves(buttons, number)}

    outputs = [said, step, *buttons, *texts, compared.length, shared.layer, shared.gain, tabs, shared.tab, *panels,
               shared.visit]  # fmt: skip
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


def sentences_of(number: int, visit: Visit, aggregates: Sequence[Aggregate] = ()) -> list[str]:
    """What one step says of the results on the page."""
    shown = visit.shown
    unsteered, steered = shown.unsteered.kind, shown.steered.kind
    medium = "video" if shown.curves.modality == "video" else "image"
    if number == 1:
        why = {
            "refuses": ", as the model was trained to",
            "complies": ": this model does not refuse it even as text",
        }
        return [
            "Models are taught to refuse harmful requests mostly in words.",
            f"Asked in words, “{visit.request.text}” {FATES[unsteered]}{why.get(unsteered, '')}.",
        ]
    if number == 2:
        why = {
            "refuses": f" too: this model's refusal reaches this {medium}",
            "complies": f": the refusal that was learned in words does not reach the {medium}",
        }
        return [
            f"Now the same thing is shown instead of named: “{visit.request.text}”",
            f"With the {medium} in its place the request {FATES[unsteered]}{why.get(unsteered, '')}.",
        ]
    if number == 3:
        return _seen(visit, medium)
    if number == 4:
        receipt = shown.receipt
        still = " still" * (unsteered == steered == "complies")
        moved = [receipt.coordinate(sigma) for sigma in (receipt.sigma_before, receipt.sigma_after)]
        return [
            f"MARS moves that one number at layer {receipt.layer}, once, while the model begins its reply: from "
            f"{signed(moved[0])} to {signed(moved[1])}, and never beyond what harmful text reaches.",
            f"Nothing was trained. The same request with the same {medium} {FATES[steered]}{still}.",
        ]
    return _closing(visit, aggregates)


def _seen(visit: Visit, medium: str) -> list[str]:
    """Where the request lies with its medium, in words, and where the harmless one lies."""
    layer, curves = visit.shown.receipt.layer, visit.shown.curves
    after = float(curves.after[layer])
    words = next(
        (one for one in visit.beside if one.comparison.curves.modality == "text" and not one.is_benign), None
    )
    benign = _benign(visit)
    told = (
        "Inside the model, one direction tells harmful requests from harmless ones: −1 is the mean of harmless text, "
        f"+1 that of harmful text. At layer {layer} "
    )
    where = f"with the {medium} it lies at {signed(after)}"
    if words:
        in_words = float(words.comparison.curves.after[layer])
        short = ", short of where the model refuses" * (after < in_words)
        told += f"the request in words lies at {signed(in_words)}; {where}{short}."
    else:
        told += f"{where}."
    if benign is None:
        return [told]
    other = float(benign.comparison.curves.after[layer])
    sees = "so the direction does show it, but less than in words" if after > other else "so it does not show it here"
    return [told, f"A harmless request of the same form lies at {signed(other)}: {sees}."]


def _closing(visit: Visit, aggregates: Sequence[Aggregate]) -> list[str]:
    """What it costs, here and over all test cases, and what was not shown."""
    benign = _benign(visit)
    told = [
        cost(benign) if benign else "For this example the gallery knows no harmless request to hold the cost against."
    ]
    for found in aggregates:
        where = "" if found.layer is None else f", steered at layer {found.layer}"
        told.append(
            f"Over {found.n} harmful {found.modality}s of the test split, which training never saw{where}, refusals "
            f"go from {percent(found.before / found.n)} to {percent(found.after / found.n)}. The cost: of "
            f"{found.n_harmless} harmless ones {found.cost_after} refused, {found.cost_before} before."
        )
    limits = (
        "Not shown: whether this holds for a large model, for photographs, or against someone who works around it."
    )
    chosen = "This example was chosen because it shows the effect."
    return [*told, f"{limits} {chosen}"]


def _benign(visit: Visit) -> Beside | None:
    return next((one for one in visit.beside if one.is_benign), None)


def _is_shown(session: Session, visit: Visit, example: Example) -> bool:
    """Whether Compare shows this example as the tour wants it: at the chosen layer with gain 1, of this model."""
    if visit.shown is None or visit.request is None or visit.neighbours is None:
        return False
    receipt = visit.shown.receipt
    return (
        known_as(visit.request.text, visit.request.files, session.examples) == example
        and (receipt.layer, receipt.gain, visit.request.system) == (session.chosen_layer, 1.0, "")
        and visit.shown.generation == session.generation
    )


def _said(number: int, *sentences: str) -> str:
    count = f"<b>{number} of {len(SPOTS)}</b> " if number else ""
    spot = f' data-spot="{SPOTS[number]}"' if number else ""
    return f'<p class="tour" role="status"{spot}>{count}{"<br>".join(map(escape, sentences))}</p>'


def _moves(buttons: Buttons, number: int) -> dict[Any, Any]:
    """Which way one can go from a step."""
    last = number == len(SPOTS)
    return {
        buttons.back: gr.update(visible=number > 1),
        buttons.forward: gr.update(value="Next" if number else "Start the tour", visible=not last),
        buttons.end: gr.update(visible=number > 0),
    }
