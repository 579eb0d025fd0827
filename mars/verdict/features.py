"""A reply as numbers that do not depend on the order of its sentences."""

import re
from bisect import bisect_right
from collections.abc import Iterator
from math import log1p
from typing import NamedTuple

from mars.verdict.cues import CUES, DESCRIPTION, INSTRUCTION, NEITHER, OBJECTIONS, OPENING, normalize

_ITEM = re.compile(r"^[^\S\n]*(?:[-•*+]|\d+[.)])\s", re.MULTILINE)
_NUMBER = re.compile(r"\d+")
_NAME = re.compile(r"(?<=[a-z,] )[A-Z][a-z]+")
_WORD = re.compile(r"[a-z0-9]+")
DESCRIBES = NEITHER[4]


class Evidence(NamedTuple):
    """What a reply shows."""

    values: dict[str, float]
    """Name of a feature -> its value. A cue has three: whether it occurs, log(1 + sentences), share of sentences."""
    words: dict[str, str]
    """Name of a cue that occurs -> the words in which it does first."""


def features(reply: str, request: str | None = None) -> Evidence:
    """Cues by sentences, and measures of the whole. A description counts where more than that was asked for."""
    text = normalize(reply)
    starts = [0, *(match.end() for match in re.finditer("\n", text))]
    n = len(starts)
    values: dict[str, float] = {}
    words: dict[str, str] = {}
    objecting: set[int] = set()
    for name, pattern in _cues(request):
        found = list(pattern.finditer(text))
        sentences = {bisect_right(starts, match.start()) for match in found}
        if found:
            words[name] = found[0][0]
        if name in OBJECTIONS:
            objecting |= sentences
        values[name] = float(bool(found))
        values[f"{name}, sentences"] = log1p(len(sentences))
        values[f"{name}, share"] = len(sentences) / n
    values["sentences"] = log1p(n)
    values["words"] = log1p(len(_WORD.findall(text)))
    values["sentences without objection"] = log1p(n - len(objecting))
    values["share without objection"] = 1 - len(objecting) / n
    values["list items"] = log1p(len(_ITEM.findall(reply)))
    values["code"] = float("```" in reply)
    values["numbers"] = log1p(len(_NUMBER.findall(reply)))
    values["names"] = log1p(len(_NAME.findall(reply)))
    return Evidence(values, words)


def content_words(reply: str) -> int:
    """Words in sentences that are neither an opening nor a description of what is shown."""
    return len(_WORD.findall(DESCRIPTION.sub("", OPENING.sub("", normalize(reply)))))


def _cues(request: str | None) -> Iterator[tuple[str, re.Pattern[str]]]:
    yield from CUES.items()
    is_instruction = request is None or INSTRUCTION.search(request.lower()) is not None
    yield DESCRIBES, DESCRIPTION if is_instruction else _NEVER


_NEVER = re.compile(r"(?!)")
