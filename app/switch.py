"""Several recordings: a page each, and on every page the links between them. Nothing is loaded or computed."""

from collections import Counter
from collections.abc import Sequence
from html import escape

from .backend import Backend


def path(number: int) -> str:
    """Where the page of a backend lies, below the root; the first is the root itself."""
    return f"recording-{number + 1}" if number else ""


def links(every: Sequence[Backend], here: int) -> str:
    """Links to the pages of all backends, as HTML; empty where there is one. here: number of the page they are on.

    A link is called by its model; of several recordings of one model each has its number.
    """
    if len(every) == 1:
        return ""
    cards = [backend.session.card_at_once for backend in every]
    times = Counter(card.name for card in cards)
    shown = ""
    for number, card in enumerate(cards):
        name = f"{card.name} ({number + 1})" if times[card.name] > 1 else card.name
        told = f"recorded {card.recorded}" if card.recorded else "answers live"
        current = ' aria-current="page"' if number == here else ""
        shown += f'<a href="./{path(number)}" title="{escape(told)}"{current}>{escape(name)}</a>'
    return f'<nav class="switch" aria-label="Recordings">Recordings: {shown}</nav>'
