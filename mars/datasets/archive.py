"""Zip archives of strangers, unpacked within bounds.

Files come out under numbers, never under the names that the archive gives, so no name leads anywhere. What is told
of the content is checked before anything is unpacked, and no more is read than was told.
"""

import io
import re
import shutil
import stat
import zipfile
import zlib
from collections.abc import Collection
from pathlib import Path, PurePosixPath

from mars.media.limits import MAX_FILE_BYTES

MAX_ENTRIES = 20_000
MAX_UNPACKED_BYTES = 2_000_000_000
"""Most that all files of an archive may take."""
MAX_DIRECTORY_BYTES = 8_000_000
"""Longest list of files that is read, which is before their number is known; 400 for each of them."""
MAX_DEPTH = 32
ARCHIVES = frozenset({".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".zst", ".7z", ".rar", ".jar", ".cab", ".iso"})
COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""Others may ask for gigabytes of memory before a byte is unpacked."""
DRIVE = re.compile("[A-Za-z]:")
CHUNK = 1 << 20
DAMAGE = (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, RuntimeError)
"""What zipfile raises of damaged archives."""


class ArchiveError(ValueError):
    """An archive that is not unpacked; the message says why and what to do."""


def unpack(path: Path, folder: Path, suffixes: Collection[str]) -> tuple[dict[str, Path], int]:
    """Files of these suffixes by the names that the archive gives them, and how many others were left out.

    folder: where they are put, which is made. Raises ArchiveError, and leaves no folder then.
    """
    try:
        with _Listed(path) as listed, zipfile.ZipFile(listed) as archive:
            listed.is_read = True
            entries = _checked(path.name, archive.infolist())
            wanted = [entry for entry in entries if PurePosixPath(entry.filename).suffix.lower() in suffixes]
            folder.mkdir(parents=True, exist_ok=True)
            files = {}
            for number, entry in enumerate(wanted):
                target = folder / f"{number:05}{PurePosixPath(entry.filename).suffix.lower()}"
                with archive.open(entry) as source, target.open("xb") as file:
                    shutil.copyfileobj(source, file, CHUNK)
                files[entry.filename] = target
            return files, len(entries) - len(wanted)
    except ArchiveError:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    except DAMAGE as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise ArchiveError(
            f"{path.name} is not a zip archive that can be read, or damaged. Pack it again."
        ) from error


class _Listed(io.FileIO):
    """A file of which no long piece is read before the list of its content was."""

    is_read = False

    def read(self, size: int = -1) -> bytes:
        if size > MAX_DIRECTORY_BYTES and not self.is_read:
            raise ArchiveError(f"{Path(self.name).name} lists far too many files; at most {MAX_ENTRIES} are read.")
        return super().read(size)


def _checked(name: str, entries: list[zipfile.ZipInfo]) -> list[zipfile.ZipInfo]:
    """The files among the entries, without those that macOS adds. Raises ArchiveError."""

    def refused(why: str) -> ArchiveError:
        return ArchiveError(f"{name} {why}")

    if len(entries) > MAX_ENTRIES:
        raise refused(f"holds {len(entries)} files; at most {MAX_ENTRIES} are read. Split it.")
    files, names, size = [], set(), 0
    for entry in entries:
        parts = PurePosixPath(entry.filename.replace("\\", "/")).parts
        shown = f"“{''.join(c if c.isprintable() else '?' for c in entry.filename[:60])}”"
        if not parts or parts[0] == "/" or ".." in parts or DRIVE.match(parts[0]):
            raise refused(f"holds {shown}, which leads out of the archive. Pack a folder anew.")
        if len(parts) > MAX_DEPTH:
            raise refused(f"holds folders more than {MAX_DEPTH} deep. Pack fewer.")
        mode = entry.external_attr >> 16
        if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise refused(f"holds a link or device, {shown}. Pack the files themselves.")
        if entry.flag_bits & 0x1:
            raise refused("is encrypted. Pack it without a password.")
        if entry.compress_type not in COMPRESSIONS:
            raise refused("is packed in a rare way. Pack it as a usual zip archive (deflate).")
        if entry.is_dir() or parts[0] == "__MACOSX" or parts[-1] == ".DS_Store":
            continue
        if PurePosixPath(parts[-1]).suffix.lower() in ARCHIVES:
            raise refused(f"holds another archive, {shown}. Unpack that first.")
        if entry.filename in names:
            raise refused(f"holds {shown} twice. Pack it anew.")
        if entry.file_size > MAX_FILE_BYTES:
            raise refused(f"holds {shown} of more than {MAX_FILE_BYTES // 10**6} MB. Leave it out.")
        size += entry.file_size
        names.add(entry.filename)
        files.append(entry)
    if size > MAX_UNPACKED_BYTES:
        raise refused(f"unpacks to {size / 1e9:.1f} GB; at most {MAX_UNPACKED_BYTES // 10**9} are read. Split it.")
    return files
