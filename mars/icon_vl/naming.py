"""Whether a caption names what is shown.

It does where all words of the name, or of a synonym in the split file, stand in it side by side and in order,
whatever their case. Hyphens and other marks part words. The last word may be in the plural where the name's is not,
and the other way round: with -s, with -es, and with -ies for -y.
"""

import re
from collections.abc import Iterable, Sequence

_WORD = re.compile(r"\w+")


def is_named(caption: str, names: Iterable[str]) -> bool:
    """Whether the caption holds one of the names."""
    words = _words(caption)
    return any(_holds(words, _words(name)) for name in names)


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())


def _holds(words: Sequence[str], name: Sequence[str]) -> bool:
    return any(
        words[start : start + len(name) - 1] == name[:-1] and _is_same(words[start + len(name) - 1], name[-1])
        for start in range(len(words) - len(name) + 1)
    )


def _is_same(word: str, other: str) -> bool:
    return word == other or word in _plurals(other) or other in _plurals(word)


def _plurals(word: str) -> set[str]:
    return {f"{word}s", f"{word}es"} | ({f"{word[:-1]}ies"} if word.endswith("y") else set())
