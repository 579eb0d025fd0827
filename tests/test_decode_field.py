"""What phones, screens and the web make, as it is decoded."""

import sys

import numpy as np
import pytest
from PIL import Image, UnidentifiedImageError
from PIL.PngImagePlugin import PngInfo

from mars.media.decode import FRAMES, MediaError, read_image, read_media
from mars.media.prompt import Prompt
from mars.types import Video
from tests.field_files import (
    BLOCKS,
    BROUGHT,
    QUARTER_TO_THE_RIGHT,
    VARIABLE,
    blocks,
    levels,
    save,
    turned,
    write_clip,
    write_turned_clip,
)


def _corners(image: Image.Image) -> list[str]:
    """Which block lies top left, top right, bottom left and bottom right."""
    width, height = image.size
    found = []
    for x, y in [(0.25, 0.25), (0.75, 0.25), (0.25, 0.75), (0.75, 0.75)]:
        pixel = np.array(image.getpixel((int(x * width), int(y * height))))
        name, difference = min(
            ((name, np.abs(pixel - colour).max()) for name, colour in BLOCKS.items()), key=lambda pair: pair[1]
        )
        assert difference < 20
        found.append(name)
    return found


UPRIGHT = list(BLOCKS)
QUARTER = ["bottom left", "top left", "bottom right", "top right"]
"""Corners of an image that is shown turned by a quarter to the right."""


@pytest.mark.parametrize(
    ("name", "kind", "options", "tolerance"),
    [
        ("x.jfif", "JPEG", {"quality": 95}, 6),
        ("x.tif", "TIFF", {}, 0),
        ("x.tiff", "TIFF", {"compression": "tiff_lzw"}, 0),
        ("x.tiff", "TIFF", {"compression": "tiff_adobe_deflate"}, 0),
        ("x.tiff", "TIFF", {"compression": "packbits"}, 0),
        ("x.tiff", "TIFF", {"compression": "jpeg", "quality": 95}, 6),
        ("x.avif", "AVIF", {"quality": 95}, 6),
        ("x.heic", "HEIF", {"quality": 95}, 6),
        ("x.heif", "HEIF", {"quality": -1, "chroma": 444, "matrix_coefficients": 0}, 0),
        ("x.png", "HEIF", {"quality": 95}, 6),  # a messenger's name for a phone's photograph
    ],
)
def test_other_kinds_of_images_are_read(tmp_path, name, kind, options, tolerance):
    save(blocks(), tmp_path / name, kind, **options)
    shown = np.asarray(read_media(tmp_path / name), dtype=int)
    inside = (slice(8, 24), slice(8, 40))  # away from edges, which subsampled colours blur
    assert np.abs(shown[inside] - np.asarray(blocks(), dtype=int)[inside]).max() <= tolerance
    assert _corners(read_image(tmp_path / name)) == UPRIGHT


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIF"])
def test_every_kind_stands_upright_as_its_exif_or_its_container_says(tmp_path, kind):
    path = tmp_path / f"turned.{kind.lower().replace('heif', 'heic')}"
    save(blocks(), path, kind, exif=turned().tobytes() if kind != "TIFF" else turned())
    shown = read_image(path)
    assert shown.size == (64, 96) and _corners(shown) == QUARTER


def test_a_png_stands_upright_by_exif_data_in_their_older_form_too(tmp_path):
    exif = turned()
    content = b"Exif\0\0" + exif.tobytes().removeprefix(b"Exif\0\0")
    words = PngInfo()
    words.add_text("Raw profile type exif", f"\nexif\n{len(content):8}\n{content.hex()}\n", zip=True)
    blocks().save(tmp_path / "older.png", pnginfo=words)
    assert _corners(read_image(tmp_path / "older.png")) == QUARTER


def test_16_bits_of_a_heic_image_are_shown_by_their_range(tmp_path):
    import pillow_heif

    dark = np.full((64, 64), 300 << 4, dtype=np.uint16)  # of 65,535
    pillow_heif.encode("I;16", (64, 64), dark.tobytes(), tmp_path / "dark.heic", quality=-1)
    assert np.asarray(read_image(tmp_path / "dark.heic")).mean() == pytest.approx(4800 / 257, abs=2)


def test_without_pillow_heif_heic_alone_is_refused_in_a_sentence(tmp_path, monkeypatch):
    save(blocks(), tmp_path / "x.heic", "HEIF")
    blocks().save(tmp_path / "x.avif")
    monkeypatch.setitem(sys.modules, "pillow_heif.as_plugin", None)
    with pytest.raises(MediaError, match="pip install pillow-heif"):
        read_media(tmp_path / "x.heic")
    assert _corners(read_media(tmp_path / "x.avif")) == UPRIGHT


def test_no_other_way_into_pillow_opens_heic(tmp_path):
    save(blocks(), tmp_path / "x.heic", "HEIF")
    read_image(tmp_path / "x.heic")
    with pytest.raises(UnidentifiedImageError):
        Image.open(tmp_path / "x.heic")


def test_of_a_tiff_of_several_pages_the_first_is_read(tmp_path):
    blocks().save(tmp_path / "pages.tiff", save_all=True, append_images=[Image.new("RGB", (96, 64), "black")])
    assert _corners(read_media(tmp_path / "pages.tiff")) == UPRIGHT


@pytest.mark.parametrize("suffix", [".webp", ".png", ".apng", ".avif", ".gif"])
def test_an_animated_image_that_moves_is_a_video_with_its_times(tmp_path, suffix):
    frames = [Image.new("RGB", (64, 48), (40 * index, 0, 0)) for index in range(5)]
    path = tmp_path / f"moves{suffix}"
    lossless = {".webp": {"lossless": True}, ".avif": {"quality": 100, "subsampling": "4:4:4"}}.get(suffix, {})
    kind = {".apng": "PNG"}.get(suffix, suffix[1:].upper())
    durations = [100, 500, 200, 1000, 50]
    frames[0].save(path, kind, save_all=True, append_images=frames[1:], duration=durations, **lossless)
    video = read_media(path)
    assert isinstance(video, Video) and video.source_frames == 5
    assert video.times == pytest.approx((0, 0.1, 0.6, 0.8, 1.8), abs=0.001)
    assert [frame.getpixel((9, 9))[0] for frame in video.frames] == pytest.approx([0, 40, 80, 120, 160], abs=3)


@pytest.mark.parametrize("suffix", [".webp", ".png", ".avif"])
def test_an_animated_image_of_one_frame_stays_an_image(tmp_path, suffix):
    blocks().save(tmp_path / f"still{suffix}", save_all=True)
    assert _corners(read_media(tmp_path / f"still{suffix}")) == UPRIGHT


@pytest.mark.parametrize("suffix", [".webp", ".png"])
def test_what_is_clear_in_an_animated_image_is_white(tmp_path, suffix):
    frames = [Image.new("RGBA", (32, 32), (0, 0, 0, 0)) for _ in range(2)]
    frames[1].paste((200, 0, 0, 51), (0, 0, 16, 32))
    options = {"lossless": True, "exact": True} if suffix == ".webp" else {"disposal": 1, "blend": 0}
    path = tmp_path / f"clear{suffix}"
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=100, **options)
    first, second = read_media(path).frames
    assert first.getpixel((3, 3)) == second.getpixel((30, 30)) == (255, 255, 255)
    assert second.getpixel((3, 3)) == pytest.approx((244, 204, 204), abs=1)


def test_the_image_that_a_png_shows_where_nothing_moves_is_no_frame(tmp_path):
    frames = [Image.new("RGB", (32, 32), (40 * index, 0, 0)) for index in range(1, 4)]
    path = tmp_path / "both.png"
    Image.new("RGB", (32, 32), "blue").save(
        path, save_all=True, default_image=True, append_images=frames, duration=300
    )
    video = read_media(path)
    assert [frame.getpixel((3, 3)) for frame in video.frames] == [(40, 0, 0), (80, 0, 0), (120, 0, 0)]
    assert video.times == pytest.approx((0, 0.3, 0.6))


def test_a_frame_of_no_duration_is_shown_as_long_as_browsers_show_it(tmp_path):
    frames = [Image.new("RGB", (32, 32), (40 * index, 0, 0)) for index in range(3)]
    frames[0].save(tmp_path / "fast.png", save_all=True, append_images=frames[1:], duration=0)
    assert read_media(tmp_path / "fast.png").times == pytest.approx((0, 0.1, 0.2))


@pytest.mark.parametrize(
    ("name", "codec"),
    [("x.mp4", "mpeg4"), ("x.avi", "mpeg4"), ("x.webm", "libvpx-vp9"), ("x.mkv", "libx264"), ("x.mov", "mjpeg"),
     ("x.mp4", "libx265"), ("x.mp4", "libsvtav1")],
)  # fmt: skip
def test_the_codecs_of_the_field_are_read_with_their_frames_and_times(tmp_path, name, codec):
    write_clip(tmp_path / name, 16, codec, rate=8, size=(96, 64))
    video = read_media(tmp_path / name)
    assert video.source_frames == 16
    assert levels(video) == pytest.approx(np.linspace(0, 15, FRAMES).round(), abs=0.5)
    assert video.times == pytest.approx(np.linspace(0, 15, FRAMES).round() / 8, abs=0.002)


@pytest.mark.parametrize(
    ("name", "codec"), [("x.mp4", "libx264"), ("x.mkv", "libx264"), ("x.webm", "libvpx-vp9"), ("x.avi", "mjpeg")]
)
def test_of_a_variable_frame_rate_frames_are_evenly_spaced_in_time(tmp_path, name, codec):
    if name.endswith(".avi"):
        write_clip(tmp_path / name, len(VARIABLE), codec, rate=25, ticks=[time // 40 for time in VARIABLE])
    else:
        write_clip(tmp_path / name, len(VARIABLE), codec, times=VARIABLE)
    video = read_media(tmp_path / name)
    assert video.times == pytest.approx((0, 2, 2.04, 5, 5.08, 8, 8.04, 10), abs=0.002)
    assert levels(video) == [0, 3, 4, 5, 7, 8, 9, 10]
    assert video.source_frames == len(VARIABLE)


MATRICES = {
    "not at all": ((1, 0, 0, 1), UPRIGHT),
    "a quarter to the right": (QUARTER_TO_THE_RIGHT, QUARTER),
    "by half": ((-1, 0, 0, -1), UPRIGHT[::-1]),
    "a quarter to the left": ((0, -1, 1, 0), QUARTER[::-1]),
    "mirrored": ((-1, 0, 0, 1), ["top right", "top left", "bottom right", "bottom left"]),
    "upside down": ((1, 0, 0, -1), ["bottom left", "bottom right", "top left", "top right"]),
    "along its diagonal": ((0, 1, 1, 0), ["top left", "bottom left", "top right", "bottom right"]),
}


@pytest.mark.parametrize("name", ["turned.mp4", "turned.mov"])
@pytest.mark.parametrize("turn", MATRICES)
def test_a_video_is_turned_as_its_display_matrix_says(tmp_path, turn, name):
    matrix, expected = MATRICES[turn]
    write_turned_clip(tmp_path / name, matrix)
    video = read_media(tmp_path / name)
    assert {frame.size for frame in video.frames} == {(64, 96) if matrix[1] else (96, 64)}
    assert [_corners(frame) for frame in video.frames] == [expected] * 3


SEEN = {
    "screenshot.png": (1, (100, 60)),
    "dark.png": (1, (60, 40)),
    "upright.jpg": (1, (64, 96)),
    "saved.jfif": (1, (80, 64)),
    "phone.heic": (1, (96, 64)),
    "web.avif": (1, (120, 64)),
    "scan.tiff": (1, (60, 60)),
    "sticker.webp": (5, (64, 48)),
    "reaction.gif": (5, (64, 48)),
    "screen.mp4": (8, (64, 48)),
    "recording.webm": (6, (64, 48)),
    "phone.mov": (3, (64, 96)),
}
"""File that people bring -> how many images the model is shown of it, and their size."""


@pytest.mark.parametrize("name", BROUGHT)
def test_of_each_kind_that_people_bring_the_model_is_shown_the_right_frames_the_right_way_up(tmp_path, name):
    BROUGHT[name](tmp_path / name)
    images = Prompt.of("", tmp_path / name).images
    assert (len(images), images[0].size) == SEEN[name]
    assert {image.mode for image in images} == {"RGB"}
