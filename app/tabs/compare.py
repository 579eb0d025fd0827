"""Compare: one prompt, its layer curves, both replies with the receipt of the edit, and the prompts beside it."""

from functools import partial
from typing import Any, NamedTuple

import gradio as gr

from .. import markup, neighbour_markup, reply_markup
from ..backend import Backend, Session
from ..figures.curves import HEIGHT
from ..gallery import Gallery, buttons
from ..media_slot import MediaSlot, previewed
from ..plotly_panel import PlotlyPanel
from . import comparing
from .comparing import Panels
from .shared import MODEL, QUIET, Shared, select_layer_by_click

CURVES = (
    "The <b>refusal direction</b> points, in the residual stream (the running state that layers read and "
    "write), from the mean of harmless text to the mean of harmful text. The refusal coordinate <b>s</b> "
    "says how far along it a prompt lies: −1 like harmless text, +1 like harmful text. <b>Re-centering</b> "
    "takes away what a meaningless picture or clip does by itself. Click a layer to steer there."
)
REPLIES = (
    "MARS pushes one layer, at the last position of the prompt, along the refusal direction: only where "
    "the prompt lies beyond harmless text (the <b>gate</b>), and never further than harmful text reaches "
    "(the <b>trust region</b>). Both replies come from one batch, so they differ by that edit alone."
)
RECEIPT = "What the edit did. The formulas of strength and trust region are our reconstruction of the paper's."
TOKENS = "The ten likeliest first tokens of each reply: how close the call was. Bold tokens open a refusal."
BESIDE = (
    "<b>Twins</b> ask for the same thing in another modality. The <b>benign twin</b> is a harmless request like "
    "this one, under the same steering: if it is refused too, that is the cost."
)
LENGTHS = (8, 128)
"""Fewest and most tokens of a reply."""
OWN_TWIN = "A harmless example, or a request of yours about the same medium. By default the gallery's own."


class Compared(NamedTuple):
    """What the page and its tour set and fill, and the event of a run."""

    text: gr.Textbox
    media: MediaSlot
    length: gr.Slider
    panels: Panels
    ran: Any


def build(backend: Backend, shared: Shared) -> Compared:
    """Lay the tab out and wire it."""
    session = backend.session
    with gr.Row(elem_classes="split"):
        with gr.Column(scale=0, min_width=330, elem_classes="controls"):
            text = gr.Textbox(
                label="Prompt", lines=3, max_lines=8, elem_id="prompt",
                placeholder="Ask for something, alone or about a picture or clip.",
            )  # fmt: skip
            media = MediaSlot(label="Picture or clip", height=96, elem_id="media")
            preview = gr.HTML()
            with gr.Row():
                run = gr.Button("Run", variant="primary", elem_id="run", min_width=80)
                stop = gr.Button("Stop", variant="secondary", interactive=False, elem_id="stop", min_width=80)
            notice = gr.HTML(elem_id="notice")
            length = gr.Slider(
                *LENGTHS, 48, step=8, label="Length", elem_id="length",
                info="Tokens per reply at most; decoding is greedy.",
            )  # fmt: skip
            benign = gr.Dropdown(
                _harmless(session),
                value=None,
                label="Benign twin",
                info=OWN_TWIN,
                allow_custom_value=True,
                elem_id="benign",
            )
            with gr.Column(elem_classes="gallery-part"):
                gr.HTML(markup.section("Examples", "The same request in words, as a picture and as a clip."))
                gallery = Gallery(session.examples, session.posters(), elem_id="gallery")
        with gr.Column(scale=1, min_width=320):
            gr.HTML(markup.section("Where the prompt lies, layer by layer", CURVES))
            legend = gr.HTML(reply_markup.curve_legend())
            curves = PlotlyPanel(
                comparing.curves(session, None, session.chosen_layer), height=HEIGHT, elem_id="curves"
            )
            numbers = gr.HTML(reply_markup.curves_table(session.bands, None, session.chosen_layer))
            gr.HTML(markup.section("Both replies", REPLIES))
            replies = gr.HTML(reply_markup.replies(None), elem_id="replies")
            receipt_head = gr.HTML(markup.section("Receipt", RECEIPT), visible=False)
            receipt = gr.HTML(elem_id="receipt")
            tokens_head = gr.HTML(markup.section("First token", TOKENS), visible=False)
            tokens = gr.HTML(elem_id="tokens")
            gr.HTML(markup.section("Twins and benign twin", BESIDE))
            beside = gr.HTML(neighbour_markup.neighbours(None, (), None, {}, session.chosen_layer), elem_id="beside")

    panels = Panels(
        legend, curves, numbers, replies, receipt_head, receipt, tokens_head, tokens, beside, notice, run, stop
    )
    # Shift and Enter are a click on Run, so they do nothing while that is disabled.
    text.submit(None, js="() => document.querySelector('#run').click()", api_visibility="private")
    asked = run.click(partial(comparing.asked, panels), outputs=[notice, run], queue=False, **QUIET)
    running = asked.then(
        partial(comparing.run, backend, panels, shared.visit),
        inputs=[text, media, shared.layer, shared.gain, length, benign, shared.visit],
        outputs=[*panels, shared.visit],
        show_progress="hidden",
        api_visibility="private",
        # A word of a stopped run that comes late makes the browser believe it still runs, and "once" would then
        # drop the next one. Run itself is disabled meanwhile.
        trigger_mode="multiple",
        **MODEL,
    )
    # Only once the run is on its way: a stop before that would cancel nothing.
    asked.then(lambda: gr.update(interactive=True), outputs=stop, queue=False, **QUIET)
    stop.click(partial(comparing.stopped, panels), shared.visit, [replies, notice, run, stop],
               cancels=[running], queue=False, **QUIET)  # fmt: skip
    media.change(previewed, media, [preview, notice], **QUIET)

    def chosen(event: gr.EventData) -> list:
        """Put an example into the prompt; its number comes from the browser and is checked."""
        try:
            example = backend.session.examples[int(event.index)]
        except (AttributeError, TypeError, ValueError, IndexError):
            return [gr.skip()] * 4
        return [example.text, [example.media] if example.media else None, None, ""]

    gallery.select(chosen, outputs=[text, media, benign, notice], **QUIET)
    select_layer_by_click(curves, backend, shared)
    shared.redraw(
        partial(comparing.redrawn, backend, panels), [shared.layer, shared.visit],
        [legend, curves, numbers, replies, beside],
    )  # fmt: skip
    shared.generation.change(
        lambda: ["", "", *_gallery(backend.session)], outputs=[receipt, tokens, gallery, benign], **QUIET
    )
    return Compared(text, media, length, panels, running)


def _gallery(session: Session) -> list:
    """The gallery of a session that took another's place, and the benign twins to choose from."""
    choices = gr.update(choices=_harmless(session), value=None)
    return [buttons(session.examples, session.posters()), choices]


def _harmless(session: Session) -> list[str]:
    return [example.title for example in session.examples if example.label == "harmless"]
