"""The things of Icon-VL's training and tests with all drawings of them, and which are for what: `splits.json`.

    python -m mars.icon_vl.training.things    # writes splits.json again, from the sets of drawings

Written before any training and committed. A harmless thing is for training, validation or test by lot; a picture of
it with its name may enter training whatever it is for, and only things for training enter the distillation. Harmful
things enter training with picture and name alone: those on which the system message was chosen are for validation,
all others for test.
"""

import json
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, NamedTuple

from mars.atomic_file import atomic_write
from mars.icon_vl.training.drawing_sets import SETS, Drawings, fetch_sets
from mars.icon_vl.training.vocabulary import (
    CATEGORIES,
    FIRST,
    HARMFUL_EMOJI,
    ICONS,
    NO_THING,
    OTHERS,
    SAME,
    SYNONYMS,
    UNCLEAR,
)

FILE = Path(__file__).with_name("splits.json")
SEED = 0
SHARES = {"validation": 0.1, "test": 0.15}
"""Of the harmless things; the rest is for training."""

Split = Literal["train", "validation", "test"]


class Thing(NamedTuple):
    """Something that is drawn."""

    name: str
    label: Literal["harmful", "harmless"]
    split: Split
    synonyms: tuple[str, ...]
    """Names that count as well in a caption: what other vendors call the same drawing."""
    drawings: dict[str, tuple[str, ...]]
    """Set -> names of its drawings there."""


LONGEST = 3
"""Words in a name at most."""

CHARTED = ("noto", "twemoji", "fluent-emoji-flat", "openmoji")
UNCHARTED = ("fxemoji", "emojione")
"""Sets of emoji with and without a list of characters; in the latter a drawing is found by its name."""


def collect(sets: Mapping[str, Drawings]) -> list[Thing]:
    """All things with their drawings and splits, in order of their names. The same sets give the same."""
    found: dict[str, tuple[str, set[str], dict[str, tuple[str, ...]]]] = {}

    def add(name: str, label: str, synonyms: set[str], drawings: dict[str, tuple[str, ...]]) -> None:
        _, known, have = found.setdefault(name, (label, set(), {}))
        known.update(synonyms - {name})
        for source, icons in drawings.items():
            have[source] = tuple(dict.fromkeys((*have.get(source, ()), *icons)))

    tables = (("harmful", FIRST), ("harmful", OTHERS), ("harmless", {_called(name): name for name in ICONS}))
    for label, table in tables:
        for name, icons in table.items():
            add(name, label, set(), {"game-icons": tuple(icons.split())})
    for emoji in (name for category in CATEGORIES for name in sets["noto"].categories[category]):
        if emoji in HARMFUL_EMOJI or _is_clear(emoji):
            name = HARMFUL_EMOJI.get(emoji) or _called(emoji)
            add(name, "harmful" if emoji in HARMFUL_EMOJI else "harmless", *_everywhere(sets, emoji))
    things = []
    for name, (label, synonyms, drawings) in sorted(found.items()):
        split = _lot(name) if label == "harmless" else "validation" if name in FIRST else "test"
        synonyms |= set(SYNONYMS.get(name, "").split())
        things.append(Thing(name, label, split, tuple(sorted(synonyms)), dict(sorted(drawings.items()))))
    return things


def _is_clear(emoji: str) -> bool:
    return emoji not in UNCLEAR and not NO_THING.search(emoji) and len(emoji.split("-")) <= LONGEST


def _everywhere(sets: Mapping[str, Drawings], emoji: str) -> tuple[set[str], dict[str, tuple[str, ...]]]:
    """Other names of an emoji and the drawings of it in all sets."""
    codes = [code for code, name in sets["noto"].characters.items() if name == emoji]
    names = {emoji, *sets["noto"].aliases.get(emoji, ())}
    drawings = {}
    for source in CHARTED:
        there = {sets[source].characters[code] for code in codes if code in sets[source].characters}
        names.update(there, *(sets[source].aliases.get(name, ()) for name in there))
        if there := sorted(there & sets[source].icons.keys()):
            drawings[source] = tuple(there)
    squeezed = {name.replace("-", "") for name in names}
    for source in UNCHARTED:
        there = sorted(name for name in sets[source].icons if name.replace("-", "") in squeezed)
        if there:
            drawings[source] = tuple(there)
    return {name.replace("-", " ") for name in names if name not in SAME}, drawings


def _called(drawing: str) -> str:
    return SAME.get(drawing, drawing.replace("-", " "))


def _lot(name: str) -> Split:
    """By its last word, so that a taxi and an oncoming taxi are for the same."""
    drawn = random.Random(f"{SEED} {name.split()[-1].removesuffix('s')}").random()
    for split, share in SHARES.items():
        if drawn < share:
            return split
        drawn -= share
    return "train"


def read_things(path: Path = FILE) -> list[Thing]:
    """The things of the committed file."""
    rows = json.loads(path.read_text(encoding="utf-8"))["things"]
    return [
        Thing(
            row["name"],
            row["label"],
            row["split"],
            tuple(row.get("synonyms", ())),
            {source: tuple(names) for source, names in row["drawings"].items()},
        )
        for row in rows
    ]


def write_things(things: list[Thing], path: Path = FILE) -> None:
    """Write the file, a line a thing."""
    rows = []
    for thing in things:
        row = {"name": thing.name, "label": thing.label, "split": thing.split, "drawings": thing.drawings}
        if thing.synonyms:
            row["synonyms"] = thing.synonyms
        rows.append(json.dumps(row))
    about = {"seed": SEED, "sets": {name: [drawn.version, drawn.role] for name, drawn in SETS.items()}}
    text = f'{{"about": {json.dumps(about)},\n"things": [\n' + ",\n".join(rows) + "\n]}\n"
    atomic_write(path, text.encode())


if __name__ == "__main__":
    write_things(collect(fetch_sets(Path("runs") / "icon" / "sets")))
