"""What stands above everything else: what MARS changes with its uncertainty, and what has to be known beside it."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from ..figures.tradeoff import LABELS
from .rows import (
    WORDS,
    as_words,
    cells_of,
    dict_of,
    fact_list,
    groups_of,
    is_number,
    list_of,
    rate_of,
    spoken,
    summaries_of,
)

REQUESTS = {"harmful": "of harmful requests", "harmless": "of harmless ones"}


def title(results: Mapping[str, Any]) -> str:
    model = dict_of(results, "settings").get("model")
    return f"Refusal and its price: {model}" if model else "Refusal and its price"


def header(results: Mapping[str, Any]) -> str:
    """The head of a report."""
    settings = dict_of(results, "settings")
    told = {key: settings[key] for key in ("model", "set", "layer", "gain") if settings.get(key) is not None}
    return (
        "<header><h1>Refusal and its price</h1><p>How much of what is harmful a model refuses, in text, images "
        "and videos, and how much of what is harmless it refuses with it, by steering strategy. Evaluated by MARS "
        f"Lens; the requests are for research on safety.</p>{fact_list(told)}{findings(results['rows'])}"
        f"{notes(results)}</header>"
    )


def findings(rows: Sequence[Mapping[str, Any]]) -> str:
    """What MARS changes, one sentence a modality: rates with their counts and intervals."""
    found = cells_of(rows, groups_of(rows)[0]) if rows else {}
    sentences = []
    for modality, word in WORDS.items():
        told = [
            _change(REQUESTS[label], before, after)
            for label in LABELS
            if (after := found.get(("mars", modality, label)))
            and (before := found.get(("unsteered", modality, label)))
        ]
        if told:
            sentences.append(f"<li>{word.capitalize()}: MARS refuses {'; '.join(told)}.</li>")
    if not sentences:
        return ""
    return f'<ul class="findings">{"".join(sentences)}</ul><p>In brackets: counts and 95 % Wilson intervals.</p>'


def _change(what: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    told, counted = _rate(after)
    reference, of = _rate(before)
    same = "; the intervals overlap" if told != reference and _overlap(before, after) else ""
    return f"<b>{told}</b> {what} ({counted}), unsteered {reference} ({of}{same})"


def _rate(row: Mapping[str, Any]) -> tuple[str, str]:
    told, *counted = rate_of(row, row["refusals"])
    return told, ", ".join(filter(None, counted))


def _overlap(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    ends = [row[end] for row in (one, other) for end in ("low", "high")]
    return all(map(is_number, ends)) and ends[0] <= ends[3] and ends[2] <= ends[1]


def notes(results: Mapping[str, Any]) -> str:
    """What has to be known beside the rates, a paragraph each; nothing where there is nothing."""
    return "".join(f'<p class="note">{escape(as_words(note))}</p>' for note in list_of(results, "notes"))


def definitions(results: Mapping[str, Any]) -> str:
    """What each strategy is, in a sentence; nothing where the results do not say it."""
    listed = "".join(
        f"<div><dt>{spoken(name)}</dt><dd>{escape(sentence)}</dd></div>"
        for name, sentence in summaries_of(results).items()
    )
    return f'<dl class="strategies">{listed}</dl>' if listed else ""
