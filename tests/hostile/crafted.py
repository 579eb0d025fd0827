"""Files made to do harm in one way each: bombs, playlists, programs, foreign kinds, absurd clips, odd names."""

import fractions
import io
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import av
import numpy as np
from PIL import Image, ImageCms

from mars.media import limits
from tests.hostile.inputs import Input, clip, clips, pictures, saved, scene, scenes

MANY_FRAMES = 100_000


@cache
def crafted(with_slow: bool = True) -> tuple[Input, ...]:
    """All of them; without the slow ones, which take seconds to make."""
    makers = (_bombs, _harmless_if_bounded, _foreign, _polyglots, _absurd_clips, _names)
    return tuple(one for make in (*makers, *((_slow,) if with_slow else ())) for one in make())


# Bombs: small files that ask for much.


def _bombs() -> Iterator[Input]:
    def bomb(what: str, name: str, content: bytes) -> Input:
        return Input(f"bomb: {what}", name, content, outcome="refused")

    for side in (20_000, 9_000):
        yield bomb(f"PNG of {side} pixels a side", "bomb.png", saved(Image.new("1", (side, side)), "PNG"))
    yield bomb("PNG that claims 2 billion pixels a side", "claim.png", _png_of(2**31 - 1, 2**31 - 1))
    yield bomb("PNG that claims 36 megapixels and has none", "empty.png", _png_of(6000, 6000))
    yield bomb("PNG with 200 MB of packed words", "words.png", _with_words(200_000_000))
    yield bomb("GIF with a frame beyond its canvas", "frame.gif", _gif_frame(12_000, 12_000))
    yield bomb("GIF with a frame of 65535 pixels a side", "frame.gif", _gif_frame(65_535, 65_535))
    yield bomb("WebP that claims 16383 pixels a side", "claim.webp", _webp_of(16_383, 16_383))
    yield bomb("WebP that claims 36 megapixels", "claim.webp", _webp_of(6000, 6000))
    yield bomb("BMP that claims 30000 pixels a side", "claim.bmp", _bmp_of(30_000, 30_000))
    yield bomb("JPEG of 3000 scans", "scans.jpg", _many_scans(3000))
    yield bomb("clip of PNG frames that claim 30000 pixels a side", "claim.mov", _mov_of(30_000, 30_000))
    yield bomb("JPEG that claims 65500 pixels a side", "claim.jpg", _jpeg_of(65_500, 65_500))
    for suffix in (".avif", ".heic"):
        yield bomb(f"{suffix} that claims 30000 pixels a side", f"claim{suffix}", _boxes_of(suffix, 30_000, 30_000))
    yield bomb(".heic whose coded pixels are more than it claims", "claim.heic", _boxes_of(".heic", 16, 16))
    yield bomb("TIFF that claims 30000 pixels a side", "claim.tif", _tiff(width=30_000, length=30_000))
    yield bomb("TIFF that claims 36 megapixels and has none", "claim.tif", _tiff(width=6000, length=6000))
    yield bomb("TIFF of a tile of 3600 megapixels", "tile.tif", _tiff(tile=60_000))
    yield bomb("TIFF of a strip of 4 billion rows", "strip.tif", _tiff(compression=5, rows=2**32 - 1))
    yield bomb("TIFF whose 5000 entries share a megabyte", "shared.tif", _tiff(shared=5000) + bytes(1_000_000))
    yield bomb("TIFF in a rare compression", "rare.tif", _tiff(compression=34_925))
    yield bomb("TIFF of floats of no range", "float.tif", saved(Image.new("F", (64, 48), 300.0), "TIFF"))
    yield bomb("PNG that claims 2 billion frames", "claim.png", _frames_of(2**31 - 1))
    yield bomb("PNG that claims more frames than it has", "claim.png", _frames_of(2000))
    yield bomb("animated WebP of more than a gigapixel", "long.webp", _gigapixel())


def _harmless_if_bounded() -> Iterator[Input]:
    """Files whose images are sound and whose other data would take a careless reader minutes or gigabytes."""

    def bounded(what: str, name: str, content: bytes) -> Input:
        return Input(f"metadata: {what}", name, content, outcome="answered", seen=(scene(),))

    prefixes = b"Exif\0\0" * 170_000 + b"II*\0" + struct.pack("<IHI", 8, 0, 0)
    shared = struct.pack("<4sIH", b"II*\0", 8, 5000)
    shared += b"".join(struct.pack("<HHII", 40_000 + number, 1, 60_000, 0) for number in range(5000)) + bytes(4)
    for suffix in (".avif", ".heic", ".webp"):
        options = {} if suffix == ".heic" else {"quality": 95}
        for what, exif in (("prefixes", prefixes), ("shared values", shared)):
            content = saved(scene(), suffix[1:].upper().replace("HEIC", "HEIF"), exif=exif, **options)
            yield bounded(f"EXIF of {what} in {suffix}", f"exif{suffix}", content)
    yield bounded("EXIF of shared values in .png", "exif.png", saved(scene(), "PNG", exif=shared))
    pages = saved(scene(), "TIFF", save_all=True, append_images=[Image.new("RGB", (8, 8))] * 300)
    yield bounded("TIFF of 301 pages", "pages.tif", pages)
    (start,) = struct.unpack_from("<I", pages, 4)
    (count,) = struct.unpack_from("<H", pages, start)
    end = start + 2 + 12 * count
    yield bounded("TIFF whose page follows itself", "loop.tif", pages[:end] + pages[4:8] + pages[end + 4 :])
    sound = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    curve = sound.index(b"para") if b"para" in sound else sound.index(b"curv")
    for what, profile in (
        ("of noise", np.random.default_rng(0).bytes(5000)),
        ("of 2 billion tags", sound[:128] + b"\x7f" * 4 + sound[132:]),
        ("of a curve of 2 billion points", sound[:curve] + b"curv" + bytes(4) + b"\x7f" * 4 + sound[curve + 12 :]),
        ("of 5 MB", sound + bytes(5_000_000)),
        ("of inks", sound.replace(b"RGB ", b"CMYK")),
    ):
        yield bounded(f"profile {what}", "profile.tif", saved(scene(), "TIFF", icc_profile=profile))


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _png_of(width: int, height: int) -> bytes:
    header = _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + _chunk(b"IDAT", zlib.compress(b"\0")) + _chunk(b"IEND", b"")


def _with_words(size: int) -> bytes:
    sound = pictures()[".png"]
    return sound[:33] + _chunk(b"zTXt", b"words\0\0" + zlib.compress(bytes(size), 9)) + sound[33:]


def _gif_frame(width: int, height: int) -> bytes:
    screen = b"GIF89a" + struct.pack("<HHBBB", 64, 48, 0x80, 0, 0) + bytes(6)
    return screen + b"," + struct.pack("<HHHHB", 0, 0, width, height, 0) + b"\x02\x02L\x01\x00;"


def _webp_of(width: int, height: int) -> bytes:
    sound = pictures()[".webp"]
    place = sound.index(b"VP8L") + 9
    old = struct.unpack_from("<I", sound, place)[0]
    claimed = old & ~((1 << 28) - 1) | (width - 1) | (height - 1) << 14
    return sound[:place] + struct.pack("<I", claimed) + sound[place + 4 :]


def _bmp_of(width: int, height: int) -> bytes:
    sound = pictures()[".bmp"]
    return sound[:18] + struct.pack("<ii", width, height) + sound[26:]


def _jpeg_of(width: int, height: int) -> bytes:
    sound = pictures()[".jpg"]
    place = sound.index(b"\xff\xc0") + 5
    return sound[:place] + struct.pack(">HH", height, width) + sound[place + 4 :]


def _boxes_of(suffix: str, width: int, height: int) -> bytes:
    claimed = struct.pack(">II", width, height)
    return re.sub(rb"(ispe.{4}).{8}", lambda found: found[1] + claimed, pictures()[suffix], flags=re.DOTALL)


def _tiff(width=64, length=48, compression=1, rows=48, tile=0, shared=0) -> bytes:
    """A grey TIFF of black; `shared` is how many entries of a megabyte each have the same place."""
    entries = {256: width, 257: length, 258: 8, 259: compression, 262: 1, 277: 1}
    entries |= {322: tile, 323: tile, 324: 8, 325: 64} if tile else {273: 8, 278: rows, 279: 64 * 48}
    packed = [struct.pack("<HHII", tag, 4, 1, value) for tag, value in sorted(entries.items())]
    packed += [struct.pack("<HHII", 40_000 + number, 1, 1_000_000, 8) for number in range(shared)]
    start = 8 + 64 * 48
    table = struct.pack("<H", len(packed)) + b"".join(packed) + bytes(4)
    return b"II*\0" + struct.pack("<I", start) + bytes(64 * 48) + table


def _frames_of(count: int) -> bytes:
    sound = clips()[".moving.png"]
    place = sound.index(b"acTL") - 4
    return sound[:place] + _chunk(b"acTL", struct.pack(">II", count, 0)) + sound[place + 20 :]


def _gigapixel() -> bytes:
    """Two frames of four megapixels, the second of them repeated."""
    first, second = (Image.new("RGB", (2000, 2000), colour) for colour in ("black", "white"))
    sound = saved(first, "WEBP", save_all=True, append_images=[second], duration=20, method=0)
    frames = sound[sound.index(b"ANMF") :]
    (length,) = struct.unpack_from("<I", frames, 4)
    content = sound + frames[8 + length :] * (limits.MAX_ANIMATION_PIXELS // 2000**2)
    return content[:4] + struct.pack("<I", len(content) - 8) + content[8:]


def _many_scans(count: int) -> bytes:
    sound = pictures()[".jpeg"]
    last = sound.rindex(b"\xff\xda")
    return sound[:last] + sound[last:-2] * count + b"\xff\xd9"


def _mov_of(width: int, height: int) -> bytes:
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    claim = header + struct.pack(">I", zlib.crc32(header))
    return re.sub(rb"IHDR.{17}", lambda _: claim, clips()[".mov"], flags=re.DOTALL)


# Other kinds of files under the names of pictures and clips.


def _foreign() -> Iterator[Input]:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("../../escape.txt", "words")
    others = {
        "SVG": b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/hostname"/></svg>',
        "HTML": b"<!doctype html><script>alert(1)</script>",
        "zip": archive.getvalue(),
        "PostScript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 40 40\n%%EndComments\nshowpage\n%%EOF",
        "PDF": b"%PDF-1.4\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF",
        "BigTIFF": b"II+\0\x08\0\0\0" + bytes(64),
        "JPEG 2000": saved(scene(), "JPEG2000"),
        "ICO": saved(scene(), "ICO"),
        "pickle": b"\x80\x04\x95\x17\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x94\x8c\x06system\x94\x93\x94.",
        "playlist": b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:1,\nfile:///etc/hostname\n#EXT-X-ENDLIST\n",
        "list of files": b"ffconcat version 1.0\nfile sound.mp4\n",
        "stream description": b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nm=video 9 RTP/AVP 96\n",
        "nothing": b"",
        "one byte": b"\x89",
        "zeros": bytes(4096),
    }
    for what, content in others.items():
        for name in ("picture.png", "picture.jpg", "clip.mp4", "clip.webm"):
            yield Input(f"foreign: {what}", name, content, outcome="refused")
    for name in ("page.html", "drawing.svg", "archive.zip", "program", "clip.m3u8", "x." + "a" * 100):
        yield Input("foreign: name", name, b"words", outcome="refused")


def _polyglots() -> Iterator[Input]:
    """Sound pictures that are something else too: what is seen is the picture."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("index.html", "<script>alert(1)</script>")
    for suffix in (".png", ".gif", ".jpg"):
        for what, tail in (("zip", archive.getvalue()), ("HTML", b"<script>alert(1)</script>")):
            content = pictures()[suffix] + tail
            yield Input(
                f"polyglot: {suffix} and {what}", f"two{suffix}", content, outcome="answered", seen=(scene(),)
            )


# Clips with absurd numbers.


def _absurd_clips() -> Iterator[Input]:
    def absurd(what: str, name: str, content: bytes, outcome: str = "refused", seen=None) -> Input:
        return Input(f"clip: {what}", name, content, outcome=outcome, seen=seen)

    sound = clips()[".mp4"]
    webm = clips()[".webm"]
    yield absurd("no frame", "none.webm", webm[: webm.index(b"\x1f\x43\xb6\x75")])
    yield absurd("one frame", "one.mp4", clip(".mp4", "libx264", frames=1))
    for rate, outcome in ((10_000, "answered"), (60_000, "either")):
        content = clip(".mp4", "libx264", rate=rate)
        yield absurd(f"{rate} frames a second", "fast.mp4", content, outcome, scenes())
    yield absurd("a pause of 1000 seconds", "slow.mp4", clip(".mp4", "mpeg4", frames=3, ticks=[0, 1, 6000]))
    yield absurd("sound only", "song.mp4", _song())
    for degrees, turn in ((90, Image.Transpose.ROTATE_270), (180, Image.Transpose.ROTATE_180)):
        turned = tuple(one.transpose(turn) for one in scenes())
        yield absurd(f"turned by {degrees}", "turned.mp4", _turned(sound, degrees), "answered", turned)
    for what, matrix in (("zeros", bytes(36)), ("noise", np.random.default_rng(0).bytes(36))):
        yield absurd(f"a rotation of {what}", "turned.mp4", _with_matrix(sound, matrix), "either")
    for what, field in (("durations", b"mvhd"), ("durations of the track", b"mdhd")):
        place = sound.index(field) + 20
        yield absurd(f"{what} of 2 billion", "long.mp4", sound[:place] + b"\x7f" * 4 + sound[place + 4 :], "either")


def _slow() -> Iterator[Input]:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "many.mp4"
        with av.open(str(path), "w") as file:
            stream = file.add_stream("mpeg4", rate=1000)
            stream.width = stream.height = 16
            stream.pix_fmt = "yuv420p"
            frame = av.VideoFrame.from_image(Image.new("RGB", (16, 16)))
            for index in range(MANY_FRAMES):
                frame.pts = index
                file.mux(stream.encode(frame))
            file.mux(stream.encode())
        yield Input(f"clip: {MANY_FRAMES} frames", "many.mp4", path.read_bytes(), outcome="refused")


def _song() -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=8000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), dtype=np.float32), format="fltp", layout="mono")
        frame.sample_rate, frame.time_base = 8000, fractions.Fraction(1, 8000)
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return file.getvalue()


def _turned(sound: bytes, degrees: int) -> bytes:
    cosine, sine = {90: (0, 1), 180: (-1, 0)}[degrees]
    numbers = [cosine * 65536, sine * 65536, 0, -sine * 65536, cosine * 65536, 0, 0, 0, 1 << 30]
    return _with_matrix(sound, struct.pack(">9i", *numbers))


def _with_matrix(sound: bytes, matrix: bytes) -> bytes:
    place = sound.index(b"tkhd") + 44
    return sound[:place] + matrix + sound[place + 36 :]


# Names that lead elsewhere, or break a line or a page.


def _names() -> Iterator[Input]:
    for name in (
        "../../../../etc/passwd.png",
        "/etc/hostname",
        "a" * 10_000 + ".png",
        "line\nbreak.png",
        "bell\x07\x1b[31m.png",
        "‮gnp.exe.png",
        "<img src=x onerror=alert(1)>.png",
        "concat:clip.mp4|other.mp4",
        "file:///etc/hostname",
        "http://127.0.0.1:9/x.png",
        "con.png ",
        ".png",
        "%2e%2e%2fpicture.png",
        "名前.png",
    ):
        yield Input("name", name, pictures()[".png"], seen=(scene(),))
