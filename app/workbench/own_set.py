"""A set that a visitor puts together on the page: what they paste and bring, its labels, and the file it becomes."""

import shutil
import tempfile
import threading
import weakref
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from mars.datasets.columns import Columns, column_names
from mars.datasets.media_files import Brought, MediaFiles, gather
from mars.datasets.own_set import SET_FILE, OwnRow, OwnSet, link_or_copy
from mars.datasets.pasted import read_pasted, read_table
from mars.datasets.tables import Row, TableError
from mars.types import Label

from ..results import RequestError
from .prompts import one_sentence

PARTS = tuple(asdict(Columns()))
"""What a column may stand for."""
LABELS: tuple[Label, ...] = ("harmful", "harmless")
SHOWN = 300
"""Characters of a row's words that the page lists."""
NOTHING = Brought(MediaFiles(), (), ())
ALONE = "No request stands beside the files: type one that all of them share, or paste a table that names them."


class Draft:
    """The set of one visit. Its files lie in a folder of its own, which goes with it.

    Events of a page may overlap, so each change happens under a lock.
    """

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="mars-lens-set-"))
        weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)
        self.notes: tuple[str, ...] = ()
        """What was left out of all that was brought, a sentence each."""
        self.names: tuple[str, ...] = ()
        """Columns of the tables."""
        self.columns = Columns()
        self._set = OwnSet()
        self._labels: dict[tuple[str, str], Label] = {}
        """Given on the page, by words and name of the file."""
        self._read_notes: tuple[str, ...] = ()
        self._rows: list[Row] = []
        self._sources: tuple[str, ...] = ()
        self._brought = NOTHING
        self._request = ""
        self._gathered = 0
        self._beside = Path()
        """Where a table of this machine lies, whose rows may name files beside it."""
        self._lock = threading.Lock()

    def read(self, pasted: str, uploads: Sequence[str], place: str, request: str) -> None:
        """Take what there is now; labels that were given stay with rows of the same words and file.

        pasted: lines or cells. uploads: paths of files. place: a file or folder of this machine, or "".
        request: stands beside every file that no row names.
        """
        with self._lock:
            sources = (*uploads, *([place.strip()] if place.strip() else []))
            if sources != self._sources:
                self._brought = self._gather(uploads, place.strip())
                self._sources = sources
            notes, rows = list(self._brought.notes), []
            if pasted.strip():
                self._add(rows, notes, lambda: read_pasted(pasted))
            for path in self._brought.tables:
                self._add(rows, notes, lambda path=path: read_table(path))
            named = Path(place.strip())
            self._beside = named.absolute().parent if place.strip() and _is_file(named) else Path()
            self._rows, self._request = rows, request.strip()
            self.names = column_names(rows)
            self.columns = Columns.guess(rows)
            self._read_notes = tuple(notes)
            self._assemble()

    def choose(self, columns: Mapping[str, str]) -> None:
        """Take other columns: part -> column, "" for none. Labels of the table are read anew. Raises RequestError."""
        with self._lock:
            known = {"", *self.names}
            if unknown := [name for part, name in columns.items() if part not in PARTS or name not in known]:
                raise RequestError(f"There is no column “{unknown[0]}”. Choose one of the table's.")
            self.columns = Columns(**columns)
            self._assemble()

    def label(self, numbers: Collection[int], label: str) -> None:
        """Give rows, counted from 0, a label. Raises RequestError."""
        if label not in LABELS:
            raise RequestError(f"A label is {' or '.join(LABELS)}, not “{label}”.")
        with self._lock:
            self._set = self._set.with_label(numbers, label)
            chosen = [self._set.rows[number] for number in numbers if 0 <= number < len(self._set.rows)]
            self._labels.update({(row.text, row.name): label for row in chosen})

    @property
    def rows(self) -> list[tuple[str, str, str, str, bool]]:
        """Words, name of the file, label, what is missing, and whether that is more than the label, of each row."""
        return [
            (row.text[:SHOWN], row.name, row.label or "", row.problem or row.unlabelled, bool(row.problem))
            for row in self._set.rows
        ]

    @property
    def counts(self) -> Mapping[str, int]:
        """As `OwnSet.counts`."""
        return self._set.counts

    def write(self) -> str:
        """The file that is evaluated: rows that lack nothing, as JSON lines. Raises RequestError."""
        with self._lock, one_sentence():
            return str(self._set.write(self.folder))

    def export(self) -> str:
        """A file that `mars-lens eval` reads anywhere: JSON lines, in a zip archive with the media where it has any.

        Raises RequestError.
        """
        with self._lock, one_sentence():
            target = Path(tempfile.mkdtemp(prefix="export-", dir=self.folder)) / "set"
            path = self._set.write(target, gather=True)
            if [entry.name for entry in target.iterdir()] == [SET_FILE]:
                return str(path)
            return shutil.make_archive(str(target), "zip", target)

    def _gather(self, uploads: Sequence[str], place: str) -> Brought:
        """All files, of which uploads are kept here, since the page's own are swept away after an hour."""
        self._gathered += 1
        folder = self.folder / str(self._gathered)
        kept = []
        for number, upload in enumerate(map(Path, uploads)):
            target = folder / f"upload-{number}" / upload.name
            target.parent.mkdir(parents=True)
            link_or_copy(upload, target)
            kept.append(target)
        return gather([*kept, *([Path(place)] if place else [])], folder)

    def _add(self, rows: list[Row], notes: list[str], read: Callable[[], list[Row]]) -> None:
        try:
            rows.extend(read())
        except TableError as error:
            notes.append(str(error))

    def _assemble(self) -> None:
        """The set anew, with the labels that were given on the page."""
        media, named = self._brought.media, set()

        def find(said: str) -> tuple[str, Path]:
            try:
                name = media.find(said)
            except TableError:
                path = self._beside / said  # which is `said` itself where that is a full path
                if not path.is_absolute() or not _is_file(path):
                    raise
                return path.name, path
            named.add(name)
            return name, media.paths[name]

        rows = OwnSet.of(self._rows, self.columns, find).rows
        left = [name for name in media.paths if name not in named]
        notes = list(self._read_notes)
        if left and (self._request or not rows):
            rows += OwnSet.of_media(media, left, self._request).rows
        elif left:
            files = "One file is" if len(left) == 1 else f"{len(left)} files are"
            notes.append(f"{files} named by no row, and left out: type a request for such files to have a row each.")
        if left and not self._request and not self._rows:
            notes.append(ALONE)
        self.notes = tuple(notes)
        self._set = OwnSet(tuple(self._labelled(row) for row in rows))

    def _labelled(self, row: OwnRow) -> OwnRow:
        label = self._labels.get((row.text, row.name))
        return replace(row, label=label) if label else row


def _is_file(path: Path) -> bool:
    """Whether there is such a file; a name that no file can have is none."""
    try:
        return path.is_file()
    except OSError:
        return False
