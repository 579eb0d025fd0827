"""The cases of an evaluation, which open with what every strategy replied."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from ..figures.tradeoff import LABELS
from .rows import WORDS, as_number, spoken


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
    about = [case["modality"], case["label"]]
    if case.get("group", "main") != "main":
        about.append(str(case["group"]).replace("_", " "))
    expected = f'<p class="quiet">Expected: {escape(str(case["expected"]))}</p>' if case.get("expected") else ""
    listed = "".join(
        f"<div><dt>{spoken(name)}{_verdict(reply)}</dt>"
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
    told = [f"strength {as_number(strength)}"] if strength else []
    told += ["cut"] if reply.get("cut") else []
    return f"<b{style}>{escape(kind)}</b>" + (f"<small>{', '.join(told)}</small>" if told else "")


def _reason(reply: Mapping[str, Any]) -> str:
    return f"<small>{escape(str(reply['reason']))}</small>" if reply.get("reason") else ""
