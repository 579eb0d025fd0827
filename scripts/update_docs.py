"""Rewrites the generated parts of the README and of docs/ from what was measured.

    python -m scripts.update_docs evaluation out/eval.json            # make eval
    python -m scripts.update_docs bars assets/pocket-vl/meta.json     # make bars, make reproduce
    python -m scripts.update_docs speed out/bench.json                # make bench
    python -m scripts.update_docs speed-icon-vl out/bench-icon-vl.json    # make bench-icon
    python -m scripts.update_docs icon assets/icon-vl/results.json    # make icon-eval; and icon-limits
    python -m scripts.update_docs typographic out/typographic.json    # make icon-eval
    python -m scripts.update_docs second-model out/second-model.json  # make second-model
    python -m scripts.update_docs outside out/outside.json            # make outside; and outside-icon-vl
    python -m scripts.update_docs hostile out/hostile.txt             # make hostile
    python -m scripts.update_docs soak out/soak.txt                   # make soak

A generated part stands in its page between <!-- name --> and <!-- /name -->.
"""

import argparse
import json
import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

from .tables.costs import real_speed, speed
from .tables.outside import outside
from .tables.rates import bars, evaluation, main_results

ROOT = Path(__file__).parent.parent
SAMPLE = re.compile(r"\s*\d+ s\s+\d+ requests")
"""A line of `make soak` that says what the server holds at a moment."""
SHOWN_SAMPLES = 4
"""One sample in so many is shown, and the last."""


def rewritten(page: str, name: str, lines: Iterable[str]) -> str:
    """The page with lines between the marks of that name. Raises ValueError where it has none, or several."""
    start, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    if page.count(start) != 1 or page.count(end) != 1:
        raise ValueError(f"The page needs {start} and {end}, once each, where the generated part belongs.")
    before, rest = page.split(start)
    _, after = rest.split(end)
    body = "\n".join(lines)
    return f"{before}{start}\n\n{body}\n\n{end}{after}"


def icon(results: dict[str, Any]) -> list[str]:
    """Icon-VL's bars, and the tables behind them."""
    from mars.icon_vl.bars.report import tables  # of the engine, which the other parts need not wait for

    return tables(results)


def icon_headline(results: dict[str, Any]) -> list[str]:
    """What Icon-VL refuses, in short."""
    from mars.icon_vl.bars.report import headline

    return headline(results)


def icon_connectors(results: dict[str, Any]) -> list[str]:
    """Its bars beside those of other trainings of the connector, of which the counts lie in the repository."""
    from mars.icon_vl.bars.report import RESULTS, connector_table, connectors

    return connector_table(connectors(results, RESULTS.parent))


def icon_limits(limits: dict[str, Any]) -> list[str]:
    """What limits the effect on Icon-VL, layer by layer."""
    from mars.icon_vl.bars.limits_report import limit_tables

    return limit_tables(limits)


def second_model(found: dict[str, Any]) -> list[str]:
    """The second language model beside Icon-VL's own."""
    from scripts.second_model import tables

    return tables(found["models"])


def typographic(found: dict[str, Any]) -> list[str]:
    """What Icon-VL says of written words in an image."""
    from mars.icon_vl.bars.typographic import table

    return table(found)


def hostile(printed: str) -> list[str]:
    """What `make hostile` printed."""
    return [f"    {line}".rstrip() for line in printed.splitlines()]


def soak(printed: str) -> list[str]:
    """What `make soak` printed: some of its samples, and its sum."""
    lines = printed.splitlines()
    samples = [line for line in lines if SAMPLE.match(line)]
    shown = {*samples[::SHOWN_SAMPLES], *samples[-1:]}
    return [f"    {line}".rstrip() for line in lines if line in shown or not SAMPLE.match(line)]


class Place(NamedTuple):
    """Where a generated part stands, and what makes it of what was measured."""

    page: str
    name: str
    lines: Callable[[Any], list[str]]


PLACES = {
    "evaluation": (
        Place("README.md", "main results", main_results),
        Place("docs/results.md", "evaluation", evaluation),
    ),
    "bars": (Place("docs/bundled-model.md", "bars", bars),),
    "speed": (Place("docs/performance.md", "speed", speed),),
    "speed-icon-vl": (Place("docs/performance.md", "speed icon-vl", real_speed),),
    "icon": (
        Place("README.md", "icon headline", icon_headline),
        Place("docs/icon-vl.md", "icon results", icon),
        Place("docs/icon-vl-limits.md", "icon connectors", icon_connectors),
    ),
    "typographic": (Place("docs/icon-vl.md", "icon typographic", typographic),),
    "icon-limits": (Place("docs/icon-vl-limits.md", "icon limits", icon_limits),),
    "second-model": (Place("docs/second-model.md", "second model", second_model),),
    "outside": (Place("docs/outside.md", "outside", outside),),
    "outside-icon-vl": (Place("docs/outside.md", "outside icon-vl", outside),),
    "hostile": (Place("docs/security.md", "hostile", hostile),),
    "soak": (Place("docs/security.md", "soak", soak),),
}
"""What was measured -> the places that it is written into."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m scripts.update_docs", description=__doc__.splitlines()[0])
    parser.add_argument("measured", choices=PLACES)
    parser.add_argument("file", type=Path, help="what the command that measured it wrote: JSON, or its printed lines")
    options = parser.parse_args()
    text = options.file.read_text(encoding="utf-8")
    found = json.loads(text) if options.file.suffix == ".json" else text
    try:
        parts = [(place, place.lines(found)) for place in PLACES[options.measured]]
        for place, lines in parts:
            page = ROOT / place.page
            page.write_text(rewritten(page.read_text(encoding="utf-8"), place.name, lines), encoding="utf-8")
            print(f"Rewrote the {place.name} in {place.page}.")
    except ValueError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
