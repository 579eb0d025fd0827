"""The prompts of a recording: a line of JSON each, and how each is known again."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from mars.datasets.tables import Row, TableError, read_rows
from mars.media.decode import MediaError, check_suffix, modality_of
from mars.types import Label

COLUMNS = ("text", "image", "video", "label", "twin", "title", "system", "media")
KEEP = "keep"


@dataclass(frozen=True)
class Line:
    """One prompt to record."""

    title: str
    text: str
    medium: Path | None
    """File of its image or video."""
    label: Label
    twin: str = ""
    """Prompts with the same twin ask for the same thing in another modality."""
    system: str = ""
    keeps_medium: bool = False
    """Whether its licence allows the image or video in the recording; otherwise a thumbnail stands for it."""

    @property
    def key(self) -> str:
        """By which its entry is known: words, medium and system message."""
        return prompt_key(self.text, None if self.medium is None else medium_hash(self.medium), self.system)


def read_lines(path: str | Path) -> tuple[Line, ...]:
    """Prompts of a JSON lines, CSV or Parquet file: text, image or video (a path beside the file), label, and where
    wanted twin, title, system, and "media": "keep".

    Raises TableError, in a sentence that names the row.
    """
    path = Path(path).resolve()  # workers have another current folder
    if not path.is_file():
        raise TableError(f"There is no file {path} of prompts.")
    lines = tuple(_line(row, path.parent) for row in read_rows(path, ["label"]))
    if not lines:
        raise TableError(f"{path.name} holds no prompt.")
    seen: dict[str, str] = {}
    for line in lines:
        if seen.setdefault(line.title, line.key) != line.key:
            raise TableError(f"Two prompts of {path.name} have the title “{line.title}”. Name each otherwise.")
    return tuple({line.key: line for line in lines}.values())


def prompt_key(text: str, medium: str | None, system: str = "") -> str:
    """64 hex digits that tell a prompt by its words, the hash of its medium's file, and its system message."""
    return hashlib.sha256(repr((text, medium, system)).encode()).hexdigest()


def medium_hash(path: str | Path) -> str:
    """SHA-256 of a file, in hex. Raises OSError."""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def title_of(text: str, medium: Path | None) -> str:
    """What a prompt is called that has no title: its first words, and the name of its file."""
    words = " ".join(text.split())
    words = words if len(words) <= 60 else words[:59] + "…"
    return f"{words} + {modality_of(medium)} {medium.stem}".removeprefix(" + ") if medium else words


def _line(row: Row, folder: Path) -> Line:
    if unknown := [name for name in row.cells if name not in COLUMNS]:
        raise TableError(f"{row.where} has “{unknown[0]}”; known are {', '.join(COLUMNS)}.")
    named = [name for name in ("image", "video") if row.optional(name)]
    if len(named) > 1:
        raise TableError(f"{row.where} names an image and a video; a prompt carries one of them.")
    medium = folder / row.text(named[0]) if named else None
    text = str(row.cells.get("text") or "")
    if medium is None and not text.strip():
        raise TableError(f"{row.where} is empty: it has neither text nor image nor video.")
    if medium is not None:
        try:
            check_suffix(medium)
        except MediaError as error:
            raise TableError(f"{row.where}: {error}") from error
        if not medium.is_file():
            raise TableError(f"{row.where} names {row.optional(named[0])}, which is not in {folder}.")
    label = row.choice("label", {name: name for name in get_args(Label)})
    keeps = row.choice("media", {"": False, KEEP: True}) if row.optional("media") else False
    title = row.optional("title") or title_of(text, medium)
    return Line(title, text, medium, label, row.optional("twin"), row.optional("system"), keeps)
