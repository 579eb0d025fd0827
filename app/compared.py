"""Two recordings as one HTML file that opens offline: curves by relative depth, rates, and cases that differ first.

Everything in them may come from a model or a stranger, so it is escaped; the file is built as a report (`report`).
"""

import argparse
import sys
from collections.abc import Sequence
from html import escape
from pathlib import Path

import plotly.graph_objects as go

from .figures.depths import by_depth
from .report import document, write
from .results import Comparison, RequestError
from .workbench import RecordedSession
from .workbench.recording.comparing import Both, Side, compared

SCALES = (
    "Each curve is the mean refusal coordinate s of the prompts that both recorded, re-centred: −1 is the mean of a "
    "model's own harmless text, +1 that of its harmful text. Depth is relative, since the models need not have as "
    "many layers; the same depth need not mean the same work."
)
RATES = "Replies that refuse, by verdict, with 95 % Wilson intervals, at each model's chosen layer with gain 1."


def main(arguments: Sequence[str] | None = None, prog: str = "mars-lens compare") -> int:
    parser = argparse.ArgumentParser(prog=prog, description=__doc__)
    parser.add_argument("recordings", nargs=2, type=Path, metavar="FOLDER", help="of a recording")
    parser.add_argument("--html", type=Path, required=True, help="write the comparison here")
    options = parser.parse_args(arguments)
    try:
        first, second = map(RecordedSession.open, options.recordings)
        write(render((first, second)), options.html)
    except (RequestError, OSError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    sys.stdout.write(f"Wrote {options.html}.\n")
    return 0


def render(sessions: tuple[RecordedSession, RecordedSession]) -> str:
    """The whole page. Raises RequestError where the recordings have no prompt in common."""
    sides, pairs = compared(sessions)
    figures = [_curves(sides)]
    parts = [("Where prompts lie, by relative depth", f"<p>{SCALES}</p>{_box(figures[0])}")]
    if all(side.effect for side in sides):
        figures.append(_effects(sides))
        parts.append(("Effect of steering, by relative depth", _box(figures[1])))
    parts.append(("Replies that refuse", f"<p>{RATES}</p>{_rates(sides)}"))
    parts.append(("Prompts, those whose verdicts differ first", _cases(sides, pairs)))
    title = f"{sides[0].name} and {sides[1].name}"
    told = (f"<dt>{escape(side.name)}</dt><dd>recorded {escape(side.recorded)}</dd>" for side in sides)
    facts = "".join(f"<div>{one}</div>" for one in told)
    header = f'<header><h1>{escape(title)}</h1><dl class="facts">{facts}</dl></header>'
    return document(f"{title}: two recordings", header, parts, figures)


def _curves(sides: tuple[Side, Side]) -> go.Figure:
    curves = [{label: both[1] for label, both in side.curves.items()} for side in sides]
    told = "Mean refusal coordinate of harmful and harmless prompts by relative depth, of both models."
    return by_depth(_names(sides), [side.depths for side in sides], curves, "refusal coordinate s", told)


def _effects(sides: tuple[Side, Side]) -> go.Figure:
    curves = [{label: values[:, 0] for label, values in side.effect.items()} for side in sides]
    told = "Steering effect on validation text by relative depth, of both models."
    return by_depth(_names(sides), [side.depths for side in sides], curves, sides[0].effect_unit, told)


def _names(sides: tuple[Side, Side]) -> list[str]:
    """Told apart where both are of one model."""
    names = [side.name for side in sides]
    return names if names[0] != names[1] else [f"{name} ({number})" for number, name in enumerate(names, start=1)]


def _box(figure: go.Figure) -> str:
    lines = "".join(
        f"<dt>{escape(trace.name)}</dt><dd>{'dotted' if trace.line.dash == 'dot' else 'solid'}</dd>"
        for trace in figure.data
    )
    return (
        f'<figure><div class="chart" style="height:{figure.layout.height}px"></div></figure>'
        f'<dl class="facts">{lines}</dl>'
    )


def _rates(sides: tuple[Side, Side]) -> str:
    names = _names(sides)
    head = "".join(f"<th>{escape(name)}, {how}</th>" for name in names for how in ("unsteered", "MARS"))
    rows = ""
    for (label, modality), n in sides[0].counts.items():
        cells = "".join(
            f"<td>{one.rate:.0%} [{one.low:.0%}, {one.high:.0%}]</td>"
            for side in sides
            for one in side.rates[label, modality]
        )
        rows += f"<tr><th>{label}, {modality}, n = {n}</th>{cells}</tr>"
    head = f"<thead><tr><th>prompts</th>{head}</tr></thead>"
    return f'<div class="scroll"><table>{head}<tbody>{rows}</tbody></table></div>'


def _cases(sides: tuple[Side, Side], pairs: Sequence[Both]) -> str:
    differing = sum(pair.differs for pair in pairs)
    told = f"<p>{differing} of {len(pairs)} prompts have other verdicts under one model than under the other.</p>"
    return told + "".join(_case(_names(sides), pair) for pair in pairs)


def _case(names: Sequence[str], pair: Both) -> str:
    mark = "differs" if pair.differs else "same verdicts"
    replies = "".join(map(_replies, names, pair.comparisons))
    said = f"{escape(pair.title)} ({pair.label}, {pair.modality}): {mark}"
    return (
        f"<details{' open' * pair.differs}><summary>{said}</summary>"
        f"<p>{escape(pair.text)}</p><dl>{replies}</dl></details>"
    )


def _replies(name: str, comparison: Comparison) -> str:
    told = ""
    for how, reply in (("unsteered", comparison.unsteered), ("with MARS", comparison.steered)):
        cut = f", ended after {reply.cut_after} tokens" if reply.cut_after else ""
        told += f"<dt>{escape(name)}, {how}: {escape(reply.kind)}{cut}</dt><dd>{escape(reply.text)}</dd>"
    return told
