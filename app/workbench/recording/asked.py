"""Which of the recorded prompts is asked."""

from collections.abc import Sequence
from difflib import SequenceMatcher
from pathlib import Path

from mars.recording.prompts import medium_hash, prompt_key

from ...results import RequestError
from ..prompts import check_names
from .kept import KeptHead


def find(prompts: Sequence[KeptHead], text: str, files: Sequence[str | Path], system: str, instead: str) -> KeptHead:
    """The prompt that is asked. Raises RequestError, which names the nearest, where it was not recorded.

    instead: a sentence that says how it can be asked all the same.
    """
    check_names(files)
    mark = medium_hash(files[0]) if files else None
    key = prompt_key(text or "", mark, system or "")
    for head in prompts:
        same = (head.example.text, head.system) == (text or "", system or "")
        if key == head.key or (same and (mark in head.marks if mark else not head.marks)):
            return head
    said = " ".join((text or "").split()) or "A prompt without words"
    near = max(
        prompts,
        key=lambda head: (mark in head.marks, head.example.text == text, _likeness(head, text, bool(files))),
    )
    changed = " with this system message" * bool(system) + " with this image or video" * bool(files)
    raise RequestError(
        f"“{said[:60]}”{changed} was not recorded, and no model is loaded. The nearest that was is "
        f"“{near.example.title}”: choose it under Examples. {instead}"
    )


def _likeness(head: KeptHead, text: str, has_medium: bool) -> float:
    """How near a recorded prompt is to what was asked: by the words that they share, and by having a medium."""
    said, asked = (set(one.lower().split()) for one in (head.example.text, text or ""))
    letters = SequenceMatcher(None, head.example.text.lower(), (text or "").lower()).ratio()
    return len(said & asked) / max(1, len(said | asked)) + letters / 4 + (bool(head.marks) == has_medium) / 4
