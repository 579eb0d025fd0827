"""Videos of the pocket world: a thing appears for a while among marks that mean nothing."""

import numpy as np
from PIL import Image, ImageDraw

from mars.pocket_vl.world.icons import smooth, stroke
from mars.pocket_vl.world.pictures import (
    DARKEST,
    HELD_OUT,
    TRAINING,
    Placement,
    Style,
    background,
    blank,
    put,
    sign_of,
)
from mars.pocket_vl.world.things import Thing
from mars.types import Video

FRAMES_PER_SECOND = 2
FEWEST_SHOWN = 3
"""A thing stands in at least this many frames of its video."""

TRAINING_MARKS: tuple[str, ...] = ("dots", "bars", "squiggles")
HELD_OUT_MARKS: tuple[str, ...] = ("rings", "crosses")


def render_video(
    thing: Thing,
    rng: np.random.Generator,
    held_out: bool = False,
    size: int = 128,
    frames: int = 8,
    style: Style | None = None,
    ease: float = 1.0,
) -> Video:
    """A video in which one thing appears, drifts a little and goes, among neutral marks.

    Args:
        thing: what to show.
        rng: source of every random choice; the same state gives the same video.
        held_out: draw from the ranges and marks that training never uses.
        size: side of the square frames in pixels.
        frames: how many frames; two a second.
        style: "icon" or "word"; None picks one at random.
        ease: 1 uses the ranges in full; 0 shows the thing still and centred, in every frame, without marks.

    Returns:
        A video of RGB frames. The thing stands in a run of at least three of them.

    Raises:
        ValueError: fewer frames than three are asked for, or an unknown style.
    """
    if frames < FEWEST_SHOWN:
        raise ValueError(f"A clip of a thing needs at least {FEWEST_SHOWN} frames; asked for {frames}.")
    ranges = HELD_OUT if held_out else TRAINING
    style = style or ("icon" if rng.random() < 0.5 else "word")
    sign, place = sign_of(thing, rng, style, ranges, size, ease)
    scene = background(rng, size, ranges.backgrounds if ease > 0.25 else ("plain",), DARKEST[style])
    first, shown = run_of(rng, frames, ease)
    marks = HELD_OUT_MARKS if held_out else TRAINING_MARKS
    drift_x, drift_y = rng.uniform(-0.25, 0.25, 2) * ease
    pictures = []
    for index in range(frames):
        picture = scene.copy()
        if rng.random() < ease:
            _scatter(picture, rng, marks, int(rng.integers(1, 5)))
        if first <= index < first + shown:
            share = (index - first) / max(1, shown - 1) - 0.5
            x = float(np.clip(place.x + share * drift_x, -1, 1))
            y = float(np.clip(place.y + share * drift_y, -1, 1))
            put(picture, sign, Placement(place.scale, x, y, place.turn))
        pictures.append(picture)
    return Video(tuple(pictures), tuple(index / FRAMES_PER_SECOND for index in range(frames)))


def run_of(rng: np.random.Generator, frames: int, ease: float = 1.0) -> tuple[int, int]:
    """First frame and length of the run in which the thing stands; all frames where `ease` is 0."""
    fewest = round(frames + ease * (FEWEST_SHOWN - frames))
    shown = int(rng.integers(fewest, frames + 1))
    return int(rng.integers(0, frames - shown + 1)), shown


def blank_video(rng: np.random.Generator, size: int = 128, frames: int = 8) -> Video:
    """A meaningless video: one plain or random-coloured image that stays or turns into another."""
    start = blank(rng, size)
    end = blank(rng, size) if rng.random() < 0.7 else start
    shares = [index / max(1, frames - 1) for index in range(frames)]
    pictures = tuple(Image.blend(start, end, share) for share in shares)
    return Video(pictures, tuple(index / FRAMES_PER_SECOND for index in range(frames)))


def _scatter(picture: Image.Image, rng: np.random.Generator, marks: tuple[str, ...], count: int) -> None:
    """Small neutral marks on an image, which is changed."""
    draw = ImageDraw.Draw(picture)
    size = picture.width
    for _ in range(count):
        mark = marks[int(rng.integers(len(marks)))]
        ink = tuple(int(part) for part in rng.integers(60, 230, 3))
        x, y = rng.uniform(0.05, 0.95, 2) * size
        reach = rng.uniform(0.03, 0.09) * size
        if mark == "dots":
            draw.ellipse((x - reach / 2, y - reach / 2, x + reach / 2, y + reach / 2), fill=ink)
        elif mark == "rings":
            draw.ellipse((x - reach, y - reach, x + reach, y + reach), outline=ink, width=max(1, size // 50))
        elif mark == "bars":
            wide, high = (reach * 2, reach / 3) if rng.random() < 0.5 else (reach / 3, reach * 2)
            draw.rectangle((x - wide / 2, y - high / 2, x + wide / 2, y + high / 2), fill=ink)
        elif mark == "crosses":
            stroke(draw, ink, np.array([[x - reach, y - reach], [x + reach, y + reach]]), size / 50)
            stroke(draw, ink, np.array([[x - reach, y + reach], [x + reach, y - reach]]), size / 50)
        else:
            along = np.linspace(-1.6 * reach, 1.6 * reach, 5)
            points = np.stack([x + along, y + rng.uniform(-0.6, 0.6, 5) * reach], axis=1)
            stroke(draw, ink, smooth(points, closed=False), size / 60)
