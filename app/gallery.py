"""The gallery of examples: buttons that put a request and its image or video into the prompt."""

from collections.abc import Mapping, Sequence

import gradio as gr

from . import media_markup
from .results import Example


def give_out(examples: Sequence[Example]) -> None:
    """From now on the page gives out their media, and nothing else of their folders."""
    gr.set_static_paths([example.media for example in examples if example.media])


class Gallery(gr.HTML):
    """Examples as buttons. A click triggers `select` with `evt.index`, the example's number."""

    def __init__(self, examples: Sequence[Example], posters: Mapping[str, str], **options) -> None:
        give_out(examples)
        super().__init__(
            media_markup.gallery(examples, posters),
            js_on_load=(
                "element.addEventListener('click', (event) => {"
                " const button = event.target.closest('[data-example]');"
                " if (button) trigger('select', { index: Number(button.dataset.example) }); });"
            ),
            apply_default_css=False,
            **options,
        )

    def get_block_name(self) -> str:
        return "html"
