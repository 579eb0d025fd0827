"""What stands in a page of Markdown: its code, commands, links, and the files and targets that it names."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
_FENCED = re.compile(r"(?:^<!-- ([^\n]*) -->\n)?^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_INDENTED = re.compile(r"(?:(?<=\n\n)|\A)(?: {4}[^\n]*(?:\n|\Z))+")
_SPAN = re.compile(r"`([^`]+)`")
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_FILE = re.compile(r"(?<![\w./-])(?:app|assets|benchmarks|docs|mars|scripts|tests)/(?:[\w.-]+/)*[\w.-]*\w")
_NAME_IN_FILE = re.compile(r"`(\w+)`(?: dict)? (?:in |\()`([\w/]+\.py)`")
_SHELL = ("", "sh", "bash")


class Block(NamedTuple):
    """A fenced block of code."""

    mark: str
    """What the comment on the line above it says; empty where there is none."""
    language: str
    code: str


def blocks(text: str, *languages: str) -> list[Block]:
    """The fenced blocks in these languages."""
    found = (Block(*(part or "" for part in groups)) for groups in _FENCED.findall(text))
    return [block for block in found if block.language in languages]


def commands(text: str) -> Iterator[str]:
    """Every command line, in shell blocks, indented blocks and spans of code: without its comment, one at a time."""
    without_fences = _FENCED.sub("", text)
    code = [*(block.code for block in blocks(text, *_SHELL)), *_INDENTED.findall(without_fences)]
    lines = [line for block in code for line in block.replace("\\\n", " ").splitlines()]
    lines += [" ".join(span.split()) for span in _SPAN.findall(_INDENTED.sub("", without_fences))]
    for line in lines:
        for command in line.split("&&"):
            yield command.split(" #")[0].strip()


def make_targets(text: str) -> set[str]:
    """Targets of all `make ...` commands."""
    calls = (shlex.split(command, comments=True) for command in commands(text) if command.startswith("make "))
    return {word for call in calls for word in call[1:] if "=" not in word}


def arguments(text: str, *openings: str) -> list[list[str]]:
    """Arguments of the commands that open so; a bare opening, as in prose, is none."""
    return [
        shlex.split(command.removeprefix(opening))
        for command in commands(text)
        for opening in openings
        if command.startswith(f"{opening} ")
    ]


def links(text: str) -> list[str]:
    """Where links and images lead, but for web addresses."""
    return [link for link in _LINK.findall(text) if not re.match(r"\w+:", link)]


def broken_links(page: Path, text: str) -> list[str]:
    """Links of a page that lead to no file, or to no heading of one."""
    broken = []
    for link in links(text):
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        if not target.exists() or (anchor and anchor not in _anchors(target)):
            broken.append(link)
    return broken


def files(text: str) -> list[str]:
    """Files and folders of the repository that are named."""
    return _FILE.findall(text)


def names_in_files(text: str) -> list[tuple[str, str]]:
    """What is said to be in a file, as in: `NAME` in `mars/file.py`."""
    return _NAME_IN_FILE.findall(" ".join(text.split()))


def _anchors(page: Path) -> list[str]:
    """Of the headings of a page, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings]
