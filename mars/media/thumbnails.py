"""What a point of the clouds shows, small: WebP images, and how a cloud's go into two tensors of its artifact."""

import struct
from collections.abc import Sequence
from io import BytesIO

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from mars.media.prompt import Prompt

SIDE = 64
"""Pixels of the longer side."""
QUALITY = 70
"""Of 100: some 500 bytes for a drawing, 2,500 for noise."""
HEADER = struct.Struct("<4sI8s10xHH")
"""Of a WebP without extras: RIFF, bytes that follow, WEBPVP8, width and height with two bits of scale each."""


def thumbnail(prompt: Prompt) -> bytes:
    """A prompt's image, or the frame of its video that shows most, as WebP without metadata; empty for text."""
    small = [_shrunk(image) for image in prompt.images]
    if not small:
        return b""
    file = BytesIO()
    most_detailed_frame(small).save(file, "WEBP", quality=QUALITY, method=6)
    return file.getvalue()


def most_detailed_frame(frames: Sequence[Image.Image]) -> Image.Image:
    """The frame that shows most, by how far its pixels differ; the first of equals."""
    return max(frames, key=lambda frame: np.asarray(frame).std())


def packed(thumbnails: Sequence[bytes]) -> tuple[Tensor, Tensor]:
    """Thumbnails one after the other, (byte,) uint8, and their lengths, (point,) int64, 0 where there is none."""
    content = np.frombuffer(b"".join(thumbnails), dtype=np.uint8).copy()
    return torch.from_numpy(content), torch.tensor([len(one) for one in thumbnails], dtype=torch.int64)


def unpacked(content: Tensor, lengths: Tensor) -> tuple[bytes, ...]:
    """What was packed: (byte,) and (point,) -> one a point. Nothing is decoded.

    Raises ValueError where lengths do not add up, or where something is no small WebP.
    """
    ends = lengths.cumsum(0).tolist()
    if content.dtype != torch.uint8 or (lengths < 0).any() or len(content) != (ends[-1] if ends else 0):
        raise ValueError("the lengths of the thumbnails do not add up")
    joined = content.numpy().tobytes()
    found = tuple(joined[start:end] for start, end in zip([0, *ends], ends, strict=False))
    for one in found:
        if one and not _is_thumbnail(one):
            raise ValueError(f"a thumbnail is no WebP of at most {SIDE} pixels a side")
    return found


def _shrunk(image: Image.Image) -> Image.Image:
    small = image.convert("RGB")
    small.thumbnail((SIDE, SIDE))
    small.info.clear()
    return small


def _is_thumbnail(content: bytes) -> bool:
    if len(content) < HEADER.size:
        return False
    riff, following, kind, width, height = HEADER.unpack_from(content)
    return (riff, kind, following + 8) == (b"RIFF", b"WEBPVP8 ", len(content)) and max(width, height) <= SIDE
