"""Images and videos from files, decoded within bounds and as a person would see them.

Everything that a file may get wrong ends here, in a MediaError of one sentence. Only the kinds of files named here
are opened, whatever a file's content claims to be: other readers of the libraries run programs (PostScript) or open
further files (playlists).
"""

import io
import stat
import time
import warnings
from pathlib import Path
from typing import Literal

import av
import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from mars.types import Video

IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif"})
VIDEO_SUFFIXES = frozenset({".mp4", ".webm", ".mov", ".mkv", ".avi", ".m4v"})

MAX_PIXELS = 40_000_000
"""Most pixels of an image or frame that is decoded (a 40-megapixel photograph)."""
MIN_SIDE = 8
"""Fewest pixels on a side that an image needs to show something."""
MAX_ASPECT = 50
"""Largest ratio of the sides; processors refuse images beyond some such ratio with a trace."""
MAX_SIDE = 1536
"""Longer images are scaled down to this on decoding; no model here reads more."""
MAX_SCANS = 200
"""Most passes over a JPEG; each costs as much as decoding it anew, and photographs have about ten."""
MAX_VIDEO_SECONDS = 600
MAX_DECODED_FRAMES = 20_000
MAX_DECODING_SECONDS = 60.0
"""Longest that a video may take to decode."""
DECODER_THREADS = 4
"""Each holds frames of its own, so their number bounds memory."""
MAX_FILE_BYTES = 100_000_000
MAX_GIF_BYTES = 10_000_000  # Pillow joins a GIF's comments one by one: 16 MB of them take 24 s
MAX_EXIF_BYTES = 65_536  # what a JPEG can hold; Pillow 12 takes a time that grows with the square (CVE-2026-96643)
WHOLE = 0.8
"""Share of the time its container tells that a video must reach, or it is cut off: sound may outlast the images."""
FRAMES = 8
"""How many frames of a video a model is shown, spread evenly over it."""

IMAGE_FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF")
"""Pillow's names of what is opened as an image."""
VIDEO_OPTIONS = {
    "format_whitelist": "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,gif",
    "protocol_whitelist": "file",
    "max_pixels": str(MAX_PIXELS),
}
DECODER_OPTIONS = {"err_detect": "explode", "max_pixels": str(MAX_PIXELS)}
"""A damaged frame is an error and not guessed; the size is checked before memory is taken."""

_TOO_LARGE = f"The image has {{what}} pixels; at most {MAX_PIXELS // 1_000_000} megapixels are read. Scale it down."


class MediaError(ValueError):
    """An image or video that cannot be used; the message says why and what to do."""


def read_media(path: str | Path) -> Image.Image | Video:
    """An image as RGB image or a video as frames, told apart by `modality_of`. Raises MediaError."""
    suffix = Path(path).suffix.lower()
    if suffix in IMAGE_SUFFIXES | VIDEO_SUFFIXES:
        return read_video(path) if modality_of(path) == "video" else read_image(path)
    shown = suffix if suffix[1:].isalnum() and len(suffix) < 10 else "nothing known"
    raise MediaError(
        f"A file ending in “{shown}” is not supported: use an image "
        f"({_listed(IMAGE_SUFFIXES)}) or a video ({_listed(VIDEO_SUFFIXES)})."
    )


def modality_of(path: str | Path) -> Literal["image", "video"]:
    """What a file is read as, by its suffix; a GIF is a video where it moves."""
    suffix = Path(path).suffix.lower()
    if suffix == ".gif":
        try:
            _check_file(path, MAX_GIF_BYTES)
            with Image.open(path, formats=("GIF",)) as image:
                return "video" if image.is_animated else "image"
        except (MediaError, UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError):
            return "image"  # which says in a sentence what is wrong
    return "video" if suffix in VIDEO_SUFFIXES else "image"


def read_image(source: str | Path | bytes) -> Image.Image:
    """An image as RGB, upright by its EXIF orientation, transparency laid on white. Raises MediaError.

    source: a file, or the content of one. An animation gives its first frame.
    """
    unreadable = MediaError(
        "The image cannot be read: the file is damaged or not of the kind its name says. "
        "Save it again as PNG or JPEG."
    )
    try:
        content = source if isinstance(source, bytes) else _content(source)
        if content.startswith(b"GIF"):
            _check_bytes(len(content), MAX_GIF_BYTES)
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(content), formats=IMAGE_FORMATS) as image:
                _check_size(*image.size)
                if not _is_sound(content, image.format):
                    raise unreadable
                image.draft("RGB", (MAX_SIDE, MAX_SIDE))
                return upright(image)
    except MediaError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise MediaError(_TOO_LARGE.format(what="far too many")) from error
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise unreadable from error


def _content(path: str | Path) -> bytes:
    _check_file(path)
    return Path(path).read_bytes()


def _is_sound(content: bytes, kind: str) -> bool:
    """Whether a PNG's checksums are right, which decoding leaves unread, and a JPEG has no more than MAX_SCANS."""
    if kind == "PNG":
        with Image.open(io.BytesIO(content), formats=(kind,)) as image:
            image.verify()  # raises SyntaxError
    return kind not in ("JPEG", "MPO") or content.count(b"\xff\xda") <= MAX_SCANS


def upright(image: Image.Image) -> Image.Image:
    """RGB copy of an image: EXIF orientation applied, transparency on white, no side above MAX_SIDE."""
    image.load()
    _check_size(*image.size)  # a frame of a GIF may be larger than the file says
    if len(image.info.get("exif", b"")) > MAX_EXIF_BYTES:
        del image.info["exif"]
    image = ImageOps.exif_transpose(image)
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
        page = Image.new("RGBA", image.size, "white")
        page.alpha_composite(image)
        image = page
    elif image.mode.startswith("I;16") or image.mode in ("I", "F"):
        depth = np.asarray(image, dtype=np.float64)
        image = Image.fromarray((255 * (depth - depth.min()) / max(np.ptp(depth), 1)).astype(np.uint8))
    image = image.convert("RGB")
    image.thumbnail((MAX_SIDE, MAX_SIDE))
    return image


def read_video(path: str | Path, frames: int = FRAMES) -> Video:
    """Frames spread evenly over a video, with their times from the container. Raises MediaError.

    Frames are counted by decoding, since some containers give no count or a wrong one. Rotation metadata is
    applied. A video of fewer frames gives all of them; one frame is refused, being an image.
    """
    try:
        _check_file(path)
        with av.open(f"file:{path}", metadata_errors="ignore", options=VIDEO_OPTIONS) as container:
            return _sample(container, frames)
    except MediaError:
        raise
    except (av.FFmpegError, OSError, ValueError, IndexError) as error:
        raise MediaError(
            "The video cannot be read: the file is empty, damaged or not a video. Save it again as MP4 (H.264)."
        ) from error


def _sample(container: av.container.InputContainer, wanted: int) -> Video:
    if not container.streams.video:
        raise MediaError("The file has no video stream, only sound or nothing. Use a video with images.")
    stream = container.streams.video[0]
    if stream.codec_context is None:
        raise MediaError("The video is coded in a way that is not known here. Save it again as MP4 (H.264).")
    stream.thread_type = "AUTO"
    stream.codec_context.thread_count = DECODER_THREADS
    stream.codec_context.options = DECODER_OPTIONS
    _check_size(stream.codec_context.width, stream.codec_context.height)
    told = (container.duration or 0) / av.time_base
    _check_length(told, stream.frames)
    # A reservoir with a doubling stride keeps memory bounded and the kept frames evenly spread.
    kept: list[tuple[float, Image.Image]] = []
    stride = 1
    count = 0
    begun, start, end = time.monotonic(), None, 0.0
    for frame in container.decode(stream):
        shown = float(frame.time if frame.time is not None else count / float(stream.average_rate or 24))
        start = shown if start is None else start
        seconds = max(shown - start, 0.0)
        end = seconds + float((frame.duration or 0) * (frame.time_base or 0))
        _check_length(seconds, count + 1)
        if time.monotonic() - begun > MAX_DECODING_SECONDS:
            raise MediaError(
                f"The video takes more than {MAX_DECODING_SECONDS:.0f} seconds to decode. Make it shorter or smaller."
            )
        if frame.is_corrupt:
            raise MediaError("The video is damaged: a frame cannot be decoded whole. Save it again as MP4 (H.264).")
        if count % stride == 0:
            _check_size(frame.width, frame.height)
            kept.append((seconds, _image(frame)))
            if len(kept) > 8 * wanted:
                kept, stride = kept[::2], stride * 2
        count += 1
    if count == 0:
        raise MediaError("The video has no frame that can be decoded. Save it again as MP4 (H.264).")
    if count == 1:
        raise MediaError("The video has a single frame: upload it as an image, or a video of two frames or more.")
    if stream.duration is None and end < WHOLE * told:
        raise MediaError(f"The video is cut off: images end after {end:.1f} of {told:.1f} seconds. Save it again.")
    chosen = np.unique(np.linspace(0, len(kept) - 1, min(wanted, len(kept))).round().astype(int))
    times = np.maximum.accumulate([kept[i][0] for i in chosen]).tolist()
    size = kept[0][1].size
    return Video(tuple(kept[i][1].resize(size) for i in chosen), tuple(times))


def _image(frame: av.VideoFrame) -> Image.Image:
    image = frame.to_image()
    quarters = round((frame.rotation or 0) / 90)
    if quarters % 4:
        image = image.rotate(90 * quarters, expand=True)
    image.thumbnail((MAX_SIDE // 2, MAX_SIDE // 2))
    return image


def _check_file(path: str | Path, most: int | None = None) -> None:
    """A regular file (a pipe or device may never end) of bounded length. Raises MediaError, OSError, ValueError."""
    found = Path(path).stat()
    if not stat.S_ISREG(found.st_mode):
        raise MediaError("The medium is not a file. Give an image or a video.")
    _check_bytes(found.st_size, most or MAX_FILE_BYTES)


def _check_bytes(count: int, most: int) -> None:
    if count > most:
        raise MediaError(f"The file has {count / 1e6:.0f} MB; at most {most / 1e6:.0f} are read. Make it smaller.")


def _check_length(seconds: float, frames: int) -> None:
    if seconds > MAX_VIDEO_SECONDS:
        raise MediaError(
            f"The video lasts {seconds:.0f} seconds; at most {MAX_VIDEO_SECONDS} are read. Cut it shorter."
        )
    if frames > MAX_DECODED_FRAMES:
        raise MediaError(f"The video has more than {MAX_DECODED_FRAMES} frames. Cut it shorter.")


def _check_size(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise MediaError(_TOO_LARGE.format(what=f"{width} x {height}"))
    if min(width, height) < MIN_SIDE:
        raise MediaError(
            f"The image has {width} x {height} pixels; each side needs at least {MIN_SIDE}. Use a larger one."
        )
    if max(width, height) > MAX_ASPECT * min(width, height):
        raise MediaError(
            f"The image has {width} x {height} pixels, a strip more than {MAX_ASPECT} times as long as wide. Crop it."
        )


def _listed(suffixes: frozenset[str]) -> str:
    return ", ".join(sorted(suffix[1:] for suffix in suffixes))
