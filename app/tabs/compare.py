"""Compare: one prompt, both replies, its layer curves, the prompts beside it, and what the edit did."""

from collections.abc import Iterator
from functools import partial
from typing import Any, NamedTuple

import gradio as gr

from .. import history, markup
from ..backend import Backend, Session
from ..figures.curves import HEIGHT
from ..gallery import Gallery, buttons
from ..media_slot import Camera, MediaSlot, Preview, previewed, refused
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


def build(
    backend: Backend, shared: Shared, linked: gr.State, keeps_history: bool, has_camera: bool = False
) -> Compared:
    """Lay the tab out, with the example that was answered before, and wire it.

    linked: number of the example that a link names, which is run when it is set. keeps_history: whether the
    browser tab keeps the words and settings of its runs. has_camera: whether photographs may be taken there.
    """
    session = backend.session
    visit: Visit = shared.visit.value
    layer, opening = session.chosen_layer, session.opening if visit.shown else None
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
            if has_camera:
                with gr.Accordion("Camera", open=False, elem_id="camera"):
                    camera = Camera(show_label=False, buttons=[])
                camera.change(_taken, camera, [media, camera], **QUIET)
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
    for panel, value in comparing.drawn(session, panels, visit, layer).items():
        panel.value = panel.postprocess(value)
    # Shift and Enter are a click on Run, so they do nothing while that is disabled.
    text.submit(None, js="() => document.querySelector('#run').click()", api_visibility="private")
    run.click(None, js=SHOW, api_visibility="private")
    asked = run.click(partial(comparing.asked, panels), outputs=[notice, run], **AT_ONCE)
    answering: dict[str, Any] = {
        "show_progress": "hidden",
        "api_visibility": "private",
        # A word of a stopped run that comes late makes the browser believe it still runs, and "once" would then
        # drop the next one. Run itself is disabled meanwhile.
        "trigger_mode": "multiple",
        **MODEL,
    }
    running = asked.then(
        partial(comparing.run, backend, panels, shared.visit),
        inputs=[text, media, shared.layer, shared.gain, length, system, benign, shared.visit],
        outputs=[*panels, shared.visit],
        **answering,
    )
    # Only once the run is on its way: a stop before that would cancel nothing.
    asked.then(lambda: gr.update(interactive=True), outputs=stop, **AT_ONCE)

    def run_example(number: Any, layer: int, gain: float, length: int, system: str, visit: Visit) -> Iterator[Shown]:
        """Put an example into the prompt and run it; its number comes from a browser or a link and is checked."""
        session = backend.session
        try:
            example = session.examples[int(number)]
        except (TypeError, ValueError, IndexError):
            yield {notice: "", run: gr.update(interactive=True)}
            return
        yield {**filled(example), benign: None, stop: gr.update(interactive=True)}
        yield from comparing.answered(
            session, panels, shared.visit, example.text, files_of(example), layer, gain, length, system, None, visit
        )

    def picked(event: gr.EventData, *given: Any) -> Iterator[Shown]:
        yield from run_example(getattr(event, "index", None), *given)

    def filled(example: Example) -> Shown:
        return {text: example.text, media: files_of(example) or None}

    gallery.select(None, js=SHOW, api_visibility="private")
    gallery.select(partial(comparing.asked, panels), outputs=[notice, run], **AT_ONCE)
    settings, filling = (
        [shared.layer, shared.gain, length, system, shared.visit],
        [text, media, benign, *panels, shared.visit],
    )
    picking = gallery.select(picked, settings, filling, **answering)
    linking = linked.change(run_example, [linked, *settings], filling, **answering)
    ran, restored = [running, picking, linking], [shared.layer, shared.gain, length, system]

    def put_back(event: gr.EventData) -> Shown:
        """Words and settings of a run of the history, and its example; the slot is left where the medium was another.

        Empty where the browser sends no run, or one of an example that is not here.
        """
        kept = history.read(getattr(event, "run", None), backend.session, LENGTHS)
        if kept is None:
            return {}
        old, said = kept
        files = files_of(backend.session.examples[said.example]) if said.example is not None else []
        given = zip(restored, (said.layer, said.gain, said.length, old.system), strict=True)
        shown = {text: old.text, benign: None, **{part: value for part, value in given if value is not None}}
        return shown if old.medium else {**shown, media: files or None}

    def restore(event: gr.EventData) -> Shown:
        shown = put_back(event)
        return {**shown, notice: markup.notice(history.MISSING if shown else history.GONE, "status")}

    def run_again(event: gr.EventData, *now: Any) -> Iterator[Shown]:
        shown, (*set_now, visit) = put_back(event), now
        if not shown:
            yield {notice: markup.notice(history.GONE), run: gr.update(interactive=True)}
            return
        yield {**shown, stop: gr.update(interactive=True)}
        chosen = [shown.get(part, value) for part, value in zip(restored, set_now, strict=True)]
        files = shown.get(media) or []
        yield from comparing.answered(backend.session, panels, shared.visit, shown[text], files, *chosen, None, visit)

    answers = gr.State({}, time_to_live=VISIT_SECONDS)

    def beside_each_other(event: gr.EventData, answers: history.Answers) -> str:
        return history.two_runs(answers, getattr(event, "runs", None))

    if past:
        past.beside(beside_each_other, answers, two_runs, trigger_mode="always_last", **AT_ONCE)
        past.restore(restore, outputs=[text, benign, *restored, notice], **AT_ONCE)
        past.again(None, js=SHOW, api_visibility="private")
        past.again(partial(comparing.asked, panels), outputs=[notice, run], **AT_ONCE)
        ran.append(past.again(run_again, settings, [*filling, *restored], **answering))
    stopping = stop.click(partial(comparing.stopped, panels), shared.visit, [replies, notice, run, stop],
                          cancels=ran, **AT_ONCE)  # fmt: skip
    for ended in [*ran, stopping] if past else ():
        ended.then(
            lambda *visit: history.newest(backend.session, *visit), [shared.visit, answers], [past, answers], **QUIET
        )
    media.change(previewed, media, [preview, notice], **QUIET)
    preview.refused(_refused, outputs=notice, **AT_ONCE)
    told = [text, media, shared.layer, shared.gain, length, system, shared.visit]
    typed = [part.change for part in (text, media, length, system)]
    gr.on(typed, comparing.stale, told, stale, trigger_mode="always_last", **AT_ONCE)
    for answered in ran:
        answered.then(comparing.stale, told, stale, **AT_ONCE)
    select_layer_by_click(curves, backend, shared)
    shared.redraw(lambda *now: [comparing.stale(*now)], told, [stale], "layer", "gain")
    shared.redraw(
        partial(comparing.redrawn, backend, panels), [shared.layer, shared.visit], [curves, numbers],
        "layer", "tab", tab="compare",
    )  # fmt: skip

    def renewed() -> Shown:
        """Everything of a session that took another's place."""
        session = backend.session
        visit = comparing.opened(session)
        choices = gr.update(choices=_harmless(session), value=None)
        return {
            **({**filled(session.opening), system: ""} if visit.shown else {}),
            **comparing.drawn(session, panels, visit, session.chosen_layer),
            gallery: buttons(session.examples, session.posters()),
            benign: choices,
            shared.visit: visit,
        }

    shared.generation.change(renewed, outputs=[text, media, system, gallery, benign, *panels, shared.visit], **QUIET)
    return Compared(text, media, length, system, panels, tuple(ran))


def _taken(photograph: str | None) -> Any:
    """Into the slot, in place of what was there; the camera is then ready for the next one."""
    return ([photograph], None) if photograph else gr.skip()


def _refused(event: gr.EventData) -> str:
    return markup.notice(refused(getattr(event, "names", None)))


def _harmless(session: Session) -> list[str]:
    return [example.title for example in session.examples if example.label == "harmless"]
