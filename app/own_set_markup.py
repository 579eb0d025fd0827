"""What is said above the rows of a person's own set. Pure; everything from outside is escaped."""

from collections.abc import Mapping, Sequence
from html import escape

MOST_NOTES = 6
"""Sentences that are shown at once; the rest is counted."""


def summary(counts: Mapping[str, int], notes: Sequence[str]) -> str:
    """How many rows can be evaluated, what the others lack, and what was left out; empty where nothing was given."""
    total = sum(counts.get(kind, 0) for kind in ("ready", "label", "problem"))
    said = []
    if total:
        ready, unlabelled, broken = (counts.get(kind, 0) for kind in ("ready", "label", "problem"))
        lacks = [
            f"{unlabelled:,} without a label" if unlabelled else "",
            f"{broken:,} with a problem that stands beside them" if broken else "",
        ]
        labels = f": {counts.get('harmful', 0):,} harmful, {counts.get('harmless', 0):,} harmless" if ready else ""
        said.append(f"<b>{ready:,} of {_rows(total)} can be evaluated{labels}.</b>")
        if any(lacks):
            said.append(f"Left out: {' and '.join(filter(None, lacks))}.")
        if unlabelled and ready == 0:
            said.append("Label rows by a click (with shift up to there), all at once, or by a column.")
    listed = [escape(note) for note in notes[:MOST_NOTES]]
    if len(notes) > MOST_NOTES:
        listed.append(f"And {len(notes) - MOST_NOTES} more of this kind.")
    if not said and not listed:
        return ""
    shown = "".join(f"<li>{note}</li>" for note in listed)
    kind = "status" if counts.get("ready") else "error"
    return f'<div class="notice {kind}" role="status">{" ".join(said)}{f"<ul>{shown}</ul>" if shown else ""}</div>'


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count:,} rows"
