"""What Pocket-VL refuses, and what that costs: of every strategy, and of every seed beside its bars."""

from collections.abc import Sequence
from typing import Any

from .cells import header, percent, words

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
FORMER = "judged the old way"


def main_results(results: dict[str, Any]) -> list[str]:
    """The README's rates, a row a kind of request and a column a strategy; then what steering costs.

    Raises ValueError where a strategy that is compared was left out.
    """
    left_out = [name for name in MAIN_STRATEGIES if name not in {row["strategy"] for row in results["rows"]}]
    if left_out:
        raise ValueError(f"The README compares {words(left_out[0])}, which was left out: make eval STRATEGIES=all.")
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
        *header(["request", *(MAIN_STRATEGIES.values())]),
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
        lines += header(["strategy", *(f"{label} {modality}" for modality, label in columns)])
        for strategy in dict.fromkeys(row["strategy"] for row in rows):
            found = [percent(cells.get((strategy, *column))) for column in columns]
            lines.append(f"| {words(strategy)} | " + " | ".join(found) + " |")
    lines += broken_and_undecided(results)
    lines += ["", "What it costs: harmless questions about what is shown, answered exactly; KL of the first token on "
              "harmless inputs, in nats; harmless requests with an open gate, and the mean step along the direction, "
              "in units of the residual stream (main group: text, image, video):", ""]  # fmt: skip
    lines += header(["strategy", "image exact", "video exact", "KL image", "KL video", "open gates", "step"])
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
            f"| {words(strategy)} | {image['exact']:g} of {image['n']} | {video['exact']:g} of {video['n']} | "
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
        lines += ["", f"Not in the tables: {words(left_out['strategy'])}. {left_out['reason']}"]
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
    lines += header(["strategy", "input", "broken", "undecided", "refused, or exact"])
    for row in found:
        shares = [
            percent({end: row[f"{kind}_{end}"] for end in ("rate", "low", "high")})
            for kind in ("broken", "undecided")
        ]
        lines.append(f"| {words(row['strategy'])} | {_cell(row)} | " + " | ".join(shares) + f" | {percent(row)} |")
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
    lines = header(["what", "bar", *seeds])
    for row in zip(*(entry["bars"] for entry in entries), strict=True):
        values = [f"{bar['value']:.3f}" + ("" if bar["met"] else " **missed**") for bar in row]
        lines.append(f"| {row[0]['what']} | {_bar(row[0])} | " + " | ".join(values) + " |")
    lines += ["", f"{GROUPS[MEANINGLESS]}, percent refused:", ""]
    lines += header(["request", "strategy", *seeds])
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
            lines.append(f"| {label}, beside a meaningless {modality} | {words(strategy)} | {rates} |")
    if any(FORMER in seed for seed in seeds):
        lines += [
            "",
            f"{FORMER.capitalize()}: by opening phrases, as in earlier versions; the others by verdicts.",
        ]
    return lines


def _seed(entry: dict[str, Any]) -> str:
    """The title of a seed's column, marked where its replies were judged the old way."""
    return f"seed {entry['seed']}" + (f" ({FORMER})" if entry["settings"]["judge"].endswith(":refused") else "")


def _counts(results: dict[str, Any], group: str) -> list[int]:
    """Cases in a cell of the group, as many numbers as there are."""
    return sorted({row["n"] for row in results["rows"] if row["group"] == group})


def _seeds(meta: dict[str, Any]) -> list[dict[str, Any]]:
    return [meta, *meta["other_seeds"]]


def _bar(bar: dict[str, Any]) -> str:
    return f"{'≥' if bar['at_least'] else '≤'} {bar['bar']:g}"
