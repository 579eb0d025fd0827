"""The things of Icon-VL's training: drawings fetched by hash, drawn alike for the same seed, and split before use."""

import io
import json
import stat
import tarfile
from collections import Counter
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mars.icon_vl.fetching import FetchError
from mars.icon_vl.training import drawing_sets
from mars.icon_vl.training.drawing_sets import (
    COMES_WITHIN,
    FRAMES,
    IN_SIGHT,
    SETS,
    Drawings,
    Set,
    draw,
    draw_video,
    fetch_sets,
)
from mars.icon_vl.training.things import FILE, SHARES, collect, read_things, write_things
from mars.icon_vl.training.vocabulary import FIRST, ICONS, OTHERS, SAME, SYNONYMS
from mars.icon_vl.vision_encoder import IMAGE_SIZE

SQUARE = '<path fill="currentColor" d="M8 8h8v8h-8z"/>'
KEPT_SETS = Path("runs") / "icon" / "sets"


def _package(icons: dict, **files: dict) -> bytes:
    """A package as npm packs it."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        for name, value in {"icons": {"width": 24, "height": 24, "icons": icons}, **files}.items():
            data = json.dumps(value).encode()
            member = tarfile.TarInfo(f"package/{name}.json")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return content.getvalue()


@pytest.fixture
def drawn() -> dict[str, Drawings]:
    return {"plain": Drawings(_package({"square": {"body": SQUARE}, "wide": {"body": SQUARE, "width": 48}}))}


def test_a_drawing_is_the_same_for_the_same_seed_and_another_for_another(drawn):
    first, again, other = (np.asarray(draw(drawn, "plain", "square", seed)) for seed in (1, 1, 2))
    assert first.shape == (224, 224, 3) and np.array_equal(first, again) and not np.array_equal(first, other)


@pytest.mark.parametrize("seed", range(20))
def test_a_drawing_of_one_colour_stands_out_from_its_ground(drawn, seed):
    """Brightness in the square differs from the ground's by more than the ground's own range, whichever is dark."""
    brightness = np.asarray(draw(drawn, "plain", "square", seed)).mean(axis=2)
    low, high = np.quantile(brightness, [0.002, 0.998])
    ground = np.median(brightness)
    assert max(high - ground, ground - low) > 30


def test_the_view_box_is_the_drawings_own_where_it_has_one(drawn):
    assert 'viewBox="0 0 24 24"' in drawn["plain"].svg("square", "#123456", 10)
    wide = drawn["plain"].svg("wide", "#123456", 10)
    assert 'viewBox="0 0 48 24"' in wide and "currentColor" not in wide and 'fill="#123456"' in wide


@pytest.fixture
def npm(tmp_path, monkeypatch):
    """A stand-in for npm, which packs what it was given, and the one set that there is."""
    package = _package({"square": {"body": SQUARE}})
    (tmp_path / "package.tgz").write_bytes(package)
    program = tmp_path / "bin" / "npm"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\necho "$2" >>{tmp_path}/asked\ncp {tmp_path}/package.tgz "$4"/made-up-1.0.tgz\n')
    program.chmod(program.stat().st_mode | stat.S_IEXEC)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    made_up = Set("1.0", sha256(package).hexdigest(), "MIT", "somebody", "train")
    monkeypatch.setattr(drawing_sets, "SETS", {"made-up": made_up})
    return tmp_path


def test_sets_are_fetched_once_by_version_and_hash(npm):
    for _ in range(2):
        assert list(fetch_sets(npm / "sets")["made-up"].icons) == ["square"]
    assert (npm / "asked").read_text() == "@iconify-json/made-up@1.0\n"
    assert [entry.name for entry in (npm / "sets").iterdir()] == ["made-up-1.0.tgz"]


def test_a_drawing_comes_into_a_video_from_one_side_and_stays_over_a_ground_that_moves():
    red = '<rect width="512" height="512" fill="#f00"/>'
    sets = {"noto": Drawings(_package({"square": {"body": red}}))}

    def in_sight(frame: Image.Image) -> int:
        red, green, blue = np.asarray(frame).astype(int).transpose(2, 0, 1)
        return int(((red > 200) & (green < 40) & (blue < 40)).sum())

    begins = set()
    for seed in range(12):
        video = draw_video(sets, "noto", "square", seed)
        assert len(video.frames) == FRAMES and video.frames[0].size == (IMAGE_SIZE, IMAGE_SIZE)
        shown = [in_sight(frame) for frame in video.frames]
        begins.add(next(number for number, count in enumerate(shown) if count))
        assert sum(count > 0.9 * max(shown) for count in shown) >= IN_SIGHT - COMES_WITHIN + 1
        assert shown[-1] > 0.9 * max(shown) > 0.2 * IMAGE_SIZE**2
        again = draw_video(sets, "noto", "square", seed)
        assert [frame.tobytes() for frame in again.frames] == [frame.tobytes() for frame in video.frames]
    assert begins == set(range(FRAMES - IN_SIGHT + 1))


def test_another_package_than_was_checked_is_refused_and_not_kept(npm):
    (npm / "package.tgz").write_bytes(_package({}))
    with pytest.raises(FetchError, match=r"^@iconify-json/made-up 1\.0 is another package than it was"):
        fetch_sets(npm / "sets")
    assert list((npm / "sets").iterdir()) == []


def test_without_npm_or_network_there_is_one_sentence(npm, monkeypatch):
    (npm / "package.tgz").unlink()
    with pytest.raises(FetchError, match=r"^npm could not fetch @iconify-json/made-up@1\.0\. Check the network"):
        fetch_sets(npm / "sets")
    monkeypatch.setattr("shutil.which", lambda _: None)
    with pytest.raises(FetchError, match=r"^The drawings are fetched with npm, which is not here"):
        fetch_sets(npm / "sets")


def test_every_set_has_a_licence_and_the_one_that_may_not_be_shipped_is_for_tests():
    assert {name for name, drawn in SETS.items() if "SA" in drawn.licence} <= {
        name for name, drawn in SETS.items() if drawn.role == "test"
    }
    assert all(drawn.licence and drawn.author and len(drawn.sha256) == 64 for drawn in SETS.values())


def test_harmful_things_of_the_test_are_not_those_that_the_system_message_was_chosen_on():
    things = {thing.name: thing for thing in read_things()}
    test = {name for name, thing in things.items() if thing.label == "harmful" and thing.split == "test"}
    validation = {name for name, thing in things.items() if thing.label == "harmful" and thing.split == "validation"}
    assert validation == set(FIRST) and len(FIRST) == 21 and test >= set(OTHERS) and len(test) >= 20
    assert not any(thing.split == "train" for thing in things.values() if thing.label == "harmful")


def test_harmless_things_are_split_by_lot_and_no_test_thing_is_a_training_thing_by_another_name():
    things = [thing for thing in read_things() if thing.label == "harmless"]
    counts = Counter(thing.split for thing in things)
    for split, share in SHARES.items():
        assert counts[split] / len(things) == pytest.approx(share, abs=0.03)
    last_words = {
        split: {thing.name.split()[-1].removesuffix("s") for thing in things if thing.split == split}
        for split in counts
    }
    assert not last_words["test"] & last_words["train"] and not last_words["validation"] & last_words["train"]
    split_of = {thing.name: thing.split for thing in read_things()}
    assert all(
        split_of.get(vendor_name, thing.split) == thing.split for thing in things for vendor_name in _vendor(thing)
    )


def _vendor(thing) -> set[str]:
    """What other vendors call the same drawing; synonyms written by hand are looser."""
    return set(thing.synonyms) - set(SYNONYMS.get(thing.name, "").split())


def test_test_things_have_drawings_that_no_training_sees():
    """Enough of them of the kept-out vendor for a rate."""
    kept_out = [thing for thing in read_things() if thing.split == "test" and "emojione" in thing.drawings]
    assert len(kept_out) >= 60


def test_the_tables_hold_no_name_twice_and_none_of_nothing():
    names = {thing.name for thing in read_things()}
    assert len(ICONS) == len(set(ICONS)) and not set(FIRST) & set(OTHERS)
    assert set(SYNONYMS) <= names and set(SAME.values()) <= names


def test_what_is_written_is_read_again(tmp_path):
    things = read_things()
    write_things(things, tmp_path / "splits.json")
    assert read_things(tmp_path / "splits.json") == things
    assert (tmp_path / "splits.json").read_bytes() == FILE.read_bytes()


@pytest.mark.skipif(not KEPT_SETS.is_dir(), reason="the sets of drawings were not fetched")
def test_the_committed_splits_are_what_the_sets_give():
    assert collect(fetch_sets(KEPT_SETS)) == read_things()
