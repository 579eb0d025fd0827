"""A recording's folder: continued where it was, and refused where anything differs, with the reason."""

import json
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mars.datasets.tables import TableError
from mars.recording.prompts import read_lines
from mars.recording.storage import (
    BEGUN,
    INDEX,
    Entry,
    Header,
    Recorder,
    Recording,
    RecordingError,
    _digest,
    is_recording,
)

HEADER = Header(
    model="kite", source="kite", revision=None, dtype="float32", weights=[1.0, 2.0], visual_weights=[],
    template_hash="t", system=None, artifact="a", settings={"gains": [1.0]}, versions={"torch": "2"},
    processor="a processor", device="CPU", date="2026-01-01T00:00:00+00:00",
)  # fmt: skip
ENTRY = Entry({"text": "é\u2028 </script>", "nan": [1.5, None]}, {"s": np.arange(6, dtype=np.float32).reshape(2, 3)})
NAMES = ["session", "prompts/" + "a" * 64, "prompts/" + "b" * 64]


@pytest.fixture
def folder(tmp_path):
    recorder = Recorder(tmp_path / "kite", HEADER)
    for name in NAMES:
        recorder.keep(name, ENTRY)
    medium = recorder.keep_medium(b"not looked into", "Kite.PNG")
    recorder.finish(NAMES, [medium], {"seconds": 1.0})
    return tmp_path / "kite"


def _index(folder):
    return json.loads((folder / INDEX).read_text())


def _refused(folder, match):
    with pytest.raises(RecordingError, match=match) as raised:
        Recording.open(folder)
    assert str(raised.value).count("\n") == 0


def test_what_was_kept_is_read_in_order_and_unfinished_files_are_gone(folder):
    found = Recording.open(folder)
    assert found.header == replace(HEADER, cost={"seconds": 1.0}) and list(found.names) == NAMES
    read = found.entry(NAMES[1])
    assert read.plain == ENTRY.plain
    np.testing.assert_array_equal(read.arrays["s"], ENTRY.arrays["s"])
    assert not (folder / BEGUN).exists() and is_recording(folder)
    assert found.size == sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) - len(
        (folder / INDEX).read_bytes()
    )


def test_a_recording_that_was_stopped_goes_on_and_nothing_is_written_twice(tmp_path):
    begun = Recorder(tmp_path / "other", HEADER)
    begun.keep(NAMES[1], ENTRY)
    (tmp_path / "other" / "prompts" / f".{'b' * 64}.safetensors.0123.part").write_bytes(b"cut by a kill")
    _refused(tmp_path / "other", "not finished. Give the command that made it again")
    again = Recorder(tmp_path / "other", replace(HEADER, date="later", processor="another"))
    assert [again.has(name) for name in NAMES] == [False, True, False]
    again.keep(NAMES[0], ENTRY)
    again.keep(NAMES[2], ENTRY)
    again.finish([NAMES[0], NAMES[2]], [], {})
    assert list(Recording.open(tmp_path / "other").names) == [NAMES[0], NAMES[2]]  # what is no longer asked for goes
    assert sorted(path.name for path in (tmp_path / "other").rglob("*.*")) == sorted(
        [INDEX, "session.safetensors", f"{'b' * 64}.safetensors"]
    )


def test_a_recording_begun_with_other_settings_or_weights_is_not_continued(folder):
    with pytest.raises(RecordingError, match=r"settings was \{'gains': \[1.0\]\} and is \{'gains': \[2.0\]\}"):
        Recorder(folder, replace(HEADER, settings={"gains": [2.0]}))
    with pytest.raises(RecordingError, match="weights was"):
        Recorder(folder, replace(HEADER, weights=[1.0, 2.5]))
    (folder.parent / "own").mkdir()
    (folder.parent / "own" / "notes.txt").write_text("mine")
    with pytest.raises(RecordingError, match="holds other files"):
        Recorder(folder.parent / "own", HEADER)
    assert (folder.parent / "own" / "notes.txt").read_text() == "mine"


def test_a_changed_or_truncated_or_missing_file_is_named(folder):
    path = folder / f"{NAMES[1]}.safetensors"
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    _refused(folder, "was changed since it was made: prompts/aaa")
    path.write_bytes(whole[:-4])
    _refused(folder, f"truncated: prompts/a+.safetensors has {len(whole) - 4} of {len(whole)} bytes")
    path.unlink()
    _refused(folder, "lacks prompts/aaa")
    path.symlink_to("/etc/passwd")
    _refused(folder, "a link in place of prompts/aaa")
    path.unlink()
    path.write_bytes(whole)
    (folder / "media").rename(folder.parent / "elsewhere")
    (folder / "media").symlink_to(folder.parent / "elsewhere")
    _refused(folder, "a link in place of media/")


def test_a_changed_index_and_one_of_a_newer_version_and_foreign_folders_are_refused(folder, tmp_path):
    index = _index(folder)
    (folder / INDEX).write_text(json.dumps(index | {"model": "another"}))
    _refused(folder, "its index does not match its digest")
    (folder / INDEX).write_text(json.dumps(index | {"schema": 3}))
    _refused(folder, "of a newer version .schema 3; this one reads 2.. Update")
    (folder / INDEX).write_text("[1]")
    _refused(folder, "no schema number")
    (folder / INDEX).write_text('{"schema": 1')
    _refused(folder, "damaged: recording.json cannot be read")
    _refused(tmp_path, "There is no recording in")


@pytest.mark.parametrize(
    "name",
    [
        "../kite.safetensors", "prompts/../../x.safetensors", "session.pkl", "media/x.pt", "/etc/passwd",
        f"media/{'0' * 64}/../../kite.png", f"media/{'0' * 64}/.kite.png", f"media/{'0' * 64}/a/kite.png",
    ],
)  # fmt: skip
def test_files_that_are_no_part_of_a_recording_are_never_read(folder, name, monkeypatch):
    from mars.recording import storage

    index = _index(folder)
    index["files"][name] = [1, "0"]
    del index["digest"]
    (folder / INDEX).write_text(json.dumps(index | {"digest": storage._digest(index)}))
    monkeypatch.setattr("builtins.open", lambda *_: pytest.fail("it was read"))
    _refused(folder, "which is no file of a recording")


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("Kite.PNG", "Kite.png"),
        ("größe 2 (b).webp", "größe 2 (b).webp"),
        ("..\u202e/a<b>.png", "a_b_.png"),
        ("(*).mp4", "_).mp4"),
        ("k" * 300 + ".png", "k" * 40 + ".png"),
    ],
)
def test_a_medium_keeps_the_name_of_its_file_as_far_as_every_file_system_takes_it(tmp_path, name, kept):
    recorder = Recorder(tmp_path / "kite", HEADER)
    media = [recorder.keep_medium(content, name) for content in (b"one", b"another", b"one")]
    assert media[0] == media[2] != media[1] and {Path(one).name for one in media} == {kept}
    recorder.finish([], media, {})
    assert set(Recording.open(tmp_path / "kite").files) == set(media)


def test_a_recording_of_the_first_version_is_read_whose_media_have_no_names(folder):
    index = _index(folder)
    named = next(name for name in index["files"] if name.startswith("media/"))
    old = str(Path(named).parent.with_suffix(".png"))
    (folder / named).rename(folder / "moved.png")
    (folder / named).parent.rmdir()
    (folder / "moved.png").rename(folder / old)
    index["files"][old] = index["files"].pop(named)
    del index["digest"]
    (folder / INDEX).write_text(json.dumps(index | {"schema": 1, "digest": _digest(index | {"schema": 1})}))
    assert old in Recording.open(folder).files
    again = Recorder(folder, HEADER)
    medium = again.keep_medium(b"not looked into", "kite.png")
    again.finish(NAMES, [medium], {})
    assert [path.name for path in (folder / "media").rglob("*.png")] == ["kite.png"]  # made again it has one
    assert [path.name for path in (folder / "media").iterdir()] == [Path(medium).parent.name]


def test_pickle_in_the_place_of_an_entry_is_not_executed(folder):
    class Bomb:
        def __reduce__(self):
            return (pytest.fail, ("it was executed",))

    recorder = Recorder(folder, HEADER)
    (folder / f"{NAMES[1]}.safetensors").write_bytes(pickle.dumps(Bomb()))
    recorder.finish(NAMES, [], {})  # so that every digest is right
    with pytest.raises(RecordingError, match=r"damaged: prompts/a+ cannot be read"):
        Recording.open(folder).entry(NAMES[1])


def test_an_entry_that_changes_while_it_is_open_is_refused(folder):
    found = Recording.open(folder)
    (folder / f"{NAMES[1]}.safetensors").write_bytes((folder / "session.safetensors").read_bytes() + b" ")
    with pytest.raises(RecordingError, match="changed since it was opened"):
        found.entry(NAMES[1])


LINE = {"text": "how do i make a cake?", "label": "harmless"}


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([], "holds no prompt"),
        ([LINE | {"label": "bad"}], "“label” is “bad”; it must be harmful or harmless"),
        ([LINE | {"image": "no.png"}], "names no.png, which is not in"),
        ([LINE | {"image": "a.png", "video": "a.mp4"}], "an image and a video"),
        ([LINE | {"image": "a.txt"}], "not supported"),
        ([LINE | {"text": " "}], "neither text nor image nor video"),
        ([LINE | {"media": "mine"}], "“media” is “mine”"),
        ([LINE | {"picture": "a.png"}], "has “picture”; known are text, image"),
        ([LINE, LINE | {"text": "and a kite?", "title": LINE["text"]}], "have the title"),
    ],
)
def test_a_bad_line_is_named_in_a_sentence(tmp_path, rows, said):
    (tmp_path / "prompts.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n")
    with pytest.raises(TableError, match=said):
        read_lines(tmp_path / "prompts.jsonl")


def test_a_prompt_that_stands_twice_is_recorded_once(tmp_path, png):
    rows = [LINE, LINE, LINE | {"image": png, "media": "keep", "twin": "cake"}]
    (tmp_path / "prompts.jsonl").write_text("\n".join(map(json.dumps, rows)))
    words, shown = read_lines(tmp_path / "prompts.jsonl")
    assert (words.medium, words.keeps_medium) == (None, False) and shown.keeps_medium and shown.twin == "cake"
    assert words.key != shown.key
