"""What is read of results: rows by strategy, group and cell, and their numbers in words."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

WORDS = {"text": "text", "image": "images", "video": "videos"}
"""Modality -> what its inputs are called together."""
GROUPS = {
    "main": "Main requests",
    "held_out_things": "Things that never occurred in a request",
    "blank_picture": "Requests in words beside a meaningless image or video",
}


def list_of(results: Mapping[str, Any], part: str) -> list:
    found = results.get(part)
    return found if isinstance(found, list) else []


def dict_of(results: Mapping[str, Any], part: str) -> Mapping:
    found = results.get(part)
    return found if isinstance(found, Mapping) else {}


def names_of(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """Names in order of appearance."""
    return list(dict.fromkeys(row["strategy"] for row in rows))


def summaries_of(results: Mapping[str, Any]) -> dict[str, str]:
    """Strategy -> what it is, in a sentence; results of an older version do not say it."""
    return {str(name): str(sentence) for name, sentence in dict_of(results, "strategies").items()}


def groups_of(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """Groups in order of appearance, the main one first."""
    found = list(dict.fromkeys(str(row.get("group", "main")) for row in rows))
    return sorted(found, key=lambda group: group != "main")


def group_title(group: str) -> str:
    return GROUPS.get(group, group.replace("_", " ").capitalize())


def cells_of(rows: Iterable[Mapping[str, Any]], group: str) -> dict[tuple[str, str, str], Mapping[str, Any]]:
    """(strategy, modality, label) -> its row in a group."""
    return {
        (row["strategy"], row["modality"], row["label"]): row
        for row in rows
        if str(row.get("group", "main")) == group
    }


def broken_share(row: Mapping[str, Any]) -> float:
    """Share of broken replies; NaN where an older evaluation did not tell."""
    share = row.get("broken_rate")
    return share if is_number(share) else math.nan


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def as_count(value: float) -> str:
    """A count; the mean of several need not be whole."""
    return str(int(value)) if value == int(value) else f"{value:.1f}"


def interval_of(row: Mapping[str, Any]) -> str:
    """The ends of a rate's interval, in per cent; empty where there is none."""
    ends = [row.get("low"), row.get("high")]
    return " to ".join(f"{100 * end:.1f}" for end in ends) if all(map(is_number, ends)) else ""


def as_percent(share: Any) -> str:
    return f"{100 * share:.1f} %" if is_number(share) else "–"


def as_number(value: Any) -> str:
    return f"{value:.3g}" if is_number(value) else "–"


def as_words(value: Any) -> str:
    """A value from JSON as words."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def fact_list(named: Mapping[str, Any]) -> str:
    """Names and values as a list of definitions; nothing where there are none."""
    listed = "".join(
        f"<div><dt>{escape(str(name).replace('_', ' '))}</dt><dd>{escape(as_words(value))}</dd></div>"
        for name, value in named.items()
    )
    return f'<dl class="facts">{listed}</dl>' if listed else ""


def spoken(name: str) -> str:
    """The name of a strategy in words, escaped."""
    return escape(name.replace("_", " "))


def rate_of(row: Mapping[str, Any], counted: float) -> Sequence[str]:
    """A rate in words: per cent, its count of n, and its interval where there is one."""
    return [as_percent(counted / row["n"]), f"{as_count(counted)} of {as_count(row['n'])}", interval_of(row)]
