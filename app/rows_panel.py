"""A list of thousands of rows with their labels, of which the browser holds only those in view."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr

SCRIPT = Path(__file__).with_name("rows_panel.js")
_KINDS = {
    "all": "all",
    "unlabelled": "without a label",
    "problem": "with a problem",
    "harmful": "harmful",
    "harmless": "harmless",
}
_FILTERS = "".join(
    f'<button type="button" data-kind="{kind}"><span></span> {words}</button>' for kind, words in _KINDS.items()
)
_TEMPLATE = (
    '<div class="own-rows" hidden><div class="tools">'
    f'<div role="group" aria-label="Which rows are shown">{_FILTERS}</div>'
    '<input type="search" placeholder="words or file" aria-label="Show rows with these words or file">'
    '<div role="group" aria-label="Label all rows shown"><output></output>: all of them are '
    '<button type="button" data-all="harmful">harmful</button> '
    '<button type="button" data-all="harmless">harmless</button></div></div>'
    '<div class="view" tabindex="0" role="region" aria-label="Rows of your own set">'
    '<div class="space" role="table" aria-label="Rows of your own set"></div></div></div>'
)


class RowsPanel(gr.HTML):
    """Rows of (words, file, label, what is missing, whether it is left out whatever its label).

    A click that labels rows triggers `select` with `evt.rows`, their numbers from 0, and `evt.label`; with shift it
    labels all from the last one. The list shows that by itself, without another value.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(
            None,
            html_template=_TEMPLATE,
            js_on_load=SCRIPT.read_text(encoding="utf-8"),
            apply_default_css=False,
            **options,
        )

    def postprocess(self, value: Sequence[Sequence[Any]] | str | None) -> str:
        """The rows as JSON."""
        return value if isinstance(value, str) else json.dumps(value or [], ensure_ascii=False)

    def get_block_name(self) -> str:
        return "html"
