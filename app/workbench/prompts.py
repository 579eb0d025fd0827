"""What a visitor gives, checked: words with at most one picture or clip, and how strongly to steer."""

from base64 import b64encode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from PIL import Image

from mars.media.decode import IMAGE_SUFFIXES, VIDEO_SUFFIXES, check_suffix, read_media
from mars.media.prompt import Prompt
from mars.media.thumbnails import most_detailed_frame
from mars.types import Video

from ..results import Example, RequestError

MEDIA_SUFFIXES = tuple(sorted(IMAGE_SUFFIXES | VIDEO_SUFFIXES))
"""Endings of the files that are read."""
MAX_NEW_TOKENS = 256
MAX_GAIN = 8.0
"""Largest gain of the map (`mars.effect.sweep.GAINS`)."""
POSTER_SIDE = 96
"""Pixels, for a button of 40 on a dense screen."""


class HasLayers(Protocol):
    """What a layer is checked against."""

    name: str
    n_layers: int
    chosen_layer: int


class Upload(NamedTuple):
    """An image or video as the model is shown it, pixel for pixel."""

    images: tuple[str, ...]
    """The image, or the frames of the video, each inside its own address."""
    times: tuple[float, ...] = ()
    """Seconds of the frames; none of an image."""
    source_frames: int = 0
    """How many frames the file has, of which these were sampled."""


@contextmanager
def one_sentence() -> Iterator[None]:
    """Turn what the engine says of bad input into RequestError; anything else passes, being a fault of ours."""
    try:
        yield
    except RequestError:
        raise
    except ValueError as error:
        raise RequestError(str(error)) from error


def check_names(files: Sequence[str | Path]) -> None:
    """Whether a prompt may carry these files, by their names alone. Raises RequestError."""
    if len(files) > 1:
        raise RequestError(
            f"There are {len(files)} files, and a prompt carries one image or one video: the bias of a "
            "mixture is not defined. Remove all but one."
        )
    with one_sentence():
        for file in files:
            check_suffix(file)


def read_prompt(text: str, files: Sequence[str | Path], system: str = "") -> Prompt:
    """A prompt from what was given. Raises RequestError for several files, ValueError for a bad one."""
    check_names(files)
    return Prompt.of(text or "", files[0] if files else None, system or None)


def read_upload(files: Sequence[str | Path]) -> Upload | None:
    """What the model would be shown of uploads; None where there are none. Raises RequestError."""
    if not files:
        return None
    with one_sentence():
        prompt = read_prompt("", files)
    images = tuple(data_url(image) for image in prompt.images)
    video = prompt.video
    return Upload(images, video.times, video.source_frames or len(video.frames)) if video else Upload(images)


def checked_gain(gain: Any) -> float:
    """A gain that steers towards refusal. Raises RequestError."""
    if isinstance(gain, bool) or not isinstance(gain, int | float) or not 0 <= gain <= MAX_GAIN:
        raise RequestError(
            f"The gain is {gain}; it must be a number from 0 to {MAX_GAIN:g}. This project steers towards "
            "refusal only."
        )
    return float(gain)


def checked_layer(layer: Any, session: HasLayers) -> int:
    """A layer that there is, by default the chosen one. Raises RequestError."""
    if layer is None or layer == "":
        return session.chosen_layer
    if isinstance(layer, float) and layer.is_integer():
        layer = int(layer)
    if isinstance(layer, bool) or not isinstance(layer, int) or not 0 <= layer < session.n_layers:
        last = session.n_layers - 1
        raise RequestError(
            f"Layer {layer} does not exist: {session.name} has layers 0 to {last}. Choose one of them."
        )
    return layer


@lru_cache(maxsize=4)
def posters(examples: tuple[Example, ...]) -> dict[str, str]:
    """A small picture of each example's clip, of the frame that shows most: path -> data URL. Remembered."""
    media = {example.media: read_media(example.media) for example in examples if example.media}
    clips = {path: medium for path, medium in media.items() if isinstance(medium, Video)}
    return {path: data_url(most_detailed_frame(clip.frames), POSTER_SIDE) for path, clip in clips.items()}


def data_url(picture: Image.Image, side: int | None = None) -> str:
    """A picture inside its own address, scaled down to fit a square where that has a side."""
    if side:
        picture = picture.copy()
        picture.thumbnail((side, side))
    file = BytesIO()
    picture.save(file, "PNG")
    return f"data:image/png;base64,{b64encode(file.getvalue()).decode()}"


def thumbnail_url(thumbnail: bytes) -> str:
    """A thumbnail (`mars.media.thumbnails`) inside its own address; empty where there is none."""
    return f"data:image/webp;base64,{b64encode(thumbnail).decode()}" if thumbnail else ""
