"""The result of a case: the reply to it and its outcome under each strategy."""

from typing import NamedTuple

from torch import Tensor

from mars.datasets.case import CaseInfo
from mars.types import Label, Modality


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
    refused: bool
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


class CaseResult(NamedTuple):
    """A case with its outcomes, or with the error that left it without any."""

    case: int
    """Its number in the set, from 0."""
    info: CaseInfo | None
    """None where its image or video could not be decoded."""
    outcomes: tuple[Outcome, ...] = ()
    error: str | None = None
    """The error in one line; None where there was none."""
