"""What the tabs share: the layer that a person looks at, and what the visit remembers."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import gradio as gr

from .. import markup
from ..backend import Backend
from ..faults import log_fault
from ..plotly_panel import PlotlyPanel
from ..results import RequestError

MODEL = {"concurrency_id": "model", "concurrency_limit": 1}
"""For every event that runs the model: one at a time, whoever asks."""
QUIET = {"show_progress": "hidden", "api_visibility": "private"}
"""For events that only redraw."""


@dataclass(frozen=True)
class Shared:
    """Components that every tab listens to."""

    layer: gr.Slider
    gain: gr.Slider
    visit: gr.State
    """Holds an Visit."""
    generation: gr.State
    """Of the session that the page shows; a change means that everything is another."""

    def redraw(self, function: Callable, inputs: list, outputs: list, with_gain: bool = False) -> None:
        """Call a function whenever the layer or the model is another one, and with_gain the gain too."""
        for event in (self.layer.change, self.generation.change, *([self.gain.change] if with_gain else [])):
            event(function, inputs, outputs, trigger_mode="always_last", **QUIET)


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

    panel.select(clicked, outputs=shared.layer, **QUIET)
