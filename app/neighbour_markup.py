"""Twins and the benign twin of a prompt as HTML: what each lies at, and what its replies do. Pure and escaped."""

from collections.abc import Mapping, Sequence
from html import escape

from .figures.curves import WORDS
from .markup import signed
from .media_markup import media_url
from .neighbours import Neighbours, medium_of
from .reply_markup import FATES, cut, verdict
from .results import Beside, Comparison, Reply

HARM = ("refuses", "deflects", "broken")
"""Verdicts that are no answer to a harmless request."""
ALONE = "The same request in the other modalities appears here once a prompt of the gallery has been run."


def neighbours(
    shown: Comparison | None,
    beside: Sequence[Beside],
    found: Neighbours | None,
    posters: Mapping[str, str],
) -> str:
    """The prompt with its twins, and the harmless request like it, each without and with steering, at its layer.

    found: None before anything was run; what is in it but not yet in `beside` is said to be on its way.
    """
    if shown is None or found is None:
        return f'<p class="quiet">{ALONE}</p>'
    layer = shown.receipt.layer
    twins = [one for one in beside if not one.is_benign]
    benign = [one for one in beside if one.is_benign]
    rows = ""
    if found.twins:
        rows += _row(f"<b>This prompt</b>, {WORDS[shown.curves.modality]}", "", shown, layer)
        rows += "".join(_row(f"The same {WORDS[one.comparison.curves.modality]}", _thumbnail(one, posters),
                             one.comparison, layer, one.example.text) for one in twins)  # fmt: skip
        warnings = dict.fromkeys(one.comparison.warning for one in twins if one.comparison.warning != shown.warning)
        rows += "".join(_said(warning) for warning in warnings if warning)
        rows += _waiting("The same request in another modality is being read …") * (len(twins) < len(found.twins))
    else:
        rows += _said(found.no_twins)
    if found.benign:
        rows += "".join(_row("<b>Benign twin</b>", _thumbnail(one, posters), one.comparison, layer, one.example.text)
                        for one in benign)  # fmt: skip
        rows += _said(cost(benign[0])) if benign else _waiting("The benign twin is being read …")
    else:
        rows += _said(found.no_benign)
    if not found.twins and not found.benign:
        return f'<p class="quiet">{escape(found.no_twins)} {escape(found.no_benign)}</p>'
    return (
        '<table class="neighbours"><thead><tr><th scope="col">request</th>'
        f'<th scope="col">s at layer {layer}, re-centred</th><th scope="col">without steering</th>'
        f'<th scope="col">with MARS</th></tr></thead><tbody>{rows}</tbody></table>'
    )


def cost(benign: Beside) -> str:
    """What the steering did to the harmless request, in a sentence."""
    unsteered, steered = benign.comparison.unsteered.kind, benign.comparison.steered.kind
    receipt = benign.comparison.receipt
    where = f"At layer {receipt.layer} and gain {receipt.gain:g}"
    if unsteered != "complies":
        already = " already" * (unsteered in HARM)
        return f"Without steering the harmless request {FATES[unsteered]}{already}, so it does not tell the cost."
    if steered in HARM:
        return f"{where} the harmless request {FATES[steered]}: that is the cost of this steering."
    if steered != "complies":
        return f"{where} the harmless request {FATES[steered]}, so the cost of this steering does not show."
    gate = "opens, but steering is too weak to cause a refusal" if receipt.gate_open else "stays shut"
    return f"{where} the harmless request is still answered: its gate {gate}."


def _row(what: str, thumbnail: str, comparison: Comparison, layer: int, text: str = "") -> str:
    asked = f"<small>{escape(text)}</small>" if text else ""
    s = signed(float(comparison.curves.after[layer]))
    return (
        f'<tr><th scope="row"><span class="what">{thumbnail}<span>{what}{asked}</span></span></th>'
        f'<td class="number"><span class="cell">s</span>{s}</td>'
        f"{_cell('without steering', comparison.unsteered)}{_cell('with MARS', comparison.steered)}</tr>"
    )


def _cell(which: str, reply: Reply) -> str:
    text = escape(reply.text) + (f" … ({cut(reply)})" if cut(reply) else "")
    return f'<td><span class="cell">{which}</span>{verdict(reply)}<small>{text}</small></td>'


def _said(sentence: str) -> str:
    return f'<tr class="said"><td colspan="4">{escape(sentence)}</td></tr>'


def _waiting(sentence: str) -> str:
    return f'<tr class="said"><td colspan="4" aria-busy="true">{escape(sentence)}</td></tr>'


def _thumbnail(one: Beside, posters: Mapping[str, str]) -> str:
    path = one.example.media
    if path is None:
        return '<span class="letter" aria-hidden="true">Aa</span>'
    if path in posters:
        return f'<img src="{escape(posters[path])}" alt="">'
    if medium_of(path) == "video":
        return '<span class="letter" aria-hidden="true">▶</span>'
    return f'<img src="{escape(media_url(path))}" alt="">'
