"""Thinking before the answer: with it, the first generated token is no answer, and no refusal.

It is switched off where the chat template has a switch, closed where the generation prompt opens it regardless, and
opened and closed in the prompt where a model's own first tokens open it.
"""

import re
from collections.abc import Collection

SWITCHES = ("enable_thinking", "thinking")
"""Variables of chat templates that are false to answer at once."""
TAGS = {
    "<think>": "</think>",
    "[THINK]": "[/THINK]",
    "<thinking>": "</thinking>",
    "<seed:think>": "</seed:think>",
    "◁think▷": "◁/think▷",
    "<|channel>thought": "<channel|>",
    "<|channel|>analysis<|message|>": "<|end|><|start|>assistant<|channel|>final<|message|>",
}
"""What opens thinking, and what closes it."""
TAIL_TOKENS = 48
"""As many last tokens of a prompt hold any of these, be it letter by letter."""


def switched_off(template: str) -> dict[str, bool]:
    """Variables to give a chat template so that the model answers at once."""
    return {name: False for name in SWITCHES if re.search(rf"\b{name}\b", template)}


def closing(tail: str) -> str:
    """What to add to a prompt that ends by opening thinking; empty where it does not.

    tail: the end of the prompt as text.
    """
    end = tail.rstrip()
    return next((f"\n{close}\n\n" for opening, close in TAGS.items() if end.endswith(opening)), "")


def is_known(template: str, tokens: Collection[str]) -> bool:
    """Whether a chat template or a vocabulary's added tokens hold what opens thinking: others never open it."""
    return any(opening in template or _first_mark(opening) in tokens for opening in TAGS)


def opened(reply: str) -> str | None:
    """What opens thinking at the beginning of a reply; empty where nothing does, None where more must be seen.

    reply: its first tokens as text, special ones included; it may end within a character.
    """
    begun = reply.lstrip().rstrip("\ufffd")
    found = next((opening for opening in TAGS if begun.startswith(opening)), "")
    return found or (None if any(opening.startswith(begun) for opening in TAGS) else "")


def _first_mark(opening: str) -> str:
    """The token that an opening begins with, where it is one of its own: "<|channel|>" of the longest."""
    return re.match(r"<[^>]*>|.*", opening)[0]
