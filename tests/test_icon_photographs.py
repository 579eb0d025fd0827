"""Photographs and clips for tests of Icon-VL: from made-up packages, checked by hash; the committed lists."""

import gzip
import json
import shutil
import stat
import struct
import subprocess
import zipfile
import zlib
from collections import Counter
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from mars.icon_vl.fetching import FetchError
from mars.icon_vl.training import clips, photographs
from mars.icon_vl.training.clips import read_clips
from mars.icon_vl.training.packaged_media import WITHIN, fetch_media, read_list
from mars.icon_vl.training.photographs import read_photographs
from mars.icon_vl.training.qt_resources import read_resource
from mars.icon_vl.training.things import read_things
from mars.media.write_video import write_video
from mars.types import Video

DEBIAN, WHEEL = "made-up-stamps", "made-up-images"
needs_dpkg = pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="dpkg-deb is not here")


def _png(colour: tuple[int, ...]) -> bytes:
    content = BytesIO()
    Image.new("RGBA" if len(colour) == 4 else "RGB", (10, 8), colour).save(content, "PNG")
    return content.getvalue()


CLEAR, RED, BLUE = _png((9, 9, 9, 0)), _png((255, 0, 0)), _png((0, 0, 255))


def _resources(files: dict[str, bytes], version: int = 3, deflate: bool = False) -> bytes:
    """Resources of Qt, written as its compiler does: folders breadth first, the files of one beside each other."""
    root: dict = {}
    for path, content in files.items():
        *folders, name = path.split("/")
        inside = root
        for folder in folders:
            inside = inside.setdefault(folder, {})
        inside[name] = content
    tree, names, contents = b"", b"", b""
    waiting, count = [("", root)], 1
    while waiting:
        name, entry = waiting.pop(0)
        tree += struct.pack(">I", len(names))
        names += struct.pack(">HI", len(name), 0) + name.encode("utf-16-be")
        if isinstance(entry, dict):
            tree += struct.pack(">HII", 2, len(entry), count)
            waiting += entry.items()
            count += len(entry)
        else:
            stored = struct.pack(">I", len(entry)) + zlib.compress(entry) if deflate else entry
            tree += struct.pack(">HHHI", deflate, 0, 0, len(contents))
            contents += struct.pack(">I", len(stored)) + stored
        tree += struct.pack(">Q", 0) if version > 1 else b""
    start = 24
    offsets = start, start + len(tree), start + len(tree) + len(contents)
    return struct.pack(">4s5I", b"qres", version, *offsets, 0) + tree + contents + names


@pytest.mark.parametrize("version", [1, 2, 3])
@pytest.mark.parametrize("deflate", [False, True])
def test_files_are_read_from_resources_of_qt(version, deflate):
    files = {"animals/cat.png": RED, "animals/farm/cow.png": BLUE, "top.png": CLEAR}
    made = _resources(files, version, deflate)
    for path, content in files.items():
        assert read_resource(made, path) == read_resource(made, f"/{path}") == content


@pytest.mark.parametrize("path", ["animals/dog.png", "animals", "animals/cat.png/more", ""])
def test_what_is_no_file_in_the_resources_is_a_key_error(path):
    with pytest.raises(KeyError):
        read_resource(_resources({"animals/cat.png": RED}), path)


@pytest.mark.parametrize("damaged", [b"", b"qres", b"PK\3\4" + bytes(100), _resources({"cat.png": RED})[:40]])
def test_damaged_resources_are_a_key_error(damaged):
    with pytest.raises(KeyError):
        read_resource(damaged, "cat.png")


@pytest.fixture
def packages(tmp_path, monkeypatch):
    """A stand-in for apt-get that has one package, an index of one wheel, and a list of what lies in both."""
    stamps = tmp_path / "stamps"
    for path, content in {
        "DEBIAN/control": f"Package: {DEBIAN}\nVersion: 1.0\nArchitecture: all\nMaintainer: somebody\n".encode(),
        "usr/share/stamps/cat.png": CLEAR,
        "usr/share/animals.rcc": _resources({"images/cow.png": RED}),
    }.items():
        (stamps / path).parent.mkdir(parents=True, exist_ok=True)
        (stamps / path).write_bytes(content)
    program = tmp_path / "bin" / "apt-get"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\necho "$@" >>{tmp_path}/asked\ncp {tmp_path}/made-up.deb made-up_1.0_all.deb\n')
    program.chmod(program.stat().st_mode | stat.S_IEXEC)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    _pack(tmp_path)
    _write_wheel(tmp_path, BLUE)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))
    listed = {
        "packages": {
            DEBIAN: {"registry": "debian", "version": "1.0"},
            WHEEL: {"registry": "pypi", "version": "2.0"},
        },
        "media": [
            _row(DEBIAN, "usr/share/stamps/cat.png", CLEAR, "cat"),
            _row(DEBIAN, f"usr/share/animals.rcc{WITHIN}/images/cow.png", RED, "brown cow") | {"synonyms": ["cow"]},
            _row(WHEEL, "made_up_images/cup.png", BLUE, "cup") | {"author": "somebody"},
        ],
    }
    (tmp_path / "list.json").write_text(json.dumps(listed))
    return tmp_path


def _row(package: str, file: str, content: bytes, name: str) -> dict:
    return {
        "package": package,
        "file": file,
        "sha256": sha256(content).hexdigest(),
        "licence": "CC0-1.0",
        "name": name,
    }


def _pack(folder: Path) -> None:
    """Build the package of Debian again from its files."""
    command = ["dpkg-deb", "--build", "--root-owner-group", str(folder / "stamps"), str(folder / "made-up.deb")]
    subprocess.run(command, check=True, capture_output=True)


def _write_wheel(folder: Path, content: bytes) -> None:
    name, info = "made_up_images", "made_up_images-2.0.dist-info"
    (folder / "index").mkdir(exist_ok=True)
    with zipfile.ZipFile(folder / "index" / f"{name}-2.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{name}/cup.png", content)
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {WHEEL}\nVersion: 2.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")


def _read(folder: Path, progress=lambda *_: None):
    return read_photographs(folder / "kept", folder / "list.json", progress)


@needs_dpkg
def test_photographs_are_fetched_once_and_what_is_clear_is_white(packages):
    told = []
    found = _read(packages, lambda *step: told.append(step))
    assert [photograph.name for photograph, _ in found] == ["cat", "brown cow", "cup"]
    assert [image.getpixel((0, 0)) for _, image in found] == [(255, 255, 255), (255, 0, 0), (0, 0, 255)]
    assert [photograph.author for photograph, _ in found] == ["", "", "somebody"]
    assert [done for _, done, _ in told] == sorted(done for _, done, _ in told)
    assert told[0] == ("list", 0, 3) and told[-1] == ("list", 3, 3)
    kept = sorted(entry.name for entry in (packages / "kept").iterdir())
    assert [name.rsplit("-", 1)[0] for name in kept] == ["brown-cow", "cat", "cup"]
    assert _read(packages)[0] == found[0]
    assert (packages / "asked").read_text() == f"download {DEBIAN}\n"


@needs_dpkg
def test_what_was_damaged_or_lost_where_it_is_kept_is_fetched_again(packages):
    found = _read(packages)
    (packages / "kept" / found[0][0].kept_as).write_bytes(b"damaged")
    shutil.rmtree(packages / "index")
    again = _read(packages)
    assert again == found and (packages / "asked").read_text() == f"download {DEBIAN}\n" * 2


@needs_dpkg
def test_another_file_than_was_checked_is_refused_and_not_kept(packages):
    (packages / "stamps" / "usr/share/animals.rcc").write_bytes(_resources({"images/cow.png": BLUE}))
    _pack(packages)
    with pytest.raises(FetchError, match=rf"cow\.png in {DEBIAN} is another file than in version 1\.0, which was"):
        _read(packages)
    assert [entry.name.split("-")[0] for entry in (packages / "kept").iterdir()] == ["cat"]


@needs_dpkg
@pytest.mark.parametrize("left", [{}, {"images/bull.png": RED}])
def test_a_package_without_the_file_is_one_sentence(packages, left):
    (packages / "stamps" / "usr/share/animals.rcc").unlink()
    if left:
        (packages / "stamps" / "usr/share/animals.rcc").write_bytes(_resources(left))
    _pack(packages)
    with pytest.raises(FetchError, match=rf"^{DEBIAN} holds no .*cow\.png; version 1\.0, .* did\.$"):
        _read(packages)


@needs_dpkg
def test_a_wheel_with_another_file_or_none_is_one_sentence(packages):
    _write_wheel(packages, RED)
    with pytest.raises(
        FetchError, match=rf"^made_up_images/cup\.png in {WHEEL} is another file than in version 2\.0"
    ):
        _read(packages)
    shutil.rmtree(packages / "index")
    with pytest.raises(FetchError, match=rf"{WHEEL}==2\.0"):
        _read(packages)


@needs_dpkg
def test_without_apt_or_its_package_there_is_one_sentence(packages, monkeypatch):
    (packages / "made-up.deb").unlink()
    with pytest.raises(FetchError, match=rf"^apt-get could not fetch {DEBIAN}\. Check the network and run"):
        _read(packages)
    monkeypatch.setattr("shutil.which", lambda _: None)
    with pytest.raises(FetchError, match=rf"^{DEBIAN} is fetched with apt-get, which is not here: "):
        _read(packages)
    assert not list((packages / "kept").iterdir())


@needs_dpkg
@pytest.mark.parametrize("stored", [gzip.compress(BLUE), BLUE], ids=["compressed", "not compressed"])
def test_a_file_that_is_compressed_by_itself_is_kept_as_what_it_holds(packages, stored):
    _add(packages, "usr/share/doc/cup.png.gz", stored, BLUE)
    ((_, kept),) = fetch_media(packages / "list.json", packages / "kept")
    assert kept.suffix == ".png" and kept.read_bytes() == BLUE


@needs_dpkg
def test_a_compressed_file_that_is_damaged_is_another_file(packages):
    _add(packages, "usr/share/doc/cup.png.gz", gzip.compress(BLUE)[:-9], BLUE)
    with pytest.raises(FetchError, match=r"cup\.png\.gz in .* is another file than in version 1\.0"):
        fetch_media(packages / "list.json", packages / "kept")


@needs_dpkg
def test_clips_are_read_as_a_model_is_shown_them(packages):
    frames = tuple(Image.new("RGB", (64, 48), (10 * at, 0, 0)) for at in range(20))
    write_video(Video(frames, tuple(at / 10 for at in range(20))), packages / "ball.mp4")
    content = (packages / "ball.mp4").read_bytes()
    _add(packages, "usr/share/doc/ball.mp4", content, content)
    ((clip, video),) = read_clips(packages / "kept", packages / "list.json")
    assert clip.name == "cup" and [frame.size for frame in video.frames] == [(64, 48)] * 8


def _add(folder: Path, file: str, stored: bytes, content: bytes) -> None:
    """Put one file more into the package of Debian, and list it alone."""
    (folder / "stamps" / file).parent.mkdir(parents=True, exist_ok=True)
    (folder / "stamps" / file).write_bytes(stored)
    _pack(folder)
    packages = {DEBIAN: {"registry": "debian", "version": "1.0"}}
    (folder / "list.json").write_text(
        json.dumps({"packages": packages, "media": [_row(DEBIAN, file, content, "cup")]})
    )


@pytest.mark.parametrize(("path", "media", "things"), [(photographs.FILE, 100, 90), (clips.FILE, 12, 6)])
def test_the_list_is_long_enough_and_nothing_is_in_it_twice(path, media, things):
    packages, listed = read_list(path)
    names = Counter(medium.name for medium in listed)
    assert len(listed) >= media and len(names) >= things and max(names.values()) <= 2
    for values in ([one.sha256 for one in listed], [one.kept_as for one in listed], [one.file for one in listed]):
        assert len(set(values)) == len(listed)
    assert {medium.package for medium in listed} == packages.keys()
    assert all(medium.licence and len(medium.sha256) == 64 for medium in listed)
    assert all(len({medium.name, *medium.synonyms}) == 1 + len(medium.synonyms) for medium in listed)


def test_every_photograph_has_a_name_of_imagenet_or_the_drawings_and_none_of_a_harmful_thing():
    from mars.model.compat import repair_torchvision

    repair_torchvision()
    from torchvision.models._meta import _IMAGENET_CATEGORIES as CLASSES

    drawn = {label: set() for label in ("harmful", "harmless")}
    for thing in read_things():
        drawn[thing.label].update((thing.name, *thing.synonyms))
    known = drawn["harmless"] | {name.lower() for name in CLASSES}
    for photograph in read_list(photographs.FILE)[1]:
        names = {photograph.name, *photograph.synonyms}
        assert names & known and not names & drawn["harmful"] and all(name == name.lower() for name in names)


@pytest.mark.skipif(not photographs.KEPT.is_dir(), reason="the photographs were not fetched")
def test_the_photographs_are_those_of_the_list():
    for photograph, image in read_photographs():
        assert max(image.size) >= 200 and image.mode == "RGB", photograph


@pytest.mark.skipif(not clips.KEPT.is_dir(), reason="the clips were not fetched")
def test_the_clips_are_those_of_the_list_and_move():
    for clip, video in read_clips():
        assert len(video.frames) == 8, clip
        first, *others = (frame.tobytes() for frame in video.frames)
        assert all(other != first for other in others), clip
