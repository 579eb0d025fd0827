import numpy as np
import pytest
import torch
from PIL import Image

from mars.artifact.artifact import Artifact
from mars.media.decode import MediaError
from mars.media.neutral import HELD_OUT, NeutralMedia, random_video, read_neutral
from mars.model.capture import capture
from tests.field_files import write_clip


@pytest.fixture
def greys() -> tuple[Image.Image, ...]:
    """Nine pictures, each of its own grey."""
    return tuple(Image.new("RGB", (64, 64), (25 * level,) * 3) for level in range(9))


def _levels(prompts):
    return [prompt.image.getpixel((0, 0))[0] // 25 for prompt in prompts]


def test_media_that_make_the_mean_are_not_those_that_are_seen(greys):
    neutral = NeutralMedia(greys)
    texts = [f"request {number}" for number in range(10)]
    mean, seen = (neutral.prompts(texts, "image", held_out) for held_out in (False, True))
    assert HELD_OUT == 4
    assert _levels(mean) == [1, 2, 3, 5, 6, 7, 1, 2, 3, 5]
    assert _levels(seen) == [0, 4, 8, 0, 4, 8, 0, 4, 8, 0]
    assert [prompt.text for prompt in mean] == [prompt.text for prompt in seen] == texts


def test_pictures_and_clips_are_told_apart_and_what_is_missing_is_left_to_random_colours(greys, clip):
    neutral = NeutralMedia((*greys[:2], clip, clip))
    assert neutral.of("image") == list(greys[:2]) and neutral.of("video") == [clip, clip]
    assert NeutralMedia(greys).of("video") == [] == NeutralMedia(greys).of("text")


@pytest.mark.parametrize("count", [0, 1])
def test_too_few_are_one_sentence(greys, count):
    with pytest.raises(MediaError, match=r"Add (two or more|some)"):
        NeutralMedia(greys[:count])


def test_the_hash_changes_with_a_pixel_and_with_the_order(greys):
    brighter = greys[0].copy()
    brighter.putpixel((3, 3), (9, 9, 9))
    sets = (greys, greys[::-1], (brighter, *greys[1:]))
    assert len({NeutralMedia(media).hash for media in sets}) == 3


def test_a_folder_is_read_by_name_pictures_and_clips_and_nothing_else(greys, tmp_path):
    for level in (3, 1, 2):
        greys[level].save(tmp_path / f"{level}.png")
    for name in ("a.mp4", "b.mp4"):
        write_clip(tmp_path / name, 4)
    (tmp_path / "notes.txt").write_text("of where they come from")
    neutral = read_neutral(tmp_path)
    assert [picture.getpixel((0, 0))[0] // 25 for picture in neutral.of("image")] == [1, 2, 3]
    assert len(neutral.of("video")) == 2 and len(neutral.media) == 5


def test_a_folder_that_cannot_be_used_is_one_sentence_that_names_the_file(greys, tmp_path, monkeypatch):
    with pytest.raises(MediaError, match="There is no folder"):
        read_neutral(tmp_path / "nowhere")
    with pytest.raises(MediaError, match="no meaningless image or video"):
        read_neutral(tmp_path)
    greys[0].save(tmp_path / "good.png")
    (tmp_path / "torn.png").write_bytes(b"no picture")
    with pytest.raises(MediaError, match=r"^torn\.png: The image cannot be read"):
        read_neutral(tmp_path)
    monkeypatch.setattr("mars.media.neutral.MAX_FILES", 1)
    with pytest.raises(MediaError, match="holds 2 images and videos; at most 1"):
        read_neutral(tmp_path)


def test_a_fit_centres_each_modality_by_the_media_it_is_given_and_says_which(tiny, contrast, tiny_artifact):
    pictures = tuple(
        Image.fromarray(np.random.default_rng(seed).integers(0, 256, (64, 64, 3), np.uint8)) for seed in range(3)
    )
    neutral = NeutralMedia(pictures)
    artifact = Artifact.fit(tiny, contrast, neutral=neutral, with_umap=False)
    texts = contrast.texts("harmless", "train")
    mean = capture(tiny, neutral.prompts(texts, "image", held_out=False)).values.mean(dim=0)
    assert torch.allclose(artifact.bias["image"], mean - artifact.mean_harmless, atol=1e-5)
    assert not torch.allclose(artifact.bias["image"], tiny_artifact.bias["image"], atol=1e-3)
    assert torch.allclose(artifact.bias["video"], tiny_artifact.bias["video"], atol=1e-5)  # of random colours still
    assert artifact.provenance["neutral"] == neutral.hash
    assert tiny_artifact.provenance["neutral"] == "random colours"
    clips = NeutralMedia(tuple(random_video(np.random.default_rng(seed), frames=4) for seed in range(2)))
    assert not torch.allclose(
        Artifact.fit(tiny, contrast, neutral=clips, with_umap=False).bias["video"], artifact.bias["video"], atol=1e-3
    )
