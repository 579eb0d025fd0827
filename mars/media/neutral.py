"""Meaningless images and videos, which centre a modality: random colours, or some of one's own in their place."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import numpy as np
from PIL import Image

from mars.media.decode import IMAGE_SUFFIXES, VIDEO_SUFFIXES, MediaError, read_media
from mars.media.prompt import Prompt
from mars.types import MODALITIES, Modality, Video

Medium = Image.Image | Video

NEUTRAL_SIZE = 128
"""Side of a meaningless image in pixels; processors scale it to what they read."""
NEUTRAL_FRAMES = 8
NEUTRAL_FRAMES_PER_SECOND = 2.0
MAX_FILES = 256
"""Most images and videos that a folder may hold: they are all in memory."""
HELD_OUT = 4
"""One in so many is kept from the neutral mean, for the cloud that is seen beside it."""


@dataclass(frozen=True)
class NeutralMedia:
    """Images and videos that mean nothing, those that make the mean apart from those that are seen."""

    media: tuple[Medium, ...]

    def __post_init__(self) -> None:
        if not self.media:
            raise MediaError("There is no meaningless image or video. Add two or more, or leave random colours.")
        for modality in MODALITIES[1:]:
            if len(self.of(modality)) == 1:
                raise MediaError(
                    f"There is a single meaningless {modality}; two are the least, one for the mean and one to hold "
                    "against it. Add some."
                )

    def of(self, modality: Modality) -> list[Medium]:
        """The media of a modality, in order; where there are none, random colours stand in."""
        return [medium for medium in self.media if Prompt.of("", medium).modality == modality]

    def prompts(self, texts: Sequence[str], modality: Modality, held_out: bool) -> list[Prompt]:
        """Each request with a medium, in turn, of those held out or of the others."""
        media = self.of(modality)
        chosen = media[::HELD_OUT] if held_out else [medium for at, medium in enumerate(media) if at % HELD_OUT]
        return [Prompt.of(text, medium) for text, medium in zip(texts, cycle(chosen), strict=False)]

    @property
    def hash(self) -> str:
        """SHA-256 of all pixels and times, in order."""
        hashes = "\n".join(Prompt.of("", medium).hash for medium in self.media)
        return hashlib.sha256(hashes.encode()).hexdigest()


def read_neutral(folder: str | Path) -> NeutralMedia:
    """All images and videos of a folder, by name, decoded. Raises MediaError, naming the file."""
    folder = Path(folder)
    if not folder.is_dir():
        raise MediaError(f"There is no folder {folder} of meaningless images or videos.")
    files = sorted(path for path in folder.iterdir() if path.suffix.lower() in IMAGE_SUFFIXES | VIDEO_SUFFIXES)
    if len(files) > MAX_FILES:
        raise MediaError(f"{folder} holds {len(files)} images and videos; at most {MAX_FILES} are read. Move some.")
    media = []
    for path in files:
        try:
            media.append(read_media(path))
        except MediaError as error:
            raise MediaError(f"{path.name}: {error}") from error
    return NeutralMedia(tuple(media))


def neutral_prompts(texts: Sequence[str], modality: Modality, seed: int) -> list[Prompt]:
    """Each request with a meaningless image or video of random colours attached.

    That the media are meaningless and randomly coloured is stated by the paper; that they accompany harmless
    requests which make sense without them is our reconstruction (a question *about* such an image drifts
    towards refusal by itself, and its mean is then no neutral point).
    """
    rng = np.random.default_rng([seed, len(modality)])
    match modality:
        case "text":
            return [Prompt(text) for text in texts]
        case "image":
            return [Prompt(text, image=random_image(rng)) for text in texts]
        case "video":
            return [Prompt(text, video=random_video(rng)) for text in texts]


def random_image(rng: np.random.Generator, size: int = NEUTRAL_SIZE) -> Image.Image:
    """An image that shows nothing: one to 16 x 16 blocks of random colours."""
    blocks = int(2 ** rng.integers(0, 5))
    colours = rng.integers(0, 256, size=(blocks, blocks, 3), dtype=np.uint8)
    return Image.fromarray(colours).resize((size, size), Image.Resampling.NEAREST)


def random_video(rng: np.random.Generator, size: int = NEUTRAL_SIZE, frames: int = NEUTRAL_FRAMES) -> Video:
    """A video that shows nothing: a new image of random colours in each frame."""
    return Video(
        tuple(random_image(rng, size) for _ in range(frames)),
        tuple(index / NEUTRAL_FRAMES_PER_SECOND for index in range(frames)),
    )
