"""How many prompts are said to lie outside what was fitted."""

from typing import Any

from .cells import header, percent

OUTSIDE = 0.9
"""Share of what a model was not made for that has to be said to lie outside."""
INSIDE = {"pocket-vl": 0.05, "icon-vl": 0.1}
"""Share of what it was made for that may be."""


def outside(found: dict[str, Any]) -> list[str]:
    """How many prompts of each group are outside what was fitted, against the bars, and those decided wrongly."""
    reasons = found["rows"][0]["reasons"]
    lines = header(["prompts", "bar", "outside", "of", "% (95 %)", *reasons, "hidden state alone"])
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
