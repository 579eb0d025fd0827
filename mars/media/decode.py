"""Images and videos from files, decoded within bounds and as a person would see them.

Everything that a file may get wrong ends here, in a MediaError of one sentence. Only the kinds of files named here
are opened, whatever a file's content claims to be: other readers of the libraries run programs (PostScript) or open
further files (playlists).
"""

import io
import re
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Literal

import av
import numpy as np
from av.sidedata.sidedata import Type
from PIL import Image, ImageOps, UnidentifiedImageError

from mars.media import limits, tiff
from mars.media.color import as_rgb
from mars.media.limits import (
    MediaError,
    check_animation,
    check_bytes,
    check_file,
    check_length,
    check_size,
    check_time,
    not_opened,
)
from mars.media.sampling import sample
from mars.types import Video

IMAGE_SUFFIXES = frozenset(
    {".png", ".apng", ".jpg", ".jpeg", ".jfif", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".avif", ".heic", ".heif"}
)
VIDEO_SUFFIXES = frozenset({".mp4", ".webm", ".mov", ".mkv", ".avi", ".m4v"})

WHOLE = 0.8
"""Share of the time its container tells that a video must reach, or it is cut off: sound may outlast the images."""
FRAMES = 8
"""How many frames of a video a model is shown, spread evenly over its time."""

IMAGE_FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF", "AVIF")
"""Pillow's names of what is opened as an image, beside HEIC."""
ANIMATED_FORMATS = ("PNG", "WEBP", "GIF", "AVIF")
"""Those that may move. Pages of a TIFF and images of a HEIC file are not frames; the first, or main, one is read."""
HEIC_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx"})
EXIF_ITEM = re.compile(rb"(infe.{8}(?:..)?)Exif", re.DOTALL)
"""The entry for EXIF data in AVIF and HEIC files. Their orientation is the container's, so these are left unread."""
QUARTER_TURNS = ((1, 0, 0, 1), (0, -1, 1, 0), (-1, 0, 0, -1), (0, 1, -1, 0))
"""Display matrices of none to three quarter turns to the left."""
SHORTEST_FRAME = 0.011
"""Seconds; browsers show a frame of an animated image that is told to take less for DEFAULT_FRAME."""
DEFAULT_FRAME = 0.1
VIDEO_OPTIONS = {
    "format_whitelist": "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,gif",
    "protocol_whitelist": "file",
    "max_pixels": str(limits.MAX_PIXELS),
}
DECODER_OPTIONS = {"err_detect": "explode", "max_pixels": str(limits.MAX_PIXELS)}
"""A damaged frame is an error and not guessed; the size is checked before memory is taken."""
DAMAGE = (UnidentifiedImageError, OSError, SyntaxError, ValueError, EOFError, RuntimeError)
"""What Pillow and libheif raise of damaged files."""

_UNREADABLE = (
    "The image cannot be read: the file is damaged or not of the kind its name says. Save it again as PNG or JPEG."
)


def read_media(path: str | Path) -> Image.Image | Video:
    """An image as RGB image or a video as frames, told apart by `modality_of`. Raises MediaError."""
    check_file(path)
    check_suffix(path)
    return read_video(path) if modality_of(path) == "video" else read_image(path)


def check_suffix(path: str | Path) -> None:
    """Whether a file is of a kind that is read, by its name alone. Raises MediaError."""
    suffix = Path(path).suffix.lower()
    if suffix in IMAGE_SUFFIXES | VIDEO_SUFFIXES:
        return
    shown = suffix if suffix[1:].isalnum() and len(suffix) < 10 else "nothing known"
    raise MediaError(
        f"A file ending in “{shown}” is not supported: use an image "
        f"({_listed(IMAGE_SUFFIXES)}) or a video ({_listed(VIDEO_SUFFIXES)})."
    )


def modality_of(path: str | Path) -> Literal["image", "video"]:
    """What a file is read as: by its suffix, and a GIF, PNG, WebP or AVIF that moves as a video."""
    suffix = Path(path).suffix.lower()
    if suffix in IMAGE_SUFFIXES:
        try:
            with _opened(_content(path)) as image:
                return "video" if _moves(image) else "image"
        except MediaError:
            return "image"  # which says in a sentence what is wrong
    return "video" if suffix in VIDEO_SUFFIXES else "image"


def read_image(source: str | Path | bytes) -> Image.Image:
    """An image as 8-bit sRGB, upright, transparency laid on white, no side above MAX_SIDE. Raises MediaError.

    source: a file, or the content of one. An animation gives its first frame, a TIFF of several pages the first.
    """
    content = source if isinstance(source, bytes) else _content(source)
    with _opened(content) as image:
        if image.format in ("JPEG", "MPO"):
            image.draft("RGB", (limits.MAX_SIDE, limits.MAX_SIDE))
        return upright(image)


def upright(image: Image.Image, side: int = limits.MAX_SIDE) -> Image.Image:
    """An image as RGB (`mars.media.color`), upright by its EXIF data, no side above `side`. Turns the one given."""
    image.load()
    check_size(*image.size)  # a frame of a GIF may be larger than the file says
    _bound_exif(image)
    ImageOps.exif_transpose(image, in_place=True)
    image = as_rgb(image)
    image.thumbnail((side, side))
    return image


def read_video(path: str | Path, frames: int = FRAMES) -> Video:
    """Frames evenly spread over the time of a video or animated image, with their times. Raises MediaError.

    Frames are counted by decoding, since some containers give no count or a wrong one. The display matrix is
    applied. A video of fewer frames gives all of them; one frame is refused, being an image.
    """
    check_file(path)
    try:
        with Path(path).open("rb") as file:
            is_image = _is_animated_kind(file.read(12))
    except OSError as error:
        raise not_opened(path, error) from error
    try:
        if is_image:
            with _opened(_content(path)) as image:
                return _of_several(sample(_animation(image), frames))
        with av.open(f"file:{path}", metadata_errors="ignore", options=VIDEO_OPTIONS) as container:
            return _of_several(sample(_decoded(container), frames))
    except MediaError:
        raise
    except (av.FFmpegError, OSError, ValueError, IndexError) as error:
        raise MediaError(
            "The video cannot be read: the file is empty, damaged or not a video. Save it again as MP4 (H.264)."
        ) from error


def _content(path: str | Path) -> bytes:
    check_file(path)
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise not_opened(path, error) from error


@contextmanager
def _opened(content: bytes) -> Iterator[Image.Image]:
    """The image of a file's content, not yet decoded; what is wrong with it, then or later, is a MediaError."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with _open(content) as image:
                check_size(*image.size)
                _check_sound(content, image.format)
                yield image
    except MediaError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise limits.too_large("far too many") from error
    except DAMAGE as error:
        raise MediaError(_UNREADABLE) from error


def _open(content: bytes) -> Image.Image:
    if content.startswith(b"GIF"):
        check_bytes(len(content), limits.MAX_GIF_BYTES)
    elif content[:4] in tiff.ORDERS:
        content = tiff.first_page(content)
    elif content[4:8] == b"ftyp":
        content = EXIF_ITEM.sub(rb"\1skip", content)
        if _brands(content) & HEIC_BRANDS:
            return _open_heic(content)
    return Image.open(io.BytesIO(content), formats=IMAGE_FORMATS)


def _open_heic(content: bytes) -> Image.Image:
    """By pillow-heif, without its being registered, so that no other way into Pillow opens such files."""
    try:
        from pillow_heif.as_plugin import HeifImageFile

        return HeifImageFile(io.BytesIO(content))
    except ImportError as error:
        raise MediaError(
            "HEIC images are read by the package pillow-heif, which is not installed: pip install pillow-heif, "
            "or save the image as JPEG."
        ) from error


def _brands(content: bytes) -> set[bytes]:
    """Of the first box of an AVIF, HEIC or MP4 file."""
    end = min(int.from_bytes(content[:4], "big"), 256)
    return {content[at : at + 4] for at in (8, *range(16, end - 3, 4))}


def _check_sound(content: bytes, kind: str) -> None:
    """A PNG's checksums, which decoding leaves unread, and the scans of a JPEG. Raises SyntaxError, ValueError."""
    if kind == "PNG":
        with Image.open(io.BytesIO(content), formats=(kind,)) as image:
            image.verify()
    if kind in ("JPEG", "MPO") and content.count(b"\xff\xda") > limits.MAX_SCANS:
        raise ValueError("too many scans")


def _bound_exif(image: Image.Image) -> None:
    """Take away EXIF data, or their older form in a PNG, that would take long or much memory to read."""
    hexadecimal = image.info.pop("Raw profile type exif", "")
    exif = image.info.pop("exif", None) or bytes.fromhex("".join(hexadecimal.split("\n")[3:]))
    if len(exif) <= limits.MAX_EXIF_BYTES and not tiff.shares_values(exif.removeprefix(b"Exif\0\0")):
        image.info["exif"] = exif


def _is_animated_kind(head: bytes) -> bool:
    """Whether the first bytes of a file are those of an image that may move and that PyAV is not to read."""
    is_webp = head[:4] == b"RIFF" and head[8:] == b"WEBP"
    return is_webp or head.startswith(b"\x89PNG") or head[4:] in (b"ftypavif", b"ftypavis")


def _moves(image: Image.Image) -> bool:
    if image.format not in ANIMATED_FORMATS or not image.is_animated:
        return False
    return not (getattr(image, "default_image", False) and image.n_frames == 2)


def _animation(image: Image.Image) -> Iterator[tuple[float, Callable[[], Image.Image]]]:
    """Frames of an animated image in order, each with the second at which it comes."""
    check_animation(image.n_frames, *image.size)
    begun, seconds = time.monotonic(), 0.0
    first = int(getattr(image, "default_image", False))  # of a PNG: what is shown where nothing moves
    for number in range(first, image.n_frames):
        image.seek(number)
        image.load()
        check_time(begun)
        check_length(seconds, number + 1 - first)
        yield seconds, lambda: upright(image.copy(), limits.MAX_FRAME_SIDE)
        told = image.info.get("duration", 0) / 1000
        seconds += told if told >= SHORTEST_FRAME else DEFAULT_FRAME


def _decoded(container: av.container.InputContainer) -> Iterator[tuple[float, Callable[[], Image.Image]]]:
    """Frames of a video in order, each with the second at which it comes."""
    if not container.streams.video:
        raise MediaError("The file has no video stream, only sound or nothing. Use a video with images.")
    stream = container.streams.video[0]
    if stream.codec_context is None:
        raise MediaError("The video is coded in a way that is not known here. Save it again as MP4 (H.264).")
    stream.thread_type = "AUTO"
    stream.codec_context.thread_count = limits.DECODER_THREADS
    stream.codec_context.options = DECODER_OPTIONS
    check_size(stream.codec_context.width, stream.codec_context.height)
    told = (container.duration or 0) / av.time_base
    check_length(told, stream.frames)
    begun, start, end = time.monotonic(), None, 0.0
    for count, frame in enumerate(container.decode(stream)):
        shown = float(frame.time if frame.time is not None else count / float(stream.average_rate or 24))
        start = shown if start is None else start
        seconds = max(shown - start, 0.0)
        end = seconds + float((frame.duration or 0) * (frame.time_base or 0))
        check_length(seconds, count + 1)
        check_time(begun)
        if frame.is_corrupt:
            raise MediaError("The video is damaged: a frame cannot be decoded whole. Save it again as MP4 (H.264).")
        check_size(frame.width, frame.height)
        yield seconds, partial(_image, frame)
    if start is None:
        raise MediaError("The video has no frame that can be decoded. Save it again as MP4 (H.264).")
    if stream.duration is None and end < WHOLE * told:
        raise MediaError(f"The video is cut off: images end after {end:.1f} of {told:.1f} seconds. Save it again.")


def _of_several(video: Video) -> Video:
    """The same. Raises MediaError for a single frame."""
    if video.source_frames == 1:
        raise MediaError("The video has a single frame: upload it as an image, or a video of two frames or more.")
    return video


def _image(frame: av.VideoFrame) -> Image.Image:
    image = _turned(frame.to_image(), frame)
    image.thumbnail((limits.MAX_FRAME_SIDE, limits.MAX_FRAME_SIDE))
    return image


def _turned(image: Image.Image, frame: av.VideoFrame) -> Image.Image:
    """A frame turned and mirrored by its display matrix, to the nearest quarter turn."""
    right_x, right_y, down_x, down_y = _display_matrix(frame)
    if abs(right_y) > abs(right_x):
        image = image.transpose(Image.Transpose.TRANSPOSE)
        right_x, down_y = down_x, right_y
    if right_x < 0:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    if down_y < 0:
        image = image.transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    return image


def _display_matrix(frame: av.VideoFrame) -> tuple[int, int, int, int]:
    """Where a step to the right in a frame leads in what is shown, along x and y, and where a step down leads."""
    try:
        numbers = np.frombuffer(bytes(frame.side_data[Type.DISPLAYMATRIX]), dtype=np.int32).tolist()
        return numbers[0], numbers[1], numbers[3], numbers[4]
    except KeyError:
        return 1, 0, 0, 1
    except ValueError:  # beside it stands something that PyAV has no name for
        return QUARTER_TURNS[round(frame.rotation / 90) % 4]


def _listed(suffixes: frozenset[str]) -> str:
    return ", ".join(sorted(suffix[1:] for suffix in suffixes))
