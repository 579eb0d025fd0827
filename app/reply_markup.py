"""One comparison as HTML: where the prompt lies, both replies, the receipt, the first tokens. Pure and escaped."""

from collections.abc import Mapping, Sequence
from html import escape

from .figures.curves import WORDS
from .figures.palette import SYMBOLS
from .markup import caution, legend, length, line, mark, percent, signed, table
from .results import Comparison, Curves, Likely, Reply

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
    return told + table(head, rows, "Numbers: refusal coordinate s, without unit", selected)


def reading(bands: Mapping[str, Sequence], curves: Curves, layer: int) -> str:
    """Where a prompt lies at one layer, in a sentence."""
    before, after = curves.before[layer], curves.after[layer]
    if curves.modality == "text":
        where = f"At layer {layer} this prompt lies at s = {signed(after)}"
        note = " Text is not re-centred, so both lines are one."
    else:
        medium = "clip" if curves.modality == "video" else "picture"
        where = f"At layer {layer} this prompt with its {medium} lies at s = {signed(before)}, "
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


def replies(comparison: Comparison | None, stale: str = "", is_running: bool = True) -> str:
    """Both replies side by side, each with its verdict; a caret where one is still being written."""
    if comparison is None:
        waiting = "The reply appears here, token by token."
        panes = _pane("Without steering", "", "", waiting) + _pane("With MARS", "", "", waiting)
        return f'<div class="replies empty">{panes}</div>'
    steered_as = f"layer {comparison.receipt.layer}, gain {comparison.receipt.gain:g}"
    panes = _reply("Without steering", "", comparison.unsteered, is_running)
    panes += _reply("With MARS", steered_as, comparison.steered, is_running)
    busy = "false" if comparison.unsteered.finished and comparison.steered.finished else "true"
    old = f'<p class="stale" role="status">{escape(stale)}</p>' if stale else ""
    told = old + caution(comparison.warning)
    return f'<div class="replies" aria-live="polite" aria-busy="{busy}">{panes}</div>{told}'


def _reply(title: str, how: str, reply: Reply, is_running: bool) -> str:
    caret = "" if reply.finished or not is_running else '<span class="caret" aria-hidden="true"></span>'
    text = escape(reply.text) or ("(nothing: the reply ended at once)" if reply.finished else "")
    return _pane(title, how, verdict(reply), f"{text}{caret}", _why(reply) + _score(reply))


def _pane(title: str, how: str, chip: str, text: str, below: str = "") -> str:
    how = f'<span class="how">{escape(how)}</span>' if how else ""
    return f'<article><h3>{escape(title)} {how}{chip}</h3><p class="reply">{text}</p>{below}</article>'


def _why(reply: Reply) -> str:
    """What decided the verdict, and whether the reply would have gone on."""
    told = [part for part in (reply.verdict.reason if reply.verdict else "", cut(reply)) if part]
    return f'<p class="why">{escape("; ".join(told))}</p>' if told else ""


def cut(reply: Reply) -> str:
    """Where the length allowed ended a reply, in words; empty for one that ended by itself or goes on."""
    n = reply.cut_after
    return "" if n is None else f"cut after {n} token{'s' * (n != 1)}"


def _score(reply: Reply) -> str:
    return f'<p class="score">first-token refusal score {signed(reply.refusal_score)} nats</p>'


def verdict(reply: Reply) -> str:
    """What a reply does, as a chip that holds this word alone; nothing while it is not decided."""
    if reply.verdict is None:
        return ""
    kind, reason = reply.verdict.kind, escape(reply.verdict.reason)
    return f'<span class="verdict {kind.replace(" ", "-")}" title="{reason}">{kind}</span>'


def receipt(comparison: Comparison | None) -> str:
    """What the edit did, line by line, each with its meaning, and what became of the request."""
    if comparison is None:
        return ""
    given = comparison.receipt
    scale = f"on a scale where harmful text lies at {length(given.length)}"
    if given.gate_open and given.strength > 0:
        told = (
            f"The prompt lies {length(given.sigma_before)} beyond harmless text along the refusal "
            f"direction, {scale}: the gate is open, and the edit moved it {length(given.strength)} further, "
            f"to {length(given.sigma_after)}."
        )
    elif given.gate_open:
        told = (
            f"The prompt lies {length(given.sigma_before)} beyond harmless text, {scale}: the gate is open, "
            "but the edit has length 0, since the gain is 0 or the trust region leaves no room."
        )
    else:
        told = (
            f"The prompt lies {length(abs(given.sigma_before))} on the harmless side of the gate's zero, "
            f"{scale}: the gate stays shut, the strength is exactly 0, and the activation is returned bit "
            "for bit."
        )
    times = "once" if given.fired == 1 else f"{given.fired} times"
    lines = (
        ("layer", str(given.layer), "decoder block whose output was edited"),
        ("position", str(given.position), "last position of the prompt, counted from 0"),
        ("gate", "open" if given.gate_open else "shut", "opens beyond the re-centred zero"),
        ("σ before", length(given.sigma_before), "distance beyond harmless text"),
        ("σ after", length(given.sigma_after), "the same after the edit"),
        ("strength", length(given.strength), f"length of the edit, at gain {given.gain:g}"),
        ("room left", length(given.room), f"to the trust region's edge at {length(given.radius)}"),
        ("hook fired", times, "while the first token was made"),
    )
    items = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(value)}<small>{escape(meaning)}</small></dd></div>"
        for name, value, meaning in lines
    )
    if comparison.unsteered.finished and comparison.steered.finished:
        told += f" {outcome(comparison)}"
    return (
        f'<div class="receipt"><p>{escape(told)}</p><dl>{items}</dl>'
        f"<p class='check'>{escape(given.check)} Distances are in units of the residual stream "
        "at this layer.</p></div>"
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
    return (
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
