"""A person's own set: rows of a table, the files that they name, and what is missing of each."""

import json
import os
import re
import shutil
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mars.atomic_file import atomic_write
from mars.datasets.columns import WORDS, Columns, label_of
from mars.datasets.media_files import MediaFiles
from mars.datasets.tables import Row, TableError
from mars.types import Label

SET_FILE = "set.jsonl"
MEDIA_FOLDER = "media"


@dataclass(frozen=True)
class OwnRow:
    """One row, whole or not."""

    where: str
    """"Row 3 of set.csv"."""
    text: str = ""
    name: str = ""
    """Of its image or video, as the person knows it."""
    medium: Path | bytes | None = None
    """A file, or an encoded image."""
    label: Label | None = None
    group: str = "main"
    expected: str | None = None
    problem: str = ""
    """Why it cannot be asked, in a sentence, whatever its label; "" where it can."""
    unlabelled: str = ""
    """Why it has no label, in a sentence; "" where it was read with one."""

    @property
    def missing(self) -> str:
        """What keeps it from being evaluated, in a sentence; "" where nothing does."""
        return self.problem or ("" if self.label else self.unlabelled)


@dataclass(frozen=True)
class OwnSet:
    """Rows in the order in which they came."""

    rows: tuple[OwnRow, ...] = ()

    @classmethod
    def of(cls, rows: Sequence[Row], columns: Columns, find: Callable[[str], tuple[str, Path]]) -> "OwnSet":
        """The rows of a table by its columns; nothing is raised, and a row says what is wrong with it.

        find: gives the file of a cell with the name that it is known by, or raises TableError.
        """
        return cls(tuple(_own_row(row, columns, find) for row in rows))

    @classmethod
    def of_media(cls, media: MediaFiles, names: Collection[str], request: str) -> "OwnSet":
        """A row for each of these files, all with one request."""
        return cls(
            tuple(
                OwnRow(f"The file “{name}”", request, name, media.paths[name], unlabelled=f"“{name}” has no label.")
                for name in names
            )
        )

    def with_label(self, numbers: Collection[int], label: Label) -> "OwnSet":
        """The same, with one label on these rows, counted from 0."""
        chosen = set(numbers)
        rows = (replace(row, label=label) if at in chosen else row for at, row in enumerate(self.rows))
        return OwnSet(tuple(rows))

    @property
    def counts(self) -> Counter[str]:
        """How many rows are "ready", "harmful" and "harmless" among those, have no "label", or a "problem"."""
        found: Counter[str] = Counter()
        for row in self.rows:
            if row.problem:
                found["problem"] += 1
            elif row.label is None:
                found["label"] += 1
            else:
                found.update(("ready", row.label))
        return found

    def write(self, folder: Path, gather: bool = False) -> Path:
        """Write the rows that lack nothing as JSON lines that `load_set` reads, and return that file.

        Files below the folder are named relative to it, others by their full path. Encoded images are written
        beside the file, and with `gather` all images and videos are, so that the folder can be moved. Raises
        TableError where every row lacks something.
        """
        ready = [row for row in self.rows if not row.missing]
        if not ready:
            first = next((row.missing for row in self.rows), "There is no row.")
            raise TableError(f"No row can be evaluated yet. {first}")
        known: dict[Path, str] = {}
        lines = []
        for number, row in enumerate(ready):
            cells: dict[str, Any] = {"text": row.text, "label": row.label}
            if row.medium is not None:
                cells["media"] = _placed(row, number, folder, gather, known)
            if row.group != "main":
                cells["group"] = row.group
            if row.expected is not None:
                cells["expected"] = row.expected
            lines.append(json.dumps(cells, ensure_ascii=False))
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / SET_FILE
        atomic_write(path, ("\n".join(lines) + "\n").encode())
        return path


def _own_row(row: Row, columns: Columns, find: Callable[[str], tuple[str, Path]]) -> OwnRow:
    if row.problem:
        return OwnRow(row.where, problem=row.problem)
    text, name, medium, problem = row.optional(columns.text), "", None, ""
    try:
        name, medium = _medium(row, columns.media, find)
        if not text and medium is None:
            problem = f"{row.where} has nothing in “{columns.text}”." if columns.text else f"{row.where} has no text."
    except TableError as error:
        name, problem = row.optional(columns.media), f"{row.where}: {error}"
    said = row.optional(columns.label)
    label = label_of(said, columns.label)
    unlabelled = ""
    if label is None:
        unlabelled = (
            f"{row.where}: “{columns.label}” is “{said[:60]}”; it must be {' or '.join(_LABELS)}."
            if said
            else f"{row.where} has no label."
        )
    group, expected = row.optional(columns.group) or "main", row.optional(columns.expected) or None
    return OwnRow(row.where, text, name, medium, label, group, expected, problem, unlabelled)


_LABELS = tuple(dict.fromkeys(WORDS.values()))


def _medium(row: Row, column: str, find: Callable[[str], tuple[str, Path]]) -> tuple[str, Path | bytes | None]:
    """Name and file of a row's image or video, or its encoded image as the hub's Parquet files hold it."""
    cell = row.cells.get(column)
    if isinstance(cell, Mapping):
        content = cell.get("bytes")
        if not isinstance(content, bytes) or not content:
            raise TableError(f"there is no image in “{column}”.")
        return str(cell.get("path") or "image"), content
    said = row.optional(column)
    return find(said) if said else ("", None)


def _placed(row: OwnRow, number: int, folder: Path, gather: bool, known: dict[Path, str]) -> str:
    """How the file names a row's image or video, which is put into the folder where it has to be."""
    if isinstance(row.medium, bytes):
        target = folder / MEDIA_FOLDER / _file_name(number, row.name, ".png")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(row.medium)
        return target.relative_to(folder).as_posix()
    if row.medium not in known:
        if gather:
            target = folder / MEDIA_FOLDER / _file_name(number, row.name, row.medium.suffix)
            target.parent.mkdir(parents=True, exist_ok=True)
            link_or_copy(row.medium, target)
            known[row.medium] = target.relative_to(folder).as_posix()
        else:
            is_inside = row.medium.is_relative_to(folder)
            known[row.medium] = (row.medium.relative_to(folder) if is_inside else row.medium.absolute()).as_posix()
    return known[row.medium]


def _file_name(number: int, name: str, suffix: str) -> str:
    """A name for any file system, by which a person still knows the file."""
    stem = re.sub(r"[^\w-]+", "_", Path(name).stem)[:60].strip("_")
    return f"{number:05}_{stem}{Path(name).suffix.lower() or suffix}" if stem else f"{number:05}{suffix}"


def link_or_copy(source: Path, target: Path) -> None:
    """A copy, which takes no room where the file system can link. Raises OSError."""
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
