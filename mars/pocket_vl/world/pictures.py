"""Images of the pocket world: a thing drawn as an icon or written as a word, on a quiet background.

Training and held-out images differ in every range (`TRAINING`, `HELD_OUT`): scale, distance from the
middle, rotation, colours, face, and the pattern behind. The held-out ranges lie in gaps of the training's
or a little beyond them; no value is shared by the renders themselves. Training also shifts, stretches and
recolours its renders, which crosses some of these gaps; faces and patterns stay apart.
"""

import colorsys
import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from PIL import Image, ImageDraw

from mars.pocket_vl.world.icons import HELD_OUT_COLOURWAYS, TRAINING_COLOURWAYS, icon
from mars.pocket_vl.world.letters import HELD_OUT_FONTS, TRAINING_FONTS, Font, FontRanges, Range, uniform, word_mask
from mars.pocket_vl.world.things import Thing

Style = Literal["icon", "word"]
RGB = tuple[int, int, int]


@dataclass(frozen=True)
class Ranges:
    """What the look of an image is drawn from; intervals are unions."""

    scale: tuple[Range, ...]
    """Side of an icon as a share of the canvas."""
    offset: tuple[Range, ...]
    """Distance from the middle as a share of the free space in that direction."""
    turn: tuple[Range, ...]
    """Rotation in degrees, either way."""
    word_width: tuple[Range, ...]
    """Widest a word may be, as a share of the canvas."""
    colourways: tuple[int, ...]
    fonts: FontRanges
    backgrounds: tuple[str, ...]


EASE = 0.4
"""How much of the renders' ranges the world uses, in training's later steps and in the test: the full ranges
took longer to read than two cores have in half an hour."""

TRAINING = Ranges(
    scale=((0.45, 0.56), (0.62, 0.74), (0.8, 0.9)),
    offset=((0.0, 0.4), (0.65, 1.0)),
    turn=((0.0, 7.0), (10.0, 13.0)),
    word_width=((0.74, 0.82), (0.88, 0.95)),
    colourways=TRAINING_COLOURWAYS,
    fonts=TRAINING_FONTS,
    backgrounds=("plain", "gradient", "noise", "stripes"),
)
HELD_OUT = Ranges(
    scale=((0.57, 0.61), (0.75, 0.79)),
    offset=((0.42, 0.63),),
    turn=((7.5, 9.5), (13.5, 15.0)),
    word_width=((0.83, 0.87),),
    colourways=HELD_OUT_COLOURWAYS,
    fonts=HELD_OUT_FONTS,
    backgrounds=("glow", "chequers"),
)


DARKEST: dict[Style, float] = {"icon": 0.62, "word": 0.7}
"""Lightness of the darkest background: icons have an outline, the ink of words needs more contrast."""


@dataclass(frozen=True)
class Placement:
    """Where something stands on the canvas."""

    scale: float
    """Share of the canvas."""
    x: float
    """Distance from the middle, from -1 to 1 of the free space."""
    y: float
    turn: float
    """Degrees, counter-clockwise."""


def render(
    thing: Thing,
    rng: np.random.Generator,
    style: Style = "icon",
    held_out: bool = False,
    size: int = 128,
    ease: float = 1.0,
) -> Image.Image:
    """An image that shows one thing.

    Args:
        thing: what to show.
        rng: source of every random choice; the same state gives the same image.
        style: "icon" draws the thing, "word" writes its name.
        held_out: draw from the ranges that training never uses.
        size: side of the square image in pixels.
        ease: 1 uses the ranges in full; 0 gives a centred, upright thing of one size on a plain
            background; between, the ranges shrink towards that.

    Returns:
        A square RGB image.

    Raises:
        ValueError: the style is neither "icon" nor "word".
    """
    ranges = HELD_OUT if held_out else TRAINING
    sign, place = sign_of(thing, rng, style, ranges, size, ease)
    canvas = background(rng, size, ranges.backgrounds if ease > 0.25 else ("plain",), DARKEST[style])
    return put(canvas, sign, place)


def sign_of(
    thing: Thing, rng: np.random.Generator, style: Style, ranges: Ranges, size: int, ease: float = 1.0
) -> tuple[Image.Image, Placement]:
    """A thing's icon or written name (RGBA, RGBA with its ink) and where it shall stand."""
    if style == "icon":
        scale = 0.8 + ease * (uniform(rng, ranges.scale) - 0.8)
        colourway = int(rng.choice(ranges.colourways))
        return icon(thing.name, colourway, 112 if size <= 128 else 256), _placement(rng, ranges, scale, ease)
    if style == "word":
        font = ranges.fonts.draw(rng)
        share = 0.9 + ease * (uniform(rng, ranges.word_width) - 0.9)
        tall = 0.3 + ease * rng.uniform(-0.1, 0.1)
        if ease == 0:
            font = Font()
        mask = word_mask(thing.name, font, round(share * size), round(tall * size))
        sign = Image.new("RGBA", mask.size, _colour(rng, 0.08, 0.3))
        sign.putalpha(mask)
        return sign, _placement(rng, ranges, max(mask.size) / size, 0.6 * ease)
    raise ValueError(f'An image\'s style is "icon" or "word"; got {style!r}.')


def put(canvas: Image.Image, sign: Image.Image, place: Placement) -> Image.Image:
    """The canvas with a sign on it, its longer side `place.scale` of the canvas. Changes the canvas."""
    size = canvas.width
    zoom = place.scale * size / max(sign.size)
    cosine, sine = math.cos(math.radians(place.turn)), math.sin(math.radians(place.turn))
    wide = zoom * (sign.width * abs(cosine) + sign.height * abs(sine))
    high = zoom * (sign.width * abs(sine) + sign.height * abs(cosine))
    x = size / 2 + place.x * max(0.0, size - wide) / 2
    y = size / 2 + place.y * max(0.0, size - high) / 2
    a, b = cosine / zoom, -sine / zoom
    matrix = (a, b, sign.width / 2 - a * x - b * y, -b, a, sign.height / 2 + b * x - a * y)
    moved = sign.transform(canvas.size, Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR)
    canvas.paste(moved, (0, 0), moved)
    return canvas


def _placement(rng: np.random.Generator, ranges: Ranges, scale: float, ease: float) -> Placement:
    x, y = (uniform(rng, ranges.offset) * rng.choice((-1, 1)) * ease for _ in range(2))
    turn = uniform(rng, ranges.turn) * rng.choice((-1, 1)) * ease
    return Placement(scale, float(x), float(y), float(turn))


def _colour(rng: np.random.Generator, low: float, high: float) -> RGB:
    colour = colorsys.hls_to_rgb(rng.random(), rng.uniform(low, high), rng.uniform(0.1, 0.8))
    return tuple(round(255 * part) for part in colour)


def background(
    rng: np.random.Generator, size: int, kinds: tuple[str, ...] = TRAINING.backgrounds, darkest: float = 0.62
) -> Image.Image:
    """A quiet RGB background of one of the kinds, no darker than the given lightness, from 0 to 1.

    Raises:
        ValueError: there is no such kind of background.
    """
    kind = kinds[int(rng.integers(len(kinds)))]
    first = np.array(_colour(rng, darkest, 0.96), dtype=np.float32)
    if kind == "plain":
        return Image.new("RGB", (size, size), tuple(int(part) for part in first))
    second = np.clip(first + rng.uniform(-26, 26, 3), 0, 255).astype(np.float32)
    across = np.linspace(-1, 1, size, dtype=np.float32)
    if kind == "noise":
        grain = rng.uniform(-18, 18, (8, 8, 3)).astype(np.float32)
        coarse = np.clip(first + grain, 0, 255).astype(np.uint8)
        return Image.fromarray(coarse).resize((size, size), Image.Resampling.BICUBIC)
    angle = rng.uniform(0, 2 * math.pi)
    slope = math.cos(angle) * across[None, :] + math.sin(angle) * across[:, None]
    if kind == "gradient":
        share = (slope + 1.5) / 3
    elif kind == "stripes":
        share = 0.5 + 0.5 * np.sin(slope * rng.uniform(12, 30))
    elif kind == "glow":
        share = np.hypot(across[None, :] - math.cos(angle) / 2, across[:, None] - math.sin(angle) / 2) / 2
    elif kind == "chequers":
        cells = np.floor(across * rng.uniform(3, 6)).astype(int)
        share = ((cells[None, :] + cells[:, None]) % 2).astype(np.float32)
    else:
        raise ValueError(f"No such background: {kind!r}.")
    share = np.clip(share, 0, 1)[..., None]
    return Image.fromarray((first + share * (second - first)).astype(np.uint8))


def blank(rng: np.random.Generator, size: int = 128) -> Image.Image:
    """A meaningless RGB image: one colour, two colours, a gradient of any colours, or coloured noise."""
    pick = int(rng.integers(4))
    colours = rng.integers(0, 256, (2, 3))
    if pick == 0:
        return Image.new("RGB", (size, size), tuple(int(part) for part in colours[0]))
    if pick == 1:
        picture = Image.new("RGB", (size, size), tuple(int(part) for part in colours[0]))
        edge = int(rng.uniform(0.25, 0.75) * size)
        box = (0, 0, edge, size) if rng.random() < 0.5 else (0, 0, size, edge)
        ImageDraw.Draw(picture).rectangle(box, fill=tuple(int(part) for part in colours[1]))
        return picture
    if pick == 2:
        share = np.linspace(0, 1, size)[None, :, None]
        values = np.broadcast_to(colours[0] + share * (colours[1] - colours[0]), (size, size, 3))
        return Image.fromarray(np.ascontiguousarray(values).astype(np.uint8))
    side = int(rng.integers(2, 17))
    coarse = rng.integers(0, 256, (side, side, 3)).astype(np.uint8)
    smooth = Image.Resampling.BICUBIC if rng.random() < 0.5 else Image.Resampling.NEAREST
    return Image.fromarray(coarse).resize((size, size), smooth)
