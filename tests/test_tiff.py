"""What the directory of a TIFF asks for, seen before a reader reads it."""

import io
import struct

import pytest
from PIL import Image

from mars.media import tiff


def _file(entries: dict[int, tuple[int, int, int]], order: str = "<", content: int = 0) -> bytes:
    """A file of nothing but a directory: tag -> type, count and value; `content` more bytes follow."""
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "LH", 8, len(entries))
    forms = {3: "HHLHxx", 4: "HHLL", 1: "HHLL", 2: "HHLL"}
    table = b"".join(struct.pack(order + forms[told[0]], tag, *told) for tag, told in entries.items())
    return head + table + struct.pack(order + "L", 77) + bytes(content)


@pytest.mark.parametrize("order", ["<", ">"])
def test_the_first_page_stands_alone_and_leads_nowhere(order):
    content = _file({256: (4, 1, 64), 330: (4, 1, 99), 34_665: (4, 1, 99)}, order)
    alone = tiff.first_page(content)
    assert len(alone) == len(content) and alone[-4:] == bytes(4)
    assert [alone[12 + 12 * number : 14 + 12 * number] == bytes(2) for number in range(3)] == [False, True, True]


def test_a_sound_page_is_read_as_it_was():
    file = io.BytesIO()
    pages = [Image.new("RGB", (20, 20), colour) for colour in ("red", "blue")]
    pages[0].save(file, "TIFF", save_all=True, append_images=pages[1:])
    with Image.open(io.BytesIO(tiff.first_page(file.getvalue()))) as image:
        assert image.n_frames == 1 and image.getpixel((3, 3)) == (255, 0, 0)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"II+\0" + bytes(40), "header"),
        (b"II*\0\x08\0\0\0\xff\xff", "cut off"),
        (_file({256: (4, 1, 64), 40_000: (1, 900, 8), 40_001: (1, 900, 8)}, content=1000), "share"),
        (_file({259: (3, 1, 34_925)}), "compression"),
        (_file({259: (3, 1, 34_925)}, ">"), "compression"),
        (_file({322: (4, 1, 60_000), 323: (4, 1, 60_000)}), "tile"),
    ],
)
def test_what_asks_for_more_than_there_is_is_refused(content, said):
    with pytest.raises(ValueError, match=said):
        tiff.first_page(content)


def test_values_that_fit_share_nothing():
    assert not tiff.shares_values(_file({40_000: (1, 400, 8), 40_001: (1, 400, 8)}, content=1000))
    assert tiff.shares_values(_file({40_000: (2, 2**31, 8)}, content=1000))
    assert tiff.shares_values(b"nothing of the kind")
