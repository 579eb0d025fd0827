"""What the directory of a TIFF file, or of EXIF data, asks of a reader, seen before one reads it.

Readers copy the value of every entry, and follow the pages of a file to count them: entries that share their values
and pages that share their entries make gigabytes of a few kilobytes.
"""

import struct
from typing import NamedTuple

from mars.media.limits import MAX_PIXELS

ORDERS = {b"II*\0": "<", b"MM\0*": ">"}
"""First bytes of a file -> its order of bytes. BigTIFF, for files beyond four gigabytes, is not read."""
TYPE_BYTES = (0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8)
"""Bytes of one value, by the number of its type."""
SHORT = 3
COMPRESSIONS = frozenset({1, 2, 3, 4, 5, 7, 8, 32773, 32946})
"""None, fax, LZW, JPEG, deflate and PackBits: rarer ones bring libraries of their own."""
COMPRESSION, TILE_WIDTH, TILE_LENGTH = 259, 322, 323
FURTHER = frozenset({330, 34665, 34853, 40965})
"""Tags of entries that lead to further directories, which nothing here needs: the orientation stands in the first."""


class Entry(NamedTuple):
    """One entry of a directory."""

    tag: int
    number: int
    """Its value where that is a single whole number, otherwise nothing of meaning."""
    size: int
    """Bytes of its values."""


def first_page(content: bytes) -> bytes:
    """A TIFF file without the directories after its first. Raises ValueError if it asks for more than it holds."""
    _, entries, end = _directory(content)
    tags = [entry.tag for entry in entries]
    tile = [entry.number for entry in entries if entry.tag in (TILE_WIDTH, TILE_LENGTH)]
    if len(set(tags)) < len(tags) or shares_values(content):
        raise ValueError("entries of the directory share tags or values")
    if any(entry.tag == COMPRESSION and entry.number not in COMPRESSIONS for entry in entries):
        raise ValueError("a compression that is not read")
    if len(tile) == 2 and tile[0] * tile[1] > MAX_PIXELS:
        raise ValueError("a tile larger than an image may be")
    alone = bytearray(content)
    alone[end : end + 4] = bytes(4)
    for place, tag in enumerate(reversed(tags), start=1):
        if tag in FURTHER:
            alone[end - 12 * place + 2 : end - 12 * place + 4] = bytes(2)  # of no type, so it is passed over
    return bytes(alone)


def shares_values(content: bytes) -> bool:
    """Whether the values of the first directory take more bytes than there are, or there is no directory."""
    try:
        return sum(entry.size for entry in _directory(content)[1]) > len(content)
    except ValueError:
        return True


def _directory(content: bytes) -> tuple[str, list[Entry], int]:
    """Order of bytes, entries, and the place after them. Raises ValueError."""
    order = ORDERS.get(content[:4])
    if order is None:
        raise ValueError("no TIFF header")
    try:
        (start,) = struct.unpack_from(order + "L", content, 4)
        (count,) = struct.unpack_from(order + "H", content, start)
        end = start + 2 + 12 * count
        found = [struct.unpack_from(order + "HHL4s", content, at) for at in range(start + 2, end, 12)]
    except struct.error as error:
        raise ValueError("the directory is cut off") from error
    entries = []
    for tag, kind, number, value in found:
        size = number * (TYPE_BYTES[kind] if kind < len(TYPE_BYTES) else 0)
        (whole,) = struct.unpack_from(order + ("H" if kind == SHORT else "L"), value)
        entries.append(Entry(tag, whole, size))
    return order, entries, end
