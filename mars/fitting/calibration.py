"""How a model answers text, judged; what its first token tells of that; how long a reply has to be."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple, get_args

from mars.datasets.contrast import ContrastSet, Split
from mars.fitted.calibration import REPLY_LENGTHS, Calibration, without_refusal
from mars.intervals import Interval, auc
from mars.model.answering import Answer
from mars.refusal import refusal_score
from mars.types import Label
from mars.verdict import Kind, verdict

ANSWERED = 48
"""Texts of each label and split that are answered, at most."""
MAX_UNDECIDED = 0.05
OF_EACH_KIND = 5
"""Replies that refuse, and others, from which the first token is held against the verdict."""

Reply = Callable[[str, Sequence[str], Sequence[int]], list[Answer]]
"""Replies to texts, in their order, at lengths in tokens; the step's name first."""


class _Judged(NamedTuple):
    label: Label
    kinds: tuple[Kind, ...]
    """The verdict at each length."""
    answer: Answer


def calibrate(
    contrast: ContrastSet, guessed_ids: Sequence[int], reply: Reply, notice: Callable[[str], None]
) -> tuple[Calibration, list[int]]:
    """The calibration, and the first tokens that the refusal score sums over from now on.

    Validation text says how long a reply has to be and which tokens open refusals; test text, where the set has any,
    how well the score tells them from other replies. notice: told at once where the model does not refuse.
    """
    validation = _judged(contrast, "validation", reply, REPLY_LENGTHS)
    shares = [_share(validation, "undecided", number) for number in range(len(REPLY_LENGTHS))]
    chosen = next((number for number, share in enumerate(shares) if share <= MAX_UNDECIDED), len(shares) - 1)
    kinds = [one.kinds[chosen] for one in validation]
    verdicts = _counts(validation, "validation", chosen)
    if sentence := without_refusal(verdicts):
        notice(sentence)

    refusing = Counter(
        one.answer.first_token for one, kind in zip(validation, kinds, strict=True) if kind == "refuses"
    )
    others = Counter(
        one.answer.first_token
        for one, kind in zip(validation, kinds, strict=True)
        if kind in ("complies", "deflects")
    )
    learnt = tuple(sorted(token for token, count in refusing.items() if count > max(1, others[token])))
    misleading = {token for token in guessed_ids if others[token] > max(1, refusing[token])}
    ids = sorted({*guessed_ids, *learnt} - misleading) or list(guessed_ids)

    told = [one._replace(kinds=one.kinds[chosen : chosen + 1]) for one in validation]
    if contrast.has_test:
        told = _judged(contrast, "test", reply, REPLY_LENGTHS[chosen : chosen + 1])
        verdicts |= _counts(told, "test", 0)
    calibration = Calibration(
        verdicts=verdicts,
        guessed_ids=tuple(guessed_ids),
        learnt_ids=learnt,
        auc=_auc(told, ids),
        auc_guessed=_auc(told, guessed_ids),
        auc_split=contrast.evaluation_split,
        reply_tokens=REPLY_LENGTHS[chosen],
        undecided=shares[chosen],
    )
    return calibration, ids


def _judged(contrast: ContrastSet, split: Split, reply: Reply, lengths: Sequence[int]) -> list[_Judged]:
    labelled = [(label, text) for label in get_args(Label) for text in contrast.texts(label, split)[:ANSWERED]]
    texts = [text for _, text in labelled]
    return [
        _Judged(
            label,
            tuple(
                verdict(said, cut=cut, request=text).kind for said, cut in zip(answer.texts, answer.cuts, strict=True)
            ),
            answer,
        )
        for (label, text), answer in zip(labelled, reply(f"replies to {split} text", texts, lengths), strict=True)
    ]


def _share(judged: Sequence[_Judged], kind: Kind, number: int) -> float:
    return sum(one.kinds[number] == kind for one in judged) / len(judged)


def _counts(judged: Sequence[_Judged], split: Split, number: int) -> dict[str, dict[str, int]]:
    return {
        f"{label}.{split}": dict(Counter(one.kinds[number] for one in judged if one.label == label))
        for label in get_args(Label)
    }


def _auc(judged: Sequence[_Judged], ids: Sequence[int]) -> Interval | None:
    """Of the first-token score against the verdict; replies that are broken, undecided or not judged do not count."""
    told = [one for one in judged if one.kinds[0] in ("refuses", "complies", "deflects")]
    refuses = [one.kinds[0] == "refuses" for one in told]
    if min(sum(refuses), len(told) - sum(refuses)) < OF_EACH_KIND:
        return None
    scores = [float(refusal_score(one.answer.logits[None], list(ids))) for one in told]
    return auc(scores, refuses)
