"""Another model for the page: for the operator, who is the visitor where the page serves this machine alone."""

from collections.abc import Iterator
from dataclasses import asdict
from functools import partial
from typing import Any, NamedTuple

import gradio as gr

from . import markup, sweep_markup
from .backend import FitPlan, Operator, Session
from .results import Progress, RequestError
from .tabs.shared import MODEL, QUIET, Shared, failure, in_its_place
from .workbench import presets

WORDS = (
    "A vision-language model in a folder or on the hub, with the artifact that was fitted on it. <b>Load</b> takes "
    "both; <b>Fit</b> makes the artifact first, from requests in words and meaningless images and videos, writes it "
    "into its folder and takes the model. Until then the present model answers."
)
MEMORY = "With room to run in bfloat16; on a CPU about twice that. Choosing one names it."
ALONE = {"concurrency_id": "fit", "concurrency_limit": 1}
"""One fit at a time; the present model answers meanwhile."""


class Panels(NamedTuple):
    """What loading and fitting fill."""

    notice: gr.HTML
    load: gr.Button
    fit: gr.Button
    stop: gr.Button


def build(operator: Operator, shared: Shared) -> None:
    """Lay the picker out, folded away, and offer loading to programs as /load."""
    with gr.Accordion("Use another model", open=False, elem_id="picker"):
        gr.HTML(markup.section("", WORDS))
        with gr.Row():
            preset = gr.Dropdown(
                [*((f"Recording: {folder}", folder) for folder in operator.recordings), *presets()], value=None,
                label="Model worth trying, by memory", info=MEMORY, elem_id="picker-preset",
            )  # fmt: skip
            source = gr.Textbox(
                label="Model",
                info="Folder or hub id.",
                placeholder="Qwen/Qwen3-VL-2B-Instruct",
                elem_id="picker-model",
            )
            artifact = gr.Textbox(
                label="Artifact", info="Folder; by default “artifact” in the model's.", elem_id="picker-artifact"
            )
        with gr.Row():
            contrast = gr.Textbox(
                label="Contrast set of your own", info="To fit on: file of JSON lines with text, label and split.",
                placeholder="the bundled one", elem_id="picker-contrast",
            )  # fmt: skip
            neutral = gr.Textbox(
                label="Neutral media of your own", info="To fit on: folder of meaningless images and videos.",
                placeholder="random colours", elem_id="picker-neutral",
            )  # fmt: skip
        with gr.Row():
            load = gr.Button("Load", size="sm", scale=0, min_width=120, elem_id="picker-load")
            fit = gr.Button("Fit and load", size="sm", scale=0, min_width=140, elem_id="picker-fit")
            stop = gr.Button("Stop", size="sm", scale=0, min_width=80, interactive=False, elem_id="picker-stop")
        notice = gr.HTML(elem_id="picker-notice")
    panels = Panels(notice, load, fit, stop)
    taken = [*panels, shared.layer, shared.generation, shared.visit]
    preset.input(lambda chosen: chosen or "", preset, source, **QUIET)
    load.click(
        partial(_begun, panels, "Loading and checking the model; the present one stays until it is ready …", False),
        outputs=[*panels], queue=False, **QUIET,
    ).then(partial(_load, operator, panels, shared), [source, artifact], taken, **QUIET, **MODEL)  # fmt: skip
    fit.click(
        partial(_begun, panels, "Preparing the fit …", True), outputs=[*panels], queue=False, **QUIET
    ).then(
        partial(_fit, operator, panels, shared), [source, artifact, contrast, neutral], taken, **QUIET, **ALONE
    )  # fmt: skip
    stop.click(operator.stop_fit, queue=False, **QUIET)

    def load_model(model: str, artifact: str | None = None) -> dict[str, Any]:
        """Use another model with its fitted artifact, for every visitor.

        Parameters:
            model: Folder or hub id of a vision-language model.
            artifact: Folder of the artifact fitted on it; by default the folder `artifact` in the model's.
        """
        try:
            card = asdict(operator.replace(model, artifact).card)
        except RequestError as error:
            raise gr.Error(str(error), print_exception=False) from error
        return {name: card[name] for name in ("name", "parameters", "n_layers", "d_model", "device", "dtype")}

    gr.api(load_model, api_name="load", **MODEL)


def _begun(panels: Panels, sentence: str, can_stop: bool) -> dict[Any, Any]:
    return {
        panels.notice: markup.notice(sentence, "busy"),
        panels.load: gr.update(interactive=False),
        panels.fit: gr.update(interactive=False),
        panels.stop: gr.update(interactive=can_stop),
    }


def _load(operator: Operator, panels: Panels, shared: Shared, source: str, artifact: str) -> dict[Any, Any]:
    try:
        taken = operator.replace(source, artifact)
    except RequestError as error:
        return _ended(panels, markup.notice(str(error)))
    except Exception as error:  # the page stays usable, and says that the fault is not the operator's
        return _ended(panels, failure(error))
    return _taken(taken, panels, shared, "is loaded")


def _fit(
    operator: Operator, panels: Panels, shared: Shared, source: str, artifact: str, contrast: str, neutral: str
) -> Iterator[dict[Any, Any]]:
    """Progress by step, then the model in its place; a fit that is stopped says so."""
    plan = FitPlan(source or "", artifact or "", contrast or "", neutral or "")
    taken: Session | None = None
    try:
        for step in operator.fit(plan):
            if isinstance(step, Progress):
                yield {panels.notice: sweep_markup.progress(step, f"Fitting, {step.step}")}
            else:
                taken = step
    except RequestError as error:
        yield _ended(panels, markup.notice(str(error)))
    except Exception as error:  # as above
        yield _ended(panels, failure(error))
    else:
        if taken is None:
            told = "Stopped; the present model stays. “Fit and load” goes on from what was read."
            yield _ended(panels, markup.notice(told, "status"))
        else:
            yield _taken(taken, panels, shared, f"is fitted, into {plan.target}, and loaded")


def _taken(session: Session, panels: Panels, shared: Shared, how: str) -> dict[Any, Any]:
    told = markup.notice(f"{session.card.name} {how}.", "status")
    return {**_ended(panels, told), **in_its_place(session, shared)}


def _ended(panels: Panels, told: str) -> dict[Any, Any]:
    return {
        panels.notice: told,
        panels.load: gr.update(interactive=True),
        panels.fit: gr.update(interactive=True),
        panels.stop: gr.update(interactive=False),
    }
