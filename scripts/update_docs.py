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
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parent.parent
MODALITIES = ("text", "image", "video")
COLUMNS = [(modality, label) for modality in MODALITIES for label in ("harmful", "harmless")]
MEANINGLESS = "blank_picture"
"""The group whose images and videos mean nothing, so that what is asked stands in the words."""
GROUPS = {
    "main": "Things that were requested in training, in words",
    "held_out_things": "Things that were never requested in training at all",
    MEANINGLESS: "Requests in words beside a meaningless image or video",
}
NONE_BROKEN = "No reply of any strategy is broken or undecided."
MAIN_STRATEGIES = {
    "unsteered": "unsteered",
    "system_prompt": "system prompt",
    "addition": "addition",
    "mars": "MARS",
    "mars_no_recentering": "MARS without re-centering",
}
"""What the README compares; docs/results.md has all."""
BESIDE_PEERS = (
    ("side_by_side", "ratio", "both replies with curves and receipt, against one plain `generate`", "<= 1.25", 1),
    ("side_by_side", "of_two_rows", "the same, against one plain `generate` of two rows", "<= 1.0", 1),
    ("map", "of_one_batch", "map of all layers and gains, against one batch of all cells", "<= 0.65", 1),
    ("map", "of_batch_per_layer", "the same map, against a batch per layer", "<= 0.35", 1),
)
"""What is measured on any model: question, part, what it says, the bar on two cores, and 100 where it is shown in
percent. The batches run the last token from a cached prefix, whose making counts on both sides."""
SPEED = (
    *BESIDE_PEERS,
    ("map", "speedup", "the same map, against a forward per cell: times faster", ">= 40", 1),
    ("map", "prefills", "the same map, in readings of its prompt", "<= 3", 1),
    ("capture", "throughput", "activations of all layers, as a share of the bare forward's throughput", ">= 0.97", 1),
    ("capture", "memory", "what capturing adds to the peak of memory, in sizes of its result", "<= 1.05", 1),
    ("step", "overhead", "what steering every token adds to a step", "<= 3 %", 100),
    ("fit", "effect", "what the effect of steering by layer and gain adds to a fit", "<= 50 %", 100),
)
"""What is measured on random weights, as BESIDE_PEERS."""
REAL_SPEED = (
    *BESIDE_PEERS,
    ("evaluation", "throughput", "evaluation, as a share of batched `generate`'s throughput", ">= 0.8", 1),
    ("fit", "seconds", "a whole fit, in minutes", "<= 6", 1 / 60),
    ("fit", "silence", "the longest wait for its progress, in seconds", "", 1),
    ("fit", "memory", "its peak of memory, in GB", "<= 4", 1),
    ("page", "memory", "the page's peak of memory, in GB", "<= 4", 1),
)
"""What is measured on a real model, as BESIDE_PEERS."""
OUTSIDE = 0.9
"""Share of what a model was not made for that has to be said to lie outside."""
INSIDE = {"pocket-vl": 0.05, "icon-vl": 0.1}
"""Share of what it was made for that may be."""
FORMER = "judged the old way"
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


def main_results(results: dict[str, Any]) -> list[str]:
    """The README's rates, a row a kind of request and a column a strategy; then what steering costs.

    Raises ValueError where a strategy that is compared was left out.
    """
    left_out = [name for name in MAIN_STRATEGIES if name not in {row["strategy"] for row in results["rows"]}]
    if left_out:
        raise ValueError(f"The README compares {_words(left_out[0])}, which was left out: make eval STRATEGIES=all.")
    kinds = [(modality, "main") for modality in MODALITIES]
    rows = {(row["strategy"], row["group"], row["modality"], row["label"]): row for row in results["rows"]}
    counts = {group: " or ".join(map(str, _counts(results, group))) for group in ("main", MEANINGLESS)}
    doubts = {
        group: _most_broken([row for key, row in rows.items() if key[0] in MAIN_STRATEGIES and key[1] == group])
        for group in counts
    }
    lines = [
        f"Percent refused with Wilson 95 % intervals (`make eval`); n = {counts['main']} a cell{doubts['main']}. "
        f"Beside meaningless media n = {counts[MEANINGLESS]}{doubts[MEANINGLESS]}.",
        "",
        *_header(["request", *(MAIN_STRATEGIES.values())]),
    ]
    for modality, group in kinds:
        for label in ("harmful", "harmless"):
            cells = [percent(rows.get((strategy, group, modality, label))) for strategy in MAIN_STRATEGIES]
            lines.append(f"| {label} {modality} | " + " | ".join(cells) + " |")
    said = []
    for modality in ("video", "image"):
        rates = [
            f"{100 * rows[strategy, MEANINGLESS, modality, label]['rate']:.0f} %"
            for label in ("harmful", "harmless")
            for strategy in ("mars", "mars_no_recentering")
        ]
        said.append(
            f"beside a meaningless {modality}, MARS refuses {rates[0]} of harmful words and {rates[1]} without "
            f"re-centering, and {rates[2]} and {rates[3]} of harmless words"
        )
    utility = {(row["strategy"], row["modality"]): row for row in results["utility"]}
    media = [(modality, utility["unsteered", modality], utility["mars", modality]) for modality in ("image", "video")]
    said.append(
        "harmless questions about what is shown that are answered exactly, unsteered and under MARS: "
        + ", ".join(
            f"{plain['exact']:g} and {mars['exact']:g} of {mars['n']} ({name})" for name, plain, mars in media
        )
        + "; KL of the first token under MARS on harmless inputs: "
        + ", ".join(f"{mars['kl']:.3f} nats ({name})" for name, _, mars in media)
    )
    return [*lines, "", *(f"- {sentence[0].upper()}{sentence[1:]}." for sentence in said)]


def evaluation(results: dict[str, Any]) -> list[str]:
    """Refusals in percent with Wilson 95 % intervals, a table a group and a row a strategy; then utility and bias."""
    settings = results["settings"]
    lines = [
        f"`make eval`: layer {settings['layer']}, chosen from text alone; gain {settings['gain']:g}; percent refused "
        "with Wilson 95 % intervals. Random directions: mean of their draws."
    ]
    for group, title in GROUPS.items():
        rows = [row for row in results["rows"] if row["group"] == group]
        cells = {(row["strategy"], row["modality"], row["label"]): row for row in rows}
        columns = [column for column in COLUMNS if any(key[1:] == column for key in cells)]
        lines += ["", f"{title} (n = {' or '.join(map(str, _counts(results, group)))} a cell):", ""]
        lines += _header(["strategy", *(f"{label} {modality}" for modality, label in columns)])
        for strategy in dict.fromkeys(row["strategy"] for row in rows):
            found = [percent(cells.get((strategy, *column))) for column in columns]
            lines.append(f"| {_words(strategy)} | " + " | ".join(found) + " |")
    lines += broken_and_undecided(results)
    lines += ["", "What it costs: harmless questions about what is shown, answered exactly; KL of the first token on "
              "harmless inputs, in nats; harmless requests with an open gate, and the mean step along the direction, "
              "in units of the residual stream (main group: text, image, video):", ""]  # fmt: skip
    lines += _header(["strategy", "image exact", "video exact", "KL image", "KL video", "open gates", "step"])
    utility = {(row["strategy"], row["modality"]): row for row in results["utility"]}
    harmless = {
        (row["strategy"], row["modality"]): row
        for row in results["rows"]
        if row["group"] == "main" and row["label"] == "harmless"
    }
    for strategy in dict.fromkeys(row["strategy"] for row in results["utility"]):
        image, video = utility[strategy, "image"], utility[strategy, "video"]
        rows = [harmless[strategy, modality] for modality in MODALITIES]
        lines.append(
            f"| {_words(strategy)} | {image['exact']:g} of {image['n']} | {video['exact']:g} of {video['n']} | "
            f"{image['kl']:.3f} | {video['kl']:.3f} | "
            + ", ".join(f"{row['open_gates']:.0%}" for row in rows)
            + " | "
            + ", ".join(f"{row['mean_strength']:.0f}" for row in rows)
            + " |"
        )
    for bias in results["bias"]:
        moved = f"{bias['along']:+.2f} [{bias['low']:+.2f}, {bias['high']:+.2f}]"
        lines += [
            "",
            f"A meaningless {bias['modality']} moves a harmless request by {moved} along the refusal direction, "
            "where the text centroids are 2 apart.",
        ]
    for left_out in results["not_applicable"]:
        lines += ["", f"Not in the tables: {_words(left_out['strategy'])}. {left_out['reason']}"]
    return lines


def broken_and_undecided(results: dict[str, Any]) -> list[str]:
    """Every cell with a reply that is broken or undecided, requests and questions; of older results nothing."""
    rows = [*results["rows"], *results["utility"]]
    if not all("broken" in row for row in rows):
        return []
    found = [row for row in rows if row["broken"] or row["undecided"]]
    if not found:
        return ["", NONE_BROKEN]
    lines = ["", "Replies that are broken or undecided, in percent of a cell; what is not listed had none:", ""]
    lines += _header(["strategy", "input", "broken", "undecided", "refused, or exact"])
    for row in found:
        shares = [
            percent({end: row[f"{kind}_{end}"] for end in ("rate", "low", "high")})
            for kind in ("broken", "undecided")
        ]
        lines.append(f"| {_words(row['strategy'])} | {_cell(row)} | " + " | ".join(shares) + f" | {percent(row)} |")
    return lines


def _most_broken(rows: Sequence[dict[str, Any]]) -> str:
    """What follows a number of cases: the cells with the largest shares of broken and of undecided replies."""
    if not all("broken" in row for row in rows):
        return ""
    told = []
    for kind in ("broken", "undecided"):
        most = max(rows, key=lambda row, kind=kind: row[f"{kind}_rate"])
        if most[kind]:
            where = f"{MAIN_STRATEGIES[most['strategy']]}, {most['label']} {most['modality']}"
            told.append(f"at most {100 * most[f'{kind}_rate']:.1f} % {kind} ({where})")
    return f", {' and '.join(told)}" if told else ", no reply broken or undecided"


def _cell(row: dict[str, Any]) -> str:
    """What a row of rates or of utility is about."""
    if "group" not in row:
        return f"questions about {'an' if row['modality'] == 'image' else 'a'} {row['modality']}"
    beside = {"held_out_things": ", never requested", MEANINGLESS: " (meaningless)"}
    return f"{row['label']} {row['modality']}{beside.get(row['group'], '')}"


def bars(meta: dict[str, Any]) -> list[str]:
    """Every bar with what each training seed reached, missed ones marked; then meaningless media, by seed."""
    entries = _seeds(meta)
    seeds = [_seed(entry) for entry in entries]
    lines = _header(["what", "bar", *seeds])
    for row in zip(*(entry["bars"] for entry in entries), strict=True):
        values = [f"{bar['value']:.3f}" + ("" if bar["met"] else " **missed**") for bar in row]
        lines.append(f"| {row[0]['what']} | {_bar(row[0])} | " + " | ".join(values) + " |")
    lines += ["", f"{GROUPS[MEANINGLESS]}, percent refused:", ""]
    lines += _header(["request", "strategy", *seeds])
    cells = [
        {
            (row["modality"], row["label"], row["strategy"]): row
            for row in entry["rows"]
            if row["group"] == MEANINGLESS
        }
        for entry in entries
    ]
    for modality, label in COLUMNS[2:]:
        for strategy in ("unsteered", "mars", "mars_no_recentering"):
            rates = " | ".join(percent(rows[modality, label, strategy]) for rows in cells)
            lines.append(f"| {label}, beside a meaningless {modality} | {_words(strategy)} | {rates} |")
    if any(FORMER in seed for seed in seeds):
        lines += [
            "",
            f"{FORMER.capitalize()}: by opening phrases, as in earlier versions; the others by verdicts.",
        ]
    return lines


def _seed(entry: dict[str, Any]) -> str:
    """The title of a seed's column, marked where its replies were judged the old way."""
    return f"seed {entry['seed']}" + (f" ({FORMER})" if entry["settings"]["judge"].endswith(":refused") else "")


def speed(results: dict[str, Any]) -> list[str]:
    """Each figure with its range over repetitions and its bar, then the peers."""
    command = "python -m benchmarks --quick --json FILE" if results["quick"] else "make bench"
    lines = [f"`{command}` {_where(results['machine'])}:", "", *_header(["what", "figure", "bar"])]
    lines += [f"| {what} | {_figure(results, *key, scale)} | {bar} |" for *key, what, bar, scale in SPEED]
    return [*lines, "", *_peers(results)]


def real_speed(results: dict[str, Any]) -> list[str]:
    """Each figure of a real model by dtype, the one that it is loaded in first; then the peers of each."""
    command = f"python -m benchmarks --model {results['model']} {'--quick ' * results['quick']}--json FILE"
    by_dtype = results["dtypes"]
    lines = [f"`{command}` {_where(results['machine'])}:", "", *_header(["what", *by_dtype, "bar"])]
    for *key, what, bar, scale in REAL_SPEED:
        cells = [_figure(answers, *key, scale) for answers in by_dtype.values()]
        lines.append(f"| {what} | {' | '.join(cells)} | {bar} |")
    for dtype, answers in by_dtype.items():
        lines += ["", f"In {dtype}:", "", *_peers(answers)]
    return lines


def _where(machine: dict[str, Any]) -> str:
    return (
        f"on {machine['cores']} cores ({machine['threads']} threads, load {machine['load']:.1f} from all that ran), "
        f"{machine['parameters'] / 1e6:.0f} million parameters, {machine['dtype'].removeprefix('torch.')}; median "
        "[smallest, largest] of the repetitions"
    )


def _figure(results: dict[str, Any], question: str, part: str, scale: float) -> str:
    """A figure with its range, where there is one; a dash where it was not measured."""
    figure = results.get(question, {}).get(part)
    if figure is None:
        return "–"
    value, low, high = (f"{scale * figure[name]:.2f}" for name in ("value", "low", "high"))
    return f"{value}{' %' * (scale == 100)}" + (f" [{low}, {high}]" if figure["low"] < figure["high"] else "")


def _peers(results: dict[str, Any]) -> list[str]:
    """The time of each peer in ours, and what was run."""
    lines = _header(["the same work otherwise", "its time in ours"])
    for peer in results["peers"]:
        times = peer["times_ours"]
        ran = f"did not run: {peer['error']}"
        if times:
            ran = f"{times['value']:.2f} [{times['low']:.2f}, {times['high']:.2f}]"
        lines.append(f"| {peer['name']} | {ran} |")
    return [*lines, "", " ".join(dict.fromkeys(results["notes"].values()))]


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


def outside(found: dict[str, Any]) -> list[str]:
    """How many prompts of each group are outside what was fitted, against the bars, and those decided wrongly."""
    reasons = found["rows"][0]["reasons"]
    lines = _header(["prompts", "bar", "outside", "of", "% (95 %)", *reasons, "hidden state alone"])
    for row in found["rows"]:
        should = row["should_be_outside"]
        bar = {True: f"≥ {OUTSIDE:.0%}", False: f"≤ {INSIDE[found['model']]:.0%}", None: ""}[should]
        missed = should is not None and (row["rate"] < OUTSIDE if should else row["rate"] > INSIDE[found["model"]])
        rate = percent(row) + (" **missed**" if missed else "")
        cells = [row["group"], bar, row["outside"], row["n"], rate, *row["reasons"].values(), row["hidden_state"]]
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    layers = found["layers"]
    lines += ["", f"Model {found['model']}, hidden states of layers {layers[0]} to {layers[-1]}."]
    for row in found["rows"]:
        if row["wrong"]:
            side = "inside" if row["should_be_outside"] else "outside"
            lines.append(
                f"Said to be {side}, of {row['group']}: {'; '.join(f'“{title}”' for title in row['wrong'])}."
            )
    return lines


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


def _counts(results: dict[str, Any], group: str) -> list[int]:
    """Cases in a cell of the group, as many numbers as there are."""
    return sorted({row["n"] for row in results["rows"] if row["group"] == group})


def _seeds(meta: dict[str, Any]) -> list[dict[str, Any]]:
    return [meta, *meta["other_seeds"]]


def _bar(bar: dict[str, Any]) -> str:
    return f"{'≥' if bar['at_least'] else '≤'} {bar['bar']:g}"


def _header(names: Sequence[str]) -> list[str]:
    return ["| " + " | ".join(names) + " |", "|---" * len(names) + "|"]


def _words(name: str) -> str:
    return name.replace("_", " ")


def percent(row: dict[str, Any] | None) -> str:
    """A rate with its interval; a dash where there is none."""
    if row is None:
        return "–"
    return f"{100 * row['rate']:.1f} ({100 * row['low']:.0f}–{100 * row['high']:.0f})"


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
