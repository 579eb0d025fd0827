"""Pictures and clips from files, decoded within bounds and as a person would see them.

Everything that a file may get wrong ends here, in a MediaError of one sentence.
"""

import warnings
from pathlib import Path

import av
import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from mars.records import Clip

PICTURE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif"})
CLIP_SUFFIXES = frozenset({".mp4", ".webm", ".mov", ".mkv", ".avi", ".m4v"})

MAX_PIXELS = 40_000_000
"""Most pixels of a picture or frame that is decoded (a 40-megapixel photograph)."""
MIN_SIDE = 8
"""Fewest pixels on a side that a picture needs to show something."""
MAX_ASPECT = 50
"""Largest ratio of the sides; processors refuse pictures beyond some such ratio with a trace."""
MAX_SIDE = 1536
"""Longer pictures are scaled down to this on decoding; no model here reads more."""
MAX_CLIP_SECONDS = 600
MAX_DECODED_FRAMES = 20_000
FRAMES = 8
"""How many frames of a clip a model is shown, spread evenly over it."""


_TOO_LARGE = f"The picture has {{what}} pixels; at most {MAX_PIXELS // 1_000_000} megapixels are read. Scale it down."


class MediaError(ValueError):
    """A picture or clip that cannot be used; the message says why and what to do."""


def read_media(path: str | Path) -> Image.Image | Clip:
    """A picture as RGB image or a clip as frames, told apart by the suffix. Raises MediaError."""
    suffix = Path(path).suffix.lower()
    if suffix in PICTURE_SUFFIXES:
        return read_picture(path)
    if suffix in CLIP_SUFFIXES:
        return read_clip(path)
    raise MediaError(
        f"A file ending in “{suffix or 'nothing'}” is not supported: use a picture "
        f"({_listed(PICTURE_SUFFIXES)}) or a clip ({_listed(CLIP_SUFFIXES)})."
    )


def read_picture(path: str | Path) -> Image.Image:
    """A picture as RGB, upright by its EXIF orientation, transparency laid on white. Raises MediaError.

    An animation gives its first frame.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(path) as picture:
                _check_size(*picture.size)
                picture.draft("RGB", (MAX_SIDE, MAX_SIDE))
                return upright(picture)
    except MediaError:
        raise
    except Image.DecompressionBombError as error:
        raise MediaError(_TOO_LARGE.format(what="far too many")) from error
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise MediaError(
            "The picture cannot be read: the file is damaged or not of the kind its name says. "
            "Save it again as PNG or JPEG."
        ) from error


def upright(picture: Image.Image) -> Image.Image:
    """RGB copy of a picture: EXIF orientation applied, transparency on white, no side above MAX_SIDE."""
    picture.load()
    picture = ImageOps.exif_transpose(picture)
    if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
        picture = picture.convert("RGBA")
        page = Image.new("RGBA", picture.size, "white")
        page.alpha_composite(picture)
        picture = page
    elif picture.mode.startswith("I;16") or picture.mode in ("I", "F"):
        depth = np.asarray(picture, dtype=np.float64)
        picture = Image.fromarray((255 * (depth - depth.min()) / max(np.ptp(depth), 1)).astype(np.uint8))
    picture = picture.convert("RGB")
    picture.thumbnail((MAX_SIDE, MAX_SIDE))
    return picture


def read_clip(path: str | Path, frames: int = FRAMES) -> Clip:
    """Frames spread evenly over a clip, with their times from the container. Raises MediaError.

    Frames are counted by decoding, since some containers give no count or a wrong one. Rotation metadata is
    applied. A clip of fewer frames gives all of them; one frame is refused, being a picture.
    """
    try:
        with av.open(str(path), metadata_errors="ignore") as container:
            return _sample(container, frames)
    except MediaError:
        raise
    except (av.FFmpegError, OSError, ValueError, IndexError) as error:
        raise MediaError(
            "The clip cannot be read: the file is empty, damaged or not a video. Save it again as MP4 (H.264)."
        ) from error


def _sample(container: av.container.InputContainer, wanted: int) -> Clip:
    if not container.streams.video:
        raise MediaError("The file has no video stream, only sound or nothing. Use a clip with pictures.")
    stream = container.streams.video[0]
    stream.thread_type = "AUTO"
    _check_size(stream.codec_context.width, stream.codec_context.height)
    if container.duration and container.duration / av.time_base > MAX_CLIP_SECONDS:
        raise MediaError(
            f"The clip lasts {container.duration / av.time_base:.0f} seconds; at most {MAX_CLIP_SECONDS} are read. "
            "Cut it shorter."
        )
    # A reservoir with a doubling stride keeps memory bounded and the kept frames evenly spread.
    kept: list[tuple[float, Image.Image]] = []
    stride = 1
    count = 0
    for frame in container.decode(stream):
        if count >= MAX_DECODED_FRAMES:
            raise MediaError(f"The clip has more than {MAX_DECODED_FRAMES} frames. Cut it shorter.")
        if count % stride == 0:
            _check_size(frame.width, frame.height)
            seconds = frame.time if frame.time is not None else count / float(stream.average_rate or 24)
            kept.append((float(seconds), _picture(frame)))
            if len(kept) > 8 * wanted:
                kept, stride = kept[::2], stride * 2
        count += 1
    if count == 0:
        raise MediaError("The clip has no frame that can be decoded. Save it again as MP4 (H.264).")
    if count == 1:
        raise MediaError("The clip has a single frame: upload it as a picture, or a clip of two frames or more.")
    chosen = np.unique(np.linspace(0, len(kept) - 1, min(wanted, len(kept))).round().astype(int))
    start = kept[0][0]
    size = kept[0][1].size
    return Clip(
        tuple(kept[i][1].resize(size) for i in chosen),
        tuple(max(kept[i][0] - start, 0.0) for i in chosen),
    )


def _picture(frame: av.VideoFrame) -> Image.Image:
    picture = frame.to_image()
    rotation = getattr(frame, "rotation", 0) or 0
    if rotation:
        picture = picture.rotate(rotation, expand=True)
    picture.thumbnail((MAX_SIDE // 2, MAX_SIDE // 2))
    return picture


def _check_size(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise MediaError(_TOO_LARGE.format(what=f"{width} x {height}"))
    if min(width, height) < MIN_SIDE:
        raise MediaError(
            f"The picture has {width} x {height} pixels; each side needs at least {MIN_SIDE}. Use a larger one."
        )
    if max(width, height) > MAX_ASPECT * min(width, height):
        raise MediaError(
            f"The picture has {width} x {height} pixels, a strip more than {MAX_ASPECT} times as long as wide. "
            "Crop it."
        )


def _listed(suffixes: frozenset[str]) -> str:
    return ", ".join(sorted(suffix[1:] for suffix in suffixes))
