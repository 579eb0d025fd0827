"""The result of a case: the reply to it and its outcome under each strategy."""

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from torch import Tensor

from mars.datasets.case import CaseInfo
from mars.types import Label, Modality, TokenStep
from mars.verdict import Kind


class StrategyReply(NamedTuple):
    """The text of a reply, and what was measured at its first token."""

    text: str
    logits: Tensor
    """Logits of the first token: (vocabulary,), float32 on the CPU."""
    strength: float = 0.0
    """Length of the step along the steering direction at the first token."""
    coordinates: tuple[float, ...] = ()
    """Refusal coordinate s of every layer's output at the last prompt position, re-centred, after the edit; empty
    for the self-check, which edits nothing and answers in several steps."""
    cut: bool = False
    """Whether the length allowed ended it, and not the model."""


def cut_rows(steps: Sequence[TokenStep], end_tokens: Collection[int]) -> tuple[bool, ...]:
    """Of each row of a branch, whether the length allowed ended it, and not a token that ends a turn.

    steps: the last two of the branch, or all.
    """
    last = steps[-1]
    ended = steps[-2].finished if len(steps) > 1 else (False,) * len(last.tokens)
    return tuple(not (before or token in end_tokens) for before, token in zip(ended, last.tokens, strict=True))


class Outcome(NamedTuple):
    """One case under one strategy."""

    case: int
    """Number of the case in its set, from 0."""
    strategy: str
    draw: int
    """Number of the random direction, from 0; 0 for strategies that draw none."""
    modality: Modality
    label: Label
    group: str
    reply: str
    verdict: Kind
    """What the reply does."""
    reason: str
    """The words or the measure that decided."""
    cut: bool
    """As in StrategyReply."""
    refusal_score: float
    """Log odds that the first token opens a refusal, in nats."""
    strength: float
    """Length of the step along the steering direction at the first token; 0 where the gate was closed, or where the
    input lay at the boundary of the trust region already."""
    kl: float
    """KL(unsteered || this) of the distributions of the first token, in nats."""
    exact: bool | None
    """Whether the reply is the expected one; None where none is expected."""
    coordinates: tuple[float, ...] = ()
    """As in StrategyReply; stored in Parquet tables, left out of run files."""

    @property
    def refused(self) -> bool:
        return self.verdict == "refuses"

    @property
    def stored(self) -> dict[str, Any]:
        """The fields by name, and beside the verdict whether the reply refuses."""
        return {**self._asdict(), "refused": self.refused}

    @classmethod
    def read(cls, stored: dict[str, Any]) -> "Outcome":
        """Of what was stored, without coordinates. Raises KeyError where a field is missing."""
        return cls(**{name: stored[name] for name in cls._fields if name != "coordinates"})


class CaseResult(NamedTuple):
    """A case with its outcomes, or with the error that left it without any."""

    case: int
    """Its number in the set, from 0."""
    info: CaseInfo | None
    """None where its image or video could not be decoded."""
    outcomes: tuple[Outcome, ...] = ()
    error: str | None = None
    """The error in one line; None where there was none."""
