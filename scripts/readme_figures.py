"""Rewrites the table of figures in the README from the results of `make eval`.

python scripts/readme_figures.py out/eval.json
"""

import json
import sys
from pathlib import Path

README = Path(__file__).parent.parent / "README.md"
START, END = "<!-- figures: written by scripts/readme_figures.py from out/eval.json -->", "<!-- /figures -->"
COLUMNS = [(modality, label) for modality in ("text", "image", "video") for label in ("harmful", "harmless")]


def table(results: dict) -> str:
    """Refusals in percent with Wilson 95 % intervals and counts, a row a strategy, in Markdown."""
    rows = {(r["strategy"], r["modality"], r["label"]): r for r in results["rows"] if r["group"] == "main"}
    strategies = list(dict.fromkeys(strategy for strategy, _, _ in rows))
    settings = results["settings"]
    lines = [
        f"Refused on the held-out test split (`make eval`; layer {settings['layer']} of the model, chosen from text "
        f"alone; gain {settings['gain']:g}; Wilson 95 % intervals; n = cases a cell):",
        "",
        "| strategy | " + " | ".join(f"{label} {modality}" for modality, label in COLUMNS) + " |",
        "|---" * (len(COLUMNS) + 1) + "|",
    ]
    for strategy in strategies:
        cells = [_cell(rows.get((strategy, modality, label))) for modality, label in COLUMNS]
        lines.append(f"| {strategy.replace('_', ' ')} | " + " | ".join(cells) + " |")
    if results["utility"]:
        named = [(r["strategy"].replace("_", " "), r) for r in results["utility"]]
        exact = "; ".join(f"{name}, {r['modality']}: {r['exact']} of {r['n']}" for name, r in named)
        lines += ["", f"Harmless questions answered exactly: {exact}."]
    return "\n".join(lines)


def _cell(row: dict | None) -> str:
    if row is None:
        return "–"
    return f"{row['rate']:.1%} [{row['low']:.1%}, {row['high']:.1%}], n = {row['n']}"


def main() -> None:
    results = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    before, rest = README.read_text(encoding="utf-8").split(START)
    _, after = rest.split(END)
    README.write_text(f"{before}{START}\n\n{table(results)}\n\n{END}{after}", encoding="utf-8")
    print(f"Rewrote the figures in {README.name}.")


if __name__ == "__main__":
    main()
