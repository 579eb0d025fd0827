"""Results of an evaluation as one HTML file that opens offline.

Results are those of `python -m mars eval --json`. Everything in them may come from a model or a stranger, so it is
escaped, and the page's own policy runs no script but its own and fetches nothing.
"""

import argparse
import base64
import hashlib
import json
import math
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from plotly.offline import get_plotlyjs

from .evaluation import cases, charts, headlines, tables
from .evaluation.rows import WORDS, list_of
from .figures.palette import DARK, DARK_FOR_LIGHT, LIGHT
from .figures.tradeoff import LABELS

STYLES = [Path(__file__).with_name(name) for name in ("report.css", "evaluation.css")]
SCRIPTS = [Path(__file__).with_name(name) for name in ("case_filters.js", "report.js")]
LAYOUT = "Results are what `python -m mars eval --json FILE` writes: an object with “rows”."
COUNTS = ("refusals", "n", "rate", "low", "high")


class ReportError(ValueError):
    """Results that cannot be shown; the message says what is wrong and what to do."""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog=f"python -m {__spec__.name}", description=__doc__)
    parser.add_argument("results", type=Path, help="what python -m mars eval --json wrote")
    parser.add_argument("--html", type=Path, required=True, help="write the report here")
    options = parser.parse_args(arguments)
    try:
        write(render(read(options.results)), options.html)
    except (ReportError, OSError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    sys.stdout.write(f"Wrote {options.html}.\n")
    return 0


def read(path: Path) -> dict[str, Any]:
    """Results from a file; raises ReportError where they are not results."""
    try:
        results = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ReportError(f"{path} cannot be read: {error}. {LAYOUT}") from error
    check(results)
    return results


def check(results: Any) -> None:
    """Raise ReportError where results lack what the report shows."""
    rows = results.get("rows") if isinstance(results, Mapping) else None
    if not isinstance(rows, list) or not rows:
        raise ReportError(f"There are no rows to show. {LAYOUT}")
    for number, row in enumerate(rows, start=1):
        wrong = _wrong(row, {"strategy": str, "modality": str, "label": str} | dict.fromkeys(COUNTS, float))
        if wrong is None and row["modality"] not in WORDS:
            wrong = f"“modality” is “{row['modality']}”, not {', '.join(WORDS)}"
        if wrong is None and row["label"] not in LABELS:
            wrong = f"“label” is “{row['label']}”, not {' or '.join(LABELS)}"
        if wrong is None and row["n"] <= 0:
            wrong = f"“n” is {row['n']}, so that there is no rate"
        if wrong:
            raise ReportError(f"Row {number} of the results: {wrong}. {LAYOUT}")
    for part, kinds in (("utility", {"strategy": str, "modality": str, "exact": float, "n": float}),
                        ("cases", {"text": str, "modality": str, "label": str, "replies": Mapping})):  # fmt: skip
        for number, entry in enumerate(list_of(results, part), start=1):
            if wrong := _wrong(entry, kinds):
                raise ReportError(f"Entry {number} of “{part}” in the results: {wrong}. {LAYOUT}")


def render(results: Mapping[str, Any]) -> str:
    """The whole page. Raises ReportError where results lack what it shows."""
    check(results)
    drawn, told = charts.tradeoffs(results)
    figures = [chart.figure for chart in drawn.values()]
    parts = (
        ("Refusal against false refusal", told + charts.boxes(drawn)),
        ("The strategies", headlines.definitions(results)),
        ("Refusals", tables.refusals(results)),
        ("Gate, strength and first token", tables.gates(results["rows"])),
        ("Questions with a known answer", tables.utility(list_of(results, "utility"))),
        ("How this was made", tables.provenance(results)),
        ("Cases", cases.cases(list_of(results, "cases"))),
    )
    return document(headlines.title(results), headlines.header(results), parts, figures)


def document(title: str, header: str, parts: Sequence[tuple[str, str]], figures: Sequence[Any]) -> str:
    """A page that opens offline: parts of a heading and markup, empty ones left out; figures in order of boxes."""
    body = "".join(
        f'<section aria-labelledby="part-{number}"><h2 id="part-{number}">{heading}</h2>{content}</section>'
        for number, (heading, content) in enumerate(parts)
        if content
    )
    data = {"figures": [json.loads(figure.to_json()) for figure in figures], "darkForLight": DARK_FOR_LIGHT}
    style = "\n".join(sheet.read_text(encoding="utf-8") for sheet in STYLES)
    own = "\n".join(script.read_text(encoding="utf-8") for script in SCRIPTS)
    scripts = [*([get_plotlyjs()] if figures else []), own]
    hashes = " ".join(
        f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'" for script in scripts
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        f"style-src 'unsafe-inline'; img-src data: blob:; script-src {hashes}; base-uri 'none'; form-action 'none'\">"
        '<meta name="color-scheme" content="light dark">'
        f"<title>{escape(title)}</title>"
        f"<style>{_palette()}{style}</style></head>"
        f"<body><main>{header}{body}</main>"
        f'<script type="application/json" id="data">{_embedded(data)}</script>'
        + "".join(f"<script>{script}</script>" for script in scripts)
        + "</body></html>\n"
    )


def write(page: str, path: Path) -> None:
    """Write a page whole or not at all; raises OSError where it cannot be written."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(page)
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _wrong(entry: Any, kinds: Mapping[str, type]) -> str | None:
    """What is wrong with an entry, or None."""
    if not isinstance(entry, Mapping):
        return "it is not an object"
    for key, kind in kinds.items():
        value = entry.get(key)
        if kind is float:
            is_right = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        else:
            is_right = isinstance(value, kind)
        if not is_right:
            return f"“{key}” is {'missing' if key not in entry else 'of the wrong kind'}"
    return None


def _embedded(data: Any) -> str:
    """JSON that cannot end the script element that holds it."""
    return json.dumps(data).replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _palette() -> str:
    """Colours of the page as CSS variables, light and dark."""

    def variables(colors: Mapping[str, str]) -> str:
        return "".join(f"--{role.replace('_', '-')}:{color};" for role, color in colors.items())

    return f":root{{{variables(LIGHT)}}}@media (prefers-color-scheme:dark){{:root{{{variables(DARK)}}}}}"


if __name__ == "__main__":
    sys.exit(main())
