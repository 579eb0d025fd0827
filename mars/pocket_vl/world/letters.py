"""Words drawn without font files: a stroke font whose parameters make many faces, and Pillow's built-in one.

A glyph is a text of strokes separated by "/": numbers x y x y ... on a grid where capitals and ascenders
begin at y = 0, small letters at 3, and the baseline is 10. A stroke that begins with "~" is curved.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from mars.pocket_vl.world.icons import smooth, stroke

SMALL: dict[str, str] = {
    "a": "~ 6 5 4.4 3.1 2 3.1 .4 4.6 0 6.5 .4 8.4 2 9.9 4.4 9.9 6 8 / 6 3 6 10",
    "b": "0 0 0 10 / ~ 0 5 1.6 3.1 4 3.1 5.6 4.6 6 6.5 5.6 8.4 4 9.9 1.6 9.9 0 8",
    "c": "~ 5.8 4.6 4.6 3.2 2.4 3.1 .6 4.4 0 6.5 .6 8.6 2.4 9.9 4.6 9.8 5.8 8.4",
    "d": "6 0 6 10 / ~ 6 5 4.4 3.1 2 3.1 .4 4.6 0 6.5 .4 8.4 2 9.9 4.4 9.9 6 8",
    "e": "0 6.4 6 6.4 / ~ 6 6.4 5.4 4.2 3.2 3 .8 4 0 6.4 .7 8.8 3 10 5.7 8.8",
    "f": "~ 4.6 .8 3.2 .1 2 1.2 1.8 3 / 1.8 2.6 1.8 10 / 0 3.8 4.2 3.8",
    "g": "~ 6 5 4.4 3.1 2 3.1 .4 4.6 0 6.3 .4 8 2 9.4 4.4 9.4 6 7.6 / 6 3 6 10 / ~ 6 9.8 5.4 12.2 3.2 13 .6 12.2",
    "h": "0 0 0 10 / ~ 0 5.6 1.5 3.5 3.7 3 5.2 4.3 5.5 7 5.5 10",
    "i": "1 3 1 10 / 1 .4 1 .8",
    "j": "2 3 2 10.6 / ~ 2 10.4 1.4 12.6 -.6 12.8 / 2 .4 2 .8",
    "k": "0 0 0 10 / 5 3 0 7.4 / 1.9 5.8 5.4 10",
    "l": "1 0 1 10",
    "m": "0 3 0 10 / ~ 0 5.4 1.2 3.3 2.9 3.2 3.9 4.8 4 10 / ~ 4 5.4 5.2 3.3 6.9 3.2 7.9 4.8 8 10",
    "n": "0 3 0 10 / ~ 0 5.6 1.5 3.5 3.7 3 5.2 4.3 5.5 7 5.5 10",
    "o": "~ 3 3 .8 4 0 6.5 .8 9 3 10 5.2 9 6 6.5 5.2 4 3 3",
    "p": "0 3 0 13 / ~ 0 5 1.6 3.1 4 3.1 5.6 4.6 6 6.5 5.6 8.4 4 9.9 1.6 9.9 0 8",
    "q": "6 3 6 13 / ~ 6 5 4.4 3.1 2 3.1 .4 4.6 0 6.5 .4 8.4 2 9.9 4.4 9.9 6 8",
    "r": "0 3 0 10 / ~ 0 5.8 1.1 3.8 2.6 3 4.2 3.4",
    "s": "~ 5 4.3 3.2 3.1 1.1 3.5 .6 5 1.8 6.2 3.6 6.8 5 8 4.4 9.5 2.4 10 .2 8.8",
    "t": "2 .8 2 8 / ~ 2 7.8 2.5 9.7 4.6 9.6 / 0 3.2 4.4 3.2",
    "u": "~ 0 3 0 7.2 .6 9.3 2.4 10 4.4 9 5.5 7 / 5.5 3 5.5 10",
    "v": "0 3 3 10 6 3",
    "w": "0 3 2 10 4 4 6 10 8 3",
    "x": "0 3 5.5 10 / 5.5 3 0 10",
    "y": "0 3 3.1 10 / 6 3 2 13",
    "z": "0 3 5.5 3 0 10 5.5 10",
}

CAPITALS: dict[str, str] = {
    "a": "0 10 3.2 0 6.4 10 / 1.2 6.6 5.2 6.6",
    "b": "0 0 0 10 / ~ 0 0 3.2 .1 4.9 1.2 4.9 3.6 3.2 4.7 0 4.8 / ~ 0 4.8 3.8 5 5.7 6.3 5.7 8.6 3.8 9.9 0 10",
    "c": "~ 6 2 4.6 .3 2.4 .2 .5 2 0 5 .5 8 2.4 9.8 4.6 9.7 6 8",
    "d": "0 0 0 10 / ~ 0 0 2.8 .1 5.2 1.7 6 5 5.2 8.3 2.8 9.9 0 10",
    "e": "5 0 0 0 0 10 5 10 / 0 4.8 4.2 4.8",
    "f": "5 0 0 0 0 10 / 0 4.8 4 4.8",
    "g": "~ 6 2 4.6 .3 2.4 .2 .5 2 0 5 .5 8 2.4 9.8 4.6 9.7 6 8 / 6 8 6 5.4 3.6 5.4",
    "h": "0 0 0 10 / 6 0 6 10 / 0 4.8 6 4.8",
    "i": "1 0 1 10",
    "j": "4 0 4 7.4 / ~ 4 7.2 3.3 9.5 1.6 9.9 0 8.4",
    "k": "0 0 0 10 / 5.6 0 0 6.2 / 2 4.1 6 10",
    "l": "0 0 0 10 5 10",
    "m": "0 10 0 0 4 6.5 8 0 8 10",
    "n": "0 10 0 0 6 10 6 0",
    "o": "~ 3.2 0 .9 1.4 0 5 .9 8.6 3.2 10 5.5 8.6 6.4 5 5.5 1.4 3.2 0",
    "p": "0 0 0 10 / ~ 0 0 3.4 .1 5.4 1.4 5.4 4 3.4 5.3 0 5.4",
    "q": "~ 3.2 0 .9 1.4 0 5 .9 8.6 3.2 10 5.5 8.6 6.4 5 5.5 1.4 3.2 0 / 3.8 7 6.6 11",
    "r": "0 0 0 10 / ~ 0 0 3.4 .1 5.4 1.4 5.4 3.8 3.4 5.1 0 5.2 / 2.6 5.2 6 10",
    "s": "~ 5.4 1.8 3.6 .1 1.2 .4 .4 2.4 1.6 4.2 4 5.3 5.5 7.2 4.8 9.3 2.4 10 0 8.4",
    "t": "0 0 6 0 / 3 0 3 10",
    "u": "~ 0 0 0 6 .5 8.8 3 10 5.5 8.8 6 6 6 0",
    "v": "0 0 3.1 10 6.2 0",
    "w": "0 0 2 10 4.2 2 6.4 10 8.4 0",
    "x": "0 0 6 10 / 6 0 0 10",
    "y": "0 0 3 5 6 0 / 3 5 3 10",
    "z": "0 0 5.6 0 0 10 5.6 10",
}

Range = tuple[float, float]


@dataclass(frozen=True)
class Font:
    """One face."""

    slant: float = 0.0
    """Horizontal shift for each unit of height; positive leans to the right."""
    weight: float = 0.13
    """Thickness of a stroke as a share of the height of a capital."""
    width: float = 1.0
    """Stretch of the letters along the line."""
    gap: float = 0.1
    """Free space between letters as a share of the height of a capital."""
    capitals: bool = False
    built_in: bool = False
    """Pillow's built-in face in place of the strokes; the other parameters act on it too."""


@dataclass(frozen=True)
class FontRanges:
    """What faces are drawn from; each field is a union of intervals."""

    slant: tuple[Range, ...]
    weight: tuple[Range, ...]
    width: tuple[Range, ...]

    def draw(self, rng: np.random.Generator) -> Font:
        """A face with every parameter uniform over its intervals."""
        return Font(
            slant=uniform(rng, self.slant),
            weight=uniform(rng, self.weight),
            width=uniform(rng, self.width),
            gap=rng.uniform(0.06, 0.16),
            capitals=bool(rng.random() < 0.3),
            built_in=bool(rng.random() < 0.35),
        )


TRAINING_FONTS = FontRanges(
    slant=((-0.12, 0.16),), weight=((0.08, 0.12), (0.15, 0.2)), width=((0.8, 0.98), (1.1, 1.25))
)
HELD_OUT_FONTS = FontRanges(slant=((0.2, 0.28), (-0.2, -0.15)), weight=((0.125, 0.145),), width=((1.0, 1.08),))
"""Faces no training image uses: slant, weight and width lie outside the training's intervals."""


def uniform(rng: np.random.Generator, intervals: tuple[Range, ...]) -> float:
    """A number uniform over a union of intervals."""
    lengths = np.array([high - low for low, high in intervals])
    total = lengths.sum()
    chosen = rng.choice(len(intervals), p=lengths / total) if total > 0 else 0
    return float(rng.uniform(*intervals[chosen]))


@lru_cache(maxsize=128)
def _glyph(letter: str, capital: bool) -> tuple[np.ndarray, ...]:
    strokes = []
    for text in (CAPITALS if capital else SMALL)[letter].split("/"):
        words = text.split()
        curved = words[0] == "~"
        points = np.array([float(word) for word in words[curved:]]).reshape(-1, 2)
        strokes.append(smooth(points, closed=False, steps=4) if curved else points)
    return tuple(strokes)


@lru_cache(maxsize=1024)
def _built_in_mask(word: str) -> Image.Image:
    face = ImageFont.load_default(size=64)
    left, top, right, bottom = face.getbbox(word)
    mask = Image.new("L", (int(right - left) + 8, int(bottom - top) + 8))
    ImageDraw.Draw(mask).text((4 - left, 4 - top), word, fill=255, font=face)
    return mask


def word_mask(word: str, font: Font, width: int, height: int) -> Image.Image:
    """A word as a mask, as large as fits into a box.

    Args:
        word: letters a to z.
        font: the face.
        width, height: the box in pixels; the mask is not larger.

    Returns:
        An "L" image, 255 on the strokes, cut to the word.

    Raises:
        KeyError: the word holds a sign that the strokes do not know.
    """
    drawn = _built_in_word(word, font) if font.built_in else _stroke_word(word, font, height)
    box = drawn.getbbox() or (0, 0, 1, 1)
    drawn = drawn.crop(box)
    scale = min(width / drawn.width, height / drawn.height)
    size = (max(1, round(drawn.width * scale)), max(1, round(drawn.height * scale)))
    return drawn.resize(size, Image.Resampling.BOX if scale < 0.5 else Image.Resampling.BILINEAR)


def _stroke_word(word: str, font: Font, height: int) -> Image.Image:
    unit = 2.0 * height / 13
    pad, pen = 14.0, 0.0
    lines = []
    for letter in word.lower():
        strokes = _glyph(letter, font.capitals)
        advance = max(points[:, 0].max() for points in strokes)
        lines += [(points * (font.width, 1) + (pen, 0)) for points in strokes]
        pen += advance * font.width + 10 * (font.gap + font.weight)
    size = (round((pen + 2 * pad) * unit), round((14 + 2 * pad) * unit))
    mask = Image.new("L", size)
    draw = ImageDraw.Draw(mask)
    for points in lines:
        leaning = points + np.stack([font.slant * (10 - points[:, 1]), np.zeros(len(points))], axis=1)
        stroke(draw, 255, (leaning + pad) * unit, 10 * font.weight * unit)
    return mask


def _built_in_word(word: str, font: Font) -> Image.Image:
    flat = _built_in_mask(word.upper() if font.capitals else word)
    lean = abs(font.slant) * flat.height
    size = (round(flat.width * font.width + lean), flat.height)
    shift = -lean if font.slant > 0 else 0.0
    matrix = (1 / font.width, font.slant / font.width, shift / font.width, 0, 1, 0)
    return flat.transform(size, Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR)
