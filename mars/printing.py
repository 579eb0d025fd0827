"""What the command line prints: results as lines, and progress."""

import sys
import time
from collections import deque
from collections.abc import Sequence
from typing import Any

from mars.artifact.artifact import Artifact
from mars.effect.sweep import SweepMap
from mars.effect.verdict_map import VerdictMap


def print_effect(artifact: Artifact) -> None:
    """What steering does to validation text at gain 1, with 95 % intervals."""
    effect = artifact.effect
    at_one = effect.gains.index(1)
    print(
        f"Steering effect at gain 1 on validation text ({effect.texts['harmful']} harmful, "
        f"{effect.texts['harmless']} harmless): change of the first-token refusal score, in nats, with its 95 % "
        "interval."
    )
    if effect.refusals:
        print(
            "Then, the share that refuses: "
            + ", ".join(f"{label} {share:.1%} without steering" for label, share in effect.unsteered_refusals.items())
            + "."
        )
    for layer in range(artifact.n_layers):
        cells = [
            f"{label} {{:+.2f}} [{{:+.2f}}, {{:+.2f}}]".format(*effect.score[label][layer, at_one].tolist())
            for label in effect.score
        ]
        cells += [
            f"{label} {{:.1%}} [{{:.1%}}, {{:.1%}}]".format(*share[layer].tolist())
            for label, share in effect.refusals.items()
        ]
        print(f"{layer:5}  " + "   ".join(cells) + (" (chosen)" if layer == artifact.layer else ""))


def print_notes(artifact: Artifact) -> None:
    for note in artifact.notes:
        print(f"note: {note}")


def print_verdict_map(found: VerdictMap, chosen: int) -> None:
    print(f"Verdicts on whole replies. Unsteered it {found.unsteered.kind} ({found.unsteered.reason}).")
    print("layer  " + "".join(f"{f'gain {gain:g}':>12}" for gain in found.gains))
    for layer, verdicts in zip(found.layers, found.verdicts, strict=True):
        cells = "".join(f"{one.kind:>12}" for one in verdicts)
        print(f"{layer:5}  {cells}" + (" (chosen)" if layer == chosen else ""))


def print_sweep(found: SweepMap, chosen: int) -> None:
    print(
        f"First-token refusal score, in nats: {found.unsteered_score:+.2f} unsteered. *: capped by the trust region."
    )
    print("layer  " + "".join(f"{f'gain {gain:g}':>10}" for gain in found.gains))
    for layer, scores, capped in zip(found.layers, found.refusal_scores, found.saturated, strict=True):
        cells = (f"{float(score):+.2f}{'*' if cap else ' '}" for score, cap in zip(scores, capped, strict=True))
        print(f"{layer:5}  " + "".join(f"{cell:>10}" for cell in cells) + (" (chosen)" if layer == chosen else ""))


def print_results(results: dict[str, Any]) -> None:
    _print_rates(results["rows"], "refuses", "refusals")
    _print_rates(results["utility"], "exact", "exact")
    for note in results["notes"]:
        print(note)
    for row in results["bias"]:
        print(
            f"A meaningless {row['modality']} moves a harmless request by {row['along']:+.3f} along the refusal "
            f"direction, in units of s [{row['low']:+.3f}, {row['high']:+.3f}]."
        )
    for entry in results["not_applicable"]:
        print(f"{entry['strategy']} is not applicable: {entry['reason']}")
    if failures := results["failures"]["cases"]:
        print(
            f"{results['failures']['n']} cases could not be answered and are in no rate; the first is case "
            f"{failures[0]['case']}: {failures[0]['error']}"
        )


def _print_rates(rows: Sequence[dict[str, Any]], head: str, count: str) -> None:
    """A line a row: how many of how many, the rate, and beside it broken and undecided replies and the KL."""
    line = "{:16} {:22} {:6} {:9} {:>14} {:>7} {:>16} {:>7} {:>9} {:>6}"
    if rows:
        names = ("rate", "95 % interval", "broken", "undecided", "KL")
        print(line.format("group", "strategy", "input", "label", head, *names))
    for row in rows:
        what = (row.get("group", "questions"), row["strategy"], row["modality"], row.get("label", ""))
        told = (f"{row[count]:g} of {row['n']}", f"{row['rate']:.1%}", f"[{row['low']:.1%}, {row['high']:.1%}]")
        beside = (f"{row['broken_rate']:.1%}", f"{row['undecided_rate']:.1%}")
        print(line.format(*what, *told, *beside, "" if row["kl"] is None else f"{row['kl']:.3f}").rstrip())


class ProgressBar:
    """Step, share done and time left at the recent pace: one line on a terminal, elsewhere a line a minute."""

    WINDOW = 100
    SECONDS_A_LINE = 60.0

    def __init__(self) -> None:
        self.step = ""
        self.printed = 0.0
        self.recent: deque[tuple[float, int]] = deque(maxlen=self.WINDOW)
        """When how much was done, of late: what a resumed run did long ago says nothing about its pace."""

    def __call__(self, step: str, done: int, total: int) -> None:
        now = time.monotonic()
        if step != self.step:
            self.step, self.printed = step, now
            self.recent.clear()
        self.recent.append((now, done))
        began, before = self.recent[0]
        left = (now - began) / (done - before) * (total - done) if done > before else 0.0
        line = f"{step:32} {done:5} of {total:5}  {left:5.0f} s left "
        if sys.stderr.isatty():
            print(f"\r{line}", end="\n" if done == total else "", file=sys.stderr, flush=True)
        elif done == total or now - self.printed > self.SECONDS_A_LINE:
            self.printed = now
            print(line, file=sys.stderr, flush=True)
