"""Recording the model in use: for the operator, who takes it to where that model cannot run."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import gradio as gr

from . import markup, sweep_markup
from .backend import RECORDINGS, Operator, RecordPlan
from .results import Progress, RequestError
from .tabs.evaluate import ToRecord
from .tabs.shared import QUIET, Shared, failure
from .workbench import Draft

WORDS = (
    "Records everything that the page shows of these prompts, at the layer and gain above and at the chosen layer "
    "with gain 1, into one folder, as <code>mars-lens record</code> does; the model answers others meanwhile. The "
    "folder opens without the model, and whoever has it can read every prompt and reply. From a folder that holds a "
    "recording already, prompts that are not chosen are removed."
)
CHOICES = {
    "examples": "Examples",
    "own": "Your own set, brought in Evaluate",
    "results": "The evaluation shown in Evaluate",
}
STEPS = {"clouds": "Recording the clouds, layer by layer", "prompts": "Prompts recorded"}
ALONE = {"concurrency_id": "recording", "concurrency_limit": 1}
"""One recording at a time; the model answers meanwhile."""


class Panels(NamedTuple):
    """What recording fills."""

    notice: gr.HTML
    record: gr.Button
    stop: gr.Button


def build(operator: Operator, shared: Shared, to_record: ToRecord) -> None:
    """Lay it out, folded away, and wire it."""
    with gr.Accordion("Record for where the model cannot run", open=False, elem_id="recording"):
        gr.HTML(markup.section("", WORDS))
        with gr.Row():
            chosen = gr.CheckboxGroup(
                [(words, name) for name, words in CHOICES.items()], value=["examples"], label="What is recorded",
                elem_id="recording-what",
            )  # fmt: skip
            keeps_media = gr.Checkbox(
                False, label="Images and videos of your own set", elem_id="recording-media",
                info="Where their licences allow it; otherwise thumbnails of 64 pixels stand for them.",
            )  # fmt: skip
            folder = gr.Textbox(
                label="Folder", info=f"On this machine; by default {RECORDINGS}/ and the model's name.",
                elem_id="recording-folder", max_lines=1, buttons=[],
            )  # fmt: skip
        with gr.Row():
            record = gr.Button("Record", size="sm", scale=0, min_width=120, elem_id="recording-run")
            stop = gr.Button("Stop", size="sm", scale=0, min_width=80, interactive=False, elem_id="recording-stop")
        notice = gr.HTML(elem_id="recording-notice")
    panels = Panels(notice, record, stop)
    record.click(partial(_begun, panels), outputs=[notice, record], queue=False, **QUIET).then(
        partial(_record, operator, panels),
        [chosen, keeps_media, folder, to_record.own, to_record.results, shared.layer, shared.gain],
        [*panels],
        **QUIET,
        **ALONE,
    )
    stop.click(operator.stop_recording, queue=False, **QUIET)


def _begun(panels: Panels) -> dict[Any, Any]:
    return {
        panels.notice: markup.notice("Preparing the recording …", "busy"),
        panels.record: gr.update(interactive=False),
    }


def _record(operator: Operator, panels: Panels, *asked: Any) -> Iterator[dict[Any, Any]]:
    """Progress by step, then where it lies and how it is opened; one that is stopped says how it goes on.

    asked: the parameters of `_plan`.
    """
    told = "Stopped. “Record” with the same folder, layer and gain goes on from there."
    shown = markup.notice(told, "status")
    try:
        for step in operator.record(_plan(*asked)):
            if isinstance(step, Progress):
                # Only now can it be stopped: before, that would end another's, or none.
                yield {
                    panels.notice: sweep_markup.progress(step, STEPS[step.step]),
                    panels.stop: gr.update(interactive=True),
                }
            else:
                told = (
                    f"{step.prompts} prompts are in {step.folder}, {step.size / 1e6:.1f} MB. Open it, here or on "
                    f"another machine, with: python app.py --recording {step.folder}"
                )
                shown = markup.notice(told, "status")
    except RequestError as error:
        shown = markup.notice(str(error))
    except Exception as error:  # the page stays usable, and says that the fault is not the operator's
        shown = failure(error)
    yield {
        panels.notice: shown,
        panels.record: gr.update(interactive=True),
        panels.stop: gr.update(interactive=False),
    }


def _plan(
    chosen: Sequence[str] | None,
    keeps_media: bool,
    folder: str,
    own: Draft | None,
    results: Mapping[str, Any] | None,
    layer: int,
    gain: float,
) -> RecordPlan:
    """Raises RequestError where something is chosen that is not there."""
    chosen = chosen or ()
    if "own" in chosen and not (own and own.rows):
        raise RequestError("There is no set of your own yet. Bring one in Evaluate, or do not choose it.")
    if "results" in chosen and results is None:
        raise RequestError("Nothing was evaluated yet. Evaluate first, or do not choose the evaluation.")
    return RecordPlan(
        folder=folder or "",
        examples="examples" in chosen,
        path=own.write() if "own" in chosen else "",
        keeps_media=bool(keeps_media),
        results=results if "results" in chosen else None,
        layer=layer,
        gain=gain,
    )
