"""Compare: one prompt, both replies, its layer curves, the prompts beside it, and what the edit did."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import gradio as gr

from .. import history, markup, media_markup
from ..backend import Backend, Session
from ..figures.curves import HEIGHT
from ..gallery import Gallery
from ..media_slot import Camera, MediaSlot, Preview, of_file, previewed, refused
from ..opening import files_of
from ..plotly_panel import PlotlyPanel
from ..results import Example
from ..state import Visit
from . import comparing
from .comparing import Panels, Shown
from .shared import AT_ONCE, MODEL, QUIET, VISIT_SECONDS, Shared, select_layer_by_click

CURVES = (
    "The <b>refusal direction</b> points, in the residual stream (the running state that layers read and "
    "write), from the mean of harmless text to the mean of harmful text. The refusal coordinate <b>s</b> "
    "says how far along it a prompt lies: −1 is the mean of the harmless texts that it was fitted on, +1 that of the "
    "harmful ones; the bands are other texts, so their medians lie a little further in. <b>Re-centering</b> "
    "takes away what a meaningless image or video does by itself. Click a layer to steer there."
)
REPLIES = (
    "MARS edits one layer, at the last position of the prompt, along the refusal direction: where the prompt lies "
    "beyond the mean of harmless text (the <b>gate</b>), and never further than harmful text reaches (the <b>trust "
    "region</b>). Both replies come from one batch, so they differ by that edit alone. The verdict is on what a "
    "reply does as a whole; the words under it are what decided."
)
BESIDE = (
    "<b>Twins</b> ask for the same thing in another modality. The <b>benign twin</b> is a harmless request like "
    "this one, under the same steering: if it is refused too, that is the cost."
)
LENGTHS = (8, 128)
"""Fewest and most tokens of a reply."""
LENGTH = 48
UNKNOWN = -1
"""In place of the number of an example that a link names and the gallery does not have."""
SYSTEM = "Stands where the chat template puts it, after the model's own or in its place. Nothing was fitted with it."
OWN_TWIN = "A harmless example, or a request of yours about the same medium. By default the gallery's own."
SHOW = """() => document.querySelector(matchMedia('(max-width: 760px)').matches ? '#replies' : 'body')
  .scrollIntoView()"""
"""Brings what a run fills into view: on a desk all of it is on the first screen. At once, since what grows above it
while a scroll is under way would leave it off its place."""


class Compared(NamedTuple):
    """What the page, its links and its tour set and fill, and the events that run a prompt."""

    text: gr.Textbox
    media: MediaSlot
    length: gr.Slider
    system: gr.Textbox
    panels: Panels
    ran: tuple[Any, ...]
    linking: Any
    """The one of these that runs the example of a link."""


class Laid(NamedTuple):
    """The components of the tab."""

    text: gr.Textbox
    media: MediaSlot
    preview: Preview
    length: gr.Slider
    system: gr.Textbox
    benign: gr.Dropdown
    gallery: Gallery
    two_runs: gr.HTML
    panels: Panels
    history: history.History | None
    camera: Camera | None


def build(
    backend: Backend, shared: Shared, linked: gr.State, keeps_history: bool, has_camera: bool = False
) -> Compared:
    """Lay the tab out, with the example that was answered before, and wire it.

    linked: number of the example that a link names, which is run when it is set. keeps_history: whether the
    browser tab keeps the words and settings of its runs. has_camera: whether photographs may be taken there.
    """
    laid = _lay_out(backend.session, shared.visit.value, keeps_history, has_camera)
    drawn = comparing.drawn(backend.session, laid.panels, shared.visit.value, backend.session.chosen_layer)
    for panel, value in drawn.items():
        panel.value = panel.postprocess(value)
    handlers = Handlers(backend, shared, laid)
    ran, linking = _wire_runs(handlers, linked)
    _wire_what_is_shown(handlers, ran)
    return Compared(laid.text, laid.media, laid.length, laid.system, laid.panels, ran, linking)


def _lay_out(session: Session, visit: Visit, keeps_history: bool, has_camera: bool) -> Laid:
    opening = session.opening if visit.shown else None
    with gr.Row(elem_classes="split"):
        with gr.Column(scale=0, min_width=330, elem_classes="controls"):
            text = gr.Textbox(
                opening and opening.text, label="Prompt", lines=2, max_lines=8, elem_id="prompt",
                placeholder="Ask for something, alone or about an image or video. Shift + Enter runs it.",
            )  # fmt: skip
            files = files_of(opening) if opening else []
            media = MediaSlot(value=files or None, label="Image or video", height=84, elem_id="media")
            with gr.Row(elem_id="ask"):
                preview = Preview(files, elem_id="preview")
                run = gr.Button("Run", variant="primary", elem_id="run", min_width=80)
                stop = gr.Button("Stop", variant="secondary", interactive=False, elem_id="stop", min_width=80)
            notice = gr.HTML(elem_id="notice")
            past = history.History(elem_id="history") if keeps_history else None
            gr.HTML(markup.section("Examples", "A click runs one."), elem_id="examples")
            gallery = Gallery(session.examples, session.posters(), elem_id="gallery")
            camera = None
            if has_camera:
                with gr.Accordion("Camera", open=False, elem_id="camera"):
                    camera = Camera(show_label=False, buttons=[])
            with gr.Accordion("Reply length, system message and benign twin", open=False, elem_id="settings"):
                length = gr.Slider(
                    *LENGTHS, LENGTH, step=8, label="Length", elem_id="length",
                    info="Tokens per reply at most; decoding is greedy.",
                )  # fmt: skip
                system = gr.Textbox(
                    label="System message", info=SYSTEM, lines=2, max_lines=8, elem_id="system",
                    placeholder="Empty: as it was fitted.",
                )  # fmt: skip
                benign = gr.Dropdown(
                    _harmless(session), value=None, label="Benign twin", info=OWN_TWIN, allow_custom_value=True,
                    elem_id="benign",
                )  # fmt: skip
        with gr.Column(scale=1, min_width=320, elem_classes="results-of-run"):
            two_runs = gr.HTML(elem_id="two-runs")
            stale = gr.HTML(elem_id="stale")
            outside = gr.HTML(elem_id="outside")
            gr.HTML(markup.explained("Both replies", REPLIES))
            replies = gr.HTML(elem_id="replies")
            gr.HTML(markup.explained("Where the prompt lies, layer by layer", CURVES))
            legend = gr.HTML()
            curves = PlotlyPanel(height=HEIGHT, elem_id="curves")
            numbers = gr.HTML()
            gr.HTML(markup.explained("Twins and benign twin", BESIDE))
            beside = gr.HTML(elem_id="beside")
            receipt = gr.HTML(elem_id="receipt")
            tokens = gr.HTML(elem_id="tokens")
    panels = Panels(stale, outside, legend, curves, numbers, replies, receipt, tokens, beside, notice, run, stop)
    return Laid(text, media, preview, length, system, benign, gallery, two_runs, panels, past, camera)


@dataclass(frozen=True, eq=False)
class Handlers:
    """What fills the tab when something happens on it."""

    backend: Backend
    shared: Shared
    laid: Laid

    @property
    def settings(self) -> list[Any]:
        """What a run of an example is given."""
        return [*self.restored, self.shared.visit]

    @property
    def filled(self) -> list[Any]:
        """What a run of an example fills."""
        laid = self.laid
        return [laid.text, laid.media, laid.benign, *laid.panels, self.shared.visit]

    @property
    def restored(self) -> list[Any]:
        """The settings that a run of the history brings back."""
        return [self.shared.layer, self.shared.gain, self.laid.length, self.laid.system]

    def example(self, example: Example) -> Shown:
        """An example put into the prompt."""
        return {self.laid.text: example.text, self.laid.media: files_of(example) or None}

    def run_example(
        self, number: Any, layer: int, gain: float, length: int, system: str, visit: Visit
    ) -> Iterator[Shown]:
        """Put an example into the prompt and run it; its number comes from a browser or a link and is checked."""
        session, panels = self.backend.session, self.laid.panels
        try:
            example = session.examples[int(number)]
        except (TypeError, ValueError, IndexError):
            yield {panels.notice: "", panels.run: gr.update(interactive=True)}
            return
        yield {**self.example(example), self.laid.benign: None, panels.stop: gr.update(interactive=True)}
        yield from comparing.answered(
            session, panels, self.shared.visit, example.text, files_of(example), layer, gain, length, system, None,
            visit,
        )  # fmt: skip

    def run_linked(self, number: int, *given: Any) -> Iterator[Shown]:
        """Run the example that a link names, where there is one."""
        if number == UNKNOWN:
            yield {}
        else:
            yield from self.run_example(number, *given)

    def run_picked(self, event: gr.EventData, *given: Any) -> Iterator[Shown]:
        """Run the example that was clicked."""
        yield from self.run_example(getattr(event, "index", None), *given)

    def put_back(self, event: gr.EventData) -> Shown:
        """Words and settings of a run of the history, and its example; the slot is left where the medium was another.

        Empty where the browser sends no run, or one of an example that is not here.
        """
        laid, session = self.laid, self.backend.session
        kept = history.read(getattr(event, "run", None), session, LENGTHS)
        if kept is None:
            return {}
        old, said = kept
        files = files_of(session.examples[said.example]) if said.example is not None else []
        given = zip(self.restored, (said.layer, said.gain, said.length, old.system), strict=True)
        shown = {
            laid.text: old.text,
            laid.benign: None,
            **{part: value for part, value in given if value is not None},
        }
        return shown if old.medium else {**shown, laid.media: files or None}

    def restore(self, event: gr.EventData) -> Shown:
        """Put a run of the history back, whose file is no longer here."""
        shown = self.put_back(event)
        told = markup.notice(history.MISSING if shown else history.GONE, "status")
        return {**shown, self.laid.panels.notice: told}

    def run_again(self, event: gr.EventData, *now: Any) -> Iterator[Shown]:
        """Put a run of the history back and run it."""
        laid, shown, (*set_now, visit) = self.laid, self.put_back(event), now
        if not shown:
            yield {laid.panels.notice: markup.notice(history.GONE), laid.panels.run: gr.update(interactive=True)}
            return
        yield {**shown, laid.panels.stop: gr.update(interactive=True)}
        chosen = [shown.get(part, value) for part, value in zip(self.restored, set_now, strict=True)]
        yield from comparing.answered(
            self.backend.session, laid.panels, self.shared.visit, shown[laid.text], shown.get(laid.media) or [],
            *chosen, None, visit,
        )  # fmt: skip

    def renew(self) -> Shown:
        """Everything of a session that took another's place."""
        session, laid = self.backend.session, self.laid
        visit = comparing.opened(session)
        return {
            **({**self.example(session.opening), laid.system: ""} if visit.shown else {}),
            **comparing.drawn(session, laid.panels, visit, session.chosen_layer),
            laid.gallery: media_markup.gallery(session.examples, session.posters()),
            laid.benign: gr.update(choices=_harmless(session), value=None),
            self.shared.visit: visit,
        }


def _wire_runs(handlers: Handlers, linked: gr.State) -> tuple[tuple[Any, ...], Any]:
    """The events that run a prompt: by its button, an example, a link, or the history; and that of the link."""
    backend, shared, laid = handlers.backend, handlers.shared, handlers.laid
    panels = laid.panels
    answering: dict[str, Any] = {
        "show_progress": "hidden",
        "api_visibility": "private",
        # A word of a stopped run that comes late makes the browser believe it still runs, and "once" would then
        # drop the next one. Run itself is disabled meanwhile.
        "trigger_mode": "multiple",
        **MODEL,
    }
    # Shift and Enter are a click on Run, so they do nothing while that is disabled.
    laid.text.submit(None, js="() => document.querySelector('#run').click()", api_visibility="private")
    triggers = [panels.run.click, laid.gallery.select, *([laid.history.again] if laid.history else [])]
    asked = []
    for trigger in triggers:
        trigger(None, js=SHOW, api_visibility="private")
        asked.append(trigger(partial(comparing.asked, panels), outputs=[panels.notice, panels.run], **AT_ONCE))
    linking = linked.change(handlers.run_linked, [linked, *handlers.settings], handlers.filled, **answering)
    ran = [
        asked[0].then(
            partial(comparing.run, backend, panels, shared.visit),
            inputs=[laid.text, laid.media, *handlers.restored, laid.benign, shared.visit],
            outputs=[*panels, shared.visit],
            **answering,
        ),
        laid.gallery.select(handlers.run_picked, handlers.settings, handlers.filled, **answering),
        linking,
    ]
    # Only once the run is on its way: a stop before that would cancel nothing.
    asked[0].then(lambda: gr.update(interactive=True), outputs=panels.stop, **AT_ONCE)
    if laid.history:
        filled = [*handlers.filled, *handlers.restored]
        ran.append(laid.history.again(handlers.run_again, handlers.settings, filled, **answering))
    stopping = panels.stop.click(
        partial(comparing.stopped, panels), shared.visit, [panels.replies, panels.notice, panels.run, panels.stop],
        cancels=ran, **AT_ONCE,
    )  # fmt: skip
    if laid.history:
        _wire_history(handlers, [*ran, stopping])
    return tuple(ran), linking


def _wire_history(handlers: Handlers, ended: Sequence[Any]) -> None:
    """ended: events after which the newest run is kept."""
    backend, shared, laid = handlers.backend, handlers.shared, handlers.laid
    answers = gr.State({}, time_to_live=VISIT_SECONDS)

    def beside_each_other(event: gr.EventData, answers: history.Answers) -> str:
        return history.two_runs(answers, getattr(event, "runs", None))

    laid.history.beside(beside_each_other, answers, laid.two_runs, trigger_mode="always_last", **AT_ONCE)
    put_back = [laid.text, laid.benign, *handlers.restored, laid.panels.notice]
    laid.history.restore(handlers.restore, outputs=put_back, **AT_ONCE)
    for one in ended:
        one.then(
            lambda *visit: history.newest(backend.session, *visit),
            [shared.visit, answers],
            [laid.history, answers],
            **QUIET,
        )


def _wire_what_is_shown(handlers: Handlers, ran: Sequence[Any]) -> None:
    """Previews, marks on what is of another prompt, another layer, another session.

    ran: events that run a prompt.
    """
    backend, shared, laid = handlers.backend, handlers.shared, handlers.laid
    panels = laid.panels
    if laid.camera:
        laid.camera.change(_taken, laid.camera, [laid.media, laid.camera], **QUIET)
    laid.media.change(previewed, [laid.media, panels.notice], [laid.preview, panels.notice], **QUIET)
    laid.preview.refused(_refused, outputs=panels.notice, **AT_ONCE)
    told = [laid.text, laid.media, *handlers.restored, shared.visit]
    typed = [part.change for part in (laid.text, laid.media, laid.length, laid.system)]
    gr.on(typed, comparing.stale, told, panels.stale, trigger_mode="always_last", **AT_ONCE)
    for answered in ran:
        answered.then(comparing.stale, told, panels.stale, **AT_ONCE)
    select_layer_by_click(panels.curves, backend, shared)
    shared.redraw(lambda *now: [comparing.stale(*now)], told, [panels.stale], "layer", "gain")
    shared.redraw(
        partial(comparing.redrawn, backend, panels), [shared.layer, shared.visit], [panels.curves, panels.numbers],
        "layer", "tab", tab="compare",
    )  # fmt: skip
    renewed = [laid.text, laid.media, laid.system, laid.gallery, laid.benign, *panels, shared.visit]
    shared.generation.change(handlers.renew, outputs=renewed, **QUIET)


def _taken(photograph: str | None) -> Any:
    """Into the slot, in place of what was there; the camera is then ready for the next one."""
    return ([photograph], None) if photograph else gr.skip()


def _refused(event: gr.EventData) -> str:
    return of_file(refused(getattr(event, "names", None)))


def _harmless(session: Session) -> list[str]:
    return [example.title for example in session.examples if example.label == "harmless"]
