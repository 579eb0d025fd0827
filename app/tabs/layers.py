"""Layers: why this layer, from text alone, and what every layer and gain does to the prompt."""

from functools import partial
from html import escape

import gradio as gr

from .. import markup
from ..backend import Backend
from ..figures.scores import score_rows
from ..markup import percent, signed
from ..plotly_panel import PlotlyPanel
from ..results import Effect, Scores
from . import gains
from .shared import AT_ONCE, Shared, select_layer_by_click

INTRO = (
    "Where to steer is chosen on a validation split of <b>text alone</b>; no image and no video is "
    "touched. That the choice weighs these three scores is stated by the paper; their formulas are our "
    "reconstruction. Click a layer to overrule the choice."
)
EFFECT = (
    f"The {markup.term('steering effect')} is measured, not read off the geometry: how far steering at a "
    f"layer raises the {markup.term('refusal score')} on text of the validation split. A fit that "
    "was asked to also counts the whole replies that refuse."
)
LEGEND = markup.legend(
    [
        (markup.line("harmful", band=True), "harmful text: mean, 95 %"),
        (markup.line("harmless", band=True), "harmless text"),
        (markup.mark("circle", "ink"), "large: the layer that is chosen, or recommended"),
    ]
)
POINT = 0.01
"""Of a probability."""


def build(backend: Backend, shared: Shared, tab: gr.Tab) -> None:
    """Lay the tab out and wire it."""
    with gr.Row():
        with gr.Column(scale=2, min_width=320):
            gr.HTML(markup.section("Three scores and their mean", INTRO))
            panel = PlotlyPanel(elem_id="scores")
            legend = gr.HTML()
            numbers = gr.HTML(elem_id="scores-table")
        with gr.Column(scale=1, min_width=300):
            reason = gr.HTML(elem_id="reason")
            by_effect = gr.HTML(elem_id="effect")
            use = gr.Button("Use the recommended layer and gain", size="sm", elem_id="recommended", visible=False)
    select_layer_by_click(panel, backend, shared)
    shared.redraw(
        partial(_draw, backend), [shared.layer, shared.gain], [panel, legend, numbers, reason, by_effect, use],
        "layer", "gain", "model", "tab", tab="layers",
    )  # fmt: skip
    use.click(partial(_recommended, backend), outputs=[shared.layer, shared.gain], **AT_ONCE)
    gains.build(backend, shared, tab)


def _draw(backend: Backend, layer: int, gain: float) -> list:
    """The chart, its legend and table, why the layer was chosen, what steering does, and the state of its button."""
    scores = backend.session.scores()
    effect, found = scores.effect, scores.recommended
    units = scores.units | (effect.units if effect else {})
    measured = (effect.curves, found and found.layer) if effect else ()
    return [
        score_rows(scores.curves, units, layer, scores.chosen, scores.eligible, *measured),
        LEGEND if effect else "",
        markup.scores_table(scores, layer),
        _reason(scores),
        _effect(scores, effect, layer, gain) if effect else "",
        gr.update(visible=found is not None, interactive="effect" not in scores.chosen_by(layer, gain)),
    ]


def _recommended(backend: Backend) -> list:
    """Layer and gain for the controls of the page; both stay where nothing is recommended any more."""
    found = backend.session.scores().recommended
    return [found.layer, found.gain] if found else [gr.skip(), gr.skip()]


def _effect(scores: Scores, effect: Effect, layer: int, gain: float) -> str:
    """What the scores choose and the effect recommends, whether they differ, and which of them is in use."""
    told = f"The paper's scores choose layer {scores.chosen}, at gain 1. "
    texts = " and ".join(f"{count} {label}" for label, count in effect.texts.items())
    found = effect.recommended
    if found is None:
        told += (
            f"By its effect on {texts} texts nothing is recommended: no edit raises the probability that the first "
            f"token opens a refusal, {percent(effect.unsteered['harmful'])} on the harmful ones without steering, by "
            "a point there and spares the harmless ones. "
        )
    else:
        agree = {
            (True, True): "Both agree",
            (True, False): "They agree on the layer and differ in the gain",
            (False, True): "They differ in the layer",
            (False, False): "They differ in layer and gain",
        }[found.layer == scores.chosen, found.gain == 1]
        told += (
            f"By its effect on {texts} texts, layer {found.layer} at gain {found.gain:g} is recommended: there the "
            f"probability that the first token opens a refusal rises by {found.harmful / POINT:.1f} points on the "
            f"harmful and by {found.harmless / POINT:.1f} on the harmless ones. {agree}. "
        )
    told += _most(effect, layer)
    name = {(): "neither", ("scores",): "the paper's choice", ("effect",): "the recommendation"}
    used = name.get(scores.chosen_by(layer, gain), "both")
    told = f"{escape(told)}In use is <b>layer {layer} at gain {gain:g}: {used}</b>."
    return f'{markup.section("Where steering has most effect", EFFECT)}<p class="reading">{told}</p>'


def _most(effect: Effect, layer: int) -> str:
    """How the layer in use compares with the one of the largest effect, in the first of the curves."""
    name, curve = next(iter(effect.curves.items()))
    unit, best = effect.units[name], int(curve["harmful"][:, 0].argmax())

    def at(one: int) -> str:
        harmful, harmless = (float(curve[label][one, 0]) for label in ("harmful", "harmless"))
        return f"{signed(harmful)} {unit} on harmful and {signed(harmless)} on harmless text"

    told = f"The {name} is largest on harmful text at layer {best}: {at(best)}"
    return f"{told}, the layer in use. " if best == layer else f"{told}; the layer in use, {layer}, has {at(layer)}. "


def _reason(scores: Scores) -> str:
    words = markup.section(f"Layer {scores.chosen} is chosen", escape(scores.reason))
    words += markup.definitions(scores.meanings)
    if scores.eligible.all():
        return words
    return words + markup.caption(
        f"Layers from {int(scores.eligible.argmin())} on are shaded: the last fifth of the depth is not "
        "considered, since an edit so late leaves the model little room to act on it."
    )
