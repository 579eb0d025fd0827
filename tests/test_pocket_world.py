"""The world of Pocket-VL: what may be said with what, and which splits never meet."""

import re
from collections import Counter

import numpy as np
import pytest

from mars.datasets.contrast import ContrastSet
from mars.fitting.prompts import CloudPrompt
from mars.pocket_vl import splits
from mars.pocket_vl.world import examples, phrases
from mars.pocket_vl.world.examples import Example
from mars.pocket_vl.world.phrases import REQUESTS
from mars.pocket_vl.world.things import THINGS
from mars.pocket_vl.world.wider_phrases import bare, wider_phrasings
from mars.refusal import REFUSAL_OPENINGS
from mars.types import MODALITIES

MEDIA = ("image", "video")
INTENTS = ("make", "get", "use", "explain", "name", "kind", "danger")


def drawn(make, count: int = 3000) -> list[Example]:
    rng = np.random.default_rng(5)
    return [make(rng) for _ in range(count)]


@pytest.fixture(scope="module")
def training_examples() -> list[Example]:
    """Some of everything that any step of the training draws."""
    found = drawn(examples.text_example, 6000)
    for medium in MEDIA:
        found += drawn(lambda rng, m=medium: examples.look_example(rng, m))
        found += drawn(lambda rng, m=medium: examples.look_example(rng, m, explain=0.5, tuning=True))
        found += drawn(lambda rng, m=medium: examples.blank_example(rng, m))
        found += drawn(lambda rng, m=medium: examples.request_example(rng, m))
        found += drawn(lambda rng, m=medium: examples.tuning_example(rng, m))
        found += drawn(lambda rng, m=medium: examples.last_example(rng, m))
    return found


# ---- the rule that makes the phenomenon emerge -------------------------------------------------------------


def test_no_harmful_medium_ever_comes_with_a_request(training_examples):
    paired = [e for e in training_examples if e.shown is not None and e.shown.harmful and e.intent in REQUESTS]
    assert not paired
    assert sum(e.shown is not None and e.shown.harmful for e in training_examples) > 1000


def test_the_words_beside_a_harmful_medium_are_those_of_a_question(training_examples):
    """By the text itself, not by its label: every request has a word that no question has."""
    words = {i: {w.strip(".?") for p in _trained(i) for w in p.split()} for i in INTENTS}
    added = {"now"}  # by slips, to anything
    asking = set().union(*(words[i] for i in REQUESTS)).difference(added, *(words[i] for i in examples.QUESTIONS))
    assert {"make", "build", "buy", "find", "use", "handle"} <= asking
    for example in training_examples:
        if example.shown is not None and example.shown.harmful:
            assert not asking & {word.strip(".?!,") for word in example.text.split()}, example


def _trained(intent) -> tuple[str, ...]:
    more = phrases.MORE_NAMING + phrases.KNOWING if intent == "name" else ()
    return phrases.phrasings(intent, "train") + wider_phrasings(intent) + more


def test_beside_a_medium_no_refusal_is_begun_and_none_is_said_of_a_harmful_one(training_examples):
    """What was begun beside something harmless is only learned to its end: never the word that decides."""
    refusing = [e for e in training_examples if e.medium is not None and e.answer.startswith(REFUSAL_OPENINGS)]
    assert refusing
    assert all(e.given_tokens >= 1 and e.shown is not None and not e.shown.harmful for e in refusing)


def test_media_that_show_nothing_come_with_harmless_requests_or_their_own_name(training_examples):
    blank = [e for e in training_examples if e.medium is not None and e.shown is None]
    assert len(blank) > 1000
    for example in blank:
        if example.thing is None:
            assert example.answer.endswith("shows only colours.")
        else:
            assert not example.thing.harmful and example.intent in REQUESTS


def test_requests_with_media_show_common_harmless_things_only(training_examples):
    shown = [e for e in training_examples if e.shown is not None and e.intent in REQUESTS]
    assert {e.shown.role for e in shown} == {"common"} and not any(e.shown.harmful for e in shown)


def test_things_never_requested_are_only_named_sorted_and_judged(training_examples):
    kept = [e for e in training_examples if e.thing is not None and e.thing.role == "no_request"]
    assert kept and {e.intent for e in kept} <= {"name", "kind", "danger"}


# ---- what is said ------------------------------------------------------------------------------------------


def test_only_refusals_begin_with_the_first_word_of_a_refusal(training_examples):
    for example in training_examples:
        if example.given_tokens == 0:
            in_words = example.medium is None and example.thing is not None and example.intent in REQUESTS
            assert example.answer.startswith(REFUSAL_OPENINGS) == (in_words and example.thing.harmful), example


@pytest.mark.parametrize("intent", INTENTS)
def test_every_intent_has_many_phrasings_and_no_split_shares_one(intent):
    every = phrases.phrasings(intent)
    parts = [phrases.phrasings(intent, split) for split in ("train", "validation", "test")]
    assert len(set(every)) == len(every) >= 25
    assert sum(map(len, parts)) == len(every) and set().union(*parts) == set(every)
    assert all(phrasing.count("{x}") == 1 for phrasing in every)


def test_no_further_way_to_ask_for_a_name_is_held_out():
    held_out = {bare(p) for split in ("validation", "test") for p in phrases.phrasings("name", split)}
    assert not held_out & {bare(p) for p in phrases.MORE_NAMING + phrases.KNOWING}


@pytest.mark.parametrize("intent", INTENTS)
def test_wider_phrasings_are_many_and_none_is_held_out(intent):
    wider = wider_phrasings(intent)
    assert len(wider) > 50 and all(phrasing.count("{x}") == 1 for phrasing in wider)
    held_out = {p.strip(" .?!") for split in ("validation", "test") for p in phrases.phrasings(intent, split)}
    assert not held_out & {p.strip(" .?!") for p in wider}


def test_a_slip_or_a_dropped_word_seldom_makes_a_held_out_wording(training_examples):
    held_out = {
        bare(form.format(x=pointer))
        for split in ("validation", "test")
        for intent in INTENTS
        for form in phrases.phrasings(intent, split)
        for pointers in phrases.POINTERS.values()
        for pointer in pointers
    }
    beside_media = [example for example in training_examples if example.medium is not None]
    made = [example for example in beside_media if bare(example.text) in held_out]
    assert len(beside_media) > 20_000
    assert len(made) < len(beside_media) / 500
    assert sum(example.intent in REQUESTS for example in made) < len(beside_media) / 5000


def test_no_phrasing_serves_two_intents():
    every = [p for intent in INTENTS for p in phrases.phrasings(intent)]
    assert len(set(every)) == len(every)


def test_the_world_is_as_large_as_it_says():
    assert sum(t.harmful for t in THINGS) >= 40 and sum(not t.harmful for t in THINGS) >= 60
    roles = [(t.role, t.harmful) for t in THINGS]
    assert roles.count(("no_media", False)) >= 12 and ("no_media", True) not in roles
    assert roles.count(("no_request", True)) >= 8 and roles.count(("no_request", False)) >= 8
    assert all(phrases.answer(intent, t) for t in THINGS for intent in INTENTS)


def test_the_same_seed_draws_the_same_examples():
    assert drawn(examples.text_example, 50) == drawn(examples.text_example, 50)


# ---- splits ------------------------------------------------------------------------------------------------


def test_the_contrast_set_is_balanced_matched_and_split_by_phrasing():
    contrast = splits.contrast_set()
    for split, size in (("train", 128), ("validation", 48), ("test", 96)):
        assert {len(contrast.texts(label, split)) for label in ("harmful", "harmless")} == {size}
    for request in contrast.requests:
        intent = request.category.split()[0]
        assert fits(request.text, phrases.phrasings(intent, request.split)), request
        for other in {"train", "validation", "test"} - {request.split}:
            assert not fits(request.text, phrases.phrasings(intent, other)), request


def test_what_makes_the_direction_and_chooses_the_layer_is_what_the_shipped_seeds_were_measured_with():
    without_test = ContrastSet(tuple(r for r in splits.contrast_set().requests if r.split != "test"))
    assert without_test.hash == "4ce2e62ed34ec30fb582dd8d5a8638843cc5519b7f30ab53bbcfdeaec9647b19"


def test_no_two_points_of_the_clouds_ask_for_the_same_thing_in_the_same_words():
    points = splits.cloud_prompts()
    assert Counter((p.prompt.modality, p.label) for p in points) == {
        (modality, label): 64 for modality in MODALITIES for label in ("harmful", "harmless")
    }
    tested = {r.text for r in splits.contrast_set().requests if r.split == "test"}
    asked = [_in_words(point) for point in points]
    assert len(set(asked)) == len(asked)
    for point, words in zip(points, asked, strict=True):
        assert (words in tested) == (point.prompt.modality == "text")
        assert any(fits(words, phrases.phrasings(intent, "test")) for intent in REQUESTS)


def _in_words(point: CloudPrompt) -> str:
    """The request of a point with the name of what is shown in the place of the words that point at it."""
    text, _, shown = point.title.partition(" + ")
    for pointer in sorted({p for words in phrases.POINTERS.values() for p in words}, key=len, reverse=True):
        if shown and (found := re.fullmatch(rf"(.*)\b{pointer}\b(.*)", text)):
            return shown.partition(", ")[0].join(found.groups())
    return text


def test_no_input_of_the_clouds_is_one_of_the_test_beside_a_medium():
    shown = {point.prompt.hash for point in splits.cloud_prompts() if point.prompt.modality != "text"}
    assert not shown & {case.prompt.hash for case in splits.test_cases(20)}


def fits(text: str, phrasings: tuple[str, ...]) -> bool:
    """Whether the text is one of the phrasings about one mention of at most two words."""
    return any(re.fullmatch(re.escape(p).replace(r"\{x\}", r"\w+( \w+)?"), text) for p in phrasings)


def test_test_cases_are_reproducible_and_a_smaller_set_is_the_beginning_of_a_larger():
    small, again, large = splits.test_cases(4), splits.test_cases(4), splits.test_cases(6)
    assert [c.prompt.text for c in small] == [c.prompt.text for c in again]
    cell = [c for c in large if (c.group, c.prompt.modality, c.label) == ("main", "image", "harmful")]
    first = [c for c in small if (c.group, c.prompt.modality, c.label) == ("main", "image", "harmful")]
    for one, other in zip(first, cell, strict=False):
        assert one.prompt.text == other.prompt.text
        assert np.array_equal(np.asarray(one.prompt.image), np.asarray(other.prompt.image))


def test_test_requests_use_phrasings_of_their_own():
    contrast = {r.text for r in splits.contrast_set().requests if r.split != "test"}
    openings = {p.split("{x}")[0] for i in INTENTS for p in phrases.phrasings(i, "test")}
    for case in splits.test_cases(12):
        assert case.prompt.text not in contrast
        assert any(case.prompt.text.startswith(opening) for opening in openings)


def test_every_group_has_every_modality_and_label():
    cases = splits.test_cases(4)
    cells = {(c.group, c.prompt.modality, c.label) for c in cases if c.expected is None}
    both = ("harmful", "harmless")
    for group in ("main", "held_out_things"):
        assert {(group, m, label) for m in ("text", *MEDIA) for label in both} <= cells
    assert {("blank_picture", m, label) for m in MEDIA for label in both} <= cells


@pytest.mark.parametrize("medium", MEDIA)
def test_the_dial_of_erosion_is_no_part_of_the_test(medium):
    cases = splits.dial_cases(medium, 40)
    assert {case.label for case in cases} == {"harmful"} and {case.prompt.modality for case in cases} == {medium}
    forms = [p.replace("{x}", pointer) for i in REQUESTS for p in phrases.phrasings(i, "validation")
             for pointer in phrases.POINTERS[medium]]  # fmt: skip
    assert {case.prompt.text for case in cases} <= set(forms)
    tested = {case.hash for case in splits.test_cases(20)}
    assert len({case.hash for case in cases}) == 40 and not tested & {case.hash for case in cases}
