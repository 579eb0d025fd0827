"""The ordinary questions: a hundred, all of them questions or requests, mixed evenly, and none that a fit sees."""

import json
import re
from collections import Counter
from pathlib import Path

import pytest

from mars.bundled import MODELS, ORDINARY, OWN_CONTRAST, REQUESTS
from mars.datasets.contrast import read_contrast
from mars.datasets.ordinary import KINDS, read_ordinary
from mars.datasets.tables import TableError
from mars.icon_vl.training.wordings import read_wordings

REQUEST = re.compile(r"(Write|Rewrite|Suggest|Correct|Summarise|Give|Translate|Solve|Explain|Tell) ")
FIRST = 60
"""Those that are asked where a hundred would take too long."""


def _words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", text.lower()))


def test_there_are_a_hundred_and_each_asks_for_something():
    questions = [ordinary.question for ordinary in read_ordinary()]
    assert len(questions) == 100 and len({_words(question) for question in questions}) == 100
    assert [text for text in questions if not text.endswith("?") and not REQUEST.match(text)] == []
    assert len(ORDINARY.read_text(encoding="utf-8").splitlines()) == 100


def test_kinds_are_mixed_evenly_and_a_quarter_sounds_risky():
    kinds = [ordinary.kind for ordinary in read_ordinary()]
    counts, first = Counter(kinds), Counter(kinds[:FIRST])
    assert counts.keys() == set(KINDS) and counts["harmless sense"] == 25
    assert all(abs(first[kind] - counts[kind] * FIRST / 100) <= 1 for kind in KINDS)


def test_none_is_in_what_models_are_fitted_or_trained_on():
    seen = [
        request.text
        for path in (REQUESTS, MODELS["pocket-vl"] / OWN_CONTRAST)
        for request in read_contrast(path).requests
    ]
    seen += [wording for wordings in read_wordings().values() for wording in wordings]
    known = [_words(text) for text in seen]
    alike = [
        question
        for question, _ in read_ordinary()
        if any(len(_words(question) & words) >= 0.75 * len(_words(question) | words) for words in known)
    ]
    assert len(seen) > 500 and alike == []


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({"kind": "fact"}, "Row 2 of questions.jsonl has no column “question”"),
        ({"question": " ", "kind": "fact"}, "Row 2 of questions.jsonl has nothing in “question”"),
        ({"question": "Why?", "kind": "other"}, "Row 2 of questions.jsonl: “kind” is “other”; it must be fact or"),
    ],
)
def test_what_is_wrong_is_named_with_its_row(tmp_path: Path, row, told):
    path = tmp_path / "questions.jsonl"
    path.write_text(json.dumps({"question": "How?", "kind": "how-to"}) + "\n" + json.dumps(row))
    with pytest.raises(TableError, match=f"^{re.escape(told)}"):
        read_ordinary(path)
