"""What tables are made of."""

from collections.abc import Sequence
from typing import Any


def header(names: Sequence[str]) -> list[str]:
    """The first two lines of a table with these columns."""
    return ["| " + " | ".join(names) + " |", "|---" * len(names) + "|"]


def words(name: str) -> str:
    """A strategy's name as it is read."""
    return name.replace("_", " ")


def percent(row: dict[str, Any] | None) -> str:
    """A rate with its interval; a dash where there is none."""
    if row is None:
        return "–"
    return f"{100 * row['rate']:.1f} ({100 * row['low']:.0f}–{100 * row['high']:.0f})"
