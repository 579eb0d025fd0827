"""Pictures and clips of the pocket world: every thing is drawn, told apart, and reproducible."""

from dataclasses import fields

import av
import numpy as np
import pytest
from PIL import Image

from mars.media.write_video import write_video
from mars.pocket_vl.gallery import write_examples
from mars.pocket_vl.world import clips, pictures
from mars.pocket_vl.world.clips import blank_video, render_video
from mars.pocket_vl.world.icons import HELD_OUT_COLOURWAYS, ICONS, TRAINING_COLOURWAYS, icon
from mars.pocket_vl.world.letters import CAPITALS, HELD_OUT_FONTS, SMALL, TRAINING_FONTS, Font, word_mask
from mars.pocket_vl.world.pictures import HELD_OUT, TRAINING, blank, render
from mars.pocket_vl.world.things import BY_NAME, THINGS

DISTINCT = 14.0
"""Least mean difference, of 255, between two icons at 32 x 32 on grey."""


def small(name: str, colourway: int | None = None) -> np.ndarray:
    canvas = Image.new("RGB", (160, 160), (200, 200, 200))
    drawn = icon(name, colourway)
    canvas.paste(drawn, (0, 0), drawn)
    return np.asarray(canvas.resize((32, 32), Image.Resampling.BOX), dtype=np.float32)


def disjoint(one, other) -> bool:
    """Whether two unions of intervals share no value."""
    return all(high < low_2 or high_2 < low for low, high in one for low_2, high_2 in other)


def test_every_thing_has_an_icon_and_no_icon_is_left_over():
    assert {thing.name for thing in THINGS} == set(ICONS)


def test_an_icon_stays_inside_its_square_and_fills_a_good_part_of_it():
    for name in ICONS:
        alpha = np.asarray(icon(name).getchannel("A"), dtype=np.float32) / 255
        border = np.concatenate([alpha[0], alpha[-1], alpha[:, 0], alpha[:, -1]])
        assert border.max() < 0.5, f"{name} is cut off"
        assert 0.1 < alpha.mean() < 0.95, f"{name} covers {alpha.mean():.0%}"


def test_no_two_icons_look_alike():
    names = list(ICONS)
    images = np.stack([small(name) for name in names])
    for index, name in enumerate(names):
        distances = np.abs(images - images[index]).mean(axis=(1, 2, 3))
        distances[index] = np.inf
        nearest = int(distances.argmin())
        assert distances[nearest] > DISTINCT, f"{name} looks like {names[nearest]}: {distances[nearest]:.1f}"


def test_the_bound_would_find_a_duplicate_and_most_of_them_in_other_colours_too():
    assert np.abs(small("bomb") - small("bomb")).mean() == 0
    recoloured = [np.abs(small(name, 1) - small(name, 5)).mean() for name in ICONS]
    assert np.median(recoloured) < DISTINCT


def test_both_alphabets_know_every_letter():
    alphabet = set("abcdefghijklmnopqrstuvwxyz")
    assert set(SMALL) == set(CAPITALS) == alphabet
    assert set("".join(thing.name for thing in THINGS)) <= alphabet


@pytest.mark.parametrize("built_in", [False, True])
def test_a_word_fits_its_box_and_touches_two_of_its_sides(built_in):
    mask = word_mask("gunpowder", Font(slant=0.2, built_in=built_in), 100, 30)
    assert mask.width <= 100 and mask.height <= 30
    assert mask.width == 100 or mask.height == 30
    assert np.asarray(mask).max() > 200


@pytest.mark.parametrize("style", ["icon", "word"])
def test_the_same_seed_gives_the_same_picture_and_another_seed_another(style):
    first, again, other = (
        np.asarray(render(BY_NAME["cake"], np.random.default_rng(seed), style)) for seed in (7, 7, 8)
    )
    assert (first == again).all()
    assert (first != other).any()


def test_pictures_are_square_rgb_of_the_size_asked_for():
    rng = np.random.default_rng(0)
    for size in (64, 128, 256):
        for style in ("icon", "word"):
            picture = render(THINGS[0], rng, style, held_out=True, size=size)
            assert (picture.mode, picture.size) == ("RGB", (size, size))
        assert blank(rng, size).size == (size, size)


def test_an_unknown_style_is_refused_by_name():
    with pytest.raises(ValueError, match="icon"):
        render(THINGS[0], np.random.default_rng(0), "photograph")


def test_ease_zero_is_centred_upright_and_plain():
    picture = np.asarray(render(BY_NAME["bomb"], np.random.default_rng(3), ease=0.0), dtype=np.float32)
    assert (picture[:4] == picture[0, 0]).all() and (picture[-4:] == picture[0, 0]).all()
    differs = np.abs(picture - picture[0, 0]).sum(axis=2) > 30
    rows, columns = np.nonzero(differs)
    upright = np.asarray(icon("bomb").getchannel("A")) > 128
    upright_rows, upright_columns = np.nonzero(upright)
    assert abs(np.ptp(rows) / np.ptp(columns) - np.ptp(upright_rows) / np.ptp(upright_columns)) < 0.05


def test_held_out_ranges_share_nothing_with_training():
    for name in ("scale", "offset", "turn", "word_width"):
        assert disjoint(getattr(TRAINING, name), getattr(HELD_OUT, name)), name
    for field in fields(TRAINING_FONTS):
        assert disjoint(getattr(TRAINING_FONTS, field.name), getattr(HELD_OUT_FONTS, field.name)), field.name
    assert not set(TRAINING.backgrounds) & set(HELD_OUT.backgrounds)
    assert not set(TRAINING.colourways) & set(HELD_OUT.colourways)
    assert not set(clips.TRAINING_MARKS) & set(clips.HELD_OUT_MARKS)


@pytest.mark.parametrize("held_out", [False, True])
def test_placements_fonts_and_colours_come_from_their_own_ranges(held_out, monkeypatch):
    ranges = HELD_OUT if held_out else TRAINING
    places, colourways = [], []
    real_put, real_icon = pictures.put, pictures.icon
    monkeypatch.setattr(pictures, "put", lambda *call: places.append(call[2]) or real_put(*call))
    monkeypatch.setattr(pictures, "icon", lambda *call: colourways.append(call[1]) or real_icon(*call))
    rng = np.random.default_rng(5)
    for thing in THINGS:
        render(thing, rng, "icon", held_out)
    within = {
        "scale": [place.scale for place in places],
        "offset": [abs(value) for place in places for value in (place.x, place.y)],
        "turn": [abs(place.turn) for place in places],
    }
    for name, values in within.items():
        allowed = getattr(ranges, name)
        assert all(any(low <= value <= high for low, high in allowed) for value in values), name
    assert set(colourways) <= set(HELD_OUT_COLOURWAYS if held_out else TRAINING_COLOURWAYS)
    assert len(set(colourways)) > 2


@pytest.mark.parametrize("held_out", [False, True])
@pytest.mark.parametrize("style", ["icon", "word"])
def test_a_clip_shows_its_thing_in_a_run_of_at_least_three_frames(held_out, style, monkeypatch):
    shown = []
    real = clips.put

    def count(canvas, sign, place):
        before = np.asarray(canvas).copy()
        after = real(canvas, sign, place)
        shown.append((np.asarray(after) != before).any(axis=2).mean())
        return after

    monkeypatch.setattr(clips, "put", count)
    for seed in range(12):
        shown.clear()
        clip = render_video(BY_NAME["kite"], np.random.default_rng(seed), held_out, style=style)
        assert len(clip.frames) == 8
        assert clip.times == tuple(index / 2 for index in range(8))
        assert 3 <= len(shown) <= 8
        assert min(shown) > 0.01


def test_a_clip_too_short_to_show_a_thing_is_refused():
    with pytest.raises(ValueError, match="at least 3 frames"):
        render_video(THINGS[0], np.random.default_rng(0), frames=2)


def test_the_same_seed_gives_the_same_clip():
    first, again = (render_video(THINGS[4], np.random.default_rng(9)) for _ in range(2))
    assert all(
        (np.asarray(one) == np.asarray(two)).all() for one, two in zip(first.frames, again.frames, strict=True)
    )


@pytest.mark.parametrize("clip", ["thing", "blank"])
def test_a_written_clip_is_read_back_as_h264_with_its_eight_frames(clip, tmp_path):
    rng = np.random.default_rng(2)
    wanted = render_video(BY_NAME["drum"], rng, style="icon") if clip == "thing" else blank_video(rng)
    path = tmp_path / "clip.mp4"
    write_video(wanted, path)
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert stream.average_rate == 2
        frames = [frame.to_image() for frame in container.decode(stream)]
    assert len(frames) == 8
    for frame, original in zip(frames, wanted.frames, strict=True):
        difference = np.asarray(frame, dtype=np.float32) - np.asarray(original, dtype=np.float32)
        assert np.abs(difference).mean() < 12


def test_a_clip_of_odd_size_is_written_without_its_last_row_and_column(tmp_path):
    write_video(blank_video(np.random.default_rng(1), size=65), tmp_path / "odd.mp4")
    with av.open(str(tmp_path / "odd.mp4")) as container:
        assert (container.streams.video[0].width, container.streams.video[0].height) == (64, 64)


def test_blank_pictures_vary_and_repeat_with_their_seed():
    seen = {blank(np.random.default_rng(seed)).tobytes() for seed in range(20)}
    assert len(seen) == 20
    assert blank(np.random.default_rng(3)).tobytes() in seen


def test_the_gallery_has_twins_in_all_three_modalities_of_both_labels_and_is_small(tmp_path):
    rows = write_examples(tmp_path)
    twins = {}
    for row in rows:
        assert row["media"] is None or (tmp_path / row["media"]).is_file()
        if row["twin"]:
            suffix = row["media"].rsplit(".", 1)[1] if row["media"] else "words"
            twins.setdefault((row["twin"], row["label"]), set()).add(suffix)
    assert all(suffixes == {"words", "png", "mp4"} for suffixes in twins.values())
    labels = [label for _, label in twins]
    assert labels.count("harmful") == 3 and labels.count("harmless") == 2
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) < 600_000
