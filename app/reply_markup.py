"""One comparison as HTML: where the prompt lies, both replies, the receipt, the first tokens. Pure and escaped."""

from collections.abc import Mapping, Sequence
from html import escape

from .figures.curves import WORDS
from .figures.palette import SYMBOLS
from .markup import caution, explained, legend, length, line, mark, percent, signed, table
from .results import Comparison, Curves, Likely, Receipt, Reply

RECEIPT = (
    "Everything is on the scale of s: the bands are the middle 90 % of held-out harmless and harmful text, the "
    "dashed line the boundary of the trust region. The formulas of strength and trust region are our reconstruction "
    "of the paper's."
)
TOKENS = "The ten likeliest first tokens of each reply: how close the call was. Bold tokens open a refusal."
FATES = {
    "refuses": "is refused",
    "complies": "is answered",
    "deflects": "is neither refused nor answered",
    "broken": "gets a broken reply",
    "undecided": "gets a reply that was cut before it shows what it does",
    "not judged": "gets a reply in a language that is not judged",
}
"""Verdict -> what becomes of the request, in a sentence about it."""


def curve_legend(twins: Sequence[str] = ()) -> str:
    """What the lines of the curves are; twins: modalities of those that are drawn."""
    return legend(
        [
            (line("harmful", band=True), "harmful text: median, 5 to 95 %"),
            (line("harmless", band=True), "harmless text"),
            (line("ink", dashed=True), "this prompt, as the model has it"),
            (line("ink"), "this prompt, re-centred"),
            *(
                (mark(SYMBOLS[modality], "neutral", is_open=True), f"the same {words}, re-centred")
                for modality, words in WORDS.items()
                if modality in twins
            ),
        ]
    )


def curves_table(
    bands: Mapping[str, Sequence], curves: Curves | None, selected: int, twins: Sequence[Curves] = ()
) -> str:
    """Refusal coordinate of prompt, twins and text, one row a layer."""
    head = ["layer", "before", "re-centred", *(f"the same {WORDS[twin.modality]}" for twin in twins),
            "harmless text 5 %", "50 %", "95 %", "harmful text 5 %", "50 %", "95 %"]  # fmt: skip
    rows = []
    for layer, (low, high) in enumerate(zip(bands["harmless"], bands["harmful"], strict=True)):
        prompt = ["–", "–"] if curves is None else [signed(curves.before[layer]), signed(curves.after[layer])]
        beside = [twin.after[layer] for twin in twins]
        rows.append([str(layer), *prompt, *(signed(value) for value in (*beside, *low, *high))])
    told = "" if curves is None else f'<p class="reading">{escape(reading(bands, curves, selected))}</p>'
    return told + table(head, rows, "Numbers: refusal coordinate s, dimensionless", selected)


def reading(bands: Mapping[str, Sequence], curves: Curves, layer: int) -> str:
    """Where a prompt lies at one layer, in a sentence."""
    before, after = curves.before[layer], curves.after[layer]
    if curves.modality == "text":
        where = f"At layer {layer} this prompt lies at s = {signed(after)}"
        note = " Text is not re-centred, so both lines are one."
    else:
        where = f"At layer {layer} this prompt with its {curves.modality} lies at s = {signed(before)}, "
        where += f"re-centred at {signed(after)}"
        note = ""
    inside = [label for label in ("harmless", "harmful") if bands[label][layer][0] <= after <= bands[label][layer][2]]
    if len(inside) == 2:
        place = "where harmless and harmful text overlap"
    elif inside:
        place = f"among {inside[0]} text"
    elif after < bands["harmless"][layer][0]:
        place = "below nearly all harmless text"
    elif after > bands["harmful"][layer][2]:
        place = "beyond nearly all harmful text"
    else:
        place = "between harmless and harmful text"
    return f"{where}, {place}.{note}"


def replies(comparison: Comparison | None, is_running: bool = True) -> str:
    """Both replies as cards, each with its verdict; a caret where one is still being written."""
    if comparison is None:
        waiting = "The reply appears here, token by token."
        panes = _pane("Without steering", "", "", waiting) + _pane("With MARS", "", "", waiting)
        return f'<div class="replies empty">{panes}</div>'
    steered_as = f"layer {comparison.receipt.layer}, gain {comparison.receipt.gain:g}"
    panes = _reply("Without steering", "", comparison.unsteered, is_running)
    panes += _reply("With MARS", steered_as, comparison.steered, is_running)
    busy = "false" if comparison.is_finished else "true"
    return f'<div class="replies" aria-live="polite" aria-busy="{busy}">{panes}</div>{caution(comparison.warning)}'


def two_runs(
    names: Sequence[str], settings: Sequence[Mapping[str, str]], answers: Sequence[Comparison | None]
) -> str:
    """Two runs beside each other: the settings in which they differ, and their replies; None for one that is gone."""
    first, second = settings
    rows = "".join(
        f'<tr><th scope="row">{escape(name)}</th>'
        + "".join(f"<td>{escape(each[name])}</td>" for each in settings)
        + "</tr>"
        for name in first
        if first[name] != second[name]
    )
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in names)
    alike = ", ".join(name for name in first if first[name] == second[name])
    gone = "Its replies are no longer here: run it again."
    panes = "".join(
        _reply(title, name, getattr(answer, which), False) if answer else _pane(title, name, "", gone)
        for title, which in (("Without steering", "unsteered"), ("With MARS", "steered"))
        for name, answer in zip(names, answers, strict=True)
    )
    return (
        f'<section class="two-runs"><h2>Two runs of the history</h2><table><thead><tr><td></td>{head}</tr></thead>'
        f'<tbody>{rows}</tbody></table><p class="quiet">The same in both: {escape(alike) or "nothing"}.</p>'
        f'<div class="replies">{panes}</div></section>'
    )


def _reply(title: str, how: str, reply: Reply, is_running: bool) -> str:
    caret = "" if reply.finished or not is_running else '<span class="caret" aria-hidden="true"></span>'
    text = escape(reply.text) or ("(nothing: the reply ended at once)" if reply.finished else "")
    return _pane(title, how, verdict(reply), f"{text}{caret}", _why(reply) + _score(reply), _state(reply))


def _pane(title: str, how: str, chip: str, text: str, below: str = "", state: str = "") -> str:
    how = f'<span class="how">{escape(how)}</span>' if how else ""
    return (
        f'<article class="{state}"><h3>{escape(title)} {how}{chip}</h3><p class="reply">{text}</p>{below}</article>'
    )


def _state(reply: Reply) -> str:
    """Class of a reply that is not to be taken as one: the length cut it, or it is no whole reply."""
    doubtful = reply.cut_after is not None or (reply.finished and reply.kind in ("broken", "undecided", "not judged"))
    return "doubtful" if doubtful else ""


def _why(reply: Reply) -> str:
    """What decided the verdict, and whether the reply would have gone on."""
    told = [part for part in (reply.verdict.reason if reply.verdict else "", cut(reply)) if part]
    return f'<p class="why">{escape("; ".join(told))}</p>' if told else ""


def cut(reply: Reply) -> str:
    """Where the length allowed ended a reply, in words; empty for one that ended by itself or goes on."""
    n = reply.cut_after
    return "" if n is None else f"cut after {n} token{'s' * (n != 1)}"


def _score(reply: Reply) -> str:
    return f'<p class="score">probability that the first token opens a refusal: {percent(reply.refusal_share)}</p>'


def verdict(reply: Reply) -> str:
    """What a reply does, as a chip that holds this word alone; nothing while it is not decided."""
    if reply.verdict is None:
        return ""
    kind, reason = reply.verdict.kind, escape(reply.verdict.reason)
    return f'<span class="verdict {kind.replace(" ", "-")}" title="{reason}">{kind}</span>'


def receipt(comparison: Comparison | None, bands: Mapping[str, Sequence]) -> str:
    """What the edit did, on the scale on which harmless and harmful text lie, and what became of the request."""
    if comparison is None:
        return ""
    given = comparison.receipt
    before, after, edge = (given.coordinate(sigma) for sigma in (given.sigma_before, given.sigma_after, given.radius))
    harmless, harmful = (bands[label][given.layer] for label in ("harmless", "harmful"))
    recentred = comparison.curves.modality != "text"
    where = (
        f"{'Re-centred, the' if recentred else 'The'} prompt lies at s = {signed(before)} at layer {given.layer}, "
        f"where half of harmless text lies below {signed(harmless[1])} and half of harmful text above "
        f"{signed(harmful[1])}."
    )
    if given.gate_open and given.strength > 0:
        told = f"MARS moved it by {signed(after - before)}, to {signed(after)}{_held(given)}."
    elif given.gate_open:
        told = "The gate is open, but the edit has length 0, since the gain is 0 or the trust region leaves no room."
    else:
        told = (
            "That is on the harmless side of the gate, which opens at −1.00: the gate stays shut, and the hidden "
            "state is returned bit for bit."
        )
    times = "once" if given.fired == 1 else f"{given.fired} times"
    share = given.strength / given.length
    lines = (
        ("gate", "open" if given.gate_open else "shut", "opens beyond the mean of harmless text, which about half of "
         "harmless text does too"),
        ("s before", signed(before), "refusal coordinate" + ", re-centred" * recentred),
        ("s after", signed(after), "the same after the edit"),
        ("trust region", signed(edge), "its boundary: 99 % of harmful text lies below"),
        ("strength", length(given.strength), f"length of the edit, {share:.2f} of the distance between harmless and "
         f"harmful text, {length(given.length)}"),
        ("interventions applied", times, "while the first token was made"),
        ("layer", str(given.layer), f"decoder block whose output was edited, at gain {given.gain:g}"),
        ("position", str(given.position), "last position of the prompt, counted from 0"),
    )  # fmt: skip
    items = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(value)}<small>{escape(meaning)}</small></dd></div>"
        for name, value, meaning in lines
    )
    became = f" {outcome(comparison)}" if comparison.is_finished else ""
    return (
        f'{explained("What the edit did", RECEIPT)}<div class="receipt"><p>{escape(f"{where} {told}{became}")}</p>'
        f"{_scale(before, after, edge, harmless, harmful)}<dl>{items}</dl>"
        f"<p class='check'>{escape(given.check)}</p></div>"
    )


def _held(given: Receipt) -> str:
    return ", where the trust region capped it" if given.room < 1e-3 * given.length else ""


def _scale(before: float, after: float, edge: float, harmless: Sequence, harmful: Sequence) -> str:
    """The refusal coordinate as a line: the middle 90 % of both texts, the prompt before and after, the boundary."""
    low, high = min(harmless[0], before, -1) - 0.15, max(harmful[2], after, edge) + 0.15

    def at(s: float) -> str:
        return f"{100 * (s - low) / (high - low):.2f}%"

    def band(label: str, ends: Sequence) -> str:
        width = f"{100 * (ends[2] - ends[0]) / (high - low):.2f}%"
        middle = at(float(ends[1]))
        return (
            f'<rect x="{at(float(ends[0]))}" y="26" width="{width}" height="14" style="fill:var(--{label}-band)"/>'
            f'<line x1="{middle}" x2="{middle}" y1="26" y2="40" stroke-width="2" style="stroke:var(--{label})"/>'
            f'<text x="{middle}" y="56">{label} text</text>'
        )

    ink = 'style="stroke:var(--ink);fill:var(--ink)"'
    moved = abs(after - before) > 0.1 * (high - low)
    names = ((before, "before"), (after, "after")) if moved else ((after, "before and after"),)
    is_apart = edge - max(before, after) > 0.25 * (high - low)
    bound = f'<text x="{at(edge)}" dx="6" y="16" style="text-anchor:end">trust region</text>' if is_apart else ""
    return (
        '<svg class="scale" width="100%" height="62" role="img" aria-label="'
        f'The prompt at {signed(before)} before and {signed(after)} after the edit, among harmless and harmful text">'
        f"{band('harmless', harmless)}{band('harmful', harmful)}"
        f'<line x1="{at(edge)}" x2="{at(edge)}" y1="20" y2="44" stroke-dasharray="3 3" style="stroke:var(--muted)"/>'
        f'<line x1="{at(before)}" x2="{at(after)}" y1="33" y2="33" stroke-width="2" {ink}/>'
        f'<circle cx="{at(before)}" cy="33" r="5" stroke-width="2" style="stroke:var(--ink);fill:var(--surface)"/>'
        f'<circle cx="{at(after)}" cy="33" r="5" {ink}/>'
        + "".join(f'<text x="{at(s)}" y="16">{name}</text>' for s, name in names)
        + bound
        + "</svg>"
    )


def outcome(comparison: Comparison) -> str:
    """What both replies do, in a sentence."""
    before, after = FATES[comparison.unsteered.kind], FATES[comparison.steered.kind]
    if before == after:
        return f"Without steering and with MARS the request {before}."
    return f"Without steering the request {before}; with MARS it {after}."


def first_tokens(comparison: Comparison | None) -> str:
    """The ten likeliest first tokens of both replies as bars."""
    if comparison is None:
        return ""
    unsteered, steered = comparison.unsteered.refusal_share, comparison.steered.refusal_share
    return explained("First token", TOKENS) + (
        '<p class="reading">All first tokens that open a refusal together have a probability of '
        f"{percent(unsteered)} without steering and {percent(steered)} with MARS.</p>"
        f"{caution(comparison.warning)}"
        '<div class="tokens">'
        + _token_list("Without steering", comparison.unsteered.first_tokens)
        + _token_list("With MARS", comparison.steered.first_tokens)
        + "</div>"
    )


def _token_list(title: str, likely: Sequence[Likely]) -> str:
    rows = ""
    for candidate in likely:
        shown = escape(candidate.token).replace(" ", "␣") or "(empty)"
        kind = ' class="refuses"' if candidate.refuses else ""
        rows += (
            f'<li{kind}><code>{shown}</code><span class="bar"><span style="width:{100 * candidate.probability:.1f}%">'
            f"</span></span><span>{percent(candidate.probability)}</span></li>"
        )
    return f"<div><h3>{escape(title)}</h3><ol>{rows}</ol></div>"
