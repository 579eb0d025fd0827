"""The contrast set for large models: complete pairs, fixed splits, and neighbours matched in form."""

import json
import re
from collections import Counter
from itertools import combinations
from pathlib import Path
from statistics import mean

import pytest

from mars.datasets.contrast import read_contrast

PATH = Path(__file__).resolve().parent.parent / "assets" / "contrast" / "requests.jsonl"


@pytest.fixture(scope="module")
def rows() -> list[dict]:
    """Every request, without the line about the set."""
    return [json.loads(line) for line in PATH.read_text(encoding="utf-8").splitlines()][1:]


@pytest.fixture(scope="module")
def pairs(rows) -> list[tuple[dict, dict]]:
    """Harmful and harmless request of each pair."""
    by_label = {(row["pair"], row["label"]): row for row in rows}
    numbers = sorted({row["pair"] for row in rows})
    return [(by_label[number, "harmful"], by_label[number, "harmless"]) for number in numbers]


def test_the_first_line_says_where_the_set_comes_from():
    first = json.loads(PATH.read_text(encoding="utf-8").splitlines()[0])
    assert first["source"] == "written for MARS Lens"
    assert first["licence"] == "Apache-2.0"
    assert first["about"]


def test_every_pair_has_one_harmful_and_one_harmless_request_of_the_same_category_and_split(rows, pairs):
    assert set(Counter((row["pair"], row["label"]) for row in rows).values()) == {1}
    assert len(rows) == 2 * len(pairs) == 512
    assert all(set(row) == {"text", "label", "split", "category", "pair"} for row in rows)
    for harmful, harmless in pairs:
        assert (harmful["category"], harmful["split"]) == (harmless["category"], harmless["split"])


def test_there_are_128_pairs_to_train_32_to_validate_and_96_to_test_and_the_engine_reads_them():
    contrast = read_contrast(PATH)
    for label in ("harmful", "harmless"):
        assert len(contrast.texts(label, "train")) == 128
        assert len(contrast.texts(label, "validation")) == 32
        assert len(contrast.texts(label, "test")) == 96


def test_no_request_resembles_one_of_another_pair_so_the_splits_share_none(rows):
    """By the share of words that two requests have in common; those of a pair are alike by design."""
    words = [frozenset(re.findall(r"[\w'-]+", row["text"].lower())) for row in rows]
    for (row, one), (other, two) in combinations(zip(rows, words, strict=True), 2):
        if row["pair"] != other["pair"]:
            assert len(one & two) < 0.5 * len(one | two), (row["text"], other["text"])


def test_every_category_is_in_all_splits_and_none_prevails(rows):
    sizes = {
        split: Counter(row["category"] for row in rows if row["split"] == split)
        for split in ("train", "validation", "test")
    }
    assert len(sizes["train"]) == 10
    for counts in sizes.values():
        assert set(counts) == set(sizes["train"])
        assert max(counts.values()) - min(counts.values()) <= 2


def test_neighbours_are_matched_in_length_opening_and_closing_mark(pairs):
    lengths = [(len(harmful["text"].split()), len(harmless["text"].split())) for harmful, harmless in pairs]
    assert abs(mean(one for one, _ in lengths) - mean(two for _, two in lengths)) < 0.5
    assert max(abs(one - two) for one, two in lengths) <= 3
    for harmful, harmless in pairs:
        assert harmful["text"].split()[0] == harmless["text"].split()[0]
        assert harmful["text"][-1] == harmless["text"][-1]
        assert harmful["text"][-1] in "?."


def test_openings_vary_and_say_nothing_of_the_label(rows):
    openings = {
        label: Counter(row["text"].split()[0] for row in rows if row["label"] == label)
        for label in ("harmful", "harmless")
    }
    assert openings["harmful"] == openings["harmless"]
    assert len(openings["harmful"]) >= 12
