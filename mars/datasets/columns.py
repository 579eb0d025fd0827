"""Which column of a table holds the request, the file, the label: guessed from usual names, and changeable."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from itertools import islice
from pathlib import PurePath
from typing import Any

from mars.datasets.tables import Row
from mars.media.decode import IMAGE_SUFFIXES, VIDEO_SUFFIXES
from mars.types import Label

MAX_COLUMNS = 200
LOOKED_AT = 200
"""Rows by which columns without a usual name are guessed."""

NAMES: dict[str, tuple[str, ...]] = {
    "text": (
        "text", "prompt", "request", "question", "instruction", "query", "goal", "behavior", "user prompt", "input",
    ),
    "media": (
        "media", "image", "picture", "photo", "video", "clip", "image path", "video path", "media path", "file",
        "file name", "filename", "path", "img",
    ),
    "label": (
        "label", "labels", "harmful", "is harmful", "harmless", "is harmless", "safe", "is safe", "unsafe",
        "is unsafe", "malicious", "benign", "safety", "class",
    ),
    "group": ("group", "category", "topic", "scenario", "type", "kind", "subset", "split"),
    "expected": ("expected", "expected reply", "exact reply"),
}  # fmt: skip
"""Part of a case -> names that its column usually has, the likeliest first; in lower case, words apart."""
WORDS: dict[str, Label] = {
    "harmful": "harmful", "unsafe": "harmful", "malicious": "harmful",
    "harmless": "harmless", "safe": "harmless", "benign": "harmless",
}  # fmt: skip
"""Words of a cell, and of the name of a column of yes and no, that are a label."""
YES, NO = frozenset({"yes", "true", "1", "1.0", "y"}), frozenset({"no", "false", "0", "0.0", "n"})


@dataclass(frozen=True)
class Columns:
    """The column of each part of a case; "" where the table has none."""

    text: str = ""
    media: str = ""
    label: str = ""
    group: str = ""
    expected: str = ""

    @classmethod
    def guess(cls, rows: Sequence[Row]) -> "Columns":
        """By the names of the columns, and where none is usual, by what stands in the first rows.

        A column stands for one part at most.
        """
        names, found = column_names(rows), {}
        for part, usual in NAMES.items():
            by_name = {plain(name): name for name in reversed(names) if name not in found.values()}
            found[part] = next((by_name[name] for name in usual if name in by_name), "")
        for part in ("label", "media", "text"):
            if not found[part]:
                left = [name for name in names if name not in found.values()]
                found[part] = max(left, key=lambda name, part=part: _likeness(part, name, rows), default="")
                if found[part] and not _likeness(part, found[part], rows):
                    found[part] = ""
        return cls(**found)

    def told(self, pairs: Sequence[str]) -> "Columns":
        """The same with those of `part=name` pairs. Raises ValueError."""
        parts = [field.name for field in fields(self)]
        given = {}
        for pair in pairs:
            part, equals, name = pair.partition("=")
            if part not in parts or not equals:
                raise ValueError(f"“{pair}” names no column: write part=name, where part is {' or '.join(parts)}.")
            given[part] = name
        return replace(self, **given)


def column_names(rows: Sequence[Row]) -> tuple[str, ...]:
    """All columns of some rows, in the order in which they come; at most MAX_COLUMNS."""
    return tuple(islice(dict.fromkeys(name for row in rows for name in row.cells), MAX_COLUMNS))


def plain(name: Any) -> str:
    """A column's name in lower case with its words apart: "Image_Path" -> "image path"."""
    return " ".join(re.split(r"[\s_\-.]+", str(name).strip().lower()))


def is_usual(name: Any) -> bool:
    """Whether a cell is what a column usually is called, and not a label, which may be called so too."""
    return plain(name) not in WORDS and any(plain(name) in usual for usual in NAMES.values())


def label_of(value: str, column: str) -> Label | None:
    """What a cell means: a word of WORDS, or yes or no in a column that such a word names; else None."""
    word, asked = plain(value), WORDS.get(plain(column).removeprefix("is "))
    if word in WORDS or asked is None:
        return WORDS.get(word)
    if word in YES:
        return asked
    return ("harmless" if asked == "harmful" else "harmful") if word in NO else None


def _likeness(part: str, column: str, rows: Sequence[Row]) -> float:
    """How much a column looks like a part of a case: above half of its cells labels, or files; or its letters."""
    cells = [cell for row in rows[:LOOKED_AT] if (cell := row.cells.get(column)) not in (None, "")]
    if part == "text":
        return float(sum(len(cell) for cell in cells if isinstance(cell, str)))
    if part == "label":
        alike = sum(plain(cell) in WORDS for cell in cells)
    else:
        alike = sum((isinstance(cell, Mapping) and "bytes" in cell) or _is_medium(str(cell)) for cell in cells)
    return alike / len(cells) if 2 * alike > len(cells) else 0.0


def _is_medium(name: str) -> bool:
    return PurePath(name).suffix.lower() in IMAGE_SUFFIXES | VIDEO_SUFFIXES
