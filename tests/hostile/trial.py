"""One hostile input through the engine: what came of it, and what is wrong with that."""

import json
import time
from pathlib import Path
from typing import NamedTuple

import httpx

from app import answers
from app.backend import Session
from app.results import RequestError
from mars.datasets.archive import ArchiveError, unpack
from mars.datasets.media_files import MEDIA_SUFFIXES
from mars.media.decode import read_media
from mars.types import Video
from tests.hostile.inputs import Input, is_one_of
from tests.hostile.visitor import Visitor

SECONDS = 20.0
"""Longest that an input may take, in seconds of the processor, since a machine may be busy."""
LONGEST_SENTENCE = 400


class Verdict(NamedTuple):
    """What came of one input."""

    given: Input
    outcome: str
    """refused, answered or crashed."""
    said: str
    """The sentence of a refusal."""
    seconds: float
    fault: str | None
    """What is wrong, in a few words; None where nothing is."""


def offer(session: Session, given: Input, folder: Path) -> Verdict:
    """Give an input to the engine as the page does and read the first token of both replies."""
    files = [str(path)] if given.name and (path := laid_out(given, folder)) else []
    begun = time.process_time()
    try:
        next(session.compare(given.text, files, max_new_tokens=1))
        outcome, said = "answered", ""
    except RequestError as error:
        outcome, said = "refused", str(error)
    except Exception as error:
        outcome, said = "crashed", f"{type(error).__name__}: {error}"
    seconds = time.process_time() - begun
    fault = wrong(given, outcome, said, seconds)
    if fault is None and outcome == "answered" and given.seen is not None and files:
        fault = wrongly_seen(given, files[0])
    return Verdict(given, outcome, said, seconds, fault)


def offer_archive(given: Input, folder: Path) -> Verdict:
    """Bring an archive as one's own set; whatever comes of it, nothing may be left outside the folder it is given."""
    path, unpacked = folder / given.name, folder / "unpacked"
    path.write_bytes(given.content)
    before = set(folder.parent.iterdir())
    begun = time.process_time()
    try:
        unpack(path, unpacked, MEDIA_SUFFIXES)
        outcome, said = "answered", ""
    except ArchiveError as error:
        outcome, said = "refused", str(error)
    except Exception as error:
        outcome, said = "crashed", f"{type(error).__name__}: {error}"
    seconds = time.process_time() - begun
    fault = wrong(given, outcome, said, seconds)
    if fault is None and (unpacked.exists() or set(folder.parent.iterdir()) != before):
        fault = "files were left"
    return Verdict(given, outcome, said, seconds, fault)


def offer_over_http(visitor: Visitor, session: Session, given: Input) -> Verdict:
    """Give an input to the running page; what it answers must be what the engine alone says of the same file."""
    begun = time.process_time()
    try:
        medium = visitor.upload(given.name, given.content) if given.name else None
        is_answer, told = visitor.call("compare", given.text, medium, None, 1.0, "")
    except httpx.HTTPStatusError as error:
        # Turned away at the door, which says so in words.
        is_answer, told, medium = False, error.response.text, None
        if error.response.status_code >= 500:
            fault = f"{error.response.status_code}: {told}"
            return Verdict(given, "crashed", told, time.process_time() - begun, fault)
    seconds = time.process_time() - begun
    outcome, said = ("answered", "") if is_answer else ("refused", told)
    fault = wrong(given, outcome, said, seconds)
    if fault is None and is_answer:
        alone = answers.compare(session, given.text, [medium["path"]] if medium else [])
        if json.loads(json.dumps(alone)) != told:
            fault = "the page answers another than the engine"
        elif given.seen is not None and medium:
            fault = wrongly_seen(given, medium["path"])
    return Verdict(given, outcome, said, seconds, fault)


def laid_out(given: Input, folder: Path) -> str:
    """The path of an input's file; a name that no folder can hold stays the path itself."""
    path = folder / given.name
    try:
        if path.parent != folder:
            return given.name
        path.write_bytes(given.content)
    except (OSError, ValueError):
        return given.name
    return str(path)


def wrong(given: Input, outcome: str, said: str, seconds: float) -> str | None:
    """What is wrong with an outcome, but for what was seen."""
    if outcome == "crashed":
        return said
    if seconds > SECONDS:
        return f"took {seconds:.1f} seconds"
    if given.outcome not in ("either", outcome):
        return f"{outcome}, not {given.outcome} ({said})"
    if outcome == "refused" and not is_sentence(said):
        return f"no clear sentence: {said!r}"
    return None


def is_sentence(said: str) -> bool:
    """Whether a refusal is one line of words, short enough to read, without trace, path or control character."""
    return (
        said.isprintable()
        and len(said.split()) > 3
        and len(said) <= LONGEST_SENTENCE
        and not any(part in said for part in ("Traceback", "/tmp/", "Errno", "object at 0x"))
    )


def wrongly_seen(given: Input, path: str) -> str | None:
    """What the model was shown that the file does not hold."""
    media = read_media(path)
    shown = media.frames if isinstance(media, Video) else (media,)
    others = [picture for picture in shown if not is_one_of(picture, given.seen)]
    return f"a wrong picture: {len(others)} of {len(shown)} shown" if others else None
