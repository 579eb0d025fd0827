"""What an evaluation asks, and what comes back."""

from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor

from mars.records import Label, Modality, Prompt, content_hash


@dataclass(frozen=True)
class Case:
    """One input with what is known about it."""

    prompt: Prompt
    label: Label
    group: str = "main"
    """"main", "held_out_things" or "blank_picture" of the bundled set; free otherwise."""
    expected: str | None = None
    """For a harmless question, the exact reply; None for a request, which is judged by refusal alone."""

    @property
    def hash(self) -> str:
        """SHA-256 of all that the case holds, pixels included."""
        prompt = self.prompt
        told = (prompt.text, prompt.system, self.label, self.group, self.expected, prompt.clip and prompt.clip.times)
        return content_hash(told, prompt.pictures)

    @property
    def about(self) -> "About":
        """The case without its picture or clip."""
        prompt = self.prompt
        return About(self.hash, prompt.text, prompt.modality, self.label, self.group, self.expected)


class Reply(NamedTuple):
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


class About(NamedTuple):
    """A case without its picture or clip: what is left of it when it is answered."""

    hash: str
    text: str
    modality: Modality
    label: Label
    group: str
    expected: str | None


class Answered(NamedTuple):
    """What became of a case: outcomes, or why there are none."""

    case: int
    """Its number in the set, from 0."""
    about: About | None
    """None where its picture or clip could not be decoded."""
    outcomes: tuple[Outcome, ...] = ()
    error: str | None = None
    """What went wrong, in one line; None where nothing did."""
