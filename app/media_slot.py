"""The one slot of a prompt that takes a picture or a clip."""

import gradio as gr
from gradio.data_classes import FileData, ListFiles


class MediaSlot(gr.File):
    """A file slot that gives a list of paths, empty where there is none.

    It takes several files so that the page, not a lost upload, can say that a prompt carries only one.
    """

    def __init__(self, **options) -> None:
        super().__init__(file_count="multiple", type="filepath", **options)

    def preprocess(self, payload: ListFiles | FileData | None) -> list[str]:
        """Paths of the uploaded files."""
        return [file.path for file in payload or ()]

    def get_config(self, cls: type | None = None) -> dict:
        """What the browser needs: the options of the plain file slot."""
        return super().get_config(cls or gr.File)

    def get_block_name(self) -> str:
        return "file"
