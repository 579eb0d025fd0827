"""Meaningless pictures and clips of one's own, in place of random colours, to centre a modality by."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

from PIL import Image

from mars.media import CLIP_SUFFIXES, PICTURE_SUFFIXES, MediaError, read_media
from mars.records import Clip, Modality, Prompt

Medium = Image.Image | Clip

MAX_FILES = 256
"""Most pictures and clips that a folder may hold: they are all in memory."""
HELD_OUT = 4
"""One in so many is kept from the neutral mean, for the cloud that is seen beside it."""


@dataclass(frozen=True)
class NeutralMedia:
    """Pictures and clips that mean nothing, those that make the mean apart from those that are seen."""

    media: tuple[Medium, ...]

    def __post_init__(self) -> None:
        if not self.media:
            raise MediaError("There is no meaningless picture or clip. Add two or more, or leave random colours.")
        for modality, kind in (("image", "picture"), ("video", "clip")):
            if len(self.of(modality)) == 1:
                raise MediaError(
                    f"There is a single meaningless {kind}; two are the least, one for the mean and one to hold "
                    "against it. Add some."
                )

    def of(self, modality: Modality) -> list[Medium]:
        """The media of a modality, in order; where there are none, random colours stand in."""
        return [medium for medium in self.media if _prompt("", medium).modality == modality]

    def prompts(self, texts: Sequence[str], modality: Modality, held_out: bool) -> list[Prompt]:
        """Each request with a medium, in turn, of those held out or of the others."""
        media = self.of(modality)
        chosen = media[::HELD_OUT] if held_out else [medium for at, medium in enumerate(media) if at % HELD_OUT]
        return [_prompt(text, medium) for text, medium in zip(texts, cycle(chosen), strict=False)]

    @property
    def hash(self) -> str:
        """SHA-256 of all pixels and times, in order."""
        hashes = "\n".join(_prompt("", medium).hash for medium in self.media)
        return hashlib.sha256(hashes.encode()).hexdigest()


def read_neutral(folder: str | Path) -> NeutralMedia:
    """All pictures and clips of a folder, by name, decoded. Raises MediaError, naming the file."""
    folder = Path(folder)
    if not folder.is_dir():
        raise MediaError(f"There is no folder {folder} of meaningless pictures or clips.")
    files = sorted(path for path in folder.iterdir() if path.suffix.lower() in PICTURE_SUFFIXES | CLIP_SUFFIXES)
    if len(files) > MAX_FILES:
        raise MediaError(f"{folder} holds {len(files)} pictures and clips; at most {MAX_FILES} are read. Move some.")
    media = []
    for path in files:
        try:
            media.append(read_media(path))
        except MediaError as error:
            raise MediaError(f"{path.name}: {error}") from error
    return NeutralMedia(tuple(media))


def _prompt(text: str, medium: Medium) -> Prompt:
    return Prompt(text, clip=medium) if isinstance(medium, Clip) else Prompt(text, image=medium)
