"""Another model for the page: for the operator, who is the visitor where the page serves this machine alone."""

from dataclasses import asdict
from typing import Any

import gradio as gr

from app import markup
from app.results import RequestError
from app.state import Visit
from app.tabs.shared import MODEL, QUIET, Shared
from app.workbench import Workbench

WORDS = (
    "A folder or hub id of a vision-language model, and the folder of the artifact that was fitted on it "
    "with <code>python -m mars fit --model MODEL --out FOLDER</code>."
)


def build(workbench: Workbench, shared: Shared) -> None:
    """Lay the picker out, folded away, and offer it to programs as /load."""
    with gr.Accordion("Use another model", open=False, elem_id="picker"):
        gr.HTML(markup.section("", WORDS))
        with gr.Row():
            source = gr.Textbox(label="Model", placeholder="folder or hub id", elem_id="picker-model")
            artifact = gr.Textbox(
                label="Artifact",
                placeholder="folder; by default “artifact” in the model's",
                elem_id="picker-artifact",
            )
            load = gr.Button("Load", size="sm", scale=0, min_width=120, elem_id="picker-load")
        notice = gr.HTML(elem_id="picker-notice")

    def waiting() -> str:
        return markup.notice("Loading and checking the model; the present one stays until it is ready …", "busy")

    def chosen(source: str, artifact: str) -> list:
        try:
            workbench.replace(source, artifact)
        except RequestError as error:
            return [markup.notice(str(error)), gr.skip(), gr.skip()]
        return [markup.notice(f"{workbench.card.name} is loaded.", "status"), workbench.generation, Visit()]

    load.click(waiting, outputs=notice, queue=False, **QUIET).then(
        chosen, [source, artifact], [notice, shared.generation, shared.visit], **QUIET, **MODEL
    )

    def load_model(model: str, artifact: str | None = None) -> dict[str, Any]:
        """Use another model with its fitted artifact, for every visitor.

        Parameters:
            model: Folder or hub id of a vision-language model.
            artifact: Folder of the artifact fitted on it; by default the folder `artifact` in the model's.
        """
        try:
            workbench.replace(model, artifact)
        except RequestError as error:
            raise gr.Error(str(error), print_exception=False) from error
        card = asdict(workbench.card)
        return {name: card[name] for name in ("name", "parameters", "n_layers", "d_model", "device", "dtype")}

    gr.api(load_model, api_name="load", **MODEL)
