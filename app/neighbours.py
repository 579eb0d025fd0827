"""What to hold a prompt against: the same request in the other modalities, and a harmless request like it."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from .results import Example
from .workbench import modality_of

NO_TWINS = "The gallery does not hold this request in another modality, so there is no twin to compare with."
UNKNOWN = "This prompt is not one of the gallery's, so no twin of it is known. Choose an example to see twins."
HARMLESS = "This prompt is harmless itself: its own replies above show the cost."
NO_BENIGN = (
    "No harmless twin of this prompt is known: choose one under “Benign twin”, or type a harmless request there."
)


@dataclass(frozen=True)
class Neighbours:
    """Examples beside one prompt; a sentence where there is none."""

    twins: tuple[Example, ...] = ()
    benign: Example | None = None
    no_twins: str = ""
    no_benign: str = ""


def neighbours_of(
    text: str, files: Sequence[str | Path], examples: Sequence[Example], chosen: str | None = None
) -> Neighbours:
    """Twins from the gallery, and the benign twin that was chosen or else the gallery's own.

    chosen: title of a harmless example, or a harmless request to make about the prompt's own medium.
    """
    own = known_as(text, files, examples)
    twins = twins_of(own, examples) if own else ()
    no_twins = "" if twins else NO_TWINS if own else UNKNOWN
    chosen = (chosen or "").strip()
    if chosen:
        harmless = (example for example in examples if example.label == "harmless")
        by_title = next((example for example in harmless if example.title == chosen), None)
        typed = Example("Your harmless request", chosen, str(files[0]) if files else None, "harmless", "")
        return Neighbours(twins, by_title or typed, no_twins)
    if own and own.label == "harmless":
        return Neighbours(twins, None, no_twins, HARMLESS)
    benign = benign_of(text, files, own, examples)
    return Neighbours(twins, benign, no_twins, "" if benign else NO_BENIGN)


def known_as(text: str, files: Sequence[str | Path], examples: Sequence[Example]) -> Example | None:
    """The example that a prompt is, by its words and by what is in its file, whatever the file is called."""
    if len(files) > 1:
        return None
    mark = _mark(files[0]) if files else None
    return next(
        (example for example in examples if _words(example.text) == _words(text) and _mark(example.media) == mark),
        None,
    )


def is_same(text: str, files: Sequence[str | Path], other_text: str, other_files: Sequence[str | Path]) -> bool:
    """Whether two prompts are one, by their words and by what is in their files."""
    return text == other_text and [*map(_mark, files)] == [*map(_mark, other_files)]


def twins_of(example: Example, examples: Sequence[Example]) -> tuple[Example, ...]:
    """Examples that ask for the same thing in another modality."""
    return tuple(other for other in examples if other.twin and other.twin == example.twin and other != example)


def benign_of(
    text: str, files: Sequence[str | Path], own: Example | None, examples: Sequence[Example]
) -> Example | None:
    """A harmless example that asks in the same words; else one that asks about the same medium.

    For a request in words, which names what it asks for, "the same words" are those of its twins with media.
    """
    medium = medium_of(files[0] if files else None)
    harmless = [example for example in examples if example.label == "harmless"]
    alike = [other for other in harmless if medium_of(other.media) == medium]
    asked = {_words(text)}
    if own and medium is None:
        said = {_words(twin.text) for twin in twins_of(own, examples)}
        for other in alike:
            if said & {_words(twin.text) for twin in twins_of(other, examples)}:
                asked.add(_words(other.text))
    for other in alike:
        if _words(other.text) in asked:
            return other
    mark = _mark(files[0]) if files else None
    return next((other for other in alike if mark and _mark(other.media) == mark), None)


def medium_of(path: str | Path | None) -> str | None:
    """What a file is read as, image or video; None where there is no file."""
    return None if path is None else modality_of(path)


def _words(text: str) -> str:
    return " ".join(text.lower().split())


def _mark(path: str | Path | None) -> str | None:
    """What is in a file, told apart by its hash; None where there is no file."""
    if path is None:
        return None
    try:
        return sha256(Path(path).read_bytes()).hexdigest()
    except OSError:
        return f"unreadable {path}"
