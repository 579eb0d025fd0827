import json

import numpy as np
import pytest

from mars.datasets.contrast import ContrastError, ContrastSet, Request, read_contrast, write_contrast
from mars.media.neutral import neutral_prompts, random_video


def test_a_set_comes_back_from_disk_as_it_was(contrast, tmp_path):
    write_contrast(contrast, tmp_path / "set.jsonl", source="made here", licence="Apache-2.0")
    assert read_contrast(tmp_path / "set.jsonl") == contrast
    assert read_contrast(tmp_path / "set.jsonl").hash == contrast.hash


def test_the_hash_changes_with_a_single_label(contrast):
    first, *rest = contrast.requests
    flipped = Request(first.text, "harmless", first.split)
    assert ContrastSet((flipped, *rest)).hash != contrast.hash


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("{not json", "Line 2 of set.jsonl is not JSON"),
        ('{"label": "harmful", "split": "train"}', "Line 2 of set.jsonl has no “text”"),
        ('{"text": "hi", "label": "bad", "split": "train"}', "“label” is 'bad'; it must be harmful or harmless"),
        ('{"text": "hi", "label": "harmful"}', "“split” is None; it must be train, validation or test"),
    ],
)
def test_a_wrong_line_is_named_with_what_it_should_hold(tmp_path, line, sentence):
    (tmp_path / "set.jsonl").write_text(json.dumps({"source": "x"}) + "\n" + line + "\n")
    with pytest.raises(ContrastError, match=sentence):
        read_contrast(tmp_path / "set.jsonl")


def test_a_class_that_is_missing_from_a_split_and_a_request_in_two_splits_are_refused(contrast, contrast_with_test):
    with pytest.raises(ContrastError, match="fewer than 2 harmful requests in the split “validation”"):
        ContrastSet(tuple(r for r in contrast.requests if (r.label, r.split) != ("harmful", "validation")))
    fewer = [r for r in contrast_with_test.requests if (r.label, r.split) != ("harmless", "test")]
    with pytest.raises(ContrastError, match=r"harmless requests in the split “test”\. Add some, or leave"):
        ContrastSet(tuple(fewer))
    for at, split in ((0, "validation"), (0, "test"), (12, "test")):
        again = contrast_with_test.requests[at]
        with pytest.raises(ContrastError, match=f"is in two splits, “{again.split}” and “{split}”"):
            ContrastSet((*contrast_with_test.requests, Request(again.text, again.label, split)))


def test_the_split_that_is_measured_is_test_and_validation_only_where_there_is_none(contrast, contrast_with_test):
    assert (contrast.has_test, contrast.evaluation_split) == (False, "validation")
    assert (contrast_with_test.has_test, contrast_with_test.evaluation_split) == (True, "test")


def test_neutral_media_are_the_same_for_a_seed_and_others_for_another():
    def pixels(seed):
        return [np.asarray(p.image).sum() for p in neutral_prompts(["a", "b", "c"], "image", seed)]

    assert pixels(0) == pixels(0)
    assert pixels(0) != pixels(1)
    assert [p.text for p in neutral_prompts(["a", "b"], "video", 0)] == ["a", "b"]


def test_a_meaningless_clip_has_new_colours_in_each_frame():
    clip = random_video(np.random.default_rng(0))
    assert len({frame.tobytes() for frame in clip.frames}) == len(clip.frames) == 8
    assert clip.frames_per_second == 2.0
