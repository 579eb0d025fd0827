"""Pictures and clips as HTML: what was uploaded, and the gallery of examples."""

from collections.abc import Mapping, Sequence
from html import escape
from urllib.parse import quote

from .markup import mark
from .results import Example


def media_url(path: str) -> str:
    """Where this server gives out an uploaded or bundled file, relative to the page."""
    return f"gradio_api/file={quote(path)}"


_CLIPS = (".mp4", ".webm", ".mov", ".mkv", ".avi", ".m4v")
_PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif")


def preview(paths: Sequence[str]) -> str:
    """What has been uploaded, as a person sees it."""
    shown = ""
    for path in paths:
        if path.lower().endswith(_CLIPS):
            shown += (
                f'<video src="{escape(media_url(path))}" controls muted loop playsinline preload="metadata" '
                'aria-label="the clip of this prompt"></video>'
            )
        elif path.lower().endswith(_PICTURES):
            shown += f'<img src="{escape(media_url(path))}" alt="the picture of this prompt">'
    return f'<div class="preview">{shown}</div>' if shown else ""


def gallery(examples: Sequence[Example], posters: Mapping[str, str]) -> str:
    """Examples by what they ask for: one row a request, one button a modality.

    posters: path of a clip -> data URL of a picture of it.
    """
    if not examples:
        return '<p class="quiet">No examples are bundled with this copy.</p>'
    groups: dict[str, list[tuple[int, Example]]] = {}
    for number, example in enumerate(examples):
        groups.setdefault(example.twin or f"alone {number}", []).append((number, example))
    rows = ""
    for group in groups.values():
        first = group[0][1]
        buttons = "".join(_example_button(number, example, posters) for number, example in group)
        label = "harmful" if first.label == "harmful" else "harmless"
        title = first.text if len(group) > 1 else first.title
        rows += (
            f'<li><span class="what">{mark("circle", label)}<span>{escape(title)}'
            f'<small>{label}</small></span></span><span class="twins">{buttons}</span></li>'
        )
    return f'<ul class="gallery">{rows}</ul>'


def _example_button(number: int, example: Example, posters: Mapping[str, str]) -> str:
    if example.media is None:
        inside, kind = '<span class="letter">Aa</span>', "in words"
    elif example.media in posters:
        inside = f'<img src="{escape(posters[example.media])}" alt=""><span class="play" aria-hidden="true">▶</span>'
        kind = "as a clip"
    else:
        inside, kind = f'<img src="{escape(media_url(example.media))}" alt="">', "as a picture"
    words = escape(f"{example.title}, {kind}: {example.text}")
    return f'<button type="button" data-example="{number}" aria-label="{words}" title="{words}">{inside}</button>'
