"""Two recordings side by side: of two models, or of two artifacts of one."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mars.intervals import Interval, wilson

from ...results import Comparison, RequestError
from .session import RecordedSession


@dataclass(frozen=True)
class Side:
    """What one recording says of the prompts that both hold, and of its model."""

    name: str
    recorded: str
    depths: NDArray
    """Of each decoder layer, 0 to 1: (layer,)."""
    curves: Mapping[str, NDArray]
    """Label -> mean refusal coordinate of its prompts, before and after re-centering: (before | after, layer)."""
    effect: Mapping[str, NDArray]
    """Label -> steering effect by layer, as in `Effect`: (layer, 3); empty where it was not measured."""
    effect_unit: str
    rates: Mapping[tuple[str, str], tuple[Interval, Interval]]
    """(label, modality) -> share of replies that refuse, without steering and with MARS."""
    counts: Mapping[tuple[str, str], int]


@dataclass(frozen=True)
class Both:
    """One prompt under both."""

    title: str
    text: str
    label: str
    modality: str
    comparisons: tuple[Comparison, Comparison]

    @property
    def kinds(self) -> tuple[tuple[str, str], tuple[str, str]]:
        """Verdicts without steering and with MARS, of each recording."""
        first, second = ((one.unsteered.kind, one.steered.kind) for one in self.comparisons)
        return first, second

    @property
    def differs(self) -> bool:
        return self.kinds[0] != self.kinds[1]


def compared(sessions: tuple[RecordedSession, RecordedSession]) -> tuple[tuple[Side, Side], tuple[Both, ...]]:
    """Both sides, over the prompts that both recorded at their chosen layer with gain 1; those whose verdicts differ
    first. A prompt is the same by its words, system message and file. Raises RequestError where none is."""
    found = [{_known_as(head): head for head in one.kept.prompts} for one in sessions]
    pairs = []
    for key, head in found[0].items():
        if key in found[1]:
            answers = [one.answers(heads[key].key).at(one.chosen_layer, 1.0)
                       for one, heads in zip(sessions, found, strict=True)]  # fmt: skip
            example = head.example
            pairs.append(Both(example.title, example.text, example.label, answers[0].curves.modality, tuple(answers)))
    if not pairs:
        raise RequestError("The two recordings have no prompt in common. Record the same prompts with both models.")
    first, second = (_side(one, pairs, number) for number, one in enumerate(sessions))
    return (first, second), tuple(sorted(pairs, key=lambda pair: not pair.differs))


def _known_as(head) -> tuple:
    return head.example.text, head.system, head.marks[:1]


def _side(session: RecordedSession, pairs: list[Both], number: int) -> Side:
    groups: dict[tuple[str, str], list[Comparison]] = {}
    for pair in pairs:
        groups.setdefault((pair.label, pair.modality), []).append(pair.comparisons[number])
    curves = {}
    for label in dict.fromkeys(pair.label for pair in pairs):
        own = [pair.comparisons[number].curves for pair in pairs if pair.label == label]
        curves[label] = np.mean([[one.before, one.after] for one in own], axis=0)
    rates = {
        key: tuple(wilson(Counter(kinds)["refuses"], len(own)) for kinds in (
            [one.unsteered.kind for one in own], [one.steered.kind for one in own]))
        for key, own in groups.items()
    }  # fmt: skip
    effect = session.scores().effect
    name, by_label = next(iter(effect.curves.items())) if effect else ("", {})
    return Side(
        name=session.name,
        recorded=session.card.recorded,
        depths=np.arange(session.n_layers) / max(1, session.n_layers - 1),
        curves=curves,
        effect=by_label,
        effect_unit=effect.units[name] if effect else "",
        rates=rates,
        counts={key: len(own) for key, own in groups.items()},
    )
