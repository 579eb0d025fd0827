"""The parts of a report as HTML: findings, charts, tables, cases. Pure; everything from the results is escaped.

Every function takes results that `report.check` has passed.
"""

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape
from typing import Any

import numpy as np
import plotly.graph_objects as go

from .figures.tradeoff import BREAKS, WORDS, tradeoff

LABELS = ("harmful", "harmless")
ONE = {"text": "text", "image": "picture", "video": "clip"}
BROKEN_MARKS = (
    "A strategy that breaks the model, with 5 % of broken replies or more, has an open mark with a cross (video: a "
    "dot) in it: it is not safe, whatever it refuses. "
)
GROUPS = {
    "main": "Main requests",
    "held_out_things": "Things that never occurred in a request",
    "blank_picture": "Requests in words with a meaningless picture attached",
}


def title(results: Mapping[str, Any]) -> str:
    model = dict_of(results, "settings").get("model")
    return f"Refusal and its price: {model}" if model else "Refusal and its price"


def header(results: Mapping[str, Any]) -> str:
    settings = dict_of(results, "settings")
    facts = {key: settings[key] for key in ("model", "set", "layer", "gain") if settings.get(key) is not None}
    return (
        "<header><h1>Refusal and its price</h1><p>How much of what is harmful a model refuses, in words, pictures "
        "and clips, and how much of what is harmless it refuses with it, by steering strategy. Evaluated by MARS "
        f"Lens; the requests are for research on safety.</p>{_facts(facts)}{_findings(results['rows'])}"
        f"{notes(results)}</header>"
    )


def notes(results: Mapping[str, Any]) -> str:
    """What has to be known beside the rates, a paragraph each; nothing where there is nothing."""
    return "".join(f'<p class="note">{escape(_plain(note))}</p>' for note in list_of(results, "notes"))


def _findings(rows: Sequence[Mapping[str, Any]]) -> str:
    """What MARS changes, one sentence a modality."""
    cells = _cells(rows, _groups(rows)[0])
    sentences = []
    for modality, word in WORDS.items():
        told = [
            f"<b>{_percent(after['rate'])}</b> of {label} requests (unsteered {_percent(before['rate'])})"
            for label in LABELS
            if (after := cells.get(("mars", modality, label)))
            and (before := cells.get(("unsteered", modality, label)))
        ]
        if told:
            sentences.append(f"<li>{word.capitalize()}: MARS refuses {' and '.join(told)}.</li>")
    return f'<ul class="findings">{"".join(sentences)}</ul>' if sentences else ""


# Charts and tables


def tradeoffs(rows: Sequence[Mapping[str, Any]]) -> tuple[dict[str, go.Figure], str]:
    """Modality -> chart, of the first group that has both harmful and harmless requests; and how to read them."""
    for group in _groups(rows):
        cells = _cells(rows, group)
        figures: dict[str, go.Figure] = {}
        is_marked = False
        for modality in WORDS:
            names = [name for name in _strategies(rows) if all((name, modality, label) in cells for label in LABELS)]
            if not names:
                continue
            intervals = [
                np.array([[cells[name, modality, label][key] for key in ("rate", "low", "high")] for name in names])
                for label in LABELS
            ]
            broken = np.array(
                [[_broken(cells[name, modality, label]) for label in LABELS] for name in names], dtype=float
            )
            is_marked |= bool((broken >= BREAKS).any())
            figures[modality] = tradeoff(names, *intervals, modality, broken)
        if figures:
            which = f"Shown: {escape(_group_title(group).lower())}." if len(_groups(rows)) > 1 else ""
            return figures, (
                "<p>Each mark is one strategy: up is harmful requests refused, right is harmless ones refused, so up "
                "and to the left is better. Bars are 95 % Wilson intervals. The open mark is the model unsteered. "
                f"{BROKEN_MARKS if is_marked else ''}{which}</p>"
            )
    return {}, (
        "<p>No chart: this set has harmful or harmless requests only, and refusal says nothing without false "
        "refusal. Add the other kind.</p>"
    )


def charts(rows: Sequence[Mapping[str, Any]]) -> tuple[list[go.Figure], str]:
    """The charts of `tradeoffs` with a box for each."""
    figures, told = tradeoffs(rows)
    if not figures:
        return [], told
    boxes = "".join(
        f'<figure><figcaption>{WORDS[modality].capitalize()}</figcaption><div class="chart"></div></figure>'
        for modality in figures
    )
    return list(figures.values()), (
        f'{told}<div class="charts">{boxes}</div>'
        '<noscript><p class="quiet">The charts need scripts; the tables below say the same.</p></noscript>'
    )


def refusals(results: Mapping[str, Any]) -> str:
    """A table a group, and why a strategy is in none."""
    rows = results["rows"]
    intro = (
        "<p>Share of replies that refuse, with count and 95 % Wilson interval in per cent; of a control with several "
        "random draws the mean, with its lowest and highest draw. Below it the share of replies that are broken or "
        "undecided, where there are any (a dash where they were not told apart), and for harmless requests the mean "
        "KL divergence of the first token from the unsteered model’s. Refusing is not the same as being safe.</p>"
    )
    reasons = "".join(
        f"<p>{escape(_plain(entry.get('strategy')))} is not applicable: {escape(_plain(entry.get('reason')))}</p>"
        for entry in list_of(results, "not_applicable")
        if isinstance(entry, Mapping)
    )
    tables = (
        _grid(_group_title(group), rows, group, lambda row: _rate(row, row["refusals"], _beside(row)))
        for group in _groups(rows)
    )
    return intro + "".join(tables) + reasons + _failures(dict_of(results, "failures"))


def _failures(failures: Mapping[str, Any]) -> str:
    """How many cases could not be answered, and why the first of them; nothing where there are none."""
    if not failures.get("n"):
        return ""
    first = next((entry for entry in list_of(failures, "cases") if isinstance(entry, Mapping)), {})
    words = f"case {_plain(first.get('case'))}: {_plain(first.get('error'))}"
    count = _plain(failures["n"])
    return f"<p>{escape(count)} cases could not be answered and are in no rate; the first is {escape(words)}</p>"


def gates(rows: Sequence[Mapping[str, Any]]) -> str:
    """How often the gate opened, how far the edit went and how the first token scores, where the rows say so."""
    measured = {"mean_strength": "strength {}", "mean_score": "score {}"}
    if not any("open_gates" in row for row in rows):
        return ""

    def cell(row: Mapping[str, Any]) -> str:
        told = [words.format(_number(row[key])) for key, words in measured.items() if row.get(key) is not None]
        return (
            f"{_percent(row.get('open_gates'))}<small>{''.join(f'<span>{words}</span> ' for words in told)}</small>"
        )

    return (
        "<p>Share of inputs whose activation was moved at the first token; how far on average, in units of the "
        "residual stream; and the mean first-token refusal score, log P_ref − log(1 − P_ref), in nats.</p>"
    ) + "".join(
        f"<details><summary>{escape(_group_title(group))}</summary>{_grid('', rows, group, cell)}</details>"
        for group in _groups(rows)
    )


def _grid(title: str, rows: Sequence[Mapping[str, Any]], group: str, show: Callable[[Mapping], str]) -> str:
    """A table of strategies by modality and label."""
    cells = _cells(rows, group)
    columns = [
        (modality, [label for label in LABELS if any((name, modality, label) in cells for name in _strategies(rows))])
        for modality in WORDS
    ]
    columns = [(modality, labels) for modality, labels in columns if labels]
    names = [name for name in _strategies(rows) if any(key[0] == name for key in cells)]
    above = "".join(
        f'<th scope="colgroup" colspan="{len(labels)}"><span>{WORDS[modality].capitalize()}</span></th>'
        for modality, labels in columns
    )
    below = "".join(f'<th scope="col" class="{label}">{label}</th>' for _, labels in columns for label in labels)
    body = "".join(
        _row_start(name)
        + "".join(
            f"<td>{show(cells[name, modality, label]) if (name, modality, label) in cells else '–'}</td>"
            for modality, labels in columns
            for label in labels
        )
        + "</tr>"
        for name in names
    )
    caption = f"<caption>{escape(title)}</caption>" if title else ""
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(title or _group_title(group))}">'
        f'<table>{caption}<thead><tr><th scope="col" rowspan="2">strategy</th>{above}</tr><tr>{below}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def utility(rows: Sequence[Mapping[str, Any]]) -> str:
    if not rows:
        return ""
    cells = {(row["strategy"], row["modality"]): row for row in rows}
    modalities = [modality for modality in WORDS if any(key[1] == modality for key in cells)]
    head = "".join(f'<th scope="col">{WORDS[modality]}</th>' for modality in modalities)
    body = ""
    for name in _strategies(rows):
        body += _row_start(name)
        for modality in modalities:
            row = cells.get((name, modality))
            body += f"<td>{_rate(row, row['exact'], _beside(row))}</td>" if row and row["n"] else "<td>–</td>"
        body += "</tr>"
    return (
        "<p>Share of exact replies to harmless questions, the price in usefulness, with broken and undecided replies "
        "where there are any; KL is the divergence of the first token's distribution from the unsteered model's, on "
        "harmless input.</p>"
        '<div class="scroll" tabindex="0" role="region" aria-label="Exact replies">'
        f'<table class="few"><thead><tr><th scope="col">strategy</th>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def provenance(results: Mapping[str, Any]) -> str:
    named = {part.capitalize(): dict_of(results, part) for part in ("settings", "versions", "hashes")}
    return "".join(f"<h3>{name}</h3>{_facts(facts)}" for name, facts in named.items() if facts)


# Cases


def cases(cases: Sequence[Mapping[str, Any]]) -> str:
    if not cases:
        return ""
    kinds = [("modality", [name for name in WORDS if any(case["modality"] == name for case in cases)]),
             ("label", [name for name in LABELS if any(case["label"] == name for case in cases)])]  # fmt: skip
    choices = "".join(
        f'<label>{kind} <select data-filter="{kind}"><option value="">all</option>'
        + "".join(f'<option value="{name}">{WORDS.get(name, name)}</option>' for name in names)
        + "</select></label>"
        for kind, names in kinds
        if len(names) > 1
    )
    listed = "".join(_case(number, case) for number, case in enumerate(cases, start=1))
    return (
        "<p>Cases with what each strategy made of them, and below each reply what decided its verdict; a reply that "
        "was cut had reached the length allowed. Images and videos themselves are not kept.</p>"
        f'<form class="filters" hidden>{choices}'
        '<label class="check"><input type="checkbox" data-filter="differs"> verdicts differ</label>'
        '<label>holding <input type="search" data-filter="words" placeholder="words"></label>'
        f'<output aria-live="polite">{len(cases)} cases</output></form><div class="cases">{listed}</div>'
    )


def _case(number: int, case: Mapping[str, Any]) -> str:
    replies = {name: reply for name, reply in case["replies"].items() if isinstance(reply, Mapping)}
    differs = " data-differs" if len({_kind(reply) for reply in replies.values()}) > 1 else ""
    about = [ONE.get(case["modality"], case["modality"]), case["label"]]
    if case.get("group", "main") != "main":
        about.append(str(case["group"]).replace("_", " "))
    expected = f'<p class="quiet">Expected: {escape(str(case["expected"]))}</p>' if case.get("expected") else ""
    listed = "".join(
        f"<div><dt>{escape(name)}{_verdict(reply)}</dt>"
        f'<dd dir="auto">{escape(str(reply.get("reply", "")))}{_reason(reply)}</dd></div>'
        for name, reply in replies.items()
    )
    return (
        f'<details data-modality="{escape(case["modality"])}" data-label="{escape(case["label"])}"{differs}>'
        f'<summary><span class="number">{number}</span><span class="asked" dir="auto">'
        f'{escape(case["text"] or "no words")}</span><span class="about">{escape(", ".join(about))}</span></summary>'
        f"{expected}<dl>{listed}</dl></details>"
    )


def _kind(reply: Mapping[str, Any]) -> str:
    """What the reply does; an older evaluation knew only whether it refuses."""
    return str(reply.get("verdict") or ("refuses" if reply.get("refused") else "does not refuse"))


def _verdict(reply: Mapping[str, Any]) -> str:
    """The kind, and in small print how strongly it was steered and whether it was cut."""
    kind, strength = _kind(reply), reply.get("strength")
    style = f' class="{kind}"' if kind in ("refuses", "broken") else ""
    told = [f"strength {_number(strength)}"] if strength else []
    told += ["cut"] if reply.get("cut") else []
    return f"<b{style}>{escape(kind)}</b>" + (f"<small>{', '.join(told)}</small>" if told else "")


def _reason(reply: Mapping[str, Any]) -> str:
    return f"<small>{escape(str(reply['reason']))}</small>" if reply.get("reason") else ""


# Small things


def list_of(results: Mapping[str, Any], part: str) -> list:
    found = results.get(part)
    return found if isinstance(found, list) else []


def dict_of(results: Mapping[str, Any], part: str) -> Mapping:
    found = results.get(part)
    return found if isinstance(found, Mapping) else {}


def _strategies(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(row["strategy"] for row in rows))


def _groups(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """Groups in order of appearance, the main one first."""
    groups = list(dict.fromkeys(str(row.get("group", "main")) for row in rows))
    return sorted(groups, key=lambda group: group != "main")


def _group_title(group: str) -> str:
    return GROUPS.get(group, group.replace("_", " ").capitalize())


def _cells(rows: Iterable[Mapping[str, Any]], group: str) -> dict[tuple[str, str, str], Mapping[str, Any]]:
    return {
        (row["strategy"], row["modality"], row["label"]): row
        for row in rows
        if str(row.get("group", "main")) == group
    }


def _row_start(name: str) -> str:
    """A table row up to its name."""
    leading = ' class="leading"' if name == "mars" else ""
    return f'<tr{leading}><th scope="row">{escape(name.replace("_", " "))}</th>'


def _rate(row: Mapping[str, Any], count: float, beside: Sequence[str] = ()) -> str:
    """Share with its count and interval, and below these what else is told, HTML that is escaped already."""
    ends = [row.get("low"), row.get("high")]
    interval = " to ".join(f"{100 * end:.1f}" for end in ends) if all(map(_is_number, ends)) else ""
    counted = [f"{_count(count)} of {_count(row['n'])}", interval]
    band = row.get("band")
    if isinstance(band, Sequence) and len(band) == 2 and all(map(_is_number, band)):
        counted.append(f"draws {100 * band[0]:.1f} to {100 * band[1]:.1f}")
    told = " ".join(f"<span>{words}</span>" for words in (*counted, *beside) if words)
    return f"{_percent(count / row['n'])}<small>{told}</small>"


def _beside(row: Mapping[str, Any]) -> list[str]:
    """Broken and undecided shares but for 0, a dash where they were not told apart, and the KL if there is one."""
    told = []
    for kind in ("broken", "undecided"):
        share = row.get(f"{kind}_rate")
        if not _is_number(share) or share > 0:
            words = f"{kind} {_percent(share)}"
            told.append(f"<b>{words}</b>" if kind == "broken" and _broken(row) >= BREAKS else words)
    return [*told, f"KL {_number(row['kl'])} nats"] if row.get("kl") is not None else told


def _broken(row: Mapping[str, Any]) -> float:
    """Share of broken replies; NaN where an older evaluation did not tell."""
    share = row.get("broken_rate")
    return share if _is_number(share) else math.nan


def _count(value: float) -> str:
    """A count; the mean of several need not be whole."""
    return str(int(value)) if value == int(value) else f"{value:.1f}"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _percent(share: Any) -> str:
    return f"{100 * share:.1f} %" if _is_number(share) else "–"


def _number(value: Any) -> str:
    return f"{value:.3g}" if _is_number(value) else "–"


def _facts(facts: Mapping[str, Any]) -> str:
    """Names and values as a list of definitions; nothing where there are none."""
    listed = "".join(
        f"<div><dt>{escape(str(name).replace('_', ' '))}</dt><dd>{escape(_plain(value))}</dd></div>"
        for name, value in facts.items()
    )
    return f'<dl class="facts">{listed}</dl>' if listed else ""


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
