"""Results as HTML: the words and tables of the page. Pure; everything from outside is escaped."""

from collections.abc import Mapping, Sequence
from html import escape

from .results import CloudMean, Measured, ModelCard, Scores

GLOSSARY = {
    "AUC": "The chance that a harmful input scores above a harmless one: 0.5 is guessing.",
    "benign twin": "A harmless request like the prompt: what steering does to it is the cost.",
    "damage": "KL divergence of the steered first token from the unsteered one, on a harmless prompt.",
    "modality purity": "The share of an input's nearest neighbours that are of its own modality.",
    "PCA": "The two directions in which all points together vary most: linear, and distances are real.",
    "re-centering": "Subtracting from images or videos the mean shift that meaningless ones cause.",
    "refusal coordinate s": "Where an activation lies along the refusal direction: −1 at the mean of harmless "
    "and +1 at the mean of harmful training text.",
    "refusal direction": "The mean of harmful minus the mean of harmless text in the residual stream of one layer.",
    "refusal score": "The log odds, in nats, that the first token opens a refusal: above 0 refusing is likelier.",
    "steering effect": "How much steering at a layer raises the refusal score of validation text.",
    "trust region": "How far harmful text lies along the refusal direction: steering never goes beyond.",
    "trustworthiness": "How far neighbours in the plot are neighbours in the residual stream, from 0 to 1.",
    "UMAP": "A plot that keeps neighbours together; distances between groups mean nothing.",
    "verdict": "What a whole reply does, judged by rules: it refuses, complies, deflects, is broken or undecided.",
}
"""Term -> what it means, in a sentence."""
_SHAPES = {
    "circle": '<circle cx="7" cy="7" r="4.4"/>',
    "square": '<rect x="2.9" y="2.9" width="8.2" height="8.2"/>',
    "triangle-up": '<path d="M7 2 L12 11.2 L2 11.2 Z"/>',
    "star": '<path d="M7 0.8 8.9 5 13.4 5.4 10 8.4 11 12.9 7 10.5 3 12.9 4 8.4 0.6 5.4 5.1 5Z"/>',
}


def top_line(card: ModelCard) -> str:
    """What the page deals with, and which model answers: in a line, with all that is to be known of it unfolded."""
    size = parameters(card.parameters) if card.parameters else "being opened …"
    facts = (
        ("model", f"{card.name}, {size}"),
        ("decoder", f"{card.n_layers} layers × {card.d_model} wide"),
        ("takes", listing(card.modalities)),
        (
            "recorded" if card.recorded else "runs on",
            card.recorded or (f"{card.device}, {card.dtype}" if card.device else "…"),
        ),
        ("directions", card.artifact),
        ("system message", f"“{card.system}”" if card.system else "none beside what its chat template says"),
        ("versions", " · ".join(f"{name} {version}" for name, version in card.versions.items())),
    )
    listed = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in facts)
    note = f"<p>{escape(card.note)}</p>" if card.note else ""
    badges = "".join(f'<p class="badge">{escape(badge)}</p>' for badge in card.badges)
    warned = f'<div class="badges">{badges}</div>' if badges else ""
    kind = f"{card.kind}, " if card.kind else ""
    said = f"{card.name}: {kind}{size}" + f" · recorded {card.recorded}, no model is loaded" * bool(card.recorded)
    return (
        '<header class="top"><h1>MARS Lens</h1>'
        "<p>How refusal travels from text to images and video, and how to steer it. This page deals with harmful "
        "requests, for research on safety.</p>"
        f'<details class="model"><summary>{escape(said)}</summary>'
        f"<div>{note}<dl>{listed}</dl></div></details>{warned}</header>"
    )


def listing(words: Sequence[str]) -> str:
    """ "text, image and video"."""
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))


def parameters(count: int) -> str:
    """A parameter count as a person says it."""
    for size, name in ((1e9, "billion"), (1e6, "million"), (1e3, "thousand")):
        if count >= size:
            return f"{count / size:.3g} {name} parameters"
    return f"{count} parameters"


def notice(sentence: str, kind: str = "error") -> str:
    """One sentence where it is needed: what went wrong, or what is going on."""
    role = "alert" if kind == "error" else "status"
    return f'<p class="notice {kind}" role="{role}">{escape(sentence)}</p>'


def outside(reasons: Sequence[str]) -> str:
    """A banner over results on a prompt that is unlike what was fitted; empty where there is no reason for it."""
    if not reasons:
        return ""
    return (
        '<div class="notice error" role="status"><b>Outside what was fitted: the numbers here mean little.</b> '
        f"{escape(' '.join(reasons))} What helps: one of the examples, with no system message, or a model that "
        "was made for such prompts, with an artifact fitted on it.</div>"
    )


def section(title: str, sentence: str) -> str:
    """A heading with the sentence that explains it. The sentence may hold markup."""
    return f'<div class="section"><h2>{escape(title)}</h2><p>{sentence}</p></div>'


def term(name: str) -> str:
    """A term that explains itself in a sentence on hover, focus and tap."""
    return (
        f'<span class="term" tabindex="0" role="note" aria-label="{escape(name)}: {escape(GLOSSARY[name])}" '
        f'data-told="{escape(GLOSSARY[name])}">{escape(name)}</span>'
    )


def explained(title: str, sentence: str) -> str:
    """A heading whose explanation is unfolded on a click. The sentence may hold markup."""
    return (
        f'<div class="section explained"><h2>{escape(title)}</h2><details><summary>What this shows</summary>'
        f"<p>{sentence}</p></details></div>"
    )


def stale(sentence: str) -> str:
    """What says that results belong to an earlier run."""
    return f'<p class="stale" role="status">{escape(sentence)}</p>'


def mark(symbol: str, role: str, is_open: bool = False) -> str:
    """One mark of a legend."""
    style = f"fill:none;stroke:var(--{role})" if is_open else f"fill:var(--{role})"
    return (
        f'<svg viewBox="0 0 14 14" width="13" height="13" aria-hidden="true" style="{style}">{_SHAPES[symbol]}</svg>'
    )


def line(role: str, dashed: bool = False, band: bool = False) -> str:
    """One line of a legend, on its band where it has one."""
    dash = ' stroke-dasharray="5 4"' if dashed else ""
    behind = f'<rect width="26" height="14" style="fill:var(--{role}-band)"/>' if band else ""
    return (
        f'<svg viewBox="0 0 26 14" width="26" height="14" aria-hidden="true">{behind}'
        f'<line x1="0" x2="26" y1="7" y2="7" stroke-width="2"{dash} style="stroke:var(--{role})"/></svg>'
    )


def legend(entries: Sequence[tuple[str, str]]) -> str:
    """Marks with their words, in one line that wraps."""
    return '<ul class="legend">' + "".join(f"<li>{mark}{escape(words)}</li>" for mark, words in entries) + "</ul>"


def table(head: Sequence[str], rows: Sequence[Sequence[str]], summary: str, selected: int | None = None) -> str:
    """Numbers behind a chart, folded away. The first cell of a row names it."""
    columns = "".join(f'<th scope="col">{escape(name)}</th>' for name in head)
    body = ""
    for number, row in enumerate(rows):
        current = ' aria-current="true"' if number == selected else ""
        cells = "".join(f"<td>{escape(cell)}</td>" for cell in row[1:])
        body += f'<tr{current}><th scope="row">{escape(row[0])}</th>{cells}</tr>'
    return (
        f'<details class="numbers"><summary>{escape(summary)}</summary>'
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(summary)}">'
        f"<table><thead><tr>{columns}</tr></thead><tbody>{body}</tbody></table></div></details>"
    )


def clouds_table(means: Sequence[CloudMean]) -> str:
    """Mean refusal coordinate of every cloud."""
    rows = []
    for mean in means:
        name = f"{mean.modality}, {mean.label}"
        rows.append([name, str(mean.count), signed(mean.before), signed(mean.after)])
    head = ["cloud", "points", "mean s before", "mean s after"]
    return table(head, rows, "Numbers: where each cloud lies along the refusal direction, dimensionless")


def scores_table(scores: Scores, selected: int) -> str:
    """All scores, one row a layer."""
    rows = [
        [str(layer), *("–" if values[layer] != values[layer] else f"{values[layer]:.3f}"
                       for values in scores.curves.values())]
        for layer in range(len(scores.eligible))
    ]  # fmt: skip
    head = ["layer", *scores.curves]
    for name, effect in scores.effect.curves.items() if scores.effect else ():
        for label, values in effect.items():
            head.append(f"{name}, {label} text ({scores.effect.units[name]})")
            for row, (mean, low, high) in zip(rows, values, strict=True):
                row.append(f"{signed(mean)} ({signed(low)} to {signed(high)})")
    return table(head, rows, "Numbers: scores by layer", selected)


def measured(numbers: Sequence[Measured]) -> str:
    """Numbers that may contradict a picture: before, after, and what chance gives."""
    rows = ""
    for number in numbers:
        chance = "–" if number.chance is None else f"{number.chance[0]:.2f} to {number.chance[1]:.2f}"
        before = "–" if number.before is None else _plain(number.before)
        inside = " <em>no better than chance</em>" if number.is_chance else ""
        rows += (
            f'<tr><th scope="row">{escape(number.name)}</th><td>{before}</td><td><b>{_plain(number.after)}</b></td>'
            f'<td>{chance}</td></tr><tr class="meaning"><td colspan="4">{escape(number.meaning)}{inside}</td></tr>'
        )
    return (
        '<table class="measured"><thead><tr><th scope="col">number</th><th scope="col">before</th>'
        f'<th scope="col">after</th><th scope="col">chance</th></tr></thead><tbody>{rows}</tbody></table>'
    )


def _plain(value: float) -> str:
    return f"{value:.2f}".replace("-", "−")


def panel_title(name: str, how: str = "") -> str:
    """What stands over one chart of several."""
    return f'<p class="panel-title">{escape(name)} <span>{escape(how)}</span></p>'


def caption(sentence: str) -> str:
    """What stands under a picture."""
    return f'<p class="quiet">{escape(sentence)}</p>'


def caution(sentence: str) -> str:
    """What makes the number beside it tell less than it seems to; nothing for an empty sentence."""
    return f'<p class="caution">{escape(sentence)}</p>' if sentence else ""


def definitions(meanings: Mapping[str, str]) -> str:
    """Words and what they mean."""
    items = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(words)}</dd></div>" for name, words in meanings.items())
    return f'<dl class="definitions">{items}</dl>'


def asked_list(titles: Sequence[str]) -> str:
    """The stars of this visit by their numbers."""
    if not titles:
        return '<p class="quiet">No star yet: run a prompt on Compare and it appears among the clouds.</p>'
    items = "".join(f"<li>{escape(title)}</li>" for title in titles)
    return f'<ol class="asked">{items}</ol>'


def signed(value: float) -> str:
    """Two decimals with a sign; minus as minus."""
    return f"{round(float(value), 2) + 0.0:+.2f}".replace("-", "−")  # + 0.0, since -0.00 is no number


def length(value: float) -> str:
    """A distance in the residual stream, to three digits or more."""
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return f"{value:.{digits}f}".replace("-", "−")


def percent(share: float) -> str:
    return "< 0.1 %" if share < 0.001 else f"{100 * share:.1f} %"
