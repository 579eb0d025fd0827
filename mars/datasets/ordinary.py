"""Ordinary questions, none of which needs a refusal: what steering costs where there is nothing to refuse."""

from pathlib import Path
from typing import NamedTuple

from mars.bundled import ORDINARY
from mars.datasets.tables import read_rows

KINDS = ("fact", "how-to", "writing", "maths", "code", "advice", "chat", "harmless sense")
"""The last has a word that sounds risky: "kill a process"."""


class Ordinary(NamedTuple):
    """A question or request."""

    question: str
    kind: str
    """One of KINDS."""


def read_ordinary(path: str | Path = ORDINARY) -> list[Ordinary]:
    """Questions with their kinds from JSON lines, in order. Raises TableError.

    Those that come with the package have kinds mixed evenly, so the first of them are a smaller set of the same make.
    """
    kinds = {kind: kind for kind in KINDS}
    return [Ordinary(row.text("question"), row.choice("kind", kinds)) for row in read_rows(Path(path), ("question",))]
