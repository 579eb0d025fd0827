"""What the tabs share: the layer that a person looks at, and what the visit remembers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal, NamedTuple

import gradio as gr
from gradio.events import Dependency

from .. import markup
from ..backend import Backend, Session
from ..faults import log_fault
from ..gallery import give_out
from ..plotly_panel import PlotlyPanel
from ..results import RequestError
from ..state import Visit

VISIT_SECONDS = 3600
"""How long a visit is remembered after its last request."""
MODEL = {"concurrency_id": "model", "concurrency_limit": 1}
"""For every event that runs the model: one at a time, whoever asks."""
QUIET = {"show_progress": "hidden", "api_visibility": "private"}
"""For events that only redraw."""
AT_ONCE = {**QUIET, "queue": False}
"""For those that take no time: answered by the request itself, without a place in the queue."""
Cause = Literal["layer", "gain", "model", "tab"]
"""Of which another is shown."""


class Redraw(NamedTuple):
    """What follows the controls of the page."""

    function: Callable
    inputs: Sequence[Any]
    outputs: Sequence[Any]
    causes: Sequence[Cause]
    tab: str | None


@dataclass(frozen=True)
class Shared:
    """Components that every tab listens to."""

    layer: gr.Slider
    gain: gr.Slider
    visit: gr.State
    """Holds a Visit."""
    own_points: gr.State
    """Holds the OwnPoints of the set of one's own that was evaluated last; None before that."""
    generation: gr.State
    """Of the session that the page shows; a change means that everything is another."""
    tab: gr.State
    """Id of the tab that is open."""
    redraws: list[Redraw] = field(default_factory=list)

    def redraw(
        self,
        function: Callable,
        inputs: Sequence[Any],
        outputs: Sequence[Any],
        *causes: Cause,
        tab: str | None = None,
    ) -> None:
        """Call a function where one of the causes is another one.

        function: gives its outputs in order, or by component. tab: the one that it is seen in; while another is open
        it is called for another model alone, so it has "tab" among its causes, unless opening that draws it anyway.
        """
        self.redraws.append(Redraw(function, inputs, outputs, causes, tab))

    def wire(self, opened: Dependency, taken: Dependency) -> None:
        """Listen, once everything is laid out: one request draws all that is seen and follows the same cause.

        opened, taken: the events that set the tab, and the layer of another model.
        """
        inputs = list(dict.fromkeys(part for one in self.redraws for part in one.inputs))
        outputs = list(dict.fromkeys(part for one in self.redraws for part in one.outputs))

        def drawn(cause: Cause, tab: str, *given: Any) -> dict[Any, Any]:
            values, shown = dict(zip(inputs, given, strict=True)), {}
            if not _are_usable(values[self.layer], values[self.gain]):
                return shown
            for one in self.redraws:
                if cause in one.causes and (cause == "model" or one.tab in (None, tab)):
                    made = one.function(*(values[part] for part in one.inputs))
                    shown |= made if isinstance(made, dict) else dict(zip(one.outputs, made, strict=True))
            return shown

        def draw(event: Callable, cause: Cause) -> None:
            event(partial(drawn, cause), [self.tab, *inputs], outputs, trigger_mode="always_last", **AT_ONCE)

        draw(self.layer.change, "layer")
        draw(self.gain.change, "gain")
        draw(opened.then, "tab")
        draw(taken.then, "model")


def layer_range(session: Session) -> dict[str, int]:
    """Range of a slider of this session's layers."""
    return {"minimum": 0, "maximum": session.n_layers - 1, "step": 1}


def in_its_place(session: Session, shared: Shared) -> dict[Any, Any]:
    """What a session that takes another's place sets; all else follows its number."""
    give_out(session.examples)
    layer = gr.update(value=session.chosen_layer, **layer_range(session))
    return {shared.layer: layer, shared.generation: session.generation, shared.visit: Visit()}


def _are_usable(layer: Any, gain: Any) -> bool:
    """Whether these are a layer and a gain: a browser may send anything, and Gradio checks the range alone."""
    return all(type(number) in (int, float) for number in (layer, gain)) and layer % 1 == 0


def failure(error: Exception) -> str:
    """What a visitor is told of a fault of ours; the log has the rest."""
    log_fault("the model failed", error)
    return markup.notice(
        f"The model failed on this prompt ({type(error).__name__}); the server's log has the details."
    )


def select_layer_by_click(
    panel: PlotlyPanel, backend: Backend, shared: Shared, axis: Literal["x", "y", "step"] = "x"
) -> None:
    """Make a click on a chart of layers select one; what comes from a browser may be anything, so it is checked.

    axis: along which the layers are; "step" for the scrubber of a chart.
    """

    def clicked(event: gr.EventData):
        try:
            return backend.session.check_layer(float(getattr(event, axis)))
        except (RequestError, AttributeError, TypeError, ValueError):
            return gr.skip()

    panel.select(clicked, outputs=shared.layer, **AT_ONCE)
