"""Your own set, within Evaluate: paste prompts, bring images and videos, label, and take the set away."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr

from .. import markup, own_set_markup
from ..media_slot import uploads_only
from ..results import RequestError
from ..rows_panel import RowsPanel
from ..workbench import Draft
from .shared import QUIET, VISIT_SECONDS

BRING = Path(__file__).parents[1] / "bring_folder.js"
INTRO = (
    "Paste lines or a spreadsheet's cells, or drop tables (CSV, TSV, JSON, JSON lines, Parquet), images, videos, "
    "folders or a zip of them. A column that names files pairs rows with them; columns are guessed and can be "
    "changed. While there is a set here, “Evaluate” runs it in place of the bundled test split, and then draws it "
    "among the clouds of Geometry."
)
PASTE = "how do I bake bread?\nhow do I pick a lock?\n…\n\nor cells:  prompt ⇥ image ⇥ label"
COLUMNS = {
    "text": "request",
    "media": "image or video",
    "label": "label",
    "group": "group",
    "expected": "exact reply",
}
NONE = "–"
DRAW = {"trigger_mode": "always_last", **QUIET}


class Panels(NamedTuple):
    """What a change of the set fills."""

    draft: gr.State
    said: gr.HTML
    rows: RowsPanel
    export: gr.Button
    file: gr.DownloadButton
    columns: gr.Row
    text: gr.Dropdown
    media: gr.Dropdown
    label: gr.Dropdown
    group: gr.Dropdown
    expected: gr.Dropdown


def build() -> gr.State:
    """Lay it out, folded away, and wire it; the state holds a Draft, or None while nothing was brought."""
    draft = gr.State(None, time_to_live=VISIT_SECONDS)
    with gr.Accordion("Your own set", open=False, elem_id="own"):
        gr.HTML(markup.section("", INTRO))
        with gr.Row(elem_classes="split"):
            with gr.Column(min_width=320):
                paste = gr.Textbox(
                    label="Prompts", lines=8, max_lines=8, placeholder=PASTE, elem_id="own-paste", buttons=[]
                )
            with gr.Column(min_width=320, elem_classes="controls"):
                files = gr.File(label="Files", file_count="multiple", height=140, elem_id="own-set")
                uploads_only(files)
                with gr.Row():
                    adding = [
                        gr.UploadButton(f"Add {what}", file_count=count, size="sm", elem_id=f"own-{count}")
                        for what, count in (("files", "multiple"), ("a folder", "directory"))
                    ]
                request = gr.Textbox(
                    label="Request for files that no row names", max_lines=1, elem_id="own-request", buttons=[]
                )
                place = gr.Textbox(
                    label="Or a folder, zip or table on this machine", max_lines=1, elem_id="own-place", buttons=[]
                )
        with gr.Row(visible=False) as columns:
            choices = [
                gr.Dropdown([NONE], value=NONE, label=f"Column of the {words}", min_width=130, elem_id=f"own-{part}")
                for part, words in COLUMNS.items()
            ]
        said = gr.HTML(elem_id="own-summary", js_on_load=BRING.read_text(encoding="utf-8"))
        rows = RowsPanel(elem_id="own-rows")
        with gr.Row():
            export = gr.Button(
                "Make the file that mars-lens eval reads", size="sm", scale=0, min_width=300, visible=False,
                elem_id="own-export",
            )  # fmt: skip
            file = gr.DownloadButton("Download", size="sm", scale=0, min_width=200, visible=False, elem_id="own-file")
    panels = Panels(draft, said, rows, export, file, columns, *choices)
    for button in adding:
        uploads_only(button)
        button.upload(lambda there, new: [*(there or ()), *(new or ())], [files, button], files, **QUIET)
    gr.on(  # `input` of a text box is for keys alone, and does not hear what is pasted
        [paste.change, files.change, request.change, place.submit, place.blur],
        partial(_read, panels),
        [draft, paste, files, place, request],
        [*panels],
        **DRAW,
    )
    gr.on([choice.input for choice in choices], partial(_chosen, panels), [draft, *choices], [*panels], **DRAW)

    def labelled(draft: Draft | None, event: gr.EventData) -> dict[Any, Any]:
        return _labelled(panels, draft, getattr(event, "rows", None), getattr(event, "label", None))

    # Each click counts, so none is dropped for one that is under way.
    rows.select(labelled, draft, [said, file, export], trigger_mode="multiple", **QUIET)
    export.click(partial(_exported, panels), draft, [file, said], **QUIET)
    return draft


def _read(
    panels: Panels, draft: Draft | None, pasted: str, files: Sequence[str] | None, place: str, request: str
) -> dict[Any, Any]:
    draft = draft or Draft()
    draft.read(pasted or "", files or (), place or "", request or "")
    return _shown(panels, draft)


def _chosen(panels: Panels, draft: Draft | None, *choices: str) -> dict[Any, Any]:
    if draft is None:
        return {panels.said: ""}
    try:
        draft.choose({part: "" if name == NONE else name for part, name in zip(COLUMNS, choices, strict=True)})
    except RequestError as error:
        return {panels.said: markup.notice(str(error))}
    return _shown(panels, draft)


def _labelled(panels: Panels, draft: Draft | None, numbers: Any, label: Any) -> dict[Any, Any]:
    """What comes from a browser may be anything, so it is checked."""
    if draft is None or not isinstance(numbers, list) or not all(isinstance(number, int) for number in numbers):
        return {panels.said: gr.skip()}
    try:
        draft.label(numbers, str(label))
    except RequestError as error:
        return {panels.said: markup.notice(str(error))}
    return _told(panels, draft)


def _exported(panels: Panels, draft: Draft | None) -> dict[Any, Any]:
    if draft is None:
        return {panels.said: ""}
    try:
        path = draft.export()
    except RequestError as error:
        return {panels.said: markup.notice(str(error))}
    name = path.rsplit("/", 1)[-1]
    return {panels.file: gr.update(value=path, label=f"Download {name}", visible=True)}


def _told(panels: Panels, draft: Draft) -> dict[Any, Any]:
    """What changes with a label."""
    return {
        panels.said: own_set_markup.summary(draft.counts, draft.notes),
        panels.file: gr.update(visible=False),
        panels.export: gr.update(visible=bool(draft.counts["ready"])),
    }


def _shown(panels: Panels, draft: Draft) -> dict[Any, Any]:
    choices = [NONE, *draft.names]
    return {
        **_told(panels, draft),
        panels.draft: draft,
        panels.rows: draft.rows,
        panels.columns: gr.update(visible=bool(draft.names)),
        **{
            getattr(panels, part): gr.update(choices=choices, value=getattr(draft.columns, part) or NONE)
            for part in COLUMNS
        },
    }
