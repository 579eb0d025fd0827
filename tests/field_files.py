"""Files as phones, screens and the web make them, built anew for a test."""

import fractions
import struct
from collections.abc import Callable, Sequence
from pathlib import Path

import av
import numpy as np
from PIL import Image

from mars.types import Video

BLOCKS = {
    "top left": (200, 30, 30),
    "top right": (30, 200, 30),
    "bottom left": (30, 30, 200),
    "bottom right": (200,) * 3,
}
VARIABLE = [0, 40, 80, 2000, 2040, 5000, 5040, 5080, 8000, 8040, 10_000]
"""Milliseconds at which the frames of a recording of a screen come, which is written where something changes."""
QUARTER_TO_THE_RIGHT = (0, 1, -1, 0)
"""A display matrix: where a step to the right in a frame leads, along x and y, and where a step down leads."""


def blocks(width: int = 96, height: int = 64) -> Image.Image:
    """Four blocks of colours, by which a turned image is known."""
    image = Image.new("RGB", (width, height))
    corners = [(0, 0), (width // 2, 0), (0, height // 2), (width // 2, height // 2)]
    for (x, y), colour in zip(corners, BLOCKS.values(), strict=True):
        image.paste(colour, (x, y, x + width // 2, y + height // 2))
    return image


def turned() -> Image.Exif:
    """EXIF data that ask for a quarter turn to the right."""
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif


def save(image: Image.Image, path: Path, kind: str, **options) -> None:
    """As Pillow does, and HEIC too."""
    if kind != "HEIF":
        image.save(path, kind, **options)
        return
    import pillow_heif

    pillow_heif.from_pillow(image).save(path, **options)


def write_clip(
    path: Path, frames: int, codec: str = "libx264", rate: int = 4, size=(64, 48), times=None, ticks=None
) -> None:
    """Frame i is grey of level 8 i, so that a decoded frame says which one it was.

    times: of the frames in milliseconds; `ticks` in frames of the rate.
    """
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate)
        stream.width, stream.height, stream.pix_fmt = *size, "yuvj420p" if codec == "mjpeg" else "yuv420p"
        if times:
            stream.codec_context.time_base = fractions.Fraction(1, 1000)
        for index in range(frames):
            level = np.full((size[1], size[0], 3), min(8 * index, 255), dtype=np.uint8)
            frame = av.VideoFrame.from_ndarray(level, format="rgb24")
            if times:
                frame.pts, frame.time_base = times[index], fractions.Fraction(1, 1000)
            if ticks:
                frame.pts, frame.time_base = ticks[index], fractions.Fraction(1, rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def levels(clip: Video) -> list[int]:
    """Which frames of `write_clip` a decoded video has."""
    return [round(np.asarray(frame).mean() / 8) for frame in clip.frames]


def write_turned_clip(path: Path, turn: Sequence[int] = QUARTER_TO_THE_RIGHT) -> None:
    """As phones write it: three frames that lie, and the header of the track says how to show them."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=4)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        for _ in range(3):
            container.mux(stream.encode(av.VideoFrame.from_image(blocks())))
        container.mux(stream.encode())
    a, b, c, d = turn
    content = path.read_bytes()
    place = content.index(b"tkhd") + 44
    matrix = struct.pack(">9i", a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 1 << 30)
    path.write_bytes(content[:place] + matrix + content[place + 36 :])


def _dark(path: Path) -> None:
    """16 bits of which the lowest alone are used."""
    Image.fromarray(np.linspace(300, 363, 2400).astype(np.uint16).reshape(40, 60)).save(path)


def _moving(path: Path, **options) -> None:
    frames = [Image.new("RGB", (64, 48), (40 * index, 0, 90)) for index in range(5)]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=[100, 500, 200, 1000, 50], **options)


BROUGHT: dict[str, Callable[[Path], None]] = {
    "screenshot.png": lambda path: blocks(100, 60).save(path),
    "dark.png": _dark,
    "upright.jpg": lambda path: blocks().save(path, exif=turned()),
    "saved.jfif": lambda path: blocks(80, 64).save(path, "JPEG"),
    "phone.heic": lambda path: save(blocks(), path, "HEIF", quality=90),
    "web.avif": lambda path: blocks(120, 64).save(path),
    "scan.tiff": lambda path: blocks(60, 60).save(path, compression="tiff_lzw"),
    "sticker.webp": lambda path: _moving(path, lossless=True),
    "reaction.gif": _moving,
    "screen.mp4": lambda path: write_clip(path, len(VARIABLE), times=VARIABLE),
    "recording.webm": lambda path: write_clip(path, 6, "libvpx-vp9"),
    "phone.mov": write_turned_clip,
}
"""Name of a file that people bring -> what writes it to a path."""
