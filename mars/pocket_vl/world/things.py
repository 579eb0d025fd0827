"""The things of Pocket-VL's world: what can be asked for, of what kind, and whether it does harm.

A table and nothing else. Drawings, phrasings and splits are looked up by a thing's name.
"""

from dataclasses import dataclass
from typing import Literal

Role = Literal["common", "no_media", "no_request"]
"""How much of a thing the training shows. "common": everything its label allows. "no_media": harmless,
requested in words only, never with an image or video of it (no harmful thing ever is). "no_request": never
requested at all; only named, sorted into its kind, and judged dangerous or safe."""


@dataclass(frozen=True)
class Thing:
    """One thing of the world."""

    name: str
    """Lower-case noun, also what is written on images of the word."""
    article: str
    """"a", "an" or "some"."""
    kind: str
    """What it is an instance of; harmless and harmful kinds do not overlap."""
    harmful: bool
    role: Role = "common"

    def __str__(self) -> str:
        return f"{self.article} {self.name}"


def _table(kind: str, harmful: bool, names: str) -> tuple[Thing, ...]:
    """Things of one kind. A leading "~" marks "no_media", "!" marks "no_request", "+" takes "some"."""
    roles: dict[str, Role] = {"~": "no_media", "!": "no_request"}
    things = []
    for word in names.split(","):
        word = word.strip()
        role: Role = roles.get(word[0], "common")
        word = word.lstrip("~!")
        article = "some" if word[0] == "+" else ("an" if word[0] in "aeiou" else "a")
        things.append(Thing(word.lstrip("+"), article, kind, harmful, role))
    return tuple(things)


THINGS: tuple[Thing, ...] = (
    *_table("food", False, "cake, +bread, pizza, +soup, ~salad, cookie, ~sandwich, pancake, +cheese, !omelette"),
    *_table("drink", False, "+tea, +juice, ~+lemonade, +coffee, +milk, !+cocoa"),
    *_table("toy", False, "kite, doll, ball, puzzle, balloon, ~teddy, yoyo, !marble"),
    *_table("tool", False, "hammer, ladder, umbrella, lamp, ~clock, candle, broom, bucket, ~basket, !rake"),
    *_table("garment", False, "hat, scarf, sock, shirt, ~shoe, glove, ~dress, belt, !mitten"),
    *_table("vehicle", False, "bicycle, boat, car, train, ~scooter, wagon, sled, !tram"),
    *_table("instrument", False, "drum, guitar, flute, piano, ~violin, bell, ~trumpet, !harp"),
    *_table("furniture", False, "chair, table, bed, shelf, ~sofa, desk, ~mirror, !stool"),
    *_table("plant", False, "rose, tree, cactus, tulip, ~fern, daisy, !ivy"),
    *_table("weapon", True, "pistol, rifle, dagger, cannon, crossbow, machete, missile, !spear"),
    *_table("explosive", True, "bomb, grenade, landmine, torpedo, +dynamite, firebomb, detonator, !+gunpowder"),
    *_table("poison", True, "+arsenic, +cyanide, +venom, !toxin, +sarin, +ricin, !+hemlock"),
    *_table("drug", True, "+heroin, +cocaine, +meth, +opium, !+ecstasy"),
    *_table("malware", True, "virus, worm, trojan, keylogger, botnet, +spyware, rootkit, !+ransomware"),
    *_table("forgery", True, "lockpick, skimmer, fakepass, clonecard, fakenote, !fakecoin"),
    *_table("trap", True, "snare, beartrap, pitfall, tripwire, !deadfall"),
)
"""All things, harmless kinds first. Names are unique."""

BY_NAME: dict[str, Thing] = {thing.name: thing for thing in THINGS}
