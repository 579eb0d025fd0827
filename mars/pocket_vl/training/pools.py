"""Renders kept and used again: drawing a picture costs more than a training step can spend on it.

A pool holds pictures (or clips) of every thing in both styles; each step draws a batch, shifts, stretches, slants
and recolours it, and replaces some of the pool's oldest by fresh renders.
"""

import numpy as np
from numpy.random import Generator

from mars.media.neutral import random_image, random_video
from mars.pocket_vl.training.network import FRAMES, PICTURE_SIZE
from mars.pocket_vl.world.clips import blank_video, render_video
from mars.pocket_vl.world.pictures import blank, render
from mars.pocket_vl.world.things import THINGS, Thing

STYLES = ("icon", "word")


def picture_pair(thing: Thing | None, rng: Generator, style: str, ease: float = 1.0) -> np.ndarray:
    """A training picture as the one frame pair a model sees: (1, 2, height, width, 3) uint8."""
    nothing = blank if rng.random() < 0.5 else random_image
    picture = render(thing, rng, style, ease=ease) if thing else nothing(rng)
    return np.stack([np.asarray(picture)] * 2)[None]


def clip_pairs(thing: Thing | None, rng: Generator, style: str | None = None, ease: float = 1.0) -> np.ndarray:
    """A training clip as frame pairs: (4, 2, height, width, 3) uint8."""
    nothing = blank_video if rng.random() < 0.5 else random_video
    clip = render_video(thing, rng, style=style, ease=ease) if thing else nothing(rng)
    frames = np.stack([np.asarray(frame) for frame in clip.frames])
    return frames.reshape(FRAMES // 2, 2, PICTURE_SIZE, PICTURE_SIZE, 3)


class Pool:
    """Renders of every thing, `depth` of each style."""

    def __init__(self, rng: Generator, depth: int, ease: float, clips: bool = False):
        self.clips = clips
        self.depth = depth
        self.keys = [(t, s) for t in range(len(THINGS)) for s in range(2)]
        self.renders = [[self._draw(t, s, rng, ease) for _ in range(depth)] for t, s in self.keys]
        self.turn = 0

    def _draw(self, thing: int, style: int, rng: Generator, ease: float) -> np.ndarray:
        draw = clip_pairs if self.clips else picture_pair
        frames = draw(THINGS[thing], rng, STYLES[style], ease)
        return frames if self.clips else frames[:, :1]

    def refresh(self, rng: Generator, count: int, ease: float) -> None:
        """Replace `count` renders, in the order of keys."""
        for _ in range(count):
            key, slot = self.turn % len(self.keys), self.turn // len(self.keys) % self.depth
            self.renders[key][slot] = self._draw(*self.keys[key], rng, ease)
            self.turn += 1

    def draw(self, thing: Thing, rng: Generator, style: int | None = None) -> np.ndarray:
        """One render of a thing, not yet varied: (frame pair, 1 or 2, height, width, 3)."""
        style = int(rng.integers(2)) if style is None else style
        return self.renders[_INDEX[thing.name] * 2 + style][int(rng.integers(self.depth))]


_INDEX = {thing.name: i for i, thing in enumerate(THINGS)}


def vary(frames: np.ndarray, rng: Generator, reach: int = 10) -> np.ndarray:
    """Frame pairs moved by up to `reach` pixels, stretched, slanted and recoloured, alike in all frames.

    Args:
        frames: (frame pair, 1 or 2, height, width, 3) uint8; the result always has two frames in a pair.
    """
    middle = PICTURE_SIZE / 2
    (down, right), (tall, wide) = rng.integers(-reach, reach + 1, 2), rng.uniform(0.88, 1.12, 2)
    slant = rng.uniform(-0.14, 0.14)
    row, column = np.mgrid[:PICTURE_SIZE, :PICTURE_SIZE] - middle
    rows = np.clip((row - down) / tall + middle, 0, PICTURE_SIZE - 1).astype(int)
    columns = np.clip((column - right + slant * row) / wide + middle, 0, PICTURE_SIZE - 1).astype(int)
    moved = frames[:, :, rows, columns]
    if rng.random() < 0.5:
        gain, shift = rng.uniform(0.8, 1.15, 3), rng.uniform(-20, 20, 3)
        table = np.clip(np.arange(256)[:, None] * gain + shift, 0, 255).astype(np.uint8)
        moved = np.stack([table[moved[..., c], c] for c in range(3)], axis=-1)
    return np.concatenate([moved, moved], axis=1) if moved.shape[1] == 1 else moved
