"""Labelled replies from JSON lines, and replies cut to a length."""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple


class LabelledReply(NamedTuple):
    """A reply that a person, or another judge, has labelled."""

    id: str
    reply: str
    label: str
    model: str
    """The file's name where the line names none."""
    request: str | None
    cut: bool
    """Whether it was ended by the length allowed."""
    part: str | None
    """"fit" or "check" in our own files: whether weights may be fitted on it."""

    def cut_to(self, words: int) -> "LabelledReply":
        """The first words of it; where it has no more than that, it as it is."""
        match = re.match(rf"\s*(?:\S+\s+){{{words - 1}}}\S+(?=\s+\S)", self.reply)
        return self._replace(reply=match[0], cut=True) if match else self


class ReplyError(ValueError):
    """A file of replies that cannot be read. One sentence."""


def read_replies(paths: Iterable[str | Path]) -> list[LabelledReply]:
    """All replies of some files, in order. Blank lines are skipped. Raises ReplyError, naming file and line."""
    replies = []
    for path in map(Path, paths):
        try:
            lines = path.read_text(encoding="utf-8-sig").split("\n")
        except (OSError, UnicodeDecodeError) as error:
            raise ReplyError(f"{path} cannot be read: {error}.") from error
        for number, line in enumerate(lines, start=1):
            if line.strip():
                replies.append(_reply(line, path, f"{path}, line {number}"))
    return replies


def _reply(line: str, path: Path, place: str) -> LabelledReply:
    try:
        told: Any = json.loads(line)
    except ValueError as error:
        raise ReplyError(f"{place}: this is no JSON ({error}).") from error
    if not isinstance(told, dict):
        raise ReplyError(f"{place}: a line has to be an object with id, reply and label.")
    for key, kinds, needed in (
        ("id", (str, int), True),
        ("reply", (str,), True),
        ("label", (str,), True),
        ("model", (str,), False),
        ("request", (str,), False),
        ("cut", (bool,), False),
        ("part", (str,), False),
    ):
        if told.get(key) is None:
            if needed:
                raise ReplyError(f"{place}: {key} is missing.")
        elif not isinstance(told[key], kinds):
            raise ReplyError(f"{place}: {key} has to be {' or '.join(_NAMES[kind] for kind in kinds)}.")
    return LabelledReply(
        told["id"],
        told["reply"],
        told["label"],
        told.get("model") or path.name.removesuffix(".jsonl"),
        told.get("request"),
        bool(told.get("cut")),
        told.get("part"),
    )


_NAMES = {str: "a string", int: "a whole number", bool: "true or false"}
