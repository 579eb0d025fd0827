"""Hostile zip archives: each is refused in one sentence, within bounds of time, and leaves nothing behind."""

import io
import stat
import struct
import zipfile

import pytest

from mars.datasets.archive import MAX_ENTRIES, ArchiveError, unpack
from mars.datasets.media_files import MEDIA_SUFFIXES, gather
from tests.hostile.archives import SOUND, archives
from tests.hostile.trial import offer_archive


@pytest.mark.parametrize("given", archives(), ids=lambda given: given.kind.removeprefix("archive: "))
def test_a_hostile_archive_is_refused_in_a_sentence_and_leaves_nothing(tmp_path, given):
    verdict = offer_archive(given, tmp_path)
    assert verdict.fault is None and verdict.said.startswith("set.zip ") and verdict.seconds < 5
    assert [path.name for path in tmp_path.iterdir()] == ["set.zip"]


def test_each_is_refused_for_its_own_reason(tmp_path):
    told = {}
    for given in archives():
        (tmp_path / "set.zip").write_bytes(given.content)
        with pytest.raises(ArchiveError) as raised:
            unpack(tmp_path / "set.zip", tmp_path / "new", MEDIA_SUFFIXES)
        told[given.kind.removeprefix("archive: ")] = str(raised.value).removeprefix("set.zip ")
    for kind, opening in {
        "name with ..": "holds “../../escape.png”, which leads out",
        "absolute name": "holds “/etc/escape.png”, which leads out",
        "name with backslashes": "holds “..",
        "name of a drive": "holds “C:",
        "symlink": "holds a link or device, “link.png”",
        "encrypted": "is encrypted",
        "archive inside": "holds another archive, “inner.zip”",
        "bomb of one file": "holds “bomb.png” of more than 100 MB",
        "bomb of many files": "unpacks to 2.",
        "too many files": f"holds {MAX_ENTRIES + 1} files",
        "list of 9 MB": "lists far too many files",
        "rare compression": "is packed in a rare way",
        "same name twice": "holds “kite.png” twice",
    }.items():
        assert told[kind].startswith(opening), told[kind]


def test_a_sound_archive_comes_out_under_numbers_with_its_own_names_beside_them(tmp_path):
    with zipfile.ZipFile(tmp_path / "set.zip", "w", zipfile.ZIP_DEFLATED) as file:
        for name in ("photos/kite.png", "photos/Ärger 1.PNG", "__MACOSX/photos/._kite.png", "read me.md"):
            file.writestr(name, SOUND)
        file.writestr("empty/", b"")
    files, left_out = unpack(tmp_path / "set.zip", tmp_path / "new", MEDIA_SUFFIXES)
    assert {name: path.name for name, path in files.items()} == {
        "photos/kite.png": "00000.png",
        "photos/Ärger 1.PNG": "00001.png",
    }
    assert all(path.read_bytes() == SOUND for path in files.values()) and left_out == 1


def test_what_an_entry_holds_beyond_what_it_claims_is_never_unpacked(tmp_path):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("bomb.png", bytes(50_000_000))
    content = packed.getvalue().replace(struct.pack("<I", 50_000_000), struct.pack("<I", 1000))
    (tmp_path / "set.zip").write_bytes(content)
    with pytest.raises(ArchiveError, match="damaged"):
        unpack(tmp_path / "set.zip", tmp_path / "new", MEDIA_SUFFIXES)
    assert [path.name for path in tmp_path.iterdir()] == ["set.zip"]


def test_a_hostile_archive_costs_nothing_else_that_was_brought(tmp_path):
    (tmp_path / "kite.png").write_bytes(SOUND)
    (tmp_path / "bad.zip").write_bytes(archives()[0].content)
    brought = gather([tmp_path / "bad.zip", tmp_path / "kite.png"], tmp_path / "folder")
    assert set(brought.media.paths) == {"kite.png"} and len(brought.notes) == 1
    assert stat.S_ISREG(brought.media.paths["kite.png"].stat().st_mode)
