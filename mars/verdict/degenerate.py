"""Text that is no text: it repeats itself, its words are corrupted, or they are strung together without grammar.

Each bound lies beyond what intact replies show, lists, poems, tables and code among them; `python -m mars.verdict
judge` counts what they find and what they find wrongly.
"""

import re
from collections import Counter

from mars.verdict.languages import ENGLISH

WINDOW = 50
"""Words among which different ones are counted."""
DIFFERENT = 0.38
"""Lowest share of different words in any window."""
LETTERS, MARKS = 24, 120
"""Characters in which a few letters, or marks and digits, come back again and again: rulers are shorter."""
PHRASES = 12
"""Words of a phrase that comes back at once, four times or more: a refrain is shorter."""
TOP_WORD = 0.15
"""Largest share of one word that is no function word, among WINDOW words or more."""
CORRUPTED = 2, 0.012
"""Words with stray marks inside: how many, and what share of all, make a text corrupted."""
STRETCH = 13
"""Words in a row without a function word, a number or a mark."""
FUNCTION_WORDS = 0.85
"""Largest share of function words, among 15 words or more."""

_WORD = re.compile(r"[^\W_]+")
_SAME_WORD = re.compile(r"\b([^\W\d_]+)(?: \1){5,}\b")
_SAME_PHRASE = re.compile(r"\b([^\W_]+(?: [^\W_]+){1,11}?)(?: \1){3,}\b")
_SAME_CHARACTERS = re.compile(r"(\S{1,8}?)\1{7,}")
_SAME_MARKS = re.compile(r"((?:[^\w\s]\S{0,3}[^\S\n]+){1,3})\1{11,}|[^\S\n]{60,}")
_CORRUPTED = re.compile(
    r"\w'(?!(?:s|t|re|ve|ll|d|m|em|all|am|clock|y|cause|tis|twas)\b)[a-z]\w*|\w''\w"
    r"|\b(?:I|you|it|here|let|can|don)'(?=[ ,*])|[^\W\d]-{2,}[^\W\d]|\w,,|\s-[a-z]+ly\b"
)
_CODE = re.compile(r"```.*?(?:```|$)|`[^`\n]*`|\S*[/@]\S*[/@.]\S*", re.DOTALL)
"""Code and addresses, which repeat themselves and have no grammar."""
_BETWEEN_STRETCHES = re.compile(r"[^\w\s'’-]+|\s[-–—]+\s|\n+")


def repeats(reply: str) -> str | None:
    """How a text of any language repeats itself, in words, or None."""
    return _repetition(reply, _words(reply))


def garbled(reply: str) -> str | None:
    """What is wrong with the words of a text in Latin letters and no other language than English, or None."""
    words = _words(reply)
    return _corruption(reply, words) or _word_salad(reply, words)


def has_words(reply: str) -> bool:
    """Whether there is a letter or a digit."""
    return _WORD.search(reply) is not None


def _words(reply: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(reply)]


def _repetition(reply: str, words: list[str]) -> str | None:
    line = " ".join(words)
    if match := _SAME_WORD.search(line) or next(filter(_is_long, _SAME_PHRASE.finditer(line)), None):
        return f"“{match[1]}” {len(match[0].split()) // len(match[1].split())} times in a row"
    for match in _SAME_CHARACTERS.finditer(reply):
        if len(match[0]) >= (LETTERS if any(map(str.isalpha, match[1])) else MARKS):
            return f"“{match[1]}” {len(match[0]) // len(match[1])} times in a row"
    if _SAME_MARKS.search(reply):
        return "marks or spaces without end"
    words = _words(_CODE.sub(" ", reply))
    if len(words) < WINDOW:
        return None
    fewest = min(len(set(words[i : i + WINDOW])) for i in range(0, len(words) - WINDOW + 1, 5))
    if fewest < DIFFERENT * WINDOW:
        return f"{fewest} different words among {WINDOW}"
    counts = Counter(word for word in words if word.isalpha() and word not in ENGLISH)
    top, count = max(counts.items(), key=lambda entry: entry[1], default=("", 0))
    return f"“{top}” is {count} of {len(words)} words" if count > TOP_WORD * len(words) else None


def _is_long(match: re.Match[str]) -> bool:
    return len(match[0].split()) >= PHRASES


def _corruption(reply: str, words: list[str]) -> str | None:
    text = _CODE.sub(" ", reply.replace("’", "'"))
    found = _CORRUPTED.findall(text)
    least, share = CORRUPTED
    return f"{len(found)} corrupted words" if len(found) >= least and len(found) >= share * len(words) else None


def _word_salad(reply: str, words: list[str]) -> str | None:
    if len(words) >= 15 and sum(word in ENGLISH for word in words) > FUNCTION_WORDS * len(words):
        return "hardly anything but function words"
    text = re.sub(r"[*_]+", "", _CODE.sub(" . ", reply))
    for part in _BETWEEN_STRETCHES.split(text):
        run = 0
        for word in part.split():
            run = 0 if word.lower() in ENGLISH or not word.isalpha() else run + 1
            if run >= STRETCH:
                return f"{run} words in a row without grammar"
    return None
