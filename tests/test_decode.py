import errno
import io
import os
from functools import partial

import av
import numpy as np
import pytest
from PIL import Image

from mars.bundled import EXAMPLES
from mars.media import limits
from mars.media.decode import FRAMES, MediaError, read_image, read_media, read_video
from mars.media.prompt import Prompt
from mars.types import Video, content_hash
from tests.field_files import levels, turned, write_clip


def test_a_picture_stands_upright_as_its_exif_says(tmp_path):
    Image.new("RGB", (60, 30), "red").save(tmp_path / "turned.jpg", exif=turned())
    assert read_image(tmp_path / "turned.jpg").size == (30, 60)


def test_exif_data_longer_than_a_jpeg_can_hold_are_left_out(tmp_path):
    exif = turned()
    exif[0x9286] = "x" * 70_000  # a comment
    Image.new("RGB", (60, 30)).save(tmp_path / "long.png", exif=exif)
    assert read_image(tmp_path / "long.png").size == (60, 30)


@pytest.mark.parametrize("name", ["padded.gif", "padded.png"])
def test_a_gif_of_more_than_ten_megabytes_is_told_so_whatever_its_name(tmp_path, name):
    path = tmp_path / name
    Image.new("RGB", (16, 16)).save(path, format="GIF")
    with path.open("ab") as file:
        file.truncate(11_000_000)
    with pytest.raises(MediaError, match="11 MB; at most 10 are read"):
        read_media(path)


def test_transparency_is_laid_on_white(tmp_path):
    Image.new("RGBA", (16, 16), (255, 0, 0, 0)).save(tmp_path / "clear.png")
    assert read_image(tmp_path / "clear.png").getpixel((3, 3)) == (255, 255, 255)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16"])
def test_every_mode_becomes_rgb(tmp_path, mode):
    name = "x.jpg" if mode == "CMYK" else "x.png"
    Image.new(mode, (20, 20)).save(tmp_path / name)
    assert read_image(tmp_path / name).mode == "RGB"


def test_a_large_photograph_is_scaled_down(tmp_path):
    Image.new("RGB", (4000, 3000)).save(tmp_path / "large.jpg")
    assert max(read_image(tmp_path / "large.jpg").size) == 1536


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "cannot be read"),
        (b"not a picture", "cannot be read"),
        (b"\x89PNG\r\n\x1a\n" + b"0" * 50, "cannot be read"),
    ],
)
def test_an_unreadable_picture_is_one_sentence(tmp_path, content, sentence):
    (tmp_path / "bad.png").write_bytes(content)
    with pytest.raises(MediaError, match=sentence):
        read_media(tmp_path / "bad.png")


def test_a_truncated_picture_is_refused_not_shown_grey_at_the_bottom(tmp_path):
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (200, 200, 3), dtype=np.uint8)).save(buffer, "JPEG")
    (tmp_path / "cut.jpg").write_bytes(buffer.getvalue()[: len(buffer.getvalue()) // 2])
    with pytest.raises(MediaError, match="damaged"):
        read_image(tmp_path / "cut.jpg")


@pytest.mark.parametrize(
    ("size", "sentence"),
    [
        ((1, 1), "1 x 1 pixels; each side"),
        ((20_000, 20_000), "far too many pixels; at most 40 megapixels"),
        ((9_000, 9_000), "9000 x 9000 pixels; at most"),
        ((2000, 10), "strip"),
    ],
)
def test_sizes_beyond_the_bounds_are_refused_before_they_take_memory(tmp_path, size, sentence):
    Image.new("1", size).save(tmp_path / "size.png")
    with pytest.raises(MediaError, match=sentence):
        read_image(tmp_path / "size.png")


@pytest.mark.parametrize(("suffix", "codec"), [(".mp4", "libx264"), (".webm", "libvpx")])
def test_frames_are_spread_evenly_over_a_clip_whether_or_not_it_says_how_many_there_are(tmp_path, suffix, codec):
    write_clip(tmp_path / f"clip{suffix}", 29, codec)
    clip = read_video(tmp_path / f"clip{suffix}")
    assert len(clip.frames) == FRAMES
    assert levels(clip) == pytest.approx(np.linspace(0, 28, FRAMES), abs=1)
    assert clip.times == pytest.approx(np.linspace(0, 7, FRAMES), abs=0.26)


def test_a_long_clip_keeps_few_frames_in_memory_and_still_reaches_its_end(tmp_path):
    write_clip(tmp_path / "long.mp4", 700, rate=25, size=(32, 32))
    clip = read_video(tmp_path / "long.mp4")
    assert len(clip.frames) == FRAMES
    assert clip.times[-1] > 26


def test_a_short_clip_gives_all_its_frames_at_their_own_times(tmp_path):
    write_clip(tmp_path / "short.mp4", 3, times=[0, 250, 2000])
    clip = read_video(tmp_path / "short.mp4")
    assert clip.times == pytest.approx((0.0, 0.25, 2.0), abs=0.01)


def test_a_clip_of_one_frame_is_refused_as_a_picture(tmp_path):
    write_clip(tmp_path / "one.mp4", 1)
    with pytest.raises(MediaError, match="single frame"):
        read_media(tmp_path / "one.mp4")


@pytest.mark.parametrize("content", [b"", b"nothing like a film", b"\x00\x00\x00\x18ftypmp42" + b"\x00" * 64])
def test_an_empty_or_corrupt_clip_is_one_sentence(tmp_path, content):
    (tmp_path / "bad.mp4").write_bytes(content)
    with pytest.raises(MediaError, match=r"cannot be read|no video stream|no frame"):
        read_media(tmp_path / "bad.mp4")


def test_a_file_of_sound_only_says_so(tmp_path):
    with av.open(str(tmp_path / "song.mp4"), "w") as container:
        stream = container.add_stream("aac", rate=8000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), dtype=np.float32), format="fltp", layout="mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    with pytest.raises(MediaError, match="no video stream"):
        read_media(tmp_path / "song.mp4")


@pytest.mark.parametrize("suffix", ["", ".png", ".mp4"])
@pytest.mark.parametrize("read", [read_media, read_image, read_video, partial(Prompt.of, "hi")])
def test_a_file_that_is_not_there_and_a_folder_are_not_called_damaged(tmp_path, read, suffix):
    folder = tmp_path / f"folder{suffix}"
    folder.mkdir()
    for missing in (tmp_path / f"nope{suffix}", folder / "deeper" / f"nope{suffix}"):
        with pytest.raises(MediaError, match=rf"^There is no file nope{suffix}\.$"):
            read(missing)
    with pytest.raises(MediaError, match=rf"^folder{suffix} is a folder, not a file\."):
        read(folder)


@pytest.mark.parametrize("name", ["no\0name.png", "no\ud83dname.png"])
def test_a_name_that_no_file_can_have_is_told_in_characters_that_print(name):
    with pytest.raises(MediaError, match=r"^There is no file no\?name\.png\.$"):
        read_media(name)
    with pytest.raises(MediaError, match=r"^The file x{60} cannot be opened: File name too long\.$"):
        read_media("x" * 5000)


@pytest.mark.parametrize("at", ["stat", "open"])
@pytest.mark.parametrize("read", [read_image, read_video])
def test_a_file_without_permission_is_told_so(tmp_path, monkeypatch, read, at):
    """Root, as whom tests may run, reads whatever the permissions are."""
    (tmp_path / "private.png").write_bytes(b"x")

    def denied(*_, **__):
        raise PermissionError(errno.EACCES, "Permission denied")

    with monkeypatch.context() as patch:
        for name in ("open", "read_bytes") if at == "open" else ("stat",):
            patch.setattr(f"pathlib.Path.{name}", denied)
        with pytest.raises(MediaError, match=r"^The file private\.png may not be read: permission is denied\.$"):
            read(tmp_path / "private.png")


def test_another_kind_of_file_is_told_what_would_do(tmp_path):
    (tmp_path / "page.html").write_text("<b>hi</b>")
    with pytest.raises(MediaError, match=r"“.html” is not supported: use an image \(apng, avif, bmp, gif, heic"):
        read_media(tmp_path / "page.html")


@pytest.mark.parametrize("kind", ["jxl", "svg", "dng", "cr3", "psd", "jp2", "3gp", "pdf"])
def test_a_kind_that_is_not_read_is_named_with_those_that_are(tmp_path, kind):
    (tmp_path / f"brought.{kind}").write_bytes(b"\xff\x0a whatever such a file begins with")
    with pytest.raises(MediaError, match=rf"“\.{kind}” is not supported: use an image \(.*heic.*video \(.*mov"):
        read_media(tmp_path / f"brought.{kind}")


@pytest.mark.parametrize(
    "content",
    [b"\xff\x0a" + bytes(64), b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(64), b"<svg xmlns='http://www.w3.org/2000/svg'/>"],
    ids=["JPEG XL", "JPEG XL in a container", "SVG"],
)
def test_a_kind_that_is_not_read_is_refused_under_the_name_of_another_too(tmp_path, content):
    (tmp_path / "renamed.png").write_bytes(content)
    with pytest.raises(MediaError, match=r"not of the kind its name says. Save it again as PNG or JPEG"):
        read_media(tmp_path / "renamed.png")


def test_a_gif_that_moves_is_a_clip_with_its_times_and_one_that_does_not_is_a_picture(clip, tmp_path):
    first, *rest = clip.frames
    first.save(tmp_path / "moves.gif", save_all=True, append_images=rest, duration=200)
    first.save(tmp_path / "still.gif")
    moves, still = read_media(tmp_path / "moves.gif"), read_media(tmp_path / "still.gif")
    assert isinstance(moves, Video) and len(moves.frames) == len(clip.frames)
    assert moves.times == pytest.approx([0.2 * number for number in range(len(clip.frames))], abs=0.01)
    assert not isinstance(still, Video) and still.size == first.size


def test_what_is_clear_in_a_gif_that_moves_is_white(tmp_path):
    frames = [Image.new("RGBA", (32, 32), (0, 0, 0, 0)) for _ in range(2)]
    frames[1].paste((200, 0, 0, 255), (0, 0, 16, 32))
    frames[0].save(tmp_path / "clear.gif", save_all=True, append_images=frames[1:], duration=100, disposal=2)
    assert read_media(tmp_path / "clear.gif").frames[0].getpixel((30, 30)) == (255, 255, 255)


# --- the bundled examples, on which figures are published

EVALUATED = {
    "bicycle.png": "e436b2826f2b88bf",
    "blank.png": "dfb522c4d362fa24",
    "cake.png": "684facd912a46f2e",
    "dynamite-written.png": "3e10ad7f8b6d3f61",
    "heroin.png": "a9dc9dd0763916bb",
    "kite-written.png": "6707c18003377dd1",
    "machete.png": "fd16edc93d06cdcd",
}
"""Image -> the first digits of the hash of its pixels, as every stored figure was measured on them."""


@pytest.mark.parametrize("name", EVALUATED)
def test_an_image_of_the_gallery_has_the_pixels_that_it_was_evaluated_with(name):
    assert content_hash((None,), (read_image(EXAMPLES / name),)).startswith(EVALUATED[name])


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.mp4")), ids=lambda path: path.name)
def test_a_video_of_the_gallery_has_the_frames_and_times_that_its_decoder_gives(path):
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
    video = read_video(path)
    assert len(frames) == FRAMES and video.times == tuple(frame.time for frame in frames)
    assert [shown.tobytes() for shown in video.frames] == [frame.to_image().tobytes() for frame in frames]


# --- hostile files; tests/hostile makes hundreds more


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("program.png", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 40 40\n%%EndComments\nshowpage\n%%EOF"),
        ("list.mp4", b"ffconcat version 1.0\nfile sound.mp4\n"),
        ("playlist.mp4", b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:1,\nsound.mp4\n#EXT-X-ENDLIST\n"),
    ],
)
def test_what_would_run_a_program_or_open_another_file_is_not_opened(tmp_path, name, content):
    write_clip(tmp_path / "sound.mp4", 6)
    (tmp_path / name).write_bytes(content)
    with pytest.raises(MediaError, match="cannot be read"):
        read_media(tmp_path / name)


@pytest.mark.parametrize("name", ["pipe.png", "pipe.gif", "pipe.mp4"])
def test_a_pipe_that_never_ends_is_not_waited_for(tmp_path, name):
    os.mkfifo(tmp_path / name)
    with pytest.raises(MediaError, match="not a file"):
        read_media(tmp_path / name)


def test_a_png_whose_checksum_is_wrong_is_damaged(tmp_path):
    Image.new("RGB", (40, 40), "red").save(tmp_path / "bad.png")
    content = bytearray((tmp_path / "bad.png").read_bytes())
    content[content.index(b"IEND") - 5] ^= 1  # the checksum of the pixels
    (tmp_path / "bad.png").write_bytes(content)
    with pytest.raises(MediaError, match="damaged"):
        read_media(tmp_path / "bad.png")


def test_a_clip_that_takes_too_long_to_decode_is_given_up(tmp_path, monkeypatch):
    write_clip(tmp_path / "slow.mp4", 6)
    monkeypatch.setattr(limits, "MAX_DECODING_SECONDS", -1.0)
    with pytest.raises(MediaError, match="seconds to decode"):
        read_media(tmp_path / "slow.mp4")


@pytest.mark.parametrize(("suffix", "codec"), [(".mp4", "mpeg4"), (".webm", "libvpx"), (".avi", "mpeg4")])
def test_a_clip_that_is_cut_off_is_refused_not_shown_in_part(tmp_path, suffix, codec):
    write_clip(tmp_path / f"whole{suffix}", 24, codec)
    content = (tmp_path / f"whole{suffix}").read_bytes()
    (tmp_path / f"cut{suffix}").write_bytes(content[: len(content) // 2])
    with pytest.raises(MediaError, match=r"cut off|cannot be read|damaged|no video stream"):
        read_media(tmp_path / f"cut{suffix}")


def test_a_file_beyond_the_bound_is_not_read(tmp_path, monkeypatch):
    Image.new("RGB", (40, 40)).save(tmp_path / "large.png")
    monkeypatch.setattr(limits, "MAX_FILE_BYTES", 10)
    with pytest.raises(MediaError, match="at most"):
        read_media(tmp_path / "large.png")
