"""Evaluate: strategies on a set of cases, with intervals, the trade-off, every case, and what to take away."""

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import gradio as gr

from .. import markup, sweep_markup
from ..backend import Backend, Operator, Plan
from ..results import Progress, RequestError
from ..workbench import MAX_PER_CELL, STRATEGIES, USUAL, Draft
from . import evaluated, own_set
from .evaluated import Results
from .shared import QUIET, VISIT_SECONDS, Shared, failure

INTRO = (
    "Every strategy answers the same cases, at the layer and gain chosen above. Refusals of harmful requests stand "
    "beside refusals of harmless ones, since one without the other says nothing, and beside broken replies, since a "
    "strategy that breaks the model is not safe."
)
UNREAD_POINTS = "Stopped before your set was read for the clouds of Geometry. Evaluate it again to have it there."
EMPTY = "Nothing has been evaluated yet. Begin with ten cases a cell; more of them narrow the intervals."
ALONE = {"concurrency_id": "evaluation", "concurrency_limit": 1}
"""One evaluation at a time; between its cases the model answers other tabs."""
SHOW = "() => document.querySelector('#evaluate').scrollIntoView()"
"""Brings what an evaluation fills into view."""


class Panels(NamedTuple):
    """What an evaluation fills, beside its results."""

    notice: gr.HTML
    run: gr.Button
    stop: gr.Button
    own_plan: gr.State
    """The plan of the results that are shown where they are of a set of one's own, else None."""
    own_points: gr.State
    results: gr.State
    """What is shown, as `mars-lens eval --json` has it; None before that."""
    shown: Results

    @property
    def all(self) -> list[Any]:
        return [*self[:-1], *self.shown]


class ToRecord(NamedTuple):
    """What a recording may hold of this tab."""

    own: gr.State
    """Holds the Draft of one's own set, or None."""
    results: gr.State


def build(operator: Operator, shared: Shared, tab: gr.Tab) -> ToRecord:
    """Lay the tab out and wire it."""
    gr.HTML(markup.section("Strategies on a set", INTRO))
    own = own_set.build()
    strategies = gr.CheckboxGroup(
        [(f"{name.replace('_', ' ')}\n{summary}", name) for name, summary in STRATEGIES.items()],
        value=list(USUAL), label="Strategies", elem_id="strategies",
    )  # fmt: skip
    with gr.Row(elem_classes="acting"):
        with gr.Column(scale=1, min_width=320, elem_classes="controls"):
            per_cell = gr.Slider(
                1, MAX_PER_CELL, 10, step=1, label="Bundled test split", elem_id="per-cell", buttons=[],
                info="Pocket-VL's, where no set of your own is above: cases for each modality and label.",
            )  # fmt: skip
        run = gr.Button("Evaluate", variant="primary", elem_id="evaluate", scale=0, min_width=140)
        stop = gr.Button("Stop", interactive=False, elem_id="evaluate-stop", scale=0, min_width=80)
        notice = gr.HTML(markup.caption(EMPTY), elem_id="evaluate-notice")
    results = gr.State(None, time_to_live=VISIT_SECONDS)
    panels = Panels(notice, run, stop, gr.State(None), shared.own_points, results, evaluated.lay_out())
    begun = run.click(partial(_begun, panels), outputs=[notice, run], queue=False, **QUIET)
    answered = begun.then(
        partial(_run, operator, panels),
        [strategies, own, per_cell, shared.layer, shared.gain],
        panels.all,
        **QUIET,
        **ALONE,
    )
    answered.then(None, js=SHOW, api_visibility="private")
    answered.then(partial(_pointed, operator, panels), panels.own_plan, [notice, run, stop, panels.own_points],
                   **QUIET, **ALONE)  # fmt: skip
    stop.click(operator.stop_evaluation, queue=False, **QUIET)

    for event in (tab.select, shared.generation.change):
        event(partial(_made_before, operator, panels), outputs=panels.all, **QUIET)
    return ToRecord(own, results)


def _made_before(backend: Backend, panels: Panels) -> dict[Any, Any]:
    """Results that came with the session; where it has none, what was evaluated here stays."""
    results = backend.session.results
    return {panels.notice: gr.skip()} if results is None else _results(panels, results)


def _begun(panels: Panels) -> dict[Any, Any]:
    return {panels.notice: markup.notice("Preparing the cases …", "busy"), panels.run: gr.update(interactive=False)}


def _run(
    operator: Operator,
    panels: Panels,
    strategies: Sequence[str],
    own: Draft | None,
    per_cell: float,
    layer: int,
    gain: float,
) -> Iterator[dict[Any, Any]]:
    def steps() -> Iterator[Progress | dict[str, Any]]:
        nonlocal plan
        plan = replace(plan, path=own.write() if own and own.rows else "")
        yield from operator.evaluate(plan)

    plan = Plan(strategies or (), "", per_cell, layer, gain)
    is_complete = yield from _shown(panels, steps())
    yield {panels.own_plan: plan if is_complete and plan.path else None}


def _pointed(operator: Operator, panels: Panels, plan: Plan | None) -> Iterator[dict[Any, Any]]:
    """Progress of reading a set of one's own for the clouds, and its points; where that fails the results stay."""
    if plan is None:
        yield {panels.notice: gr.skip()}
        return
    told = markup.notice(UNREAD_POINTS, "status")
    try:
        for step in operator.read_points(plan):
            if isinstance(step, Progress):
                shown = sweep_markup.progress(step, "Prompts read for the clouds of Geometry")
                yield {panels.notice: shown, **_buttons(panels, is_running=True)}
            else:
                told = ""
                yield {panels.own_points: step}
    except RequestError as error:
        told = markup.notice(str(error))
    except Exception as error:  # as where it is evaluated
        told = failure(error)
    yield {panels.notice: told, **_buttons(panels, is_running=False)}


def _shown(panels: Panels, steps: Iterator[Progress | dict[str, Any]]) -> Generator[dict[Any, Any], None, bool]:
    """Progress with the time left, then the results; a run that is stopped says how far it got.

    Returns whether there are results.
    """
    step = None
    try:
        for step in steps:
            if isinstance(step, Progress):
                # Only now can it be stopped: before, that would end somebody else's run, or none.
                yield {
                    panels.notice: sweep_markup.progress(step, "Cases answered"),
                    **_buttons(panels, is_running=True),
                }
        is_complete = isinstance(step, dict)
        shown = _results(panels, step) if is_complete else _stopped(panels, step)
    except RequestError as error:
        yield {panels.notice: markup.notice(str(error)), **_buttons(panels, is_running=False)}
    except Exception as error:  # the page stays usable, and says that the fault is not the visitor's
        yield {panels.notice: failure(error), **_buttons(panels, is_running=False)}
    else:
        yield {**shown, **_buttons(panels, is_running=False)}
        return is_complete
    return False


def _stopped(panels: Panels, step: Progress | None) -> dict[Any, Any]:
    far = f" after {step.done} of {step.total} cases" if step else ""
    told = f"Stopped{far}. “Evaluate” with the same layer and gain goes on from there."
    return {panels.notice: markup.notice(told, "status")}


def _results(panels: Panels, results: Mapping[str, Any]) -> dict[Any, Any]:
    return {panels.notice: "", panels.results: results, **evaluated.shown(panels.shown, results)}


def _buttons(panels: Panels, is_running: bool) -> dict[Any, Any]:
    return {panels.run: gr.update(interactive=not is_running), panels.stop: gr.update(interactive=is_running)}
