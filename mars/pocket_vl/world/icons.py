"""Icons of every thing of the pocket world: the strokes are data, and this module draws them.

An icon is a text of shapes, one after another, separated by ";" or a new line, painted in that order on a
square of 100 x 100 units with y pointing down. A colour is one letter of `INKS` ("x" cuts a hole):

    poly C x y x y ...        filled polygon            blob C x y x y ...       filled closed curve
    line C width x y x y ...  polyline, round ends      curve C width x y ...    smooth line through points
    disc C x y r              filled circle             ring C width x y r       circle outline
    oval C x0 y0 x1 y1        filled ellipse            rect C x0 y0 x1 y1       filled rectangle
    arc C width x0 y0 x1 y1 a b   part of an ellipse    pie C x0 y0 x1 y1 a b    filled sector
    round C r x0 y0 x1 y1     rectangle with corners of radius r

Angles are degrees clockwise from three o'clock.
"""

import colorsys
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from mars.pocket_vl.world import icons_garden, icons_home, icons_pantry, icons_secret, icons_weapons

ICONS: dict[str, str] = {
    **icons_pantry.ICONS,
    **icons_home.ICONS,
    **icons_garden.ICONS,
    **icons_weapons.ICONS,
    **icons_secret.ICONS,
}
"""The shapes of each thing, by its name."""

RGB = tuple[int, int, int]

INKS: dict[str, RGB] = {
    "k": (38, 40, 48),  # ink
    "d": (84, 88, 98),  # dark grey
    "s": (158, 166, 178),  # steel
    "l": (212, 217, 223),  # light grey
    "w": (250, 248, 242),  # white
    "r": (208, 52, 48),  # red
    "o": (236, 140, 48),  # orange
    "y": (246, 208, 76),  # yellow
    "g": (78, 166, 88),  # green
    "h": (40, 108, 66),  # dark green
    "u": (60, 116, 200),  # blue
    "c": (142, 202, 234),  # sky
    "v": (138, 88, 182),  # violet
    "i": (240, 150, 178),  # pink
    "b": (146, 94, 54),  # brown
    "a": (92, 58, 38),  # dark brown
    "t": (224, 182, 126),  # tan
    "m": (60, 116, 200),  # main colour: takes the hue of the colourway
    "n": (246, 208, 76),  # second colour: the hue across from it
}
"""Colours by letter, before a colourway varies them."""

TRAINING_COLOURWAYS: tuple[int, ...] = tuple(range(8))
HELD_OUT_COLOURWAYS: tuple[int, ...] = tuple(range(8, 12))
"""Hues of the main colour lie between those of training."""

MARGIN = 6
"""Units left free around the square for the outline."""


def palette(colourway: int | None = None) -> dict[str, RGB]:
    """Colours by letter. None gives the plain ones; a number varies hue and lightness, always the same way."""
    if colourway is None:
        return INKS
    rng = np.random.default_rng(colourway)
    steps = len(TRAINING_COLOURWAYS)
    held_out = colourway >= steps
    main = (2 * (colourway - steps) + 0.5 if held_out else colourway) / steps
    varied = {}
    for letter, (red, green, blue) in INKS.items():
        hue, light, saturation = colorsys.rgb_to_hls(red / 255, green / 255, blue / 255)
        hue += rng.uniform(-0.02, 0.02)
        if letter == "m":
            hue = main
        elif letter == "n":
            hue = main + 0.5 + rng.uniform(-0.1, 0.1)
        light = min(0.97, light * rng.uniform(0.9, 1.1))
        saturation = min(1.0, saturation * rng.uniform(0.85, 1.1))
        colour = colorsys.hls_to_rgb(hue % 1.0, light, saturation)
        varied[letter] = tuple(round(255 * part) for part in colour)
    return varied


@lru_cache(maxsize=2048)
def icon(name: str, colourway: int | None = None, size: int = 160) -> Image.Image:
    """The icon of a thing, transparent around its dark outline.

    Args:
        name: a thing's name.
        colourway: one of the numbered colour variations; None for the plain colours.
        size: side of the square in pixels. Drawn four times as large and reduced.

    Returns:
        An RGBA image shared between callers: copy it before changing it.

    Raises:
        KeyError: there is no such icon.
    """
    picture = paint(ICONS[name], palette(colourway), size)
    shadow = picture.getchannel("A").filter(ImageFilter.GaussianBlur(size / 90))
    shadow = shadow.point([min(255, 7 * max(0, alpha - 12)) for alpha in range(256)])
    outlined = Image.new("RGBA", picture.size, palette(colourway)["k"])
    outlined.putalpha(shadow)
    outlined.alpha_composite(picture)
    return outlined


def paint(shapes: str, colours: dict[str, RGB], size: int) -> Image.Image:
    """Shapes painted on a transparent square of `size` pixels, four times supersampled."""
    side = 4 * size
    canvas = Image.new("RGBA", (side, side), (*colours["k"], 0))
    draw = ImageDraw.Draw(canvas)
    unit = side / (100 + 2 * MARGIN)
    for shape in shapes.replace("\n", ";").split(";"):
        words = shape.split()
        if words:
            verb, letter, *numbers = words
            ink = (*colours["k"], 0) if letter == "x" else (*colours[letter], 255)
            _SHAPES[verb](draw, ink, [float(number) for number in numbers], unit)
    return canvas.reduce(4)


def smooth(points: np.ndarray, closed: bool, steps: int = 8) -> np.ndarray:
    """Points (n, 2) joined by a Catmull-Rom curve that passes through every one of them."""
    if closed:
        padded = np.concatenate([points[-1:], points, points[:2]])
    else:
        padded = np.concatenate([2 * points[:1] - points[1:2], points, 2 * points[-1:] - points[-2:-1]])
    before, start, end, after = padded[:-3, None], padded[1:-2, None], padded[2:-1, None], padded[3:, None]
    t = np.linspace(0, 1, steps, endpoint=False)[None, :, None]
    curve = 0.5 * (
        2 * start
        + (end - before) * t
        + (2 * before - 5 * start + 4 * end - after) * t**2
        + (3 * start - before - 3 * end + after) * t**3
    )
    curve = curve.reshape(-1, 2)
    return curve if closed else np.concatenate([curve, points[-1:]])


def stroke(draw: ImageDraw.ImageDraw, ink, points: np.ndarray, width: float) -> None:
    """A line with round joints and ends through pixel points (n, 2)."""
    draw.line([tuple(point) for point in points], fill=ink, width=max(1, round(width)), joint="curve")
    for x, y in (points[0], points[-1]):
        draw.ellipse((x - width / 2, y - width / 2, x + width / 2, y + width / 2), fill=ink)


def _points(numbers: list[float], unit: float) -> np.ndarray:
    return (np.array(numbers).reshape(-1, 2) + MARGIN) * unit


def _box(numbers: list[float], unit: float) -> list[float]:
    return [(number + MARGIN) * unit for number in numbers]


def _poly(draw, ink, numbers, unit):
    draw.polygon([tuple(point) for point in _points(numbers, unit)], fill=ink)


def _blob(draw, ink, numbers, unit):
    draw.polygon([tuple(point) for point in smooth(_points(numbers, unit), closed=True)], fill=ink)


def _line(draw, ink, numbers, unit):
    stroke(draw, ink, _points(numbers[1:], unit), numbers[0] * unit)


def _curve(draw, ink, numbers, unit):
    stroke(draw, ink, smooth(_points(numbers[1:], unit), closed=False), numbers[0] * unit)


def _disc(draw, ink, numbers, unit):
    x, y, radius = numbers
    draw.ellipse(_box([x - radius, y - radius, x + radius, y + radius], unit), fill=ink)


def _ring(draw, ink, numbers, unit):
    width, x, y, radius = numbers
    box = _box([x - radius, y - radius, x + radius, y + radius], unit)
    draw.ellipse(box, outline=ink, width=round(width * unit))


def _oval(draw, ink, numbers, unit):
    draw.ellipse(_box(numbers, unit), fill=ink)


def _rect(draw, ink, numbers, unit):
    draw.rectangle(_box(numbers, unit), fill=ink)


def _round(draw, ink, numbers, unit):
    draw.rounded_rectangle(_box(numbers[1:], unit), radius=numbers[0] * unit, fill=ink)


def _arc(draw, ink, numbers, unit):
    width, *box, start, end = numbers
    draw.arc(_box(box, unit), start, end, fill=ink, width=round(width * unit))


def _pie(draw, ink, numbers, unit):
    *box, start, end = numbers
    draw.pieslice(_box(box, unit), start, end, fill=ink)


_SHAPES = {
    "poly": _poly,
    "blob": _blob,
    "line": _line,
    "curve": _curve,
    "disc": _disc,
    "ring": _ring,
    "oval": _oval,
    "rect": _rect,
    "round": _round,
    "arc": _arc,
    "pie": _pie,
}
