"""Fit the weights from labelled replies, and say what they find on models that they were not fitted on."""

from collections import Counter
from collections.abc import Sequence
from functools import cache
from zlib import crc32

import numpy as np

from mars.verdict.cues import NEITHER
from mars.verdict.features import features
from mars.verdict.judge import Verdict, verdict
from mars.verdict.replies import LabelledReply
from mars.verdict.weights import ACTS, Weights

REGULARIZATION = 0.1
"""C of the logistic regression, over standardised features."""
LENGTHS = 6, 12, 18, 24, 36, 60
"""Words to which replies are cut, to learn what the beginning of a reply tells."""
FOLDS = 4
STATES = "finished", "cut"


def fit(replies: Sequence[LabelledReply], states: Sequence[str] = STATES) -> dict[str, Weights]:
    """State -> weights, from the replies that are labelled with an act; "cut" from their beginnings, whose labels are
    those of the whole."""
    known = [reply for reply in replies if reply.label in ACTS]
    weights = {}
    for state in states:
        cuts = (reply.cut_to(length) for reply in known for length in LENGTHS)
        weights[state] = _fit([reply for reply in cuts if reply.cut] if state == "cut" else known)
    return weights


def leave_one_model_out(
    replies: Sequence[LabelledReply], ours: Sequence[LabelledReply], lengths: Sequence[int | None]
) -> dict[int | None, list[tuple[LabelledReply, Verdict]]]:
    """Length in words, None for whole replies -> verdicts on every reply, by weights fitted without its model.

    Requests that models share are shared by no fit and its check either: in turns a quarter of them is left out.
    `ours` are in every fit.
    """
    states = STATES if any(lengths) else STATES[:1]
    judged: dict[int | None, list[tuple[LabelledReply, Verdict]]] = {length: [] for length in lengths}
    for model in dict.fromkeys(reply.model for reply in replies):
        for fold in range(FOLDS):
            held = [reply for reply in replies if reply.model == model and _fold(reply) == fold]
            rest = [r for r in replies if r.model != model and (r.request is None or _fold(r) != fold)]
            if not held:
                continue
            weights = fit([*rest, *ours], states)
            for length in lengths:
                for reply in held:
                    shown = reply if length is None else reply.cut_to(length)
                    found = verdict(shown.reply, cut=shown.cut, request=shown.request, weights=weights)
                    judged[length].append((shown, found))
    return judged


def _fold(reply: LabelledReply) -> int:
    return crc32((reply.request or reply.model).encode()) % FOLDS


def _fit(replies: Sequence[LabelledReply]) -> Weights:
    names = tuple(features("").values)
    values = np.stack([_values(reply.reply, reply.request) for reply in replies])
    sizes = Counter((reply.model, reply.label) for reply in replies)
    importance = np.array([sizes[reply.model, reply.label] ** -0.5 for reply in replies])
    refuses, complies = (np.array([reply.label == act for reply in replies]) for act in ("refuses", "complies"))
    about_refusal = np.array([name.split(",")[0] not in NEITHER for name in names])
    first, at_first = _regression(values * about_refusal, refuses, importance)
    second, at_second = _regression(values[~refuses], complies[~refuses], importance[~refuses])
    return Weights(names, np.stack([first, second], axis=1), np.array([at_first, at_second]))


@cache
def _values(reply: str, request: str | None) -> np.ndarray:
    """(feature,), kept, since many fits read the same replies."""
    return np.array(list(features(reply, request).values.values()))


def _regression(values: np.ndarray, truth: np.ndarray, importance: np.ndarray) -> tuple[np.ndarray, float]:
    """Coefficients (feature,) for features as they are, and the intercept."""
    from sklearn.linear_model import LogisticRegression

    scale = values.std(axis=0)
    scale[scale == 0] = 1
    model = LogisticRegression(C=REGULARIZATION, max_iter=5000)
    model.fit(values / scale, truth, sample_weight=importance / importance.mean())
    return model.coef_[0] / scale, float(model.intercept_[0])
