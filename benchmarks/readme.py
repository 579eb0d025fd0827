"""Rewrites the table of speed in the README from the results of `make bench`.

python -m benchmarks.readme out/bench.json
"""

import json
import re
import sys
from pathlib import Path
from typing import Any

README = Path(__file__).parent.parent / "README.md"
PLACE = re.compile(r"(<!-- speed\b[^>]*-->).*?(<!-- /speed -->)", re.DOTALL)
"""Between its marks."""
ROWS = (
    ("side_by_side", "ratio", "both replies with curves and receipt, against one plain `generate`", "<= 1.25", 1),
    ("map", "speedup", "map of all layers and gains, against a forward per cell: times faster", ">= 40", 1),
    ("map", "prefills", "the same map, in readings of its prompt", "<= 3", 1),
    ("capture", "throughput", "activations of all layers, as a share of the bare forward's throughput", ">= 0.97", 1),
    ("capture", "memory", "what capturing adds to the peak of memory, in sizes of its result", "<= 1.05", 1),
    ("step", "overhead", "what steering every token adds to a step", "<= 3 %", 100),
)
"""Question, part, what it says, the bar on two cores, and 100 where it is shown in percent."""


def table(results: dict[str, Any]) -> str:
    """Each figure with its range over repetitions and its bar, then the peers, in Markdown."""
    where = results["machine"]
    command = "python -m benchmarks --quick --json FILE" if results["quick"] else "make bench"
    lines = [
        f"`{command}` on {where['cores']} cores ({where['threads']} threads, load {where['load']:.1f} from all that "
        f"ran), {where['parameters'] / 1e6:.0f} million parameters, {where['dtype'].removeprefix('torch.')}; median "
        "[smallest, largest] of the repetitions:",
        "",
        "| what | figure | bar |",
        "|---|---|---|",
    ]
    for question, part, sentence, bar, scale in ROWS:
        figure = results[question][part]
        unit = " %" if scale == 100 else ""
        value, low, high = (f"{scale * figure[name]:.2f}" for name in ("value", "low", "high"))
        lines.append(f"| {sentence} | {value}{unit} [{low}, {high}] | {bar} |")
    lines += ["", "| the same work otherwise | its time in ours |", "|---|---|"]
    for peer in results["peers"]:
        times = peer["times_ours"]
        ran = f"did not run: {peer['error']}"
        if times:
            ran = f"{times['value']:.2f} [{times['low']:.2f}, {times['high']:.2f}]"
        lines.append(f"| {peer['name']} | {ran} |")
    notes = dict.fromkeys(results["notes"].values())
    return "\n".join([*lines, "", " ".join(notes)])


def placed(text: str, rows: str) -> str:
    """The text with the rows between its marks. Raises ValueError where it has none."""
    if not PLACE.search(text):
        raise ValueError("There is no place for the table: put <!-- speed --> and <!-- /speed --> where it belongs.")
    return PLACE.sub(lambda marks: f"{marks[1]}\n\n{rows}\n\n{marks[2]}", text)


def main() -> None:
    results = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    README.write_text(placed(README.read_text(encoding="utf-8"), table(results)), encoding="utf-8")
    print(f"Rewrote the table of speed in {README.name}.")


if __name__ == "__main__":
    main()
