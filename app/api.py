"""The same for programs: POST /compare and /sweep."""

from typing import Any

import gradio as gr
from gradio.data_classes import FileData

from . import answers
from .backend import Backend
from .faults import log_fault
from .media_slot import uploads_only
from .results import RequestError
from .tabs.shared import MODEL


def add_compare(backend: Backend, page: gr.Blocks) -> None:
    """Add the endpoint /compare to the page that is being built."""

    def compare(
        text: str = "", media: FileData | None = None, layer: int | None = None, gain: float = 1.0, system: str = ""
    ) -> dict[str, Any]:
        """Answer a prompt without and with MARS steering.

        Parameters:
            text: What is asked; may be empty where there is an image or video.
            media: An image or a video, or none.
            layer: Decoder layer to steer, from 0; none for the chosen one.
            gain: Multiplies the strength of the edit, from 0 to 8.
            system: A system message, which lies outside what was fitted; none for the model's own alone.
        """
        try:
            return answers.compare(backend.session, text or "", _paths(media), layer, gain, system)
        except Exception as error:
            raise _told(error) from error

    endpoint = gr.api(compare, api_name="compare", **MODEL)
    for component in endpoint["inputs"]:
        uploads_only(page.blocks[component])


def add_sweep(backend: Backend, page: gr.Blocks) -> None:
    """Add the endpoint /sweep to the page that is being built."""

    def sweep(text: str = "", media: FileData | None = None, system: str = "") -> dict[str, Any]:
        """Map what MARS does to the first token of a prompt at every layer with nine gains.

        Parameters:
            text: What is asked; may be empty where there is an image or video.
            media: An image or a video, or none.
            system: A system message, which lies outside what was fitted; none for the model's own alone.
        """
        try:
            return answers.sweep(backend.session, text or "", _paths(media), system)
        except Exception as error:
            raise _told(error) from error

    endpoint = gr.api(sweep, api_name="sweep", **MODEL)
    for component in endpoint["inputs"]:
        uploads_only(page.blocks[component])


def _told(error: Exception) -> gr.Error:
    """What a program is told of an error: its sentence, or of a fault of ours its kind alone."""
    if isinstance(error, RequestError):
        return gr.Error(str(error), print_exception=False)
    log_fault("the model failed", error)
    return gr.Error(f"The model failed on this prompt ({type(error).__name__}).", print_exception=False)


def _paths(media: Any) -> list[str]:
    """Paths of uploads. Only what Gradio has received and checked counts as one, never a path that a client names."""
    if media is None:
        return []
    files = media if isinstance(media, list) else [media]
    paths = []
    for file in files:
        marked = isinstance(file, dict) and (file.get("meta") or {}).get("_type") == "gradio.FileData"
        if not marked or not isinstance(file.get("path"), str):
            raise RequestError("The medium is not an uploaded file. Upload an image or a video, or give none.")
        paths.append(file["path"])
    return paths
