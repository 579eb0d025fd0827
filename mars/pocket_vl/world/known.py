"""What Pocket-VL was made for: the words of its world, and images of the shape in which it is drawn.

All else is outside, whatever the model makes of it. What an image shows is not told here.
"""

import re
from functools import cache

from mars.media.prompt import Prompt
from mars.pocket_vl.world import phrases
from mars.pocket_vl.world.examples import HURRIED_ENDINGS, HURRIED_OPENINGS, QUESTIONS
from mars.pocket_vl.world.phrases import REQUESTS
from mars.pocket_vl.world.things import THINGS
from mars.pocket_vl.world.wider_phrases import wider_phrasings

LARGEST_SIDE = 256
"""Pixels of the gallery's images; those of the training have half as many a side."""
_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")


@cache
def known_words() -> frozenset[str]:
    """Every word of the phrasings of all splits, of things and their kinds, and of how a hurried person asks."""
    texts = [phrase for intent in REQUESTS + QUESTIONS for phrase in phrases.phrasings(intent)]
    texts += [phrase for intent in REQUESTS + QUESTIONS for phrase in wider_phrasings(intent)]
    texts += [*phrases.WORDS_ONLY_EXPLAIN, *phrases.MORE_NAMING, *phrases.KNOWING, *phrases.STAND_INS]
    texts += [*phrases.GREETINGS, *(pointer for pointers in phrases.POINTERS.values() for pointer in pointers)]
    texts += [
        *HURRIED_OPENINGS,
        *HURRIED_ENDINGS,
        *phrases.KIND_PHRASE,
        *phrases.KIND_PHRASE.values(),
        *(f"{thing} the" for thing in THINGS),
    ]
    return frozenset(word for text in texts for word in _words(text.replace("{x}", " ")))


def unknown_words(text: str) -> tuple[str, ...]:
    """Words that are not of the world, in order and each once, in lower case."""
    return tuple(dict.fromkeys(word for word in _words(text) if word not in known_words()))


def strange_size(prompt: Prompt) -> tuple[int, int] | None:
    """Width and height of an image, or of a video's frames, that is no square of at most LARGEST_SIDE; else None."""
    for width, height in (image.size for image in prompt.images):
        if width != height or width > LARGEST_SIDE:
            return width, height
    return None


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())
