"""The tables of an evaluation: refusals with their costs, how steering acted, exact replies, and how all was made."""

from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any

from ..figures.tradeoff import BREAKS, LABELS
from .rows import (
    WORDS,
    as_number,
    as_percent,
    as_words,
    broken_share,
    cells_of,
    dict_of,
    fact_list,
    group_title,
    groups_of,
    is_number,
    list_of,
    names_of,
    rate_of,
    spoken,
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
        f"<p>{escape(as_words(entry.get('strategy')))} is not applicable: {escape(as_words(entry.get('reason')))}</p>"
        for entry in list_of(results, "not_applicable")
        if isinstance(entry, Mapping)
    )
    tables = (
        _grid(group_title(group), rows, group, lambda row: _rate(row, row["refusals"], _beside(row)))
        for group in groups_of(rows)
    )
    return intro + "".join(tables) + reasons + _failures(dict_of(results, "failures"))


def _failures(failures: Mapping[str, Any]) -> str:
    """How many cases could not be answered, and why the first of them; nothing where there are none."""
    if not failures.get("n"):
        return ""
    first = next((entry for entry in list_of(failures, "cases") if isinstance(entry, Mapping)), {})
    words = f"case {as_words(first.get('case'))}: {as_words(first.get('error'))}"
    told = f"{as_words(failures['n'])} cases could not be answered and are in no rate; the first is {words}"
    return f"<p>{escape(told)}</p>"


def gates(rows: Sequence[Mapping[str, Any]]) -> str:
    """How often the gate opened, how far the edit went and how the first token scores, where the rows say so."""
    measured = {"mean_strength": "strength {}", "mean_score": "score {}"}
    if not any("open_gates" in row for row in rows):
        return ""

    def cell(row: Mapping[str, Any]) -> str:
        told = [words.format(as_number(row[key])) for key, words in measured.items() if row.get(key) is not None]
        return (
            f"{as_percent(row.get('open_gates'))}<small>{''.join(f'<span>{words}</span> ' for words in told)}</small>"
        )

    return (
        "<p>Share of inputs whose activation was moved at the first token; how far on average, in units of the "
        "residual stream; and the mean first-token refusal score, log P_ref − log(1 − P_ref), in nats.</p>"
    ) + "".join(
        f"<details><summary>{escape(group_title(group))}</summary>{_grid('', rows, group, cell)}</details>"
        for group in groups_of(rows)
    )


def _grid(title: str, rows: Sequence[Mapping[str, Any]], group: str, show: Callable[[Mapping], str]) -> str:
    """A table of strategies by modality and label."""
    found = cells_of(rows, group)
    columns = [
        (modality, [label for label in LABELS if any((name, modality, label) in found for name in names_of(rows))])
        for modality in WORDS
    ]
    columns = [(modality, labels) for modality, labels in columns if labels]
    names = [name for name in names_of(rows) if any(key[0] == name for key in found)]
    above = "".join(
        f'<th scope="colgroup" colspan="{len(labels)}"><span>{WORDS[modality].capitalize()}</span></th>'
        for modality, labels in columns
    )
    below = "".join(f'<th scope="col" class="{label}">{label}</th>' for _, labels in columns for label in labels)
    body = "".join(
        _row_start(name)
        + "".join(
            f"<td>{show(found[name, modality, label]) if (name, modality, label) in found else '–'}</td>"
            for modality, labels in columns
            for label in labels
        )
        + "</tr>"
        for name in names
    )
    caption = f"<caption><span>{escape(title)}</span></caption>" if title else ""
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(title or group_title(group))}">'
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
    for name in names_of(rows):
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
    return "".join(f"<h3>{name}</h3>{fact_list(facts)}" for name, facts in named.items() if facts)


def _row_start(name: str) -> str:
    """A table row up to its name."""
    leading = ' class="leading"' if name == "mars" else ""
    return f'<tr{leading}><th scope="row">{spoken(name)}</th>'


def _rate(row: Mapping[str, Any], counted: float, beside: Sequence[str] = ()) -> str:
    """Share with its count and interval, and below these what else is told, HTML that is escaped already."""
    share, *told = rate_of(row, counted)
    band = row.get("band")
    if isinstance(band, Sequence) and len(band) == 2 and all(map(is_number, band)):
        told.append(f"draws {100 * band[0]:.1f} to {100 * band[1]:.1f}")
    return f"{share}<small>{' '.join(f'<span>{words}</span>' for words in (*told, *beside) if words)}</small>"


def _beside(row: Mapping[str, Any]) -> list[str]:
    """Broken and undecided shares but for 0, a dash where they were not told apart, and the KL if there is one."""
    told = []
    for kind in ("broken", "undecided"):
        share = row.get(f"{kind}_rate")
        if not is_number(share) or share > 0:
            words = f"{kind} {as_percent(share)}"
            told.append(f"<b>{words}</b>" if kind == "broken" and broken_share(row) >= BREAKS else words)
    return [*told, f"KL {as_number(row['kl'])} nats"] if row.get("kl") is not None else told
