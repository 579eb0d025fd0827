"""Sound files made bad: cut, bits flipped, stretches overwritten, given another's name."""

import numpy as np
from PIL import Image

from tests.hostile.inputs import Input, clips, pictures, scene, scenes

CHECKED = (".png", ".mov", ".moving.png")
"""Kinds with checksums over what is shown, where no flipped bit may go unseen. (The .mov holds PNG frames; how they
are turned stands in its header, which has none.)"""


def mutated(seed: int, number: int) -> Input:
    """The number-th bad file of a seed, always the same."""
    rng = np.random.default_rng([seed, number])
    sound = pictures() | clips()
    suffix = str(rng.choice(list(sound)))
    content = sound[suffix]
    seen = scenes() if suffix in clips() else (scene(),)
    match number % 4:
        case 0:
            cut = content[: int(rng.integers(0, len(content)))]
            return Input(f"truncated {suffix}", f"cut{suffix}", cut, seen=seen)
        case 1:
            flipped = _flipped(content, rng)
            turned = (*seen, *(one.transpose(turn) for one in seen for turn in Image.Transpose))
            shown = {".mov": turned}.get(suffix, seen) if suffix in CHECKED else None
            return Input(f"bits flipped {suffix}", f"flipped{suffix}", flipped, seen=shown)
        case 2:
            return Input(f"overwritten {suffix}", f"over{suffix}", _overwritten(content, rng))
        case _:
            other = str(rng.choice([name for name in (*sound, ".txt", "", ".svg") if name != suffix]))
            return Input(f"mislabelled {suffix}", f"other{other}", content, seen=seen)


def _flipped(content: bytes, rng: np.random.Generator) -> bytes:
    changed = bytearray(content)
    for place in rng.integers(0, len(content), size=int(rng.integers(1, 9))):
        changed[place] ^= 1 << int(rng.integers(0, 8))
    return bytes(changed)


def _overwritten(content: bytes, rng: np.random.Generator) -> bytes:
    """A stretch replaced by noise, by zeros or by 255s: headers told absurd sizes, rates and durations."""
    length = int(rng.integers(1, 33))
    start = int(rng.integers(0, max(1, len(content) - length)))
    if rng.random() < 0.5:
        start = int(rng.integers(0, min(200, max(1, len(content) - length))))
    filling = [rng.bytes(length), bytes(length), b"\xff" * length][int(rng.integers(0, 3))]
    return content[:start] + filling + content[start + length :]
