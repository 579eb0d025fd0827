"""What the tabs share: the layer that a person looks at, and what the visit remembers."""

from dataclasses import dataclass

import gradio as gr

from app.results import RequestError
from app.workbench import Workbench

MODEL = {"concurrency_id": "model", "concurrency_limit": 1}
"""For every event that runs the model: one at a time, whoever asks."""
QUIET = {"show_progress": "hidden", "api_visibility": "private"}
"""For events that only redraw."""


@dataclass(frozen=True)
class Shared:
    """Components that every tab listens to."""

    layer: gr.Slider
    visit: gr.State
    """Holds an app.state.Visit."""


def layer_clicked(workbench: Workbench, event: gr.EventData) -> int | dict:
    """The layer of a clicked chart; what comes from a browser may be anything, so it is checked."""
    try:
        return workbench.check_layer(float(event.x))
    except (RequestError, AttributeError, TypeError, ValueError):
        return gr.skip()
