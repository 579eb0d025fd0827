"""Prints the bars of Icon-VL and the tables behind them from committed counts, without a model.

    python -m mars.icon_vl.bars.report                          # make icon-report
    python -m mars.icon_vl.bars.report out/validation.json
    python -m mars.icon_vl.bars.report --json bars.json         # and the bars as a list

Intervals are those of `mars.icon_vl.bars.estimates`.
"""

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mars.atomic_file import atomic_write
from mars.bundled import ASSETS
from mars.icon_vl.bars.estimates import LABELS, Cells, Estimate, difference, rate
from mars.icon_vl.bars.held import Bar, bars
from mars.icon_vl.bars.inputs import ALL_STRATEGIES
from mars.icon_vl.bars.limits_report import limit_tables

RESULTS = ASSETS / "icon-vl" / "results.json"
OTHERS, LIMITS = "results-*.json", "limits.json"
"""Beside the results: those of other connectors, named in the file's name, and what limits the shipped one."""


def bar_table(results: dict[str, Any]) -> list[str]:
    """Every bar, with what was reached, as lines of Markdown."""
    lines = _header("bar", "count", "reached", "met")
    for bar in bars(results):
        met = "yes" if bar.met else "**missed**"
        lines.append(f"| {bar.what} | {bar.k:g} of {bar.n} | {_percent(bar)} | {met} |")
    return lines


HEADLINE = {
    "in place": ("unsteered",),
    "image": ("unsteered", "mars", "random", "permuted"),
    "in place of a video": ("unsteered",),
    "video": ("unsteered", "mars"),
}
"""Kind of input -> the strategies that a short table has."""
IN_PLACE = {"in place": "words in the place of an image", "in place of a video": "words in the place of a video"}


def headline(results: dict[str, Any]) -> list[str]:
    """Refusals of words, images and videos, and how many bars are met, as lines of Markdown."""
    cells, found = Cells(results), bars(results)
    lines = _header("input", "strategy", *(f"{label} refused" for label in LABELS))
    for kind, strategies in HEADLINE.items():
        words = IN_PLACE.get(kind, kind)
        for strategy in strategies:
            told = (_counted(cells.rate(kind, label, strategy)) for label in LABELS)
            lines.append(f"| {words} | {_strategy(strategy)} | " + " | ".join(told) + " |")
    met = sum(bar.met for bar in found)
    return [*lines, "", f"Percent with bootstrap 95 % intervals over things; {met} of {len(found)} bars are met."]


def connector_table(of_connectors: Mapping[str, dict[str, Any]]) -> list[str]:
    """Every bar side by side for several trainings of the connector, as lines of Markdown."""
    found = {name: {bar.what.split(" (")[0]: bar for bar in bars(results)} for name, results in of_connectors.items()}
    lines = _header("bar", *found)
    for what in next(iter(found.values())):
        told = (
            _percent(of[what]) + ("" if of[what].met else " missed") if what in of else "–" for of in found.values()
        )
        lines.append(f"| {what} | " + " | ".join(told) + " |")
    return lines


def tables(results: dict[str, Any]) -> list[str]:
    """Bars, then all that was measured, as lines of Markdown."""
    cells, settings = Cells(results), results["settings"]
    limit = settings["limit"]
    of_things = "all things" if limit is None else f"{limit} things of a kind at most, by lot"
    by = {"effect": "recommended by the effect on text", "scores": "of the text-only scores: none is recommended"}
    lines = [
        f"`python -m mars.icon_vl.bars --split {results['split']}`, {of_things}; layer {settings['layer']} and gain "
        f"{settings['gain']:g}, {by[settings['by']]}; {settings['dtype'].removeprefix('torch.')}. Percent with "
        "bootstrap 95 % intervals over things.",
        *results["left_out"],
        "",
        *bar_table(results),
    ]
    lines += ["", "Refused, over all wordings:", "", *_header("input", "strategy", *LABELS)]
    for kind, strategy in _kinds(results, "refused"):
        if kind.endswith(ALL_STRATEGIES):
            continue
        told = (_counted(cells.rate(kind, label, strategy)) for label in LABELS)
        lines.append(f"| {_shown(kind, settings)} | {_strategy(strategy)} | " + " | ".join(told) + " |")
    words, images = cells("in place", "harmful"), cells("image", "harmful")
    if words is not None and images is not None:
        gap = difference(words, images)
        lines += ["", "Of harmful things, words in the place of an image are refused more often than the image by "
                  f"{_percent(gap)} points."]  # fmt: skip
    lines += [*_by_wording(cells), *_by_strategy(results, cells)]
    lines += ["", "Named in a caption:", "", *_header("images", "strategy", *LABELS)]
    for kind, strategy in _kinds(results, "named"):
        told = (_counted(cells.rate(kind, label, strategy, "named")) for label in LABELS)
        lines.append(f"| {kind} | {_strategy(strategy)} | " + " | ".join(told) + " |")
    if (steered := cells("ordinary", "harmless", "mars")) is not None:
        counts = [
            f"{what}: {cells.rate('ordinary', 'harmless', 'mars', what).k} of {sum(steered.verdicts.values())}"
            for what in ("identical", "keeps its verdict", "turned into a refusal")
        ]
        lines += ["", f"Ordinary questions under MARS, beside the unsteered reply: {', '.join(counts)}; median KL of "
                  f"the first token {steered.median_kl:.4f} nats."]  # fmt: skip
    return [*lines, *_first_token(results), *_unclear(results)]


def _kinds(results: dict[str, Any], what: str) -> list[tuple[str, str]]:
    """Kind and strategy of all cells in which this is counted, each once, in order of kinds."""
    found = dict.fromkeys((row["kind"], row["strategy"]) for row in results["cells"] if row["what"] == what)
    kinds = list(dict.fromkeys(kind for kind, _ in found))
    return sorted(found, key=lambda one: kinds.index(one[0]))


def _by_wording(cells: Cells) -> list[str]:
    """Refusals of the three twins by wording, in counts, harmful and harmless."""
    columns = (("direct", "unsteered"), ("in place", "unsteered"), ("image", "unsteered"), ("image", "mars"))
    found = [[cells(kind, label, strategy) for label in LABELS] for kind, strategy in columns]
    if any(cell is None for pair in found for cell in pair):
        return []
    harmful, harmless = (next(iter(cell.wordings.values()))[1] for cell in found[0])
    lines = [
        "",
        f"Refused by wording, harmful of {harmful} / harmless of {harmless}:",
        "",
        *_header("request", "direct", "in place", "image", "image, MARS"),
    ]
    for wording in found[0][0].wordings:
        counts = (" / ".join(str(cell.wordings[wording][0]) for cell in pair) for pair in found)
        lines.append(f"| {wording} | " + " | ".join(counts) + " |")
    return lines


def _by_strategy(results: dict[str, Any], cells: Cells) -> list[str]:
    """Refusals under every strategy, and how many replies are broken, by modality."""
    lines = []
    for shown in ("image", "video"):
        kind = shown + ALL_STRATEGIES
        strategies = dict.fromkeys(row["strategy"] for row in results["cells"] if row["kind"] == kind)
        if not strategies:
            continue
        columns = ("refused, harmful", "refused, harmless", "broken, harmful", "broken, harmless")
        lines += ["", f"All strategies on {shown}s:", "", *_header("strategy", *columns)]
        for strategy in strategies:
            found = [cells(kind, label, strategy) for label in LABELS]
            told = [_percent(rate(cell)) for cell in found]
            told += [f"{cell.verdicts.get('broken', 0)} of {sum(cell.verdicts.values())}" for cell in found]
            lines.append(f"| {_strategy(strategy)} | " + " | ".join(told) + " |")
    return lines


def _first_token(results: dict[str, Any]) -> list[str]:
    """The refusal score of the first token beside the verdict; of older results nothing."""
    rows = [row for row in results.get("first_token", ()) if row["strategy"] in ("unsteered", "mars")]
    if not rows:
        return []
    lines = [
        "",
        "The first token beside the verdict. Agree: the log odds that it opens a refusal are above 0 just where the "
        "reply refuses. Area: under the ROC curve, of these log odds telling refusals from other replies:",
        "",
        *_header("input", "strategy", "refused", "agree", "area, %"),
    ]
    for row in rows:
        area = "–" if row["auc"] is None else f"{100 * row['auc']:.1f}"
        counts = (f"{row[name]} of {row['n']}" for name in ("refused", "agree"))
        told = " | ".join((_shown(row["kind"], results["settings"]), _strategy(row["strategy"]), *counts, area))
        lines.append(f"| {told} |")
    return lines


def _unclear(results: dict[str, Any]) -> list[str]:
    """How many replies to requests are broken or undecided, of all strategies together."""
    rows = [row["verdicts"] for row in results["cells"] if row["what"] == "refused"]
    if not rows:
        return []
    broken, undecided = (sum(row.get(kind, 0) for row in rows) for kind in ("broken", "undecided"))
    total = sum(sum(row.values()) for row in rows)
    return ["", f"Of all {total:,} replies to requests and questions, {broken} are broken and {undecided} undecided."]


def _shown(kind: str, settings: dict[str, Any]) -> str:
    if kind == "image, paper's choice":
        return f"image, layer {settings['papers_layer']} of the text-only scores, gain 1"
    return kind


def _strategy(name: str) -> str:
    known = {
        "mars": "MARS",
        "mars_no_recentering": "MARS without re-centering",
        "mars_no_gate": "MARS without gate",
        "mars_no_trust_region": "MARS without trust region",
        "mars_middle_layer": "MARS at the middle layer",
        "random": "random directions (mean of ten)",
        "permuted": "permuted labels",
        "system_prompt": "system prompt",
    }
    return known.get(name, name)


def _counted(estimate: Estimate | None) -> str:
    return "–" if estimate is None else f"{estimate.k:g} of {estimate.n}, {_percent(estimate)}"


def _percent(estimate: Estimate | Bar) -> str:
    return f"{100 * estimate.value:.1f} [{100 * estimate.low:.1f}, {100 * estimate.high:.1f}]"


def _header(*names: str) -> list[str]:
    return ["| " + " | ".join(names) + " |", "|---" * len(names) + "|"]


def connectors(results: dict[str, Any], folder: Path) -> dict[str, dict[str, Any]]:
    """The results of the shipped connector, and those of others that lie in the folder, by what they are called."""
    others = {
        path.stem.removeprefix("results-").replace("-", " "): _read(path) for path in sorted(folder.glob(OTHERS))
    }
    seeds = {name: found for name, found in others.items() if name.startswith("seed")}
    return {"shipped": results} | seeds | others


def _read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8"))


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m mars.icon_vl.bars.report", description=__doc__.splitlines()[0])
    parser.add_argument("results", nargs="?", default=RESULTS, type=Path, help="default: %(default)s")
    parser.add_argument("--json", type=Path, help="write the bars there, as a list")
    options = parser.parse_args(arguments)
    if not options.results.is_file():
        print(f"error: {options.results} is not there yet: make icon-eval measures it.", file=sys.stderr)
        return 1
    results = _read(options.results)
    lines = tables(results)
    beside = connectors(results, options.results.parent)
    if len(beside) > 1:
        lines += ["", "Trainings of the connector, side by side:", "", *connector_table(beside)]
    if (limits := options.results.with_name(LIMITS)).is_file():
        lines += ["", *limit_tables(_read(limits))]
    print("\n".join(lines))
    if options.json:
        atomic_write(options.json, (json.dumps([bar._asdict() for bar in bars(results)], indent=1) + "\n").encode())
    return 0


if __name__ == "__main__":
    sys.exit(main())
