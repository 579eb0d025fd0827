"""Compare: one prompt, its layer curves, and both replies side by side with the receipt of the edit."""

import logging
from collections.abc import Iterator
from functools import partial

import gradio as gr

from app import markup, media_markup
from app.figures.curves import HEIGHT, layer_curves
from app.gallery import Gallery
from app.media_slot import MediaSlot
from app.plotly_panel import PlotlyPanel
from app.results import Asked, Comparison, Curves, RequestError
from app.state import Visit
from app.tabs.shared import MODEL, QUIET, Shared, select_layer_by_click
from app.workbench import MAX_GAIN, Workbench

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


def build(workbench: Workbench, shared: Shared) -> None:
    """Lay the tab out and wire it."""
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
            gain = gr.Slider(
                0, MAX_GAIN, 1.0, step=0.25, label="Gain", elem_id="gain",
                info="Multiplies the strength; 0 switches steering off.",
            )  # fmt: skip
            length = gr.Slider(
                8, 128, 48, step=8, label="Length", elem_id="length",
                info="Tokens per reply at most; decoding is greedy.",
            )  # fmt: skip
            with gr.Column(elem_classes="gallery-part"):
                gr.HTML(markup.section("Examples", "The same request in words, as a picture and as a clip."))
                gallery = Gallery(workbench.examples, workbench.posters(), elem_id="gallery")
        with gr.Column(scale=1, min_width=320):
            gr.HTML(markup.section("Where the prompt lies, layer by layer", CURVES))
            gr.HTML(markup.curve_legend())
            curves = PlotlyPanel(_curves(workbench, None, workbench.chosen_layer), height=HEIGHT, elem_id="curves")
            numbers = gr.HTML(markup.curves_table(workbench.bands, None, workbench.chosen_layer))
            gr.HTML(markup.section("Both replies", REPLIES))
            replies = gr.HTML(markup.replies(None), elem_id="replies")
            receipt_head = gr.HTML(markup.section("Receipt", RECEIPT), visible=False)
            receipt = gr.HTML(elem_id="receipt")
            tokens_head = gr.HTML(markup.section("First token", TOKENS), visible=False)
            tokens = gr.HTML(elem_id="tokens")

    shown = [curves, numbers, replies, receipt, tokens, receipt_head, tokens_head]
    outputs = [*shown, notice, shared.visit, run, stop]
    asked = gr.on([run.click, text.submit], _asked, outputs=[notice, run, stop], queue=False, **QUIET)
    running = asked.then(
        partial(_run, workbench),
        inputs=[text, media, shared.layer, gain, length, shared.visit],
        outputs=outputs,
        show_progress="hidden",
        api_visibility="private",
        **MODEL,
    )
    stop.click(_stopped, shared.visit, [replies, notice, run, stop], cancels=[running], queue=False, **QUIET)
    media.change(lambda paths: (media_markup.preview(paths), ""), media, [preview, notice], **QUIET)

    def chosen(event: gr.EventData) -> list:
        """Put an example into the prompt; its number comes from the browser and is checked."""
        try:
            example = workbench.examples[int(event.index)]
        except (AttributeError, TypeError, ValueError, IndexError):
            return [gr.skip()] * 3
        return [example.text, [example.media] if example.media else None, ""]

    gallery.select(chosen, outputs=[text, media, notice], **QUIET)
    select_layer_by_click(curves, workbench, shared)
    shared.redraw(partial(_redrawn, workbench), [shared.layer, shared.visit], [curves, numbers, replies])
    shared.generation.change(lambda: ["", ""], outputs=[receipt, tokens], **QUIET)


def _run(
    workbench: Workbench, text: str, files: list[str], layer: int, gain: float, length: int, visit: Visit
) -> Iterator[dict | list]:
    """One generator for everything, so that both replies advance together."""
    keep = [gr.skip()] * 7
    yield [*keep, markup.notice("Reading the prompt …", "busy"), *[gr.skip()] * 3]
    try:
        for comparison in workbench.compare(text, files, layer, gain, length):
            remembered = visit.with_comparison(comparison)
            yield [*_views(workbench, comparison, layer), "", remembered, gr.skip(), gr.skip()]
    except RequestError as error:
        yield [*keep, markup.notice(str(error)), gr.skip(), _button(True), _button(False)]
        return
    except Exception as error:  # the page stays usable, and says that the fault is not the visitor's
        logging.getLogger(__name__).exception("a comparison failed")
        told = f"The model failed on this prompt ({type(error).__name__}); the server's log has the details."
        yield [*keep, markup.notice(told), gr.skip(), _button(True), _button(False)]
        return
    title = _title(text, comparison.curves.modality)
    visit = visit.with_comparison(comparison).with_asked(
        Asked(title, comparison.curves.modality, comparison.activations)
    )
    yield [*keep, "", visit, _button(True), _button(False)]


def _views(workbench: Workbench, comparison: Comparison, layer: int) -> list:
    """Curves, their table, replies, receipt and tokens; what does not change after the first token is sent once."""
    replies = markup.replies(comparison)
    if comparison.index > 0:
        return [gr.skip(), gr.skip(), replies, *[gr.skip()] * 4]
    return [
        _curves(workbench, comparison.curves, layer),
        markup.curves_table(workbench.bands, comparison.curves, layer),
        replies,
        markup.receipt(comparison.receipt),
        markup.first_tokens(comparison),
        gr.update(visible=True),
        gr.update(visible=True),
    ]


def _curves(workbench: Workbench, curves: Curves | None, layer: int):
    before, after, modality = (curves.before, curves.after, curves.modality) if curves else (None, None, "text")
    return layer_curves(workbench.bands, before, after, modality, layer, workbench.chosen_layer)


def _redrawn(workbench: Workbench, layer: int, visit: Visit) -> list:
    """Redraw at another layer without running the model; replies of the former layer say so."""
    shown = visit.shown
    if shown and len(shown.curves.after) != workbench.n_layers:
        shown = None  # of a model that is no longer here
    curves = shown.curves if shown else None
    stale = ""
    if shown and shown.receipt.layer != layer:
        stale = f"This reply was steered at layer {shown.receipt.layer}. Press Run to steer at layer {layer}."
    return [
        _curves(workbench, curves, layer),
        markup.curves_table(workbench.bands, curves, layer),
        markup.replies(shown, stale),
    ]


def _asked() -> list:
    """At once, also where another visitor's run comes first."""
    return [markup.notice("Waiting for the model …", "busy"), _button(False), _button(True)]


def _stopped(visit: Visit) -> list:
    told = markup.notice("Stopped. What had been made stays on the page.", "status")
    return [markup.replies(visit.shown, is_running=False), told, _button(True), _button(False)]


def _button(interactive: bool) -> dict:
    return gr.update(interactive=interactive)


def _title(text: str, modality: str) -> str:
    """One line for a star of the Geometry tab."""
    words = " ".join(text.split()) or "no words"
    words = words if len(words) <= 60 else words[:59] + "…"
    return words if modality == "text" else f"{words} + {'clip' if modality == 'video' else 'picture'}"
