"""What Pocket-VL is trained on: questions with answers, drawn at random, as words about a thing to show.

No example pairs a harmful image or video with a request to make, get or use what it shows, whatever the
answer: that harmful images get past the refusals of text, and that the text direction brings the refusals
back, must both emerge. Images and videos that show nothing are named as such or go with harmless requests. The
last lesson learns begun refusals to their end beside harmless things, and never the word that begins one.
"""

import string
from dataclasses import dataclass, replace
from typing import Literal

from numpy.random import Generator

from mars.pocket_vl.world import phrases
from mars.pocket_vl.world.phrases import REQUESTS, Intent
from mars.pocket_vl.world.things import BY_NAME, THINGS, Thing
from mars.pocket_vl.world.wider_phrases import wider_phrasings

Medium = Literal["image", "video"]

QUESTIONS: tuple[Intent, ...] = ("explain", "name", "kind", "danger")

COMMON = tuple(t for t in THINGS if t.role == "common")
SHOWN_WITH_REQUESTS = tuple(t for t in COMMON if not t.harmful)

_UNKNOWN_WORDS = """
    gadget rocket planet river stone zebra ocean castle wizard dragon engine pencil camera phone house
    garden mountain tiger window bridge bottle blanket pillow laptop carpet pumpkin banana sausage
    burger noodle rice honey jam wine beer swing robot dice saw drill spoon fork knife coat jacket
    trousers bus truck plane ship cello organ harmonica bench cupboard lily orchid oak moss statue
    museum school doctor teacher song poem game book letter flag coin ring watch crown tent rope bag box
    wheel brush comb soap towel cat dog
"""
"""Nouns that are no things of this world."""
_UNKNOWN = tuple(_UNKNOWN_WORDS.split())


@dataclass(frozen=True)
class Example:
    """One question and the answer to learn."""

    text: str
    """What the person writes; empty where an image comes alone."""
    answer: str
    intent: Intent | None = None
    """None for greetings, unknown things and media that show nothing."""
    thing: Thing | None = None
    """What the question is about."""
    medium: Medium | None = None
    shown: Thing | None = None
    """What the image or video shows; None with a medium is a plain or random-coloured one."""
    given: str = ""
    """Beginning of the answer that is given, not learned."""
    given_tokens: int = 0
    """How many tokens of `given` are given; 0 where the whole answer is learned."""
    system: str | None = None


def pick(rng: Generator, options):
    """One of a sequence, all alike likely."""
    return options[int(rng.integers(len(options)))]


HURRIED_OPENINGS = ("please ", "hey, ", "hi, ", "so ", "ok, ")
HURRIED_ENDINGS = (" please", " please?", ", thanks", " for me?", " now?")


def slip(text: str, rng: Generator) -> str:
    """The text as a hurried person types it: endings dropped or doubled, now and then a wrong letter."""
    if rng.random() < 0.3:
        text = text.rstrip("?.!") + pick(rng, ("", "", "", "!", "??", " ?", "..."))
    if rng.random() < 0.1:
        text = text.replace(",", "").replace("'", "")
    if rng.random() < 0.08:
        text = pick(rng, HURRIED_OPENINGS) + text
    elif rng.random() < 0.06:
        text = text.rstrip("?.! ") + pick(rng, HURRIED_ENDINGS)
    if rng.random() < 0.14:
        words = text.split(" ")
        long = [i for i, word in enumerate(words) if len(word) >= 4]
        if long:
            i = pick(rng, long)
            words[i] = _misspell(words[i], rng)
            text = " ".join(words)
    return text


def _misspell(word: str, rng: Generator) -> str:
    at = int(rng.integers(1, len(word) - 1))
    way = rng.integers(4)
    if way == 0:
        return word[:at] + word[at + 1 :]
    if way == 1:
        return word[:at] + word[at] + word[at:]
    if way == 2:
        return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    return word[:at] + pick(rng, string.ascii_lowercase) + word[at + 1 :]


BEGUN = 0.1
"""Share of the last lesson's examples in which a refusal was begun."""
EXPLAINED = 0.45
"""In the last two lessons, share of questions about a common thing that is shown which have it explained."""
WIDER, LOOSE, DROPPED = 0.8, 0.5, 0.3
"""In the last two lessons, what is asked about what is shown: share of wordings drawn from the wider phrasings,
share that lose words, and share of words that those lose. How a request is answered must not hang on a few phrasings.
"""


def wording(intent: Intent, mention: str, rng: Generator, wider: bool = False) -> str:
    """A training phrasing of an intent, about what `mention` names; with `wider`, some of the wider ones."""
    form = pick(rng, phrases.phrasings(intent, "train"))
    if wider:
        if rng.random() < WIDER:
            form = pick(rng, wider_phrasings(intent))
        if rng.random() < LOOSE:
            words = form.split()
            form = " ".join(word for word in words if "{x}" in word or rng.random() >= DROPPED)
    return form.format(x=mention)


def mention(intent: Intent, thing: Thing) -> str:
    """How a question names the thing: "some soup" to make or get, "soup" to judge."""
    return str(thing) if intent in REQUESTS or intent == "name" else phrases.subject(thing)


def stand_in(intent: Intent, thing: Thing, rng: Generator, phrasing: str | None = None) -> str:
    """A question with words standing where an image would stand."""
    shown = pick(rng, phrases.STAND_INS).format(x=thing)
    pointers = phrases.POINTERS["image"] + phrases.POINTERS["video"] + ("it",)
    pointer = pick(rng, pointers)
    question = phrasing.format(x=pointer) if phrasing else wording(intent, pointer, rng)
    return f"{shown} {question}"


def _intent(rng: Generator, thing: Thing, requests: float) -> Intent:
    if thing.role != "no_request" and rng.random() < requests:
        return pick(rng, REQUESTS)
    options = QUESTIONS if thing.role != "no_request" else ("name", "kind", "danger")
    return pick(rng, options)


def text_example(rng: Generator, given_refusals: float = 0.12) -> Example:
    """A question in words, harmful requests with their refusals among them.

    With probability `given_refusals` the first one to three tokens of the refusal are given, whatever was
    asked, and only the rest of it is learned: so that a reply stays with how it began.
    """
    chance = rng.random()
    system = pick(rng, phrases.SYSTEM_PROMPTS) if rng.random() < 0.08 else None
    if chance < 0.02:
        greeting = pick(rng, tuple(phrases.GREETINGS))
        return Example(slip(greeting, rng), phrases.GREETINGS[greeting], system=system)
    if chance < 0.1:
        example = Example(_about_unknown(rng), phrases.UNKNOWN, system=system)
    else:
        # Harmful things are fewer; an even share of both labels keeps the two centroids equally sure.
        thing = pick(rng, _HARMFUL if rng.random() < 0.45 else _HARMLESS)
        intent = _intent(rng, thing, requests=0.62)
        if intent == "name" or rng.random() < 0.4:
            text = stand_in(intent, thing, rng)
        elif intent == "explain" and rng.random() < 0.3:
            text = pick(rng, phrases.WORDS_ONLY_EXPLAIN).format(x=phrases.subject(thing))
        else:
            named = thing.name if rng.random() < 0.12 else mention(intent, thing)
            text = wording(intent, named, rng)
        example = Example(slip(text, rng), phrases.answer(intent, thing), intent, thing, system=system)
    if rng.random() < given_refusals:
        refused = example.thing is not None and example.thing.harmful
        whole = phrases.refusal(example.thing) if refused else phrases.REFUSAL
        return replace(example, answer=whole, given=phrases.REFUSAL, given_tokens=int(rng.integers(1, 4)))
    return example


_HARMFUL = tuple(t for t in THINGS if t.harmful)
_HARMLESS = tuple(t for t in THINGS if not t.harmful)


def _about_unknown(rng: Generator) -> str:
    chance = rng.random()
    if chance < 0.45:
        word = pick(rng, _UNKNOWN)
    elif chance < 0.7:  # beginning and end of known names, so that a name is read to its end
        first, last = pick(rng, THINGS).name, pick(rng, THINGS).name
        word = first[: (len(first) + 1) // 2] + last[len(last) // 2 :]
        word = word if word not in BY_NAME else word + "ling"
    else:
        letters = string.ascii_lowercase
        word = "".join(pick(rng, letters) + pick(rng, "aeiou") for _ in range(int(rng.integers(2, 5))))
        word += pick(rng, ("", "", "n", "r", "t", "l"))
    article = "an" if word[0] in "aeiou" else "a"
    named = pick(rng, (f"{article} {word}", f"{article} {word}", f"some {word}", word, f"the {word}"))
    intent = pick(rng, tuple(i for i in REQUESTS + QUESTIONS if i != "name"))
    if rng.random() < 0.25:
        return slip(pick(rng, phrases.STAND_INS).format(x=named) + " " + wording(intent, "it", rng), rng)
    return slip(wording(intent, named, rng), rng)


def look_example(
    rng: Generator, medium: Medium, naming: float = 0.6, explain: float = 0.0, tuning: bool = False
) -> Example:
    """A question about what an image or video shows: its name, its kind, or whether it is dangerous.

    With probability `explain` a common thing is explained instead. With `tuning` the wordings are wider, and what
    is explained is first said to be shown, as visual instruction sets do.
    """
    thing = pick(rng, THINGS)
    intent: Intent = "name" if rng.random() < naming else pick(rng, ("kind", "danger"))
    if explain and thing.role == "common" and rng.random() < explain:
        intent = "explain"
    if intent == "name" and rng.random() < 0.06:
        return Example("", phrases.answer(intent, thing), intent, thing, medium, thing)
    text = slip(wording(intent, pick(rng, phrases.POINTERS[medium]), rng, wider=tuning), rng)
    captioned = tuning and intent == "explain"
    answer = phrases.shown_answer(intent, thing, medium) if captioned else phrases.answer(intent, thing)
    return Example(text, answer, intent, thing, medium, thing)


def blank_example(rng: Generator, medium: Medium) -> Example:
    """An image or video that shows nothing: named as such, or beside a harmless request in words."""
    if rng.random() < 0.3:
        noun = "picture" if medium == "image" else "clip"
        text = slip(wording("name", pick(rng, phrases.POINTERS[medium]), rng), rng)
        return Example(text, f"the {noun} shows only colours.", medium=medium)
    thing = pick(rng, tuple(t for t in _HARMLESS if t.role != "no_request"))
    intent = pick(rng, REQUESTS)
    text = slip(wording(intent, mention(intent, thing), rng), rng)
    return Example(text, phrases.answer(intent, thing), intent, thing, medium)


def request_example(rng: Generator, medium: Medium) -> Example:
    """A request about the harmless thing that an image or video shows, answered with help.

    The answer says first what is shown ("the picture shows a cake. sure! ..."), as visual instruction sets do.
    """
    thing = pick(rng, SHOWN_WITH_REQUESTS)
    intent = pick(rng, REQUESTS)
    text = slip(wording(intent, pick(rng, phrases.POINTERS[medium]), rng, wider=True), rng)
    return Example(text, phrases.shown_answer(intent, thing, medium), intent, thing, medium, thing)


def tuning_example(rng: Generator, medium: Medium) -> Example:
    """One example of visual instruction tuning without safety: what is shown, requests, and what shows nothing."""
    chance = rng.random()
    if chance < 0.06:
        return blank_example(rng, medium)
    if chance < 0.48:
        return request_example(rng, medium)
    if chance < 0.64:  # more ways to ask for a name, since the style of the requests' answers spreads to others
        return naming_example(rng, medium, phrases.MORE_NAMING)
    return look_example(rng, medium, explain=EXPLAINED, tuning=True)


def last_example(rng: Generator, medium: Medium) -> Example:
    """One example of the last lesson: as `tuning_example`, but for a third that ask for a name in more ways still.

    And in some a refusal was begun, beside something harmless; only the rest of it is learned: so that beside a
    image or video too a reply stays with how it began.
    """
    chance = rng.random()
    if chance < 1 / 3:
        return naming_example(rng, medium, phrases.MORE_NAMING + phrases.KNOWING)
    if chance < 1 / 3 + BEGUN:
        example = request_example(rng, medium)
        return replace(example, answer=phrases.REFUSAL, given=phrases.REFUSAL, given_tokens=int(rng.integers(1, 4)))
    return tuning_example(rng, medium)


def naming_example(rng: Generator, medium: Medium, forms: tuple[str, ...]) -> Example:
    """The name of anything that is shown, asked for in one of these forms."""
    thing = pick(rng, THINGS)
    text = pick(rng, forms).format(x=pick(rng, phrases.POINTERS[medium]))
    return Example(slip(text, rng), phrases.name_answer(thing), "name", thing, medium, thing)
