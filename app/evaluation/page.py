"""Results of an evaluation on the page: the report's own sections, and its rows as CSV. Pure and escaped."""

import csv
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from . import cases as case_list
from . import headlines
from . import tables as table_list
from .rows import list_of

COLUMNS = (
    "group", "strategy", "modality", "label", "refusals", "n", "rate", "low", "high",
    "complies", "deflects", "broken", "undecided", "not_judged",
    "broken_rate", "broken_low", "broken_high", "undecided_rate", "undecided_low", "undecided_high", "kl",
)  # fmt: skip
_SHARED = Path(__file__).parent.with_name("evaluation.css").read_text(encoding="utf-8")
_LIKE_THE_REPORT = (
    "section { margin: 0 0 20px; }"
    "h2 { font-size: 16px !important; font-weight: 600; margin: 0 0 2px; color: var(--ink); }"
    "p { margin: 0 0 8px; max-width: 860px; font-size: 14px; line-height: 1.5; color: var(--muted); }"
    "small { display: block; font-size: 12px; line-height: 1.35; color: var(--muted); }"
    ".cases details { content-visibility: visible; }"
)
STYLE = f"<style>.results {{{_SHARED}{_LIKE_THE_REPORT}}}</style>"
"""The look of the report's tables and cases, for these sections alone."""


def charts_head(results: Mapping[str, Any], told: str) -> str:
    """What MARS changes, what has to be known beside it, and how to read the charts; told: a paragraph on these."""
    above = f"{headlines.findings(results['rows'])}{headlines.notes(results)}"
    head = f"<h2>Refusal against false refusal</h2>{above}{told}"
    return f'{STYLE}<div class="results"><section>{head}</section></div>'


def tables(results: Mapping[str, Any]) -> str:
    """Refusals, gates and exact replies."""
    parts = (
        ("Refusals", table_list.refusals(results)),
        ("Gate, strength and first token", table_list.gates(results["rows"])),
        ("Questions with a known answer", table_list.utility(list_of(results, "utility"))),
    )
    shown = "".join(f"<section><h2>{title}</h2>{content}</section>" for title, content in parts if content)
    return f'{STYLE}<div class="results">{shown}</div>'


def cases(results: Mapping[str, Any]) -> str:
    """Cases that open, with what every strategy replied."""
    listed = case_list.cases(list_of(results, "cases"))
    return f'<div class="results"><section><h2>Cases</h2>{listed}</section></div>' if listed else ""


def as_csv(results: Mapping[str, Any]) -> str:
    """One line a strategy, modality and label: counts of verdicts, rates and their 95 % Wilson intervals."""
    file = io.StringIO()
    writer = csv.DictWriter(file, COLUMNS, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(results["rows"])
    return file.getvalue()
