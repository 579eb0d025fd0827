"""Zip archives made to do harm in one way each."""

import io
import stat
import struct
import warnings
import zipfile
from collections.abc import Iterator
from functools import cache

from mars.datasets.archive import MAX_DIRECTORY_BYTES, MAX_ENTRIES, MAX_UNPACKED_BYTES
from mars.media.limits import MAX_FILE_BYTES
from tests.hostile.inputs import Input, pictures

SOUND = pictures()[".png"]
"""What an entry holds that is no bomb."""


@cache
def archives() -> tuple[Input, ...]:
    """All of them; each is to be refused."""
    return tuple(Input(f"archive: {kind}", "set.zip", content, outcome="refused") for kind, content in _all_of_them())


def _all_of_them() -> Iterator[tuple[str, bytes]]:
    yield "name with ..", _packed({"../../escape.png": SOUND})
    yield "name with .. within", _packed({"photos/../../escape.png": SOUND})
    yield "absolute name", _packed({"/etc/escape.png": SOUND})
    yield "name with backslashes", _packed({"..\\..\\escape.png": SOUND})
    yield "name of a drive", _packed({"C:\\escape.png": SOUND})
    link = zipfile.ZipInfo("link.png")
    link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    yield "symlink", _packed({link: b"/etc/hostname"})
    device = zipfile.ZipInfo("device.png")
    device.create_system, device.external_attr = 3, (stat.S_IFCHR | 0o666) << 16
    yield "device", _packed({device: b""})
    yield "encrypted", _encrypted(_packed({"kite.png": SOUND}))
    yield "archive inside", _packed({"inner.zip": _packed({"kite.png": SOUND})})
    yield "archive deep inside", _packed({"a/b/c/inner.tar.gz": SOUND})
    yield "folders without end", _packed({"a/" * 200 + "kite.png": SOUND})
    yield "bomb of one file", _packed({"bomb.png": bytes(MAX_FILE_BYTES + 1)})
    yield "bomb of many files", _overlapping(MAX_UNPACKED_BYTES // 10**8 + 1)
    yield "too many files", _packed({f"{number}.png": b"" for number in range(MAX_ENTRIES + 1)})
    yield "list of 9 MB", _list_of(MAX_DIRECTORY_BYTES + 10**6)
    rare = zipfile.ZipInfo("kite.png")
    rare.compress_type = zipfile.ZIP_LZMA
    yield "rare compression", _packed({rare: SOUND})
    yield "same name twice", _packed({"kite.png": SOUND, zipfile.ZipInfo("kite.png"): SOUND})
    yield "cut off", _packed({"kite.png": SOUND})[:-40]
    yield "no archive", SOUND
    yield "nothing", b""
    spoiled = bytearray(_packed({"kite.png": SOUND}))
    spoiled[60] ^= 0xFF
    yield "spoiled content", bytes(spoiled)


def _packed(entries: dict) -> bytes:
    """An archive of contents by name, or by ZipInfo where more than the name is told."""
    file = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        warnings.simplefilter("ignore", UserWarning)  # of a name that is there twice, as is meant
        for entry, content in entries.items():
            archive.writestr(entry, content)
    return file.getvalue()


def _encrypted(archive: bytes) -> bytes:
    """The same with the flag of encryption on its one entry."""
    at = archive.index(b"PK\x01\x02") + 8
    return archive[:at] + struct.pack("<H", struct.unpack_from("<H", archive, at)[0] | 1) + archive[at + 2 :]


def _overlapping(count: int) -> bytes:
    """Many entries of 99 MB that share one packed content."""
    one = _packed({"00.png": bytes(99_000_000)})
    start = one.index(b"PK\x01\x02")
    entry, end = one[start : one.index(b"PK\x05\x06")], bytearray(one[one.index(b"PK\x05\x06") :])
    listed = b"".join(entry.replace(b"00.png", f"{number:02}.png".encode()) for number in range(count))
    struct.pack_into("<HHII", end, 8, count, count, len(listed), start)
    return one[:start] + listed + bytes(end)


def _list_of(size: int) -> bytes:
    """Nothing but a list of files that do not exist."""
    one = _packed({"x": b""})
    entry = one[one.index(b"PK\x01\x02") : one.index(b"PK\x05\x06")]
    count = size // len(entry)
    end = struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, count % 65536, count % 65536, len(entry) * count, 0, 0)
    return entry * count + end
