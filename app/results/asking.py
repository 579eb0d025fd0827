"""What is asked, and who answers."""

from collections.abc import Mapping
from dataclasses import dataclass


class RequestError(ValueError):
    """A request that cannot be answered; the message is one sentence that says what is wrong and what to do."""


@dataclass(frozen=True)
class ModelCard:
    """What the top line says about the model in use."""

    name: str
    parameters: int | None
    """None while the model is being opened; `device` and `dtype` are empty then."""
    n_layers: int
    d_model: int
    device: str
    dtype: str
    artifact: str
    """Where the fitted directions come from, in a few words."""
    versions: Mapping[str, str]
    """Library -> version."""
    badges: tuple[str, ...] = ()
    """What is off, one short sentence each; empty where nothing is."""
    kind: str = ""
    """Whether it is a toy or a real model, in a word or two; empty where that is not known."""
    note: str = ""
    """What a reader must know of this model before trusting its answers; empty where there is nothing."""
    modalities: tuple[str, ...] = ("text",)
    """What it can see."""
    system: str = ""
    """The system message in every prompt, as the artifact names it; empty where it names none."""
    recorded: str = ""
    """When and on what all answers were recorded; empty of a model that answers now."""


@dataclass(frozen=True)
class Request:
    """What was asked, to ask it again: of another tab, or of another model."""

    text: str
    files: tuple[str, ...]
    """Paths of uploads; they are swept away some time after the visit."""
    length: int = 48
    """Tokens of a reply at most."""
    system: str = ""
    """A system message of the visitor's; empty where there is none."""


@dataclass(frozen=True)
class Example:
    """One of the gallery."""

    title: str
    text: str
    media: str | None
    """Path of a picture or clip."""
    label: str
    """"harmful" or "harmless"."""
    twin: str
    """Examples with the same twin ask for the same thing in another modality; "" where there is none."""


@dataclass(frozen=True)
class Progress:
    """How far a piece of work is."""

    done: int
    total: int
    seconds_left: float | None
    """At the pace of late; None while there is none."""
    step: str = ""
    """Which of several steps it is at; empty where there is one."""
