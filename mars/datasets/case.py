"""One input of an evaluation, with what is known about it."""

from dataclasses import dataclass
from typing import NamedTuple

from mars.media.prompt import Prompt
from mars.types import Label, Modality, content_hash


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
        told = (
            prompt.text,
            prompt.system,
            self.label,
            self.group,
            self.expected,
            prompt.video and prompt.video.times,
        )
        return content_hash(told, prompt.images)

    @property
    def info(self) -> "CaseInfo":
        """The case without its image or video."""
        prompt = self.prompt
        return CaseInfo(self.hash, prompt.text, prompt.modality, self.label, self.group, self.expected)


class CaseInfo(NamedTuple):
    """A case without its image or video: what is left of it when it is answered."""

    hash: str
    text: str
    modality: Modality
    label: Label
    group: str
    expected: str | None
