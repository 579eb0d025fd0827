"""Images and videos as HTML: what was uploaded, and the gallery of examples."""

from collections.abc import Mapping, Sequence
from html import escape
from itertools import pairwise
from urllib.parse import quote

from .markup import mark
from .results import Example
from .workbench import Upload

EVEN = 1.5
"""Longest gap between frames that are called evenly spaced, in mean gaps."""


def media_url(path: str) -> str:
    """Where this server gives out an uploaded or bundled file, relative to the page."""
    return f"gradio_api/file={quote(path)}"


_PLAYED = (".mp4", ".webm", ".mov", ".mkv", ".avi", ".m4v")
"""Kinds of files that a browser is given to play, beside the frames."""


def preview(upload: Upload, path: str) -> str:
    """What has been uploaded, as the model is shown it, each image enlarged by a click; a video also as a player."""
    if not upload.times:
        return f'<div class="preview">{_enlarged(upload.images[0], "the image of this prompt")}</div>'
    player = (
        f'<div class="preview"><video src="{escape(media_url(path))}" controls muted loop playsinline '
        'preload="metadata" aria-label="the video of this prompt"></video></div>'
    )
    frames = "".join(
        _enlarged(image, f"frame at {seconds:.1f} s")
        for image, seconds in zip(upload.images, upload.times, strict=True)
    )
    shown = f'<div class="preview frames">{frames}</div><p class="quiet">{sampled(upload)}</p>'
    return (player if path.lower().endswith(_PLAYED) else "") + shown


def _enlarged(image: str, words: str) -> str:
    """An image as a button, which shows it as large as the window allows; another click or Escape ends that."""
    return f'<button type="button" title="Enlarge"><img src="{image}" alt="{words}" popover></button>'


def sampled(upload: Upload) -> str:
    """Which frames of a clip the model is shown: "8 of 412 frames, 1.3 s apart"."""
    gaps = [later - earlier for earlier, later in pairwise(upload.times)]
    longest, mean = max(gaps), sum(gaps) / len(gaps)
    shown, there = len(upload.times), upload.source_frames
    which = f"all {shown} frames" if shown == there else f"{shown} of {there} frames"
    apart = _seconds(mean) if longest < EVEN * mean else f"up to {_seconds(longest)}"
    return f"The model is shown {which}, {apart} apart."


def _seconds(number: float) -> str:
    return f"{number:.{2 if number < 1 else 1 if number < 10 else 0}f} s"


def gallery(examples: Sequence[Example], posters: Mapping[str, str]) -> str:
    """Examples by what they ask for: one row a request, one button a modality.

    posters: path of a video -> data URL of one of its frames.
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
        kind = "as a video"
    else:
        inside, kind = f'<img src="{escape(media_url(example.media))}" alt="">', "as an image"
    words = escape(f"{example.title}, {kind}: {example.text}")
    return f'<button type="button" data-example="{number}" aria-label="{words}" title="{words}">{inside}</button>'
