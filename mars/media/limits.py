"""How much a file may ask for, each bound with its reason, and the one error that says so."""

import stat
import time
from pathlib import Path

MAX_PIXELS = 40_000_000
"""Most pixels of an image or frame that is decoded (a 40-megapixel photograph)."""
MIN_SIDE = 8
"""Fewest pixels on a side that an image needs to show something."""
MAX_ASPECT = 50
"""Largest ratio of the sides; processors refuse images beyond some such ratio with a trace."""
MAX_SIDE = 1536
"""Longer images are scaled down to this on decoding; no model here reads more."""
MAX_FRAME_SIDE = MAX_SIDE // 2
"""The same for the frames of a video."""
MAX_SCANS = 200
"""Most passes over a JPEG; each costs as much as decoding it anew, and photographs have about ten."""
MAX_VIDEO_SECONDS = 600
MAX_DECODED_FRAMES = 20_000
MAX_ANIMATION_PIXELS = 1_000_000_000
"""Most pixels of all frames of an animated image, each of which is a whole canvas however little of it changes."""
MAX_DECODING_SECONDS = 60.0
"""Longest that a video may take to decode."""
DECODER_THREADS = 4
"""Each holds frames of its own, so their number bounds memory."""
SHOWN = 60
"""Most characters of a file's name that an error tells."""
MAX_FILE_BYTES = 100_000_000
MAX_GIF_BYTES = 10_000_000  # Pillow joins a GIF's comments one by one: 16 MB of them take 24 s
MAX_EXIF_BYTES = 65_536  # what a JPEG can hold; Pillow 12 takes a time that grows with the square (CVE-2026-96643)
MAX_PROFILE_BYTES = 4_000_000
"""Longest colour profile that is applied; those of presses have about two megabytes."""

_TOO_LARGE = f"The image has {{what}} pixels; at most {MAX_PIXELS // 1_000_000} megapixels are read. Scale it down."


class MediaError(ValueError):
    """An image or video that cannot be used; the message says why and what to do."""


def too_large(what: str) -> MediaError:
    """That an image has `what` pixels, more than are read."""
    return MediaError(_TOO_LARGE.format(what=what))


def check_file(path: str | Path) -> None:
    """A regular file (a pipe or device may never end) of bounded length. Raises MediaError."""
    try:
        found = Path(path).stat()
    except (OSError, ValueError) as error:
        raise not_opened(path, error) from error
    if stat.S_ISDIR(found.st_mode):
        raise MediaError(f"{_name(path)} is a folder, not a file. Give an image or a video.")
    if not stat.S_ISREG(found.st_mode):
        raise MediaError("The medium is not a file. Give an image or a video.")
    check_bytes(found.st_size, MAX_FILE_BYTES)


def not_opened(path: str | Path, error: OSError | ValueError) -> MediaError:
    """That a file is missing, or may not be read; its folder is not told, since that may be the server's own."""
    if isinstance(error, PermissionError):
        return MediaError(f"The file {_name(path)} may not be read: permission is denied.")
    if isinstance(error, FileNotFoundError | NotADirectoryError | ValueError):
        return MediaError(f"There is no file {_name(path)}.")
    return MediaError(f"The file {_name(path)} cannot be opened: {error.strerror}.")


def _name(path: str | Path) -> str:
    """The last part of a path, short and printable."""
    name = Path(path).name or str(path)
    return "".join(one if one.isprintable() else "?" for one in name[:SHOWN])


def check_bytes(count: int, most: int) -> None:
    """Raises MediaError."""
    if count > most:
        raise MediaError(f"The file has {count / 1e6:.0f} MB; at most {most / 1e6:.0f} are read. Make it smaller.")


def check_length(seconds: float, frames: int) -> None:
    """Of a video. Raises MediaError."""
    if seconds > MAX_VIDEO_SECONDS:
        raise MediaError(
            f"The video lasts {seconds:.0f} seconds; at most {MAX_VIDEO_SECONDS} are read. Cut it shorter."
        )
    if frames > MAX_DECODED_FRAMES:
        raise MediaError(f"The video has more than {MAX_DECODED_FRAMES} frames. Cut it shorter.")


def check_time(begun: float) -> None:
    """That decoding a video, begun at a time of `time.monotonic`, may go on. Raises MediaError."""
    if time.monotonic() - begun > MAX_DECODING_SECONDS:
        raise MediaError(
            f"The video takes more than {MAX_DECODING_SECONDS:.0f} seconds to decode. Make it shorter or smaller."
        )


def check_animation(frames: int, width: int, height: int) -> None:
    """Raises MediaError."""
    if frames * width * height > MAX_ANIMATION_PIXELS:
        raise MediaError(
            f"The animated image has {frames} frames of {width} x {height} pixels; at most "
            f"{MAX_ANIMATION_PIXELS // 1_000_000} megapixels are read in all. Save it as MP4 (H.264)."
        )


def check_size(width: int, height: int) -> None:
    """Of an image or frame, in pixels. Raises MediaError."""
    if width * height > MAX_PIXELS:
        raise too_large(f"{width} x {height}")
    if min(width, height) < MIN_SIDE:
        raise MediaError(
            f"The image has {width} x {height} pixels; each side needs at least {MIN_SIDE}. Use a larger one."
        )
    if max(width, height) > MAX_ASPECT * min(width, height):
        raise MediaError(
            f"The image has {width} x {height} pixels, a strip more than {MAX_ASPECT} times as long as wide. Crop it."
        )
