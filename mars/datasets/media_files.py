"""Images and videos that a person brings as files, folders or zip archives, found again by the names in a table."""

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from mars.datasets.archive import MAX_DEPTH, MAX_ENTRIES, ArchiveError, unpack
from mars.datasets.pasted import TABLE_SUFFIXES
from mars.datasets.tables import TableError
from mars.media.decode import IMAGE_SUFFIXES, VIDEO_SUFFIXES

MEDIA_SUFFIXES = IMAGE_SUFFIXES | VIDEO_SUFFIXES
SHOWN = 80
"""Characters of a name that a sentence repeats at most."""


@dataclass(frozen=True)
class MediaFiles:
    """Files by name, where a name may have folders before it: "photos/knife.png"."""

    paths: dict[str, Path] = field(default_factory=dict)
    _by_last: dict[str, list[str]] = field(init=False, repr=False, compare=False)
    """Last part of a name, in lower case, with and without its suffix -> the names that end so."""

    def __post_init__(self) -> None:
        by_last = defaultdict(list)
        for name in self.paths:
            last = PurePosixPath(name).name.lower()
            for key in dict.fromkeys((last, PurePosixPath(last).stem)):
                by_last[key].append(name)
        object.__setattr__(self, "_by_last", dict(by_last))

    def find(self, name: str) -> str:
        """The name of the file that a cell means: as it stands, or its last part, or that in another format.

        Raises TableError where there is none, or more than one.
        """
        name = name.replace("\\", "/").removeprefix("./")
        if name in self.paths:
            return name
        last = PurePosixPath(name.lower())
        for key in (last.name, last.stem):
            found = self._by_last.get(key, [])
            if len(found) == 1 and (key == last.name or last.suffix in ("", *IMAGE_SUFFIXES)):
                return found[0]
            if len(found) > 1:
                raise TableError(f"“{name}” may be {found[0]} or {found[1]}; write it with its folder.")
        shown = "".join(one if one.isprintable() else "?" for one in name[:SHOWN])
        raise TableError(f"there is no file “{shown}” among those that were brought.")


@dataclass(frozen=True)
class Brought:
    """What was found in all files, folders and archives that a person brought."""

    media: MediaFiles
    tables: tuple[Path, ...]
    notes: tuple[str, ...]
    """What was left out, a sentence each."""


def gather(sources: Iterable[Path], folder: Path) -> Brought:
    """Images, videos and tables of some files, folders and zip archives; the latter are unpacked into the folder.

    What cannot be used costs nothing else: it is left out, and a note says so. Links are not followed.
    """
    media: dict[str, Path] = {}
    tables: list[Path] = []
    notes: list[str] = []
    others = 0

    def take(name: str, path: Path) -> None:
        nonlocal others
        suffix = path.suffix.lower()
        if suffix in MEDIA_SUFFIXES:
            if name in media and media[name] != path:
                notes.append(f"There are two files “{name}”; the later one is left out.")
            media.setdefault(name, path)
        elif suffix in TABLE_SUFFIXES:
            tables.append(path)
        else:
            others += 1

    for number, source in enumerate(sources):
        try:
            if source.is_dir():
                for name, path in _files_of(source):
                    take(name, path)
            elif source.suffix.lower() == ".zip":
                unpacked, left = unpack(source, folder / f"archive-{number}", MEDIA_SUFFIXES | TABLE_SUFFIXES)
                others += left
                for name, path in unpacked.items():
                    take(name, path)
            elif source.is_file():
                take(source.name, source)
            else:
                notes.append(f"There is no file or folder {source}.")
        except (ArchiveError, TableError) as error:
            notes.append(str(error))
        except OSError as error:
            notes.append(f"{source.name} cannot be read: {error.strerror}.")
    if others:
        files = "file is" if others == 1 else f"{others} files are"
        notes.append(f"{'One ' if others == 1 else ''}{files} neither image, video nor table, and left out.")
    return Brought(MediaFiles(media), tuple(tables), tuple(notes))


def _files_of(folder: Path) -> Iterator[tuple[str, Path]]:
    """Files below a folder in order of their names, hidden ones and links left out. Raises TableError."""
    count = 0
    for root, folders, files in os.walk(folder):
        at = Path(root)
        depth = len(at.relative_to(folder).parts)
        folders[:] = sorted(name for name in folders if not name.startswith(".")) if depth < MAX_DEPTH else []
        for name in sorted(files):
            path = at / name
            if name.startswith(".") or path.is_symlink():
                continue
            count += 1
            if count > MAX_ENTRIES:
                raise TableError(f"{folder.name} holds more than {MAX_ENTRIES} files. Give a smaller folder.")
            yield path.relative_to(folder).as_posix(), path.absolute()
