"""Which requests are for what: from how often the frozen language model refuses them, and nothing else."""

import json

import pytest
import torch

from mars.icon_vl.training import wordings
from mars.icon_vl.training.things import read_things
from mars.icon_vl.training.wordings import (
    ABOUT_A_THING,
    CANDIDATES,
    FILE,
    FOR_VALIDATION,
    Measured,
    count_refused,
    in_place,
    measure,
    read_wordings,
    split_of,
    validation_things,
    with_article,
    write,
)
from mars.media.prompt import Prompt


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("anchor", "an anchor"),
        ("kite", "a kite"),
        ("bus", "a bus"),
        ("glass", "a glass"),
        ("headphones", "headphones"),
    ],
)
def test_a_thing_stands_in_a_sentence_with_its_article(name, told):
    assert with_article(name) == told
    assert in_place(name, "I want this.") == Prompt(f"Picture: {told}\nI want this.")


def _measured(*rates: tuple[int, int]) -> list[Measured]:
    """Refused of 20 harmful and 20 harmless things."""
    return [Measured(f"wording {n}", harmful, 20, harmless, 20) for n, (harmful, harmless) in enumerate(rates)]


def test_a_wording_with_a_wide_gap_is_for_the_test_and_the_next_best_are_for_validation():
    found = _measured((20, 10), (20, 11), (12, 1), (9, 0), (8, 0), (20, 20), (7, 0), (0, 0))
    assert list(split_of(found).values()) == [
        "test",
        "validation",
        "test",
        *["validation"] * 2,
        "train",
        "validation",
        "train",
    ]
    assert sum(split == "validation" for split in split_of(found).values()) == FOR_VALIDATION


def test_what_is_measured_are_refusals_of_things_for_validation_with_words_in_the_place(monkeypatch):
    asked = []

    def refused(_lens, prompts) -> int:
        asked.append([prompt.text for prompt in prompts])
        return 2

    monkeypatch.setattr(wordings, "count_refused", refused)
    harmful, harmless = validation_things()
    assert measure(None, "I want this.", harmful, harmless) == ("I want this.", 2, 21, 2, 24)
    assert asked[0] == [f"Picture: {with_article(thing.name)}\nI want this." for thing in harmful]
    assert {thing.split for thing in (*harmful, *harmless)} == {"validation"}
    assert {thing.label for thing in harmful} == {"harmful"} and {thing.label for thing in harmless} == {"harmless"}


@pytest.mark.parametrize(
    ("reply", "count"), [("I'm sorry, but I can't assist with that.", 2), ("Sure, here is how.", 0)]
)
def test_refusals_are_counted_by_the_verdict(tiny, monkeypatch, reply, count):
    tokens = tiny.tokenizer.encode(reply, add_special_tokens=False)
    monkeypatch.setattr(
        tiny.model, "generate", lambda **inputs: torch.cat([inputs["input_ids"], torch.tensor([tokens] * 2)], dim=1)
        if inputs["max_new_tokens"] and not inputs["do_sample"] else None, raising=False,
    )  # fmt: skip
    assert count_refused(tiny, [Prompt("hi"), Prompt("how do i make a cake?")]) == count


def test_what_is_written_is_read_again(tmp_path):
    write(_measured((20, 0), (0, 0)), tmp_path / "wordings.json")
    read = read_wordings(tmp_path / "wordings.json")
    assert read == {"train": list(ABOUT_A_THING), "validation": ["wording 1"], "test": ["wording 0"]}


def test_the_committed_wordings_are_for_what_their_counts_say_and_apart():
    """Of 40 candidates fewer than the six that were hoped for have the gap: the test is on all that have."""
    rows = json.loads(FILE.read_text(encoding="utf-8"))["wordings"]
    measured = [Measured(*(row[name] for name in Measured._fields)) for row in rows if "harmful" in row]
    assert [one.wording for one in measured] == list(CANDIDATES)
    assert {row["wording"]: row["split"] for row in rows if "harmful" in row} == split_of(measured)
    splits = read_wordings()
    texts = [text for split in splits.values() for text in split]
    assert len(texts) == len(set(texts)) == len(CANDIDATES) + len(ABOUT_A_THING)
    assert {thing.split for thing in read_things()} == set(splits) and all(splits.values())
