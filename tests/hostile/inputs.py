"""What a hostile input is, and the sound media that most of them are made of."""

import io
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import av
import numpy as np
import pillow_heif
from PIL import Image, ImageCms

SIZE = (64, 48)
FRAMES = 12
CLIPS = {".mp4": "libx264", ".webm": "libvpx", ".avi": "mpeg4", ".mov": "png"}
"""Suffix -> codec of the sound clips."""
MOVING = {
    ".moving.png": ("PNG", {}),
    ".moving.webp": ("WEBP", {"lossless": True}),
    ".moving.avif": ("AVIF", {"quality": 95, "speed": 8}),
}
"""The same for animated images: how Pillow writes them."""


@dataclass(frozen=True)
class Input:
    """One thing that a stranger offers, and what may come of it."""

    kind: str
    name: str
    """Name that the file is offered under; for a text, ""."""
    content: bytes = b""
    text: str = "what is this?"
    outcome: Literal["refused", "answered", "either"] = "either"
    seen: tuple[Image.Image, ...] | None = None
    """The pictures that alone may be shown to the model; None where that is whatever the file holds."""

    @property
    def group(self) -> str:
        """Its kind without the details, by which results are counted."""
        return self.kind.split(":")[0].split(" .")[0]


@cache
def scene(index: int = 0) -> Image.Image:
    """A picture whose parts all differ: a gradient under a square that moves with the index."""
    across, down = np.meshgrid(np.linspace(0, 200, SIZE[0]), np.linspace(0, 200, SIZE[1]))
    pixels = np.stack([across, down, 200 - across], axis=-1).astype(np.uint8)
    pixels[12:28, 2 + 4 * index : 14 + 4 * index] = (250, 240, 20)
    return Image.fromarray(pixels)


@cache
def pictures() -> dict[str, bytes]:
    """Sound pictures by suffix; `.jpeg` is progressive."""
    options = {
        ".png": ("PNG", {}),
        ".jpg": ("JPEG", {"quality": 90}),
        ".jpeg": ("JPEG", {"quality": 90, "progressive": True}),
        ".gif": ("GIF", {}),
        ".webp": ("WEBP", {"lossless": True}),
        ".bmp": ("BMP", {}),
        ".tif": ("TIFF", {"icc_profile": ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()}),
        ".tiff": ("TIFF", {"compression": "tiff_lzw"}),
        ".avif": ("AVIF", {"quality": 95}),
        ".heic": ("HEIF", {"quality": 95}),
    }
    return {suffix: saved(scene(), kind, **given) for suffix, (kind, given) in options.items()}


def saved(picture: Image.Image, kind: str, **options) -> bytes:
    """The content of a file of a kind that Pillow or, for HEIF, pillow-heif writes."""
    file = io.BytesIO()
    if kind == "HEIF":
        pillow_heif.from_pillow(picture).save(file, **options)
    else:
        picture.save(file, kind, **options)
    return file.getvalue()


@cache
def clips() -> dict[str, bytes]:
    """Sound clips by suffix, animated images among them."""
    first, *rest = scenes()
    animated = {"save_all": True, "append_images": rest, "duration": 160}
    moving = {suffix: saved(first, kind, **options, **animated) for suffix, (kind, options) in MOVING.items()}
    return {suffix: clip(suffix, codec) for suffix, codec in CLIPS.items()} | moving


def clip(suffix: str, codec: str, frames: int = FRAMES, rate: int = 6, ticks: list[int] | None = None) -> bytes:
    """A clip of scenes; `ticks` are times of its frames in units of 1 / rate seconds."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"clip{suffix}"
        with av.open(str(path), "w", options={"movflags": "faststart"} if suffix in (".mp4", ".mov") else {}) as file:
            stream = file.add_stream(codec, rate=rate)
            stream.width, stream.height = SIZE
            stream.pix_fmt = "rgb24" if codec == "png" else "yuv420p"
            if codec == "libx264":
                stream.options = {"crf": "15"}
            else:
                stream.bit_rate = 4_000_000
            for index in range(frames):
                frame = av.VideoFrame.from_image(scene(index % FRAMES))
                frame.pts = ticks[index] if ticks else index
                file.mux(stream.encode(frame))
            file.mux(stream.encode())
        return path.read_bytes()


@cache
def scenes() -> tuple[Image.Image, ...]:
    """All that a sound clip shows."""
    return tuple(scene(index) for index in range(FRAMES))


def is_one_of(picture: Image.Image, allowed: tuple[Image.Image, ...], tolerance: float = 6.0) -> bool:
    """Whether a picture is, but for what lossy coding does, one of those allowed; mean difference of 256 levels."""
    shown = np.asarray(picture.convert("RGB"), dtype=np.float32)
    same_size = [np.asarray(one, dtype=np.float32) for one in allowed if one.size == picture.size]
    return any(np.abs(shown - one).mean() <= tolerance for one in same_size)
