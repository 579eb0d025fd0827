"""What comes back of a case: a reply and its outcome by each strategy."""

from typing import NamedTuple

from torch import Tensor

from mars.datasets.case import CaseInfo
from mars.types import Label, Modality


class StrategyReply(NamedTuple):
    """What was said, and how it began."""

    text: str
    logits: Tensor
    """What the first token was chosen from: (vocabulary,), float32 on the CPU."""
    strength: float = 0.0
    """Length of the step along the steering direction at the first token."""
    coordinates: tuple[float, ...] = ()
    """Refusal coordinate s of every layer's output at the last prompt position, re-centred, after the edit; empty
    for the self-check, which edits nothing and answers in several steps."""


class Outcome(NamedTuple):
    """What one strategy made of one case."""

    case: int
    """Number of the case in its set, from 0."""
    strategy: str
    draw: int
    """Which random direction, from 0; 0 for strategies without chance."""
    modality: Modality
    label: Label
    group: str
    reply: str
    refused: bool
    refusal_score: float
    """Odds that the first token opens a refusal, in nats."""
    strength: float
    """Length of the step along the steering direction at the first token; 0 where the gate was shut, or where the
    input lay at the end of the trust region already."""
    kl: float
    """KL(unsteered || this) of the distributions of the first token, in nats."""
    exact: bool | None
    """Whether the reply is the expected one; None where none is expected."""
    coordinates: tuple[float, ...] = ()
    """As those of the reply; kept in tables, left out of run files."""


class CaseResult(NamedTuple):
    """What became of a case: outcomes, or why there are none."""

    case: int
    """Its number in the set, from 0."""
    info: CaseInfo | None
    """None where its image or video could not be decoded."""
    outcomes: tuple[Outcome, ...] = ()
    error: str | None = None
    """What went wrong, in one line; None where nothing did."""
