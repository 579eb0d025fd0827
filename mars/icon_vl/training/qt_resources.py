"""Files in binary resources of Qt (`.rcc`): a tree of names, and the content of each file, stored or deflated."""

import struct
import zlib

MAGIC = b"qres"
DEFLATED, FOLDER = 1, 2
"""Flags of an entry; one without either is a file that is stored as it is."""


def read_resource(resources: bytes, path: str) -> bytes:
    """The content of a file in the resources. Raises KeyError where there is no such file, or no resources at all."""
    try:
        magic, version, tree, contents, names = struct.unpack_from(">4s4I", resources)
        if magic != MAGIC:
            raise KeyError(path)
        entry_size = 14 if version == 1 else 22
        entry, flags = tree, FOLDER
        for part in path.strip("/").split("/"):
            if not flags & FOLDER:
                raise KeyError(path)
            count, first = struct.unpack_from(">2I", resources, entry + 6)
            inside = (tree + number * entry_size for number in range(first, first + count))
            entry = next((child for child in inside if _name(resources, names, child) == part), -1)
            if entry < 0:
                raise KeyError(path)
            (flags,) = struct.unpack_from(">H", resources, entry + 4)
        if flags not in (0, DEFLATED):
            raise KeyError(path)
        (offset,) = struct.unpack_from(">I", resources, entry + 10)
        (size,) = struct.unpack_from(">I", resources, contents + offset)
        content = resources[contents + offset + 4 :][:size]
        return zlib.decompress(content[4:]) if flags == DEFLATED else content
    except (struct.error, zlib.error) as error:
        raise KeyError(path) from error


def _name(resources: bytes, names: int, entry: int) -> str:
    """The name of an entry: its length, a hash that is not needed, and UTF-16."""
    (offset,) = struct.unpack_from(">I", resources, entry)
    (length,) = struct.unpack_from(">H", resources, names + offset)
    return resources[names + offset + 6 :][: 2 * length].decode("utf-16-be", errors="replace")
