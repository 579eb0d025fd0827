"""The fixed splits of the pocket world: what makes the direction, what chooses the layer, what tests.

| split | things | phrasings | renders |
|---|---|---|---|
| direction | requested in training | training | none: words only |
| layer choice | requested in training | of its own | none: words only |
| test, main | harmful: never requested with a medium; harmless: the same ("no_media") | of its own | held out |
| test, held_out_things | never requested at all ("no_request") | of its own | held out |
| test, blank_picture | requested in training, in words | of its own | meaningless, of a seed of its own |
| clouds, text | requested in training | of the test | none: words only |
| clouds, media | as main | of the test | held out, of a seed of its own |
| dial | harmful, as main | of the layer choice | training, of a seed of its own |

No two points of the clouds ask for the same thing in the same words, whatever their modality. The test and the clouds
may, with other renders: nothing is fitted or chosen on either.

Phrasings are a split's own but for what a slip or a dropped word makes of another in training, which is less than one
in 500 of the examples beside media. Held-out renders have faces, patterns behind and ranges of their own.

The dial says how far the training of the bundled model has eroded its refusals of what is shown.

Harmless text of the main group may name any thing requested in training; questions name what is shown, which
may be any thing of the world.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.random import Generator

from mars.bundled import MODELS, model_source
from mars.datasets.case import Case
from mars.datasets.contrast import ContrastSet, Request, Split
from mars.fitting.prompts import CloudPrompt
from mars.media.neutral import random_image, random_video
from mars.media.prompt import Prompt
from mars.pocket_vl.world import phrases
from mars.pocket_vl.world.clips import render_video
from mars.pocket_vl.world.examples import mention
from mars.pocket_vl.world.phrases import REQUESTS, Intent, PhraseSplit
from mars.pocket_vl.world.pictures import EASE, render
from mars.pocket_vl.world.things import THINGS, Thing
from mars.types import Label, Modality

Medium = Literal["image", "video"]
SEED, CLOUD_SEED = 0, 1
SIZES: dict[Split, int] = {"train": 128, "validation": 48, "test": 96}
"""Requests of each label."""
CLOUD_SIZE = 64
"""Points of each modality and label."""

HARMFUL = tuple(t for t in THINGS if t.harmful and t.role == "common")
HARMLESS = tuple(t for t in THINGS if not t.harmful and t.role != "no_request")
NEVER_SHOWN_WITH_REQUESTS = tuple(t for t in THINGS if not t.harmful and t.role == "no_media")
NEVER_REQUESTED = tuple(t for t in THINGS if t.role == "no_request")


def contrast_set(seed: int = SEED) -> ContrastSet:
    """Requests in words, matched in form: the same phrasing asks for a harmful and for a harmless thing."""
    requests = []
    for split, size in SIZES.items():
        rng = np.random.default_rng([seed, size])
        forms = [(intent, form) for intent in REQUESTS for form in phrases.phrasings(intent, split)]
        harmful, harmless = _turns(HARMFUL, rng), _turns(HARMLESS, rng)
        seen: set[str] = set()
        for number in range(size):
            intent, form = forms[number % len(forms)]
            for label, turns in (("harmful", harmful), ("harmless", harmless)):
                thing, text = _new_request(intent, form, turns, seen)
                requests.append(Request(text, label, split, f"{intent} {thing.kind}"))
    return ContrastSet(tuple(requests))


def test_cases(per_cell: int = 200, seed: int = SEED, questions: int | None = None) -> list[Case]:
    """The test split: `per_cell` requests for each modality and label, and as many naming questions a medium.

    Groups "main" (text, pictures, clips), "held_out_things" (half as many a cell) and "blank_picture" (half as
    many: requests in words with a meaningless picture or clip). Cases with `expected` are naming questions.
    The same seed gives the same cases; a smaller `per_cell` gives the first cases of each cell.
    """
    questions = per_cell if questions is None else questions
    cases: list[Case] = []

    def cell(name: str, count: int, case: Callable[[int, Generator], Case]) -> None:
        for number in range(count):
            cases.append(case(number, np.random.default_rng([seed, 77, *map(ord, name), number])))

    for label in ("harmful", "harmless"):
        in_words = HARMFUL if label == "harmful" else HARMLESS
        shown = HARMFUL if label == "harmful" else NEVER_SHOWN_WITH_REQUESTS
        unasked = tuple(t for t in NEVER_REQUESTED if t.harmful == (label == "harmful"))
        for group, text_things, media_things, count in (
            ("main", in_words, shown, per_cell),
            ("held_out_things", unasked, unasked, per_cell // 2),
        ):
            cell(f"{group} text {label}", count, _words(text_things, label, group))
            for medium in ("image", "video"):
                cell(f"{group} {medium} {label}", count, _shown(media_things, medium, label, group))
        for medium in ("image", "video"):
            cell(f"blank {medium} {label}", per_cell // 2, _blank(in_words, medium, label))
    for medium in ("image", "video"):
        cell(f"naming {medium}", questions, _naming(medium))
    return cases


def cloud_prompts() -> list[CloudPrompt]:
    """Points for the pictures of geometry and the probes, CLOUD_SIZE a modality and label; no two ask the same."""
    contrast = contrast_set()
    points = []
    for label in ("harmful", "harmless"):
        texts = contrast.texts(label, "test")
        points += [CloudPrompt(Prompt(text), label, text) for text in texts[:CLOUD_SIZE]]
        things, seen = HARMFUL if label == "harmful" else NEVER_SHOWN_WITH_REQUESTS, set(texts)
        for medium in ("image", "video"):
            turns = _turns(things, np.random.default_rng([CLOUD_SEED, 92, *map(ord, medium + label)]))
            for number in range(CLOUD_SIZE):
                rng = np.random.default_rng([CLOUD_SEED, 91, *map(ord, medium + label), number])
                intent, style = REQUESTS[number % 3], _style(number)
                thing, _ = _new_request(intent, _form(intent, number), turns, seen)
                prompt = _look(_question(number, medium, rng), thing, medium, style, rng)
                kind = "drawn" if style == "icon" else "written"
                points.append(CloudPrompt(prompt, label, f"{prompt.text} + {thing}, {kind}"))
    return points


def own_clouds(source: str | Path) -> list[CloudPrompt] | None:
    """The clouds of the bundled model, where it is named or its folder is; None for any other, which has none of its
    own."""
    return cloud_prompts() if Path(model_source(source)).resolve() == MODELS["pocket-vl"].resolve() else None


def dial_cases(medium: Medium, count: int, seed: int = SEED + 2) -> list[Case]:
    """Requests about harmful things that are shown, to read the erosion on; no other split has any of them."""
    cases = []
    for number in range(count):
        rng = np.random.default_rng([seed, 33, len(medium), number])
        thing, style = HARMFUL[number % len(HARMFUL)], _style(number // len(HARMFUL))
        question = _question(number, medium, rng, "validation")
        cases.append(Case(_look(question, thing, medium, style, rng, held_out=False), "harmful", "dial"))
    return cases


def _turns(things: tuple[Thing, ...], rng: Generator) -> Iterator[Thing]:
    """Things in turn, shuffled anew each round."""
    while True:
        for i in rng.permutation(len(things)):
            yield things[i]


def _new_request(intent: Intent, form: str, turns: Iterator[Thing], seen: set[str]) -> tuple[Thing, str]:
    """The next thing in turn that this phrasing has not asked for, and the request in words, which is seen then."""
    while (text := form.format(x=mention(intent, thing := next(turns)))) in seen:
        pass
    seen.add(text)
    return thing, text


def _style(number: int) -> Literal["icon", "word"]:
    return "icon" if number % 2 == 0 else "word"


def _form(intent: Intent, number: int, split: PhraseSplit = "test") -> str:
    forms = phrases.phrasings(intent, split)
    return forms[number // 3 % len(forms)]


def _question(number: int, medium: Medium, rng: Generator, split: PhraseSplit = "test") -> str:
    """A request about what is shown."""
    pointers = phrases.POINTERS[medium]
    return _form(REQUESTS[number % 3], number, split).format(x=pointers[int(rng.integers(len(pointers)))])


def _look(
    text: str,
    thing: Thing,
    medium: Modality,
    style: Literal["icon", "word"],
    rng: Generator,
    held_out: bool = True,
) -> Prompt:
    if medium == "image":
        return Prompt(text, image=render(thing, rng, style, held_out=held_out, ease=EASE))
    return Prompt(text, video=render_video(thing, rng, held_out=held_out, style=style, ease=EASE))


def _words(things: tuple[Thing, ...], label: Label, group: str):
    def case(number: int, rng: Generator) -> Case:
        intent, thing = REQUESTS[number % 3], things[int(rng.integers(len(things)))]
        return Case(Prompt(_form(intent, number).format(x=mention(intent, thing))), label, group)

    return case


def _shown(things: tuple[Thing, ...], medium: Medium, label: Label, group: str):
    def case(number: int, rng: Generator) -> Case:
        thing = things[number % len(things)]
        prompt = _look(_question(number, medium, rng), thing, medium, _style(number // len(things)), rng)
        return Case(prompt, label, group)

    return case


def _blank(things: tuple[Thing, ...], medium: Medium, label: Label):
    def case(number: int, rng: Generator) -> Case:
        request = _words(things, label, "blank_picture")(number, rng).prompt.text
        shown = random_image(rng) if medium == "image" else random_video(rng)
        return Case(Prompt.of(request, shown), label, "blank_picture")

    return case


def _naming(medium: Medium):
    def case(number: int, rng: Generator) -> Case:
        thing = THINGS[int(rng.integers(len(THINGS)))]
        pointers = phrases.POINTERS[medium]
        text = _form("name", number).format(x=pointers[int(rng.integers(len(pointers)))])
        prompt = _look(text, thing, medium, _style(number), rng)
        label: Label = "harmful" if thing.harmful else "harmless"
        return Case(prompt, label, "naming", expected=phrases.name_answer(thing))

    return case
