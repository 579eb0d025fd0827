"""Sets of drawings of the npm registry, in iconify's format, and how one is drawn: grounds, sizes and turns change.

The packages are fetched with npm and read as archives, by their hashes; they are neither installed nor shipped. Their
licences are as the packages say: `SETS` names them. OpenMoji's (CC BY-SA) is for tests alone.
"""

import io
import json
import random
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Mapping
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from PIL import Image

from mars.atomic_file import atomic_write
from mars.icon_vl.fetching import FetchError, Progress, watched
from mars.icon_vl.vision_encoder import IMAGE_SIZE
from mars.types import Video

NPM = "@iconify-json"
FRAMES, FRAMES_PER_SECOND = 8, 2
"""Of a video."""
IN_SIGHT, COMES_WITHIN = 5, 2
"""Frames in which the drawing of a video is in sight at least, and after how many of them it is at its place."""
GROUND_MOVES = 40
"""Pixels, from the first frame to the last."""
DARK = 300
"""A ground is dark whose red, green and blue, up to 255 each, add up to less."""


class Set(NamedTuple):
    """One vendor's drawings."""

    version: str
    sha256: str
    """Of the package."""
    licence: str
    author: str
    role: Literal["train", "test"]


SETS = {
    "noto": Set(
        "1.2.9",
        "3e918d88fc945c0bb3d468dbace6f88caef67f01c9f0e7bcae0915a042e8f1ad",
        "Apache-2.0",
        "Google Inc",
        "train",
    ),
    "twemoji": Set(
        "1.2.5", "19046dff7d8707ce96212ec86468b36ac5f8e60409629dd13f809265c6d0ebb7", "CC-BY-4.0", "Twitter", "train"
    ),
    "fluent-emoji-flat": Set(
        "1.2.6",
        "7d064769dee690815f823bc5bcc511d957198caf9f5edd8dd9c1aa48a6aeb175",
        "MIT",
        "Microsoft Corporation",
        "train",
    ),
    "fxemoji": Set(
        "1.2.2", "f3e72b3c59d05e1db03b7e308d55c0d05bd7ba3f625a90da1b79313c12858eef", "Apache-2.0", "Mozilla", "train"
    ),
    "game-icons": Set(
        "1.2.4", "f5758efb34d91c4f50b941f355f16ee73938625e5996fabc25171288404460a4", "CC-BY-3.0", "GameIcons", "train"
    ),
    "emojione": Set(
        "1.2.3", "26a14f44284407e8bcde91799388dca2bfd91dbcd55a97f425524a1c5b73610e", "CC-BY-4.0", "Emoji One", "test"
    ),
    "openmoji": Set(
        "1.2.29",
        "03181e2c156cab35cf4a62f1f7886bd971d59212e75ac3f189d5a4cae3930fc5",
        "CC-BY-SA-4.0",
        "OpenMoji",
        "test",
    ),
}
"""Kept out of all training are two: the one of emoji that is as whole as any, and the one that is for tests alone."""


class Drawings:
    """The drawings of one set, by name."""

    def __init__(self, package: bytes) -> None:
        with tarfile.open(fileobj=io.BytesIO(package)) as archive:
            self._files = {
                name: json.load(archive.extractfile(member))
                for name in ("icons", "chars", "metadata")
                if (member := _member(archive, f"package/{name}.json"))
            }

    @property
    def icons(self) -> dict[str, dict[str, Any]]:
        """Name -> drawing, as iconify has it."""
        return self._files["icons"]["icons"]

    @cached_property
    def aliases(self) -> dict[str, list[str]]:
        """Name -> other names of the same drawing."""
        found: dict[str, list[str]] = {}
        for alias, drawing in self._files["icons"].get("aliases", {}).items():
            if drawing.keys() == {"parent"}:
                found.setdefault(drawing["parent"], []).append(alias)
        return found

    @property
    def characters(self) -> dict[str, str]:
        """Code points in hexadecimal, with hyphens between, -> name; empty for what is no emoji."""
        return self._files.get("chars", {})

    @property
    def categories(self) -> dict[str, list[str]]:
        """Category -> names."""
        return self._files.get("metadata", {}).get("categories", {})

    def svg(self, name: str, colour: str, pixels: int) -> str:
        """A drawing as SVG of so many pixels a side; the colour is that of drawings of a single one."""
        whole, icon = self._files["icons"], self.icons[name]
        left, top, width, height = (
            icon.get(key, whole.get(key, default))
            for key, default in (("left", 0), ("top", 0), ("width", 16), ("height", 16))
        )
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" color="{colour}" '
            f'viewBox="{left} {top} {width} {height}" width="{pixels}" height="{pixels}">'
            f"{icon['body'].replace('currentColor', colour)}</svg>"
        )


def _member(archive: tarfile.TarFile, name: str) -> tarfile.TarInfo | None:
    try:
        return archive.getmember(name)
    except KeyError:
        return None


def fetch_sets(folder: Path, progress: Progress = lambda *_: None) -> dict[str, Drawings]:
    """All sets, kept in a folder as the packages that they come in. Raises FetchError."""
    folder.mkdir(parents=True, exist_ok=True)
    found = {}
    for number, (name, drawn) in enumerate(SETS.items()):
        progress("sets of drawings", number, len(SETS))
        path = folder / f"{name}-{drawn.version}.tgz"
        if not path.is_file():
            atomic_write(path, _packed(f"{NPM}/{name}@{drawn.version}", folder))
        content = path.read_bytes()
        if sha256(content).hexdigest() != drawn.sha256:
            path.unlink()
            raise FetchError(f"{NPM}/{name} {drawn.version} is another package than it was when it was checked.")
        found[name] = Drawings(content)
    progress("sets of drawings", len(SETS), len(SETS))
    return found


def _packed(package: str, folder: Path) -> bytes:
    """A package as npm packs it. Raises FetchError where it cannot."""
    npm = shutil.which("npm")
    if npm is None:
        raise FetchError("The drawings are fetched with npm, which is not here: install Node.js.")
    with tempfile.TemporaryDirectory(dir=folder) as work:
        try:
            watched([npm, "pack", package, "--pack-destination", work], Path(work), lambda _: None)
        except subprocess.CalledProcessError as error:
            raise FetchError(f"npm could not fetch {package}. Check the network, then ask again.") from error
        return next(Path(work).glob("*.tgz")).read_bytes()


def draw(sets: Mapping[str, Drawings], source: str, name: str, seed: object, size: int = IMAGE_SIZE) -> Image.Image:
    """One view of a drawing: the same for the same seed. Ground, size, place, turn and side differ between seeds."""
    rng = random.Random(f"{source} {name} {seed}")
    ground, is_dark = _ground(rng, size)
    drawn = _drawn(sets[source], name, rng, size, is_dark)
    ground.paste(drawn, _place(rng, drawn, size), drawn)
    return ground


def draw_video(sets: Mapping[str, Drawings], source: str, name: str, seed: object, size: int = IMAGE_SIZE) -> Video:
    """A video in which a drawing comes into sight from one side and stays, over a ground that moves.

    The same for the same seed. Before it comes there is the ground alone, in FRAMES - IN_SIGHT frames at most.
    """
    rng = random.Random(f"video {source} {name} {seed}")
    ground, is_dark = _ground(rng, size + GROUND_MOVES)
    drawn = _drawn(sets[source], name, rng, size, is_dark)
    (x, y), outside = _place(rng, drawn, size), rng.choice((-drawn.width, size))
    first, backwards = rng.randint(0, FRAMES - IN_SIGHT), rng.random() < 0.5
    frames = []
    for number in range(FRAMES):
        moved = GROUND_MOVES * number // (FRAMES - 1)
        left = GROUND_MOVES - moved if backwards else moved
        frame = ground.crop((left, 0, left + size, size))
        come = min((number - first + 1) / COMES_WITHIN, 1)
        if come > 0:
            frame.paste(drawn, (round(outside + come * (x - outside)), y), drawn)
        frames.append(frame)
    return Video(tuple(frames), tuple(number / FRAMES_PER_SECOND for number in range(FRAMES)))


def _drawn(drawings: Drawings, name: str, rng: random.Random, size: int, is_dark: bool) -> Image.Image:
    """A drawing with what is around it transparent, at a size, turn and side by lot."""
    import resvg_py  # of requirements-dev.txt, as training needs it

    pixels = int(size * rng.uniform(0.55, 0.95))
    low, high = (150, 255) if is_dark else (0, 110)
    colour = "#" + "".join(f"{rng.randint(low, high):02x}" for _ in range(3))
    png = resvg_py.svg_to_bytes(svg_string=drawings.svg(name, colour, pixels), skip_system_fonts=True)
    drawn = Image.open(io.BytesIO(bytes(png))).convert("RGBA")
    if rng.random() < 0.3:
        drawn = drawn.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return drawn.rotate(rng.uniform(-12, 12), Image.Resampling.BICUBIC)


def _place(rng: random.Random, drawn: Image.Image, size: int) -> tuple[int, int]:
    """Where the left upper corner goes, by lot, so that the whole drawing is in sight."""
    x, y = (rng.randint(0, size - side) for side in drawn.size)
    return x, y


def _ground(rng: random.Random, size: int) -> tuple[Image.Image, bool]:
    """One colour, one that becomes another, or one with noise; and whether it is dark."""
    is_dark = rng.random() < 0.3

    def colour() -> np.ndarray:
        low, high = (0, 80) if is_dark else (150, 255)
        return np.array([rng.randint(low, high) for _ in range(3)], dtype=float)

    first, kind = colour(), rng.random()
    values = np.broadcast_to(first, (size, size, 3))
    if kind < 0.3:
        share = np.linspace(0, 1, size)[:, None, None]
        values = first * (1 - share) + colour() * share
        values = np.broadcast_to(values if rng.random() < 0.5 else values.transpose(1, 0, 2), (size, size, 3))
    elif kind < 0.5:
        noise = np.random.default_rng(rng.getrandbits(32)).normal(0, rng.uniform(3, 15), (size // 4, size // 4, 1))
        values = values + np.kron(noise, np.ones((4, 4, 1)))
    return Image.fromarray(np.clip(values, 0, 255).astype(np.uint8)), is_dark
