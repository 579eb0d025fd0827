"""The layer x gain map as HTML: its reading and its tables. Pure; everything from outside is escaped."""

from html import escape
from itertools import groupby

from .figures.gains import VERDICTS
from .markup import caption, caution, signed, table
from .results import GainMap, Progress, VerdictMap

SELECTED = (
    '<li><svg viewBox="0 0 14 14" width="13" height="13" aria-hidden="true" '
    'style="fill:none;stroke:var(--harmless);stroke-width:2"><rect x="2" y="2" width="10" height="10"/></svg>'
    "layer and gain that are selected</li>"
)
LEGEND = (
    '<ul class="legend"><li><svg viewBox="0 0 14 14" width="13" height="13" aria-hidden="true" '
    'style="fill:var(--surface);stroke:var(--ink)"><circle cx="7" cy="7" r="3"/></svg>'
    f"strength capped by the trust region: a larger gain changes nothing</li>{SELECTED}</ul>"
)
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
    """What the map says at the selected layer, in two sentences."""
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
            told += f" At gain {gain:g} the score is {signed(float(row[column]))} and the damage {kl:.2f} nats."
    return f'<p class="reading">{escape(told)}</p>{caution(found.warning)}'


def verdict_legend(found: VerdictMap) -> str:
    """The verdicts that occur, each by its initial and colour."""
    there = {one.kind for row in found.verdicts for one in row}
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


def verdict_reading(found: VerdictMap, layer: int, gain: float) -> str:
    """What the map of verdicts says as a whole and at the selected layer."""
    kinds = [one.kind for row in found.verdicts for one in row]
    counts = ", ".join(f"{kind} {kinds.count(kind)}" for kind in VERDICTS if kind in kinds)
    told = f"Without steering: {found.unsteered.kind} ({found.unsteered.reason}). Of {len(kinds)} edits: {counts}."
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


def verdict_table(found: VerdictMap, layer: int) -> str:
    """The verdicts, a row a layer and a column a gain, with where the length ended a reply."""
    head = ["layer", *(f"gain {gain:g}" for gain in found.gains)]
    rows = [[str(one), *(verdict.kind + " (cut)" * cut for verdict, cut in zip(row, cuts, strict=True))]
            for one, row, cuts in zip(found.layers, found.verdicts, found.cuts, strict=True)]  # fmt: skip
    selected = found.layers.index(layer) if layer in found.layers else None
    return table(head, rows, f"Verdicts on replies of {found.length} tokens at most", selected)


def tables(found: GainMap, layer: int) -> str:
    """Both maps, a row a layer and a column a gain."""
    head = ["layer", *(f"gain {gain:g}" for gain in found.gains)]
    selected = found.layers.index(layer) if layer in found.layers else None
    scores = [[str(one), *(signed(float(value)) for value in row)]
              for one, row in zip(found.layers, found.refusal_scores, strict=True)]  # fmt: skip
    damage = [[str(one), *(f"{value:.2f}" + " (capped)" * bool(held) for value, held in zip(row, holds, strict=True))]
              for one, row, holds in zip(found.layers, found.kl, found.saturated, strict=True)]  # fmt: skip
    return table(head, scores, "Numbers: refusal score of the first token, in nats", selected) + table(
        head, damage, "Numbers: KL from the unsteered first token, in nats; capped by the trust region", selected
    )
