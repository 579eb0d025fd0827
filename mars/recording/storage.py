"""A recording on disk: a folder of safetensors and json files and of media, complete and strict.

Each entry is one file, written whole or not at all, so a recording that was stopped or killed goes on where it was.
`recording.json`, written last, names every file with its size and hash. Reading never runs code (no pickle) and
refuses a folder that is unfinished, truncated, changed, of a newer version, or no recording. What an entry means is
left to who keeps it: it is a JSON value and arrays by name.
"""

import hashlib
import json
import re
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, NamedTuple
from unicodedata import normalize

from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from mars.atomic_file import atomic_write
from mars.media.decode import IMAGE_SUFFIXES, VIDEO_SUFFIXES

SCHEMA = 2
"""Since 2 a medium lies under its file's name, in a folder named by its hash; 1 is read as well."""
INDEX = "recording.json"
BEGUN = "unfinished.json"
"""Stands in the folder in place of INDEX until the recording is complete."""
ENTRIES = re.compile(r"(prompts/)?[a-z0-9]{1,64}\.safetensors")
MEDIA = re.compile(r"media/[0-9a-f]{64}(?:/\w[\w (),+-]{0,39})?(\.[a-z0-9]{1,5})")
"""Files of a recording. A medium's folder is its content's hash, so that two files of one name do not meet."""
CHUNK = 2**20
JSON = "json"
"""Under which an entry's JSON stands in the header of its file."""
MADE = ("date", "processor", "device", "cost")
"""What a recording that goes on need not agree on."""


class RecordingError(ValueError):
    """A recording that cannot be read or continued; the message says why and what to do."""


@dataclass(frozen=True)
class Header:
    """What was recorded, on what, when: JSON values."""

    model: str
    """Hub id, or the folder's name."""
    source: str
    """Where the model was loaded from, as it was named."""
    revision: str | None
    dtype: str
    weights: list[float]
    """Fingerprint of the weights (`mars.model.info`)."""
    visual_weights: list[float]
    template_hash: str
    system: str | None
    """System message that stands in every prompt."""
    artifact: str
    """Hash of the tensors that an edit depends on."""
    settings: dict[str, Any]
    """Layers, gains and lengths of replies."""
    versions: dict[str, str]
    processor: str
    """The CPU, or the GPU where the model ran on one."""
    device: str
    date: str
    """When it was recorded, or last continued: ISO 8601 in UTC."""
    cost: dict[str, float] = field(default_factory=dict)
    """What it took: prompts, passes, layers, seconds, processor_seconds, peak_bytes."""

    def check_continues(self, other: "Header", folder: Path) -> None:
        """Raise RecordingError where a recording that was begun as another differs in what answers depend on."""
        now, then = asdict(self), asdict(other)
        differences = [
            f"{name.replace('_', ' ')} was {then[name]!r} and is {now[name]!r}"
            if len(repr(then[name])) < 80
            else f"{name.replace('_', ' ')} differ"
            for name in now
            if name not in MADE and now[name] != then[name]
        ]
        if differences:
            raise RecordingError(
                f"The recording in {folder} was begun otherwise: {'; '.join(differences)}. Name another folder, or "
                "delete it to begin anew."
            )

    @classmethod
    def read(cls, stored: Mapping[str, Any]) -> "Header":
        """Raises KeyError where a field is missing."""
        return cls(**{one.name: stored[one.name] for one in fields(cls)})


class Entry(NamedTuple):
    """One entry of a recording."""

    plain: Any
    """A JSON value."""
    arrays: dict[str, NDArray]


class Recorder:
    """A recording that is being made, perhaps going on with what a former run left."""

    def __init__(self, folder: str | Path, header: Header) -> None:
        """Begin or continue. Raises RecordingError where other files lie there, or it was begun otherwise."""
        self.folder, self.header = Path(folder), header
        known = [name for name in (INDEX, BEGUN) if (self.folder / name).is_file()]
        if known:
            try:
                begun = Header.read(json.loads((self.folder / known[0]).read_text(encoding="utf-8")))
            except (ValueError, KeyError, TypeError) as error:
                raise RecordingError(
                    f"{self.folder / known[0]} is damaged. Delete the folder to begin anew."
                ) from error
            header.check_continues(begun, self.folder)
        elif self.folder.exists() and any(self.folder.iterdir()):
            raise RecordingError(f"{self.folder} holds other files. Name a folder that is empty or not there yet.")
        for part in ("prompts", "media"):
            (self.folder / part).mkdir(parents=True, exist_ok=True)
        for left in self.folder.glob("**/.*.part"):
            left.unlink()
        if BEGUN not in known:
            self._write(BEGUN, _json({"schema": SCHEMA, **asdict(header)}))

    def has(self, name: str) -> bool:
        """Whether an entry is there: written whole, by this run or a former one."""
        return (self.folder / f"{name}.safetensors").is_file()

    def keep(self, name: str, entry: Entry) -> None:
        """Write an entry. Raises OSError where there is no room or no permission."""
        self._write(
            f"{name}.safetensors", save(entry.arrays, metadata={JSON: json.dumps(entry.plain, ensure_ascii=False)})
        )

    def entry(self, name: str) -> Entry:
        """An entry that is there. Raises RecordingError where it is damaged."""
        return _entry((self.folder / f"{name}.safetensors").read_bytes(), self.folder, name)

    def keep_medium(self, content: bytes, name: str) -> str:
        """Write an image or a video, once however often it is kept; returns where it lies in the folder.

        name: of its file, of which characters that not every file system takes are replaced.
        """
        stem, suffix = Path(name).stem, Path(name).suffix
        stem = re.sub(r"[^\w (),+-]", "_", normalize("NFC", stem)).lstrip(" (),+-")[:40].rstrip() or "medium"
        name = f"media/{hashlib.sha256(content).hexdigest()}/{stem}{suffix.lower()}"
        if not (self.folder / name).is_file():
            (self.folder / name).parent.mkdir(exist_ok=True)
            self._write(name, content)
        return name

    def finish(self, names: Collection[str], media: Collection[str], cost: Mapping[str, float]) -> None:
        """Write the index of these entries, in order, and media; what else a former run left is removed."""
        kept = [*(f"{name}.safetensors" for name in names), *sorted(media)]
        files = {}
        for name in kept:
            path = self.folder / name
            files[name] = [path.stat().st_size, _hash(path)]
        index = {"schema": SCHEMA, **asdict(self.header), "cost": dict(cost), "files": files}
        self._write(INDEX, _json(index | {"digest": _digest(index)}, indent=1))
        (self.folder / BEGUN).unlink(missing_ok=True)
        for path in [one for part in ("*.safetensors", "prompts/*", "media/**/*") for one in self.folder.glob(part)]:
            if path.is_file() and path.relative_to(self.folder).as_posix() not in files:
                path.unlink()
        for path in self.folder.glob("media/*"):
            if not any(path.iterdir()):
                path.rmdir()

    def _write(self, name: str, content: bytes) -> None:
        atomic_write(self.folder / name, content)


@dataclass(frozen=True)
class Recording:
    """A finished recording, checked. Entries are read when they are asked for."""

    folder: Path
    header: Header
    files: Mapping[str, tuple[int, str]]
    """Name -> bytes and SHA-256."""

    @classmethod
    def open(cls, folder: str | Path) -> "Recording":
        """Check every file of a folder; entries stay on disk. Raises RecordingError with the reason."""
        folder = Path(folder)
        stored = _index(folder)
        try:
            header, files = (
                Header.read(stored),
                {name: (int(size), str(mark)) for name, (size, mark) in stored["files"].items()},
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise RecordingError(f"The recording in {folder} is incomplete ({error}). Record it again.") from error
        for name, (size, mark) in files.items():
            _check_file(folder, name, size, mark)
        return cls(folder, header, files)

    @property
    def names(self) -> tuple[str, ...]:
        """Entries, in order."""
        return tuple(name.removesuffix(".safetensors") for name in self.files if ENTRIES.fullmatch(name))

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(size for size, _ in self.files.values())

    def entry(self, name: str) -> Entry:
        """One entry, checked again as it is read. Raises RecordingError, KeyError where there is none."""
        _, mark = self.files[f"{name}.safetensors"]
        try:
            content = (self.folder / f"{name}.safetensors").read_bytes()
        except OSError as error:
            raise RecordingError(f"The recording in {self.folder} lacks {name} by now. Copy it again.") from error
        if hashlib.sha256(content).hexdigest() != mark:
            raise RecordingError(f"The recording in {self.folder} was changed since it was opened ({name}).")
        return _entry(content, self.folder, name)


def is_recording(folder: str | Path) -> bool:
    """Whether a folder says that it is a recording, finished or not."""
    return any((Path(folder) / name).is_file() for name in (INDEX, BEGUN))


def _index(folder: Path) -> dict[str, Any]:
    path = folder / INDEX
    if not path.is_file():
        if (folder / BEGUN).is_file():
            raise RecordingError(
                f"The recording in {folder} is not finished. Give the command that made it again: it goes on there."
            )
        raise RecordingError(f"There is no recording in {folder}: {INDEX} is missing.")
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise RecordingError(
            f"The recording in {folder} is damaged: {INDEX} cannot be read. Copy it again."
        ) from error
    schema = stored.get("schema") if isinstance(stored, dict) else None
    if not isinstance(schema, int) or schema < 1:
        raise RecordingError(f"{path} is not the index of a recording: it has no schema number.")
    if schema > SCHEMA:
        raise RecordingError(
            f"The recording in {folder} is of a newer version (schema {schema}; this one reads {SCHEMA}). Update "
            "MARS Lens to open it."
        )
    if stored.get("digest") != _digest({name: value for name, value in stored.items() if name != "digest"}):
        raise RecordingError(
            f"The recording in {folder} was changed since it was made: its index does not match its digest."
        )
    return stored


def _check_file(folder: Path, name: str, size: int, mark: str) -> None:
    told = f"The recording in {folder}"
    medium = MEDIA.fullmatch(name)
    if not ENTRIES.fullmatch(name) and not (medium and medium[1] in IMAGE_SUFFIXES | VIDEO_SUFFIXES):
        raise RecordingError(f"{told} names {name}, which is no file of a recording; nothing of it is read.")
    path = folder / name
    if any((folder / part).is_symlink() for part in (name, *Path(name).parents)[:-1]):
        raise RecordingError(f"{told} has a link in place of {name}; nothing of it is read.")
    if not path.is_file():
        raise RecordingError(f"{told} lacks {name}. Copy it again.")
    found = path.stat().st_size
    if found < size:
        raise RecordingError(f"{told} is truncated: {name} has {found} of {size} bytes. Copy it again.")
    if found != size or _hash(path) != mark:
        raise RecordingError(f"{told} was changed since it was made: {name} is not what was recorded. Copy it again.")


def _entry(content: bytes, folder: Path, name: str) -> Entry:
    try:
        length = int.from_bytes(content[:8], "little")
        plain = json.loads(json.loads(content[8 : 8 + length])["__metadata__"][JSON])
        return Entry(plain, load(content))
    except (SafetensorError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise RecordingError(f"The recording in {folder} is damaged: {name} cannot be read.") from error


def _hash(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _digest(index: Mapping[str, Any]) -> str:
    """SHA-256, in hex, of all that an index says, the hash of every file included."""
    return hashlib.sha256(_json(index)).hexdigest()


def _json(value: Any, indent: int | None = None) -> bytes:
    return json.dumps(value, ensure_ascii=False, sort_keys=indent is None, indent=indent).encode()
