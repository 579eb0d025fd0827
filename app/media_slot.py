"""The one slot of a prompt that takes an image or a video."""

from pathlib import Path
from typing import Any

import gradio as gr
from gradio.components import Component
from gradio.data_classes import FileData, ImageData, ListFiles

from . import markup, media_markup
from .results import RequestError
from .workbench import MEDIA_SUFFIXES, check_names, read_upload

BRING = Path(__file__).with_name("bring.js")

ADDRESS = "The medium is an address, and nothing is fetched from outside. Upload the image or video itself."
UNREAD = "This cannot be taken: paste or drop one image or video."
OF_FILE = "<!-- of a file -->"
"""Before a notice about a file, by which it is known again."""


def uploads_only(component: Component) -> None:
    """Make a component refuse web addresses, which Gradio would otherwise fetch for whoever names one."""
    move = component.async_move_resource_to_block_cache

    async def move_upload(path: str | Path | None) -> str | None:
        if "://" in str(path):
            raise gr.Error(ADDRESS, print_exception=False)
        return await move(path)

    component.async_move_resource_to_block_cache = move_upload


def previewed(paths: list[str], notice: str | None = None) -> tuple[str, Any]:
    """What the model is shown of uploads, as HTML, and the sentence of those that cannot be used.

    notice: what is said now; it stays unless it is about another file.
    """
    try:
        upload = read_upload(paths)
    except RequestError as error:
        return "", of_file(str(error))
    shown = media_markup.preview(upload, paths[0]) if upload else ""
    return shown, "" if (notice or "").startswith(OF_FILE) else gr.skip()


def of_file(sentence: str) -> str:
    """A notice about a file, which goes once another is in the slot."""
    return OF_FILE + markup.notice(sentence)


def refused(names: Any) -> str:
    """Why files of these names are not taken, in a sentence; they come from a browser, and no file is opened."""
    if names == []:
        return ADDRESS
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        return UNREAD
    try:
        check_names(names)
    except RequestError as error:
        return str(error)
    return UNREAD


class Preview(gr.HTML):
    """What the model is shown of an upload.

    It also takes what is pasted or dropped on the page into the slot `#media`. Where that cannot be read, it triggers
    `refused` with `evt.names`, and the slot stays as it is.
    """

    def __init__(self, files: list[str], **options) -> None:
        super().__init__(
            previewed(files)[0],
            js_on_load=BRING.read_text(encoding="utf-8"),
            kinds=MEDIA_SUFFIXES,
            **options,
        )

    def get_block_name(self) -> str:
        return "html"


class MediaSlot(gr.File):
    """A file slot that gives a list of paths, empty where there is none.

    It takes several files so that the page, not a lost upload, can say that a prompt carries only one.
    """

    def __init__(self, **options) -> None:
        super().__init__(file_count="multiple", type="filepath", **options)
        uploads_only(self)

    def preprocess(self, payload: ListFiles | FileData | None) -> list[str]:
        """Paths of the uploaded files."""
        return [file.path for file in payload or ()]

    def get_config(self, cls: type | None = None) -> dict:
        """What the browser needs: the options of the plain file slot."""
        return super().get_config(cls or gr.File)

    def get_block_name(self) -> str:
        return "file"


class Camera(gr.Image):
    """A photograph by the browser's camera: the path of its file, which nothing has opened; None before there is one.

    The browser asks for leave when it is switched on.
    """

    def __init__(self, **options) -> None:
        super().__init__(
            sources=["webcam"], type="filepath", webcam_options=gr.WebcamOptions(mirror=False), **options
        )
        uploads_only(self)

    def preprocess(self, payload: ImageData | None) -> str | None:
        """Path of the photograph."""
        return payload.path if payload else None

    def get_config(self, cls: type | None = None) -> dict:
        """What the browser needs: the options of the plain image."""
        return super().get_config(cls or gr.Image)

    def get_block_name(self) -> str:
        return "image"
