"""Thinking before the answer: with it, the first generated token is no answer, and no refusal.

It is switched off where the chat template has a switch, and closed where the generation prompt opens it regardless.
"""

import re

SWITCHES = ("enable_thinking", "thinking")
"""Variables of chat templates that are false to answer at once."""
TAGS = {
    "<think>": "</think>",
    "[THINK]": "[/THINK]",
    "<thinking>": "</thinking>",
    "<seed:think>": "</seed:think>",
    "◁think▷": "◁/think▷",
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
