"""Fit the weights from labelled replies, and say what they find on models that they were not fitted on."""

from collections import Counter
from collections.abc import Sequence
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


def fit(replies: Sequence[LabelledReply]) -> dict[str, Weights]:
    """Weights for finished and for cut replies, from those that are labelled with an act. The labels of cut ones are
    those of the whole."""
    known = [reply for reply in replies if reply.label in ACTS]
    cuts = [cut for reply in known for length in LENGTHS if (cut := reply.cut_to(length)).cut]
    return {"finished": _fit(known), "cut": _fit(cuts)}


def leave_one_model_out(
    replies: Sequence[LabelledReply], ours: Sequence[LabelledReply], lengths: Sequence[int | None]
) -> dict[int | None, list[tuple[LabelledReply, Verdict]]]:
    """Length in words, None for whole replies -> verdicts on every reply, by weights fitted without its model.

    Requests that models share are shared by no fit and its check either: in turns a quarter of them is left out.
    `ours` are in every fit.
    """
    judged: dict[int | None, list[tuple[LabelledReply, Verdict]]] = {length: [] for length in lengths}
    for model in dict.fromkeys(reply.model for reply in replies):
        for fold in range(FOLDS):
            held = [reply for reply in replies if reply.model == model and _fold(reply) == fold]
            rest = [r for r in replies if r.model != model and (r.request is None or _fold(r) != fold)]
            if not held:
                continue
            weights = fit([*rest, *ours])
            for length in lengths:
                for reply in held:
                    shown = reply if length is None else reply.cut_to(length)
                    found = verdict(shown.reply, cut=shown.cut, request=shown.request, weights=weights)
                    judged[length].append((shown, found))
    return judged


def _fold(reply: LabelledReply) -> int:
    return crc32((reply.request or reply.model).encode()) % FOLDS


def _fit(replies: Sequence[LabelledReply]) -> Weights:
    shown = [features(reply.reply, reply.request).values for reply in replies]
    names = tuple(shown[0])
    values = np.array([[row[name] for name in names] for row in shown])
    sizes = Counter((reply.model, reply.label) for reply in replies)
    importance = np.array([sizes[reply.model, reply.label] ** -0.5 for reply in replies])
    refuses, complies = (np.array([reply.label == act for reply in replies]) for act in ("refuses", "complies"))
    about_refusal = np.array([name.split(",")[0] not in NEITHER for name in names])
    first, at_first = _regression(values * about_refusal, refuses, importance)
    second, at_second = _regression(values[~refuses], complies[~refuses], importance[~refuses])
    return Weights(names, np.stack([first, second], axis=1), np.array([at_first, at_second]))


def _regression(values: np.ndarray, truth: np.ndarray, importance: np.ndarray) -> tuple[np.ndarray, float]:
    """Coefficients (feature,) for features as they are, and the intercept."""
    from sklearn.linear_model import LogisticRegression

    scale = values.std(axis=0)
    scale[scale == 0] = 1
    model = LogisticRegression(C=REGULARIZATION, max_iter=5000)
    model.fit(values / scale, truth, sample_weight=importance / importance.mean())
    return model.coef_[0] / scale, float(model.intercept_[0])
