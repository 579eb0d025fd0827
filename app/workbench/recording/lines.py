"""The prompts that are recorded: the examples of a gallery, and a set of one's own."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from mars.datasets.benchmarks import load_set
from mars.recording.prompts import Line, title_of

from ...results import Example


def lines_of(examples: Sequence[Example]) -> tuple[Line, ...]:
    """Examples of a gallery as prompts to record, with their media."""
    return tuple(
        Line(one.title, one.text, Path(one.media) if one.media else None, one.label, one.twin, keeps_medium=True)
        for one in examples
    )


def lines_of_set(path: str | Path, keeps_media: bool) -> tuple[Line, ...]:
    """The cases of a file that `mars-lens eval` reads, whose media are files. Raises BenchmarkError.

    keeps_media: whether their images and videos may be in the recording.
    """
    return tuple(
        Line(title_of(one.text, one.media), one.text, one.media, one.label, keeps_medium=keeps_media)
        for one in load_set(path).entries
    )


def distinct(lines: Iterable[Line]) -> tuple[Line, ...]:
    """Each prompt once, and each by a title of its own: of those that share one the later are numbered."""
    kept: dict[str, Line] = {}
    for line in lines:
        kept.setdefault(line.key, line)
    found, titles = [], Counter[str]()
    for line in kept.values():
        titles[line.title] += 1
        number = titles[line.title]
        found.append(line if number == 1 else replace(line, title=f"{line.title} ({number})"))
    return tuple(found)
