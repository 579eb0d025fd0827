"""The layer x gain map as HTML: its reading and its tables. Pure; everything from outside is escaped."""

from collections.abc import Sequence
from html import escape
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from . import reply_markup
from .figures.gains import FAR, PINS, VERDICTS
from .markup import caption, caution, percent, signed, table
from .results import Comparison, GainMap, Mapped, Pin, Progress, VerdictMap

SELECTED = (
    '<li><svg viewBox="0 0 14 14" width="13" height="13" aria-hidden="true" '
    'style="fill:none;stroke:var(--ink);stroke-width:2"><rect x="2" y="2" width="10" height="10"/></svg>'
    "layer and gain that are selected</li>"
)
LEGEND = (
    '<ul class="legend">'
    f'<li><span class="swatch" aria-hidden="true" style="background:var(--harmful)"></span>refusing is likelier</li>'
    f'<li><span class="swatch" aria-hidden="true" style="background:var(--harmless)"></span>answering is likelier; '
    f"colours end at ±{FAR:g} nats, on every map</li>"
    '<li><span class="swatch hatched" aria-hidden="true"></span>strength capped by the trust region: a larger gain '
    f"changes nothing</li>{SELECTED}</ul>"
)
SPARED = 0.02
"""Rise of the probability that the benign twin is refused up to which it counts as spared."""
RAISED = 0.01
"""Rise of the prompt's below which no cell is named."""
TIE = 0.005
"""Rises of the prompt's that differ by no more are alike; the smallest gain of them is taken."""
FIRST_WORDS = 120
"""Characters of a reply in a hover label."""


def empty() -> str:
    """Before anything has been run."""
    return caption("Run a prompt on Compare first: the map is made for the prompt that is shown there.")


def waiting(text: str) -> str:
    """A prompt is there and its map is not."""
    return f'<p class="quiet">For the prompt on Compare: <b>{escape(text) or "no words"}</b></p>'


def progress(step: Progress, what: str, unit: str = "") -> str:
    """How far something is, as a bar with words."""
    left = "" if step.seconds_left is None else f", about {duration(step.seconds_left)} left"
    words = f"{what}: {step.done} of {step.total}{unit}{left}"
    return (
        f'<p class="notice busy" role="status">{escape(words)}'
        f'<progress max="{step.total}" value="{step.done}" aria-label="{escape(what)}"></progress></p>'
    )


def duration(seconds: float) -> str:
    """Seconds as a person says them."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{round(seconds / 60)} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def reading(found: GainMap, layer: int, gain: float) -> str:
    """What the map of one prompt says at the selected layer."""
    told = f"Without steering the refusal score is {signed(found.unsteered_score)} nats"
    if layer in found.layers:
        row = found.refusal_scores[found.layers.index(layer)]
        turned = [one for one, score in zip(found.gains, row, strict=True) if score > 0]
        if found.unsteered_score > 0:
            told += ": the first token opens a refusal already."
        elif turned:
            told += f". At layer {layer} refusing becomes the likelier opening from gain {turned[0]:g} on."
        else:
            told += f". At layer {layer} no gain makes refusing the likelier opening."
        if gain in found.gains:
            column = found.gains.index(gain)
            kl = float(found.kl[found.layers.index(layer), column])
            told += f" At gain {gain:g} the score is {signed(float(row[column]))}, and the KL {kl:.2f} nats."
    return f'<p class="reading">{escape(told)}</p>{caution(found.warning)}'


def pair_reading(mapped: Mapped, layer: int, gain: float) -> str:
    """The cell in use beside the best one of the map: what each does to the prompt and to its benign twin."""
    own, twin = mapped.own, mapped.twin
    if mapped.is_harmless or twin is None:
        return f'<p class="reading">{escape(mapped.no_twin)}</p>' if mapped.no_twin else ""
    best = best_cell(own, twin)
    spared = f"raising the probability that the twin is refused by at most {100 * SPARED:g} points"
    if best is None:
        told = f"No cell raises the probability that this prompt is refused by a point while {spared}."
    else:
        told = f"Best here, while {spared}: {_cell(own, twin, *best)}."
    if layer in own.layers and gain in own.gains:
        same = best == (layer, gain)
        told += " That is the one in use." if same else f" In use: {_cell(own, twin, layer, gain)}."
    else:
        told += f" Gain {gain:g}, which is in use, is not in the map."
    told += " First token, this pair alone; all cells share a batch, which rounds a little otherwise than a reply's."
    return f'<p class="reading pair">{escape(told)}</p>'


def best_cell(own: GainMap, twin: GainMap) -> tuple[int, float] | None:
    """Layer and gain that raise the prompt's probability of refusal most and spare its benign twin.

    Of rises that are alike the smallest gain is taken; None where none reaches a point.
    """
    rise, harm = (_share(one.refusal_scores) - _share(one.unsteered_score) for one in (own, twin))
    rise = np.where(harm <= SPARED, rise, -1.0)
    if rise.max() < RAISED:
        return None
    column = int((rise >= rise.max() - TIE).any(axis=0).argmax())
    return own.layers[int(rise[:, column].argmax())], own.gains[column]


def _share(score: NDArray | float) -> NDArray:
    return 1 / (1 + np.exp(-np.asarray(score, dtype=np.float64)))


def _cell(own: GainMap, twin: GainMap, layer: int, gain: float) -> str:
    at = own.layers.index(layer), own.gains.index(gain)
    before, after, spared = (percent(float(_share(score))) for score in
                             (own.unsteered_score, own.refusal_scores[at], twin.refusal_scores[at]))  # fmt: skip
    return (
        f"layer {layer} at gain {gain:g} (refusal of the prompt {before} to {after}, of its benign twin {spared}, "
        f"damage {float(twin.kl[at]):.2f} nats)"
    )


def pinned(pins: Sequence[Pin]) -> str:
    """The replies at two cells side by side: to the prompt, and to its benign twin."""
    if not pins:
        return caption("No cell is pinned. Select a cell and pin it; pin a second one to read both side by side.")
    articles = ""
    for letter, pin in zip(PINS, pins, strict=False):
        articles += f"<article><h3>{letter}: layer {pin.layer}, gain {pin.gain:g}</h3>{_said('This prompt', pin.own)}"
        articles += (_said("Its benign twin", pin.twin) if pin.twin else "") + "</article>"
    return f'<div class="replies pins">{articles}</div>'


def _said(whose: str, comparison: Comparison) -> str:
    reply = comparison.steered
    told = [part for part in (reply.verdict.reason if reply.verdict else "", reply_markup.cut(reply)) if part]
    return (
        f'<h4>{whose}{reply_markup.verdict(reply)}</h4><p class="reply">{escape(reply.text) or "(nothing)"}</p>'
        f'<p class="why">{escape("; ".join(told))}</p>'
    )


def verdict_legend(*maps: VerdictMap) -> str:
    """The verdicts that occur, each by its initial and colour."""
    there = {one.kind for found in maps for row in found.verdicts for one in row}
    keys = "".join(
        f'<li><span class="key" aria-hidden="true" style="background:var(--{fill.replace("_", "-")});'
        f'color:var(--{ink})">{kind[0].upper()}</span>{kind}</li>'
        for kind, (fill, ink) in VERDICTS.items()
        if kind in there
    )
    return f'<ul class="legend">{keys}{SELECTED}</ul>'


def hover(found: VerdictMap) -> list[list[str]]:
    """Reason and first words of each reply, by layer and gain."""
    return [
        [f"{verdict.reason} — “{_beginning(reply)}”" for verdict, reply in zip(*row, strict=True)]
        for row in zip(found.verdicts, found.replies, strict=True)
    ]


def _beginning(reply: str) -> str:
    words = " ".join(reply.split())
    return words if len(words) <= FIRST_WORDS else f"{words[:FIRST_WORDS]}…"


def verdict_reading(found: VerdictMap, layer: int, gain: float, whose: str) -> str:
    """What the map of verdicts says of one prompt, as a whole and at the selected layer."""
    kinds = [one.kind for row in found.verdicts for one in row]
    counts = ", ".join(f"{kind} {kinds.count(kind)}" for kind in VERDICTS if kind in kinds)
    told = f"{whose.capitalize()}, without steering: {found.unsteered.kind} ({found.unsteered.reason}). "
    told += f"Of {len(kinds)} edits: {counts}."
    if layer in found.layers:
        row = dict(zip(found.gains, found.verdicts[found.layers.index(layer)], strict=True))
        runs = [
            f"{kind} at gain {', '.join(f'{one:g}' for one in run)}"
            for kind, run in groupby(row, lambda one: row[one].kind)
        ]
        told += f" At layer {layer}: {'; '.join(runs)}."
        if gain in row:
            told += f" Selected, gain {gain:g}: {row[gain].kind} ({row[gain].reason})."
    return f'<p class="reading">{escape(told)}</p>'


def verdict_table(found: VerdictMap, layer: int, whose: str) -> str:
    """The verdicts, a row a layer and a column a gain, with where the length ended a reply."""
    head = ["layer", *(f"gain {gain:g}" for gain in found.gains)]
    rows = [[str(one), *(verdict.kind + " (cut)" * cut for verdict, cut in zip(row, cuts, strict=True))]
            for one, row, cuts in zip(found.layers, found.verdicts, found.cuts, strict=True)]  # fmt: skip
    selected = found.layers.index(layer) if layer in found.layers else None
    return table(head, rows, f"Numbers: {whose}, verdicts on replies of {found.length} tokens at most", selected)


def tables(found: GainMap, layer: int, whose: str) -> str:
    """Refusal score and KL of one prompt, a row a layer and a column a gain; whose: which prompt."""
    head = ["layer", *(f"gain {gain:g}" for gain in found.gains)]
    selected = found.layers.index(layer) if layer in found.layers else None
    scores = [[str(one), *(signed(float(value)) for value in row)]
              for one, row in zip(found.layers, found.refusal_scores, strict=True)]  # fmt: skip
    damage = [[str(one), *(f"{value:.2f}" + " (capped)" * bool(held) for value, held in zip(row, holds, strict=True))]
              for one, row, holds in zip(found.layers, found.kl, found.saturated, strict=True)]  # fmt: skip
    return table(head, scores, f"Numbers: {whose}, refusal score of the first token, in nats", selected) + table(
        head, damage, f"Numbers: {whose}, KL from the unsteered first token, in nats, and where it is capped",
        selected,
    )  # fmt: skip
