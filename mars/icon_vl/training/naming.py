"""Whether a caption names a thing."""

import re
from collections.abc import Iterable


def is_named(caption: str, names: Iterable[str]) -> bool:
    """Whether one of the names stands in a caption as whole words, in capitals or not: "cats" does not name a cat.

    A hyphen between words is as good as a space.
    """
    words = _spaced(caption)
    return any(_spaced(name) in words for name in names)


def _spaced(text: str) -> str:
    """The words of a text with a space before and after each."""
    return " ".join(("", *re.findall(r"\w+", text.lower()), ""))
