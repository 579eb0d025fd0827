"""What the model is shown of images of every depth and colour space, pixel by pixel."""

import io
from fractions import Fraction
from struct import pack

import av
import numpy as np
import pytest
from PIL import Image, ImageCms, TiffImagePlugin

from mars.media.decode import MediaError, read_image

SIDE = 16


def _tiff(samples: np.ndarray, tags: dict[int, object] | None = None, **options) -> bytes:
    directory = TiffImagePlugin.ImageFileDirectory_v2()
    for tag, value in (tags or {}).items():
        directory[tag] = value
    return _saved(Image.fromarray(samples), "TIFF", tiffinfo=directory, **options)


def _saved(image: Image.Image, kind: str, **options) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def _patched(content: bytes, tag: int, number: int) -> bytes:
    """A TIFF of this machine's order of bytes with another number in one entry."""
    place = max(content.find(pack("<HHI", tag, kind, 1)) for kind in (3, 4))
    return content[: place + 8] + pack("<I", number) + content[place + 12 :]


def _shown(content: bytes) -> np.ndarray:
    image = read_image(content)
    assert image.mode == "RGB"
    return np.asarray(image)


def _ramp(most: int, kind: str) -> np.ndarray:
    return np.linspace(0, most, SIDE * SIDE).astype(kind).reshape(SIDE, SIDE)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_a_dark_image_of_16_bits_stays_dark(kind):
    dark = np.linspace(300, 363, SIDE * SIDE).astype(np.uint16).reshape(SIDE, SIDE)
    assert np.unique(_shown(_saved(Image.fromarray(dark), kind))).tolist() == [1]


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_16_bits_are_shown_by_their_upper_8(kind):
    ramp = _ramp(65_535, "u2")
    expected = np.repeat((ramp >> 8)[..., None], 3, axis=-1)
    assert np.array_equal(_shown(_saved(Image.fromarray(ramp), kind)), expected)


def test_16_bits_in_either_order_of_bytes_are_the_same():
    ramp = _ramp(65_535, "u2")
    big = Image.frombytes("I;16B", (SIDE, SIDE), ramp.astype(">u2").tobytes())
    content = _saved(big, "TIFF")
    assert content.startswith(b"MM") and np.array_equal(_shown(content)[..., 0], ramp >> 8)


def test_colours_of_16_bits_are_shown_by_their_upper_8():
    ramp = np.stack(
        [_ramp(65_535, "u2"), _ramp(1_000, "u2"), np.full((SIDE, SIDE), 0x8001, dtype=np.uint16)], axis=-1
    )
    codec = av.CodecContext.create("png", "w")
    codec.width = codec.height = SIDE
    codec.pix_fmt, codec.time_base = "rgb48be", Fraction(1)
    packets = codec.encode(av.VideoFrame.from_ndarray(ramp, format="rgb48be")) + codec.encode()
    content = b"".join(bytes(packet) for packet in packets)
    assert content[24] == 16 and np.array_equal(_shown(content), ramp >> 8)


@pytest.mark.parametrize(
    ("sample", "is_signed", "expected"),
    [
        (2**30, True, 128),
        (2**31 - 1, True, 255),
        (-5, True, 0),
        (300, True, 0),
        (300, False, 0),
        (2**30, False, 64),
        (-(2**31), False, 128),  # the bits of 2 ** 31
    ],
)
def test_whole_numbers_of_32_bits_are_shown_by_the_range_of_the_format(sample, is_signed, expected):
    content = _patched(_tiff(np.full((SIDE, SIDE), sample, dtype=np.int32)), 339, 2 if is_signed else 1)
    assert np.unique(_shown(content)).tolist() == [expected]


def test_12_bits_are_shown_by_their_upper_8():
    ramp = _ramp(4095, "u2")
    pairs = ramp.reshape(-1, 2).astype(int)
    packed = np.stack([pairs[:, 0] >> 4, (pairs[:, 0] & 15) << 4 | pairs[:, 1] >> 8, pairs[:, 1] & 255], axis=-1)
    content = _saved(Image.fromarray(packed.astype(np.uint8).reshape(SIDE, -1)), "TIFF")  # 24 bytes a row
    assert np.array_equal(_shown(_patched(_patched(content, 258, 12), 256, SIDE))[..., 0], ramp >> 4)


def test_where_zero_is_white_16_bits_are_inverted():
    ramp = _ramp(65_535, "u2")
    content = _patched(_saved(Image.fromarray(ramp), "TIFF"), 262, 0)
    assert np.array_equal(_shown(content)[..., 0], 255 - (ramp >> 8))


def test_floats_are_shown_from_0_to_1():
    samples = np.linspace(0, 1, SIDE * SIDE, dtype=np.float32).reshape(SIDE, SIDE)
    assert np.array_equal(_shown(_tiff(samples))[..., 0], np.floor(samples * 255 + 0.5))
    assert np.unique(_shown(_tiff(samples / 100))).tolist() == [0, 1, 2, 3]  # a dark one stays dark


def test_floats_are_shown_by_the_range_that_the_file_states():
    samples = np.linspace(-1000, 3000, SIDE * SIDE, dtype=np.float32).reshape(SIDE, SIDE)
    shown = _shown(_tiff(samples, {340: -1000.0, 341: 3000.0}))[..., 0]
    assert shown[0, 0] == 0 and shown[-1, -1] == 255 and shown[8, 0] == pytest.approx(128, abs=1)


@pytest.mark.parametrize("value", [1.5, -0.5, np.nan, np.inf])
def test_floats_of_an_unknown_range_are_refused_in_a_sentence(value):
    samples = np.zeros((SIDE, SIDE), dtype=np.float32)
    samples[3, 3] = value
    with pytest.raises(MediaError, match="floats beyond 0 to 1"):
        _shown(_tiff(samples))


def test_one_bit_is_black_and_white():
    content = _saved(Image.fromarray(np.eye(SIDE, dtype=bool)), "PNG")
    assert np.array_equal(_shown(content)[..., 0], np.eye(SIDE) * 255)


def test_a_palette_gives_its_colours():
    image = Image.new("P", (SIDE, SIDE), 1)
    image.putpalette([10, 20, 30, 200, 100, 50])
    assert _shown(_saved(image, "PNG"))[0, 0].tolist() == [200, 100, 50]


@pytest.mark.parametrize(
    ("image", "options", "expected"),
    [
        (Image.new("RGBA", (SIDE, SIDE), (200, 0, 0, 0)), {}, [255, 255, 255]),
        (Image.new("RGBA", (SIDE, SIDE), (200, 0, 100, 51)), {}, [244, 204, 224]),  # a fifth of it on white
        (Image.new("LA", (SIDE, SIDE), (0, 51)), {}, [204, 204, 204]),
        (Image.new("L", (SIDE, SIDE), 7), {"transparency": 7}, [255, 255, 255]),
        (Image.new("RGB", (SIDE, SIDE), (7, 8, 9)), {"transparency": (7, 8, 9)}, [255, 255, 255]),
        (Image.new("P", (SIDE, SIDE), 0), {"transparency": 0}, [255, 255, 255]),
        (Image.fromarray(np.full((SIDE, SIDE), 700, dtype=np.uint16)), {"transparency": 700}, [255, 255, 255]),
        (Image.fromarray(np.full((SIDE, SIDE), 700, dtype=np.uint16)), {"transparency": 701}, [2, 2, 2]),
    ],
)
def test_what_is_transparent_lies_on_white(image, options, expected):
    assert _shown(_saved(image, "PNG", **options))[0, 0].tolist() == expected


@pytest.mark.parametrize("kind", ["TIFF", "JPEG"])
def test_the_inks_of_cmyk_darken(kind):
    content = _saved(Image.new("CMYK", (SIDE, SIDE), (0, 255, 255, 0)), kind)
    assert _shown(content)[0, 0] == pytest.approx([255, 0, 0], abs=3)


PRIMARIES = np.array([[0.6484, 0.3212, 0.1559], [0.3309, 0.5979, 0.0660]])
"""Of sRGB: x and y of red, green and blue, under the white of D50."""
WIDE = PRIMARIES.copy()
WIDE[:, 0] = 0.7006, 0.2993
"""The same with a red about as deep as that of film."""
WHITE = np.array([0.9642, 1.0, 0.8249])
GAMMA = 2.2


def _columns(primaries: np.ndarray) -> np.ndarray:
    """XYZ of red, green and blue, which together are white."""
    columns = np.vstack([primaries, 1 - primaries.sum(axis=0)])
    return columns * np.linalg.solve(columns, WHITE)


def _profile(primaries: np.ndarray) -> bytes:
    """A colour profile of three primaries and a gamma."""

    def fixed(*numbers: float) -> bytes:
        return b"".join(pack(">i", round(65_536 * number)) for number in numbers)

    tags = {b"wtpt": b"XYZ " + bytes(4) + fixed(*WHITE), b"cprt": b"text" + bytes(4) + b"none\0\0\0\0",
            b"desc": b"desc" + bytes(4) + pack(">I", 5) + b"test\0" + bytes(79)}  # fmt: skip
    tags |= {name: b"XYZ " + bytes(4) + fixed(*column)
             for name, column in zip((b"rXYZ", b"gXYZ", b"bXYZ"), _columns(primaries).T, strict=True)}  # fmt: skip
    curve = b"curv" + bytes(4) + pack(">IH", 1, round(256 * GAMMA)) + bytes(2)
    tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)
    place, table, data = 132 + 12 * len(tags), pack(">I", len(tags)), b""
    for name, value in tags.items():
        padded = value + bytes(-len(value) % 4)
        table += name + pack(">II", place + len(data), len(value))
        data += padded
    head = pack(">I4sI4s4s4s", place + len(data), b"lcms", 0x02400000, b"mntr", b"RGB ", b"XYZ ")
    return head + bytes(12) + b"acsp" + bytes(28) + fixed(*WHITE) + bytes(48) + table + data


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP", "AVIF"])
def test_the_colour_profile_of_an_image_is_applied(kind):
    colour = np.array([180, 60, 60])
    light = np.linalg.solve(_columns(PRIMARIES), _columns(WIDE) @ (colour / 255) ** GAMMA)
    expected = 255 * np.where(light < 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    image = Image.new("RGB", (SIDE, SIDE), tuple(colour.tolist()))
    options = {} if kind in ("PNG", "TIFF") else {"quality": 100}
    shown = _shown(_saved(image, kind, icc_profile=_profile(WIDE), **options))[8, 8]
    assert expected[1] < 40 and shown == pytest.approx(expected, abs=4)


def test_the_profile_of_sRGB_changes_nothing():
    pixels = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
    own = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    shown = _shown(_saved(Image.fromarray(pixels), "PNG", icc_profile=own))
    assert np.abs(shown.astype(int) - pixels).max() <= 1


def test_a_profile_of_colours_is_applied_to_grey_and_under_transparency():
    wide = _profile(WIDE)
    grey = _shown(_saved(Image.new("L", (SIDE, SIDE), 128), "PNG", icc_profile=wide))[0, 0]
    assert np.ptp(grey.astype(int)) <= 2 and abs(int(grey[0]) - 128) <= 3
    clear = _shown(_saved(Image.new("RGBA", (SIDE, SIDE), (180, 60, 60, 0)), "PNG", icc_profile=wide))
    assert clear[0, 0].tolist() == [255, 255, 255]
    whole = _shown(_saved(Image.new("RGBA", (SIDE, SIDE), (180, 60, 60, 255)), "PNG", icc_profile=wide))
    assert whole[0, 0].tolist() == _shown(_saved(Image.new("RGB", (SIDE, SIDE), (180, 60, 60)), "PNG",
                                                 icc_profile=wide))[0, 0].tolist()  # fmt: skip


@pytest.mark.parametrize(
    "profile",
    [b"no profile", _profile(WIDE)[:200], _profile(WIDE).replace(b"RGB ", b"CMYK"),
     _profile(WIDE) + bytes(4_000_000)],
    ids=["nonsense", "cut off", "of other colours", "too long"],
)  # fmt: skip
def test_a_profile_that_cannot_be_applied_is_ignored(profile):
    pixels = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
    assert np.array_equal(_shown(_saved(Image.fromarray(pixels), "TIFF", icc_profile=profile)), pixels)
