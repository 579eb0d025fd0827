"""Rewrites the tables of figures in the README from results: one pair of markers, one file each.

python scripts/readme_figures.py out/eval.json
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
META = ROOT / "assets" / "pocket-vl" / "meta.json"
COLUMNS = [(modality, label) for modality in ("text", "image", "video") for label in ("harmful", "harmless")]
NOUNS = {"text": "text", "image": "pictures", "video": "clips"}
GROUPS = {
    "main": "Things that were requested in training, in words",
    "held_out_things": "Things that were never requested in training at all",
    "blank_picture": "Requests in words with a meaningless picture or clip",
}


def replace(name: str, lines: Sequence[str]) -> None:
    """Put lines between the markers of that name in the README. Raises ValueError where there are none."""
    start, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    text = README.read_text(encoding="utf-8")
    if start not in text or end not in text:
        raise ValueError(f"The README has no markers {start} and {end}.")
    before, rest = text.split(start)
    _, after = rest.split(end)
    body = "\n".join(lines)
    README.write_text(f"{before}{start}\n\n{body}\n\n{end}{after}", encoding="utf-8")


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
        counts = {row["n"] for row in rows}
        lines += ["", f"{title} (n = {' or '.join(map(str, sorted(counts)))} a cell):", ""]
        lines += _header(["strategy", *(f"{label} {NOUNS[modality]}" for modality, label in columns)])
        for strategy in dict.fromkeys(row["strategy"] for row in rows):
            found = [_refused(cells.get((strategy, *column))) for column in columns]
            lines.append(f"| {_words(strategy)} | " + " | ".join(found) + " |")
    lines += ["", "What it costs: harmless questions about what is shown, answered exactly; KL of the first token on "
              "harmless inputs, in nats; harmless requests with an open gate, and the mean step along the direction, "
              "in units of the residual stream (main group: text, pictures, clips):", ""]  # fmt: skip
    lines += _header(["strategy", "pictures exact", "clips exact", "KL pictures", "KL clips", "open gates", "step"])
    utility = {(row["strategy"], row["modality"]): row for row in results["utility"]}
    harmless = {
        (row["strategy"], row["modality"]): row
        for row in results["rows"]
        if row["group"] == "main" and row["label"] == "harmless"
    }
    for strategy in dict.fromkeys(row["strategy"] for row in results["utility"]):
        image, video = utility[strategy, "image"], utility[strategy, "video"]
        gates = [harmless[strategy, modality] for modality in NOUNS]
        lines.append(
            f"| {_words(strategy)} | {image['exact']:g} of {image['n']} | {video['exact']:g} of {video['n']} | "
            f"{image['kl']:.3f} | {video['kl']:.3f} | "
            + ", ".join(f"{row['open_gates']:.0%}" for row in gates)
            + " | "
            + ", ".join(f"{row['mean_strength']:.0f}" for row in gates)
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


def seeds(meta: dict[str, Any]) -> list[str]:
    """Every bar with what each training seed reached; missed ones are marked."""
    entries = [meta, *meta["other_seeds"]]
    lines = _header(["what", "bar", *(f"seed {entry['seed']}" for entry in entries)])
    for row in zip(*(entry["bars"] for entry in entries), strict=True):
        first = row[0]
        values = [f"{bar['value']:.3f}" + ("" if bar["met"] else " **missed**") for bar in row]
        side = "≥" if first["at_least"] else "≤"
        lines.append(f"| {first['what']} | {side} {first['bar']:g} | " + " | ".join(values) + " |")
    return lines


def _header(names: Sequence[str]) -> list[str]:
    return ["| " + " | ".join(names) + " |", "|---" * len(names) + "|"]


def _words(name: str) -> str:
    return name.replace("_", " ")


def _refused(row: dict[str, Any] | None) -> str:
    if row is None:
        return "–"
    return f"{100 * row['rate']:.1f} ({100 * row['low']:.0f}–{100 * row['high']:.0f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", type=Path, help="what python -m mars eval --json wrote")
    options = parser.parse_args()
    replace("evaluation", evaluation(json.loads(options.results.read_text(encoding="utf-8"))))
    replace("seeds", seeds(json.loads(META.read_text(encoding="utf-8"))))
    print(f"Rewrote the figures in {README.name}.")


if __name__ == "__main__":
    main()
