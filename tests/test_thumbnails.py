"""What points of the clouds show: small, without metadata, in the artifact or not."""

from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from mars.analysis.alignment import without_signal
from mars.artifact.artifact import Artifact
from mars.fitted.fitted import ArtifactError
from mars.media.neutral import NeutralMedia
from mars.media.prompt import Prompt
from mars.media.thumbnails import SIDE, packed, thumbnail, unpacked
from mars.types import Video
from tests.test_storage import _signed, _tensors_of

NOISE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (200, 100, 3), dtype=np.uint8))


def _opened(content: bytes) -> Image.Image:
    return Image.open(BytesIO(content), formats=("WEBP",))


def test_a_picture_is_small_keeps_its_shape_and_loses_what_its_file_said_of_it():
    NOISE.info["icc_profile"] = NOISE.info["exif"] = NOISE.info["xmp"] = b"somewhere" * 20
    small = thumbnail(Prompt("what is it?", image=NOISE))
    assert _opened(small).size == (SIDE // 2, SIDE) and len(small) < 3000
    assert b"somewhere" not in small and not set(_opened(small).info) & {"icc_profile", "exif", "xmp"}
    assert abs(np.asarray(_opened(small)).mean() - np.asarray(NOISE).mean()) < 5


def test_a_clip_is_its_frame_that_shows_most_and_words_show_nothing():
    frames = (Image.new("RGB", NOISE.size), NOISE, Image.new("RGB", NOISE.size, "white"))
    assert thumbnail(Prompt(video=Video(frames, (0.0, 1.0, 2.0)))) == thumbnail(Prompt(image=NOISE))
    assert thumbnail(Prompt("what is it?")) == b""


def test_what_is_packed_comes_back_also_where_points_have_none():
    one, other = thumbnail(Prompt(image=NOISE)), thumbnail(Prompt(image=NOISE.rotate(90, expand=True)))
    for given in ((one, b"", other), (b"",), ()):
        assert unpacked(*packed(given)) == given


# --- in an artifact


@pytest.fixture
def saved(tiny_artifact, tmp_path):
    tiny_artifact.save(tmp_path / "artifact")
    return tmp_path / "artifact"


def test_a_fit_keeps_what_points_show_and_an_artifact_brings_it_back(tiny, tiny_artifact, saved):
    for cloud in tiny_artifact.clouds:
        assert all(cloud.thumbnails) == (cloud.modality != "text") and len(cloud.thumbnails) == len(cloud.values)
    assert Artifact.load(saved, tiny).thumbnails == tiny_artifact.thumbnails
    assert len(tiny_artifact.thumbnails) == len(tiny_artifact.stacked_clouds(0, False))


def test_an_artifact_from_before_there_were_thumbnails_is_read_and_steers_the_same(tiny, tiny_artifact, saved):
    bare = replace(tiny_artifact, clouds=tuple(cloud._replace(thumbnails=()) for cloud in tiny_artifact.clouds))
    bare.save(saved)
    assert not [name for name in load_file(_tensors_of(saved)) if "thumbnail" in name]
    loaded = Artifact.load(saved, tiny)
    assert not any(loaded.thumbnails) and loaded.hash == tiny_artifact.hash
    assert not any(without_signal(loaded).thumbnails)


NAME = "image.harmful"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda content, lengths: (content[:-1], lengths), "do not add up"),
        (lambda content, lengths: (content, -lengths), "do not add up"),
        (lambda content, lengths: (content.float(), lengths), "do not add up"),
        (lambda content, lengths: (content, lengths + torch.tensor([-9, 9, 0, 0, 0, 0])), "no WebP"),
        (lambda content, lengths: (torch.zeros_like(content), lengths), "no WebP"),
        (lambda content, lengths: (content[: -lengths[-1]], lengths[:-1]), "6 points and 5 thumbnails"),
    ],
)  # fmt: skip
def test_thumbnails_that_are_none_are_refused(tiny, saved, change, told):
    names = (f"thumbnails.{NAME}", f"thumbnail_lengths.{NAME}")
    tensors = load_file(_tensors_of(saved))
    changed = change(*(tensors[name] for name in names))
    save_file(tensors | dict(zip(names, changed, strict=True)), _tensors_of(saved))
    _signed(saved)
    with pytest.raises(ArtifactError, match=told):
        Artifact.load(saved, tiny)


def test_thumbnails_without_their_lengths_are_refused(tiny, saved):
    tensors = load_file(_tensors_of(saved))
    del tensors[f"thumbnail_lengths.{NAME}"]
    save_file(tensors, _tensors_of(saved))
    _signed(saved)
    with pytest.raises(ArtifactError, match="thumbnail_lengths"):
        Artifact.load(saved, tiny)


def test_a_thumbnail_larger_than_they_are_is_refused():
    file = BytesIO()
    NOISE.resize((SIDE + 1, 8)).save(file, "WEBP")
    with pytest.raises(ValueError, match="at most 64 pixels"):
        unpacked(*packed((file.getvalue(),)))


def test_a_flipped_bit_of_a_thumbnail_is_seen(tiny, saved):
    path = _tensors_of(saved)
    content = bytearray(path.read_bytes())
    content[content.index(b"WEBPVP8 ") + 40] ^= 1
    path.write_bytes(content)
    with pytest.raises(ArtifactError, match="changed since"):
        Artifact.load(saved, tiny)


def test_without_a_signal_every_point_keeps_its_thumbnail(tiny_artifact):
    nothing = without_signal(tiny_artifact)

    def shown(of):
        titles = [title for cloud in of.clouds for title in cloud.titles]
        values = torch.cat([cloud.values for cloud in of.clouds])[:, -1, :3].tolist()
        return sorted((title, value, seen) for title, value, seen in zip(titles, values, of.thumbnails, strict=True))

    assert shown(nothing) == shown(tiny_artifact)
    assert nothing.thumbnails != tiny_artifact.thumbnails


def test_meaningless_media_of_ones_own_are_in_no_artifact(tiny, contrast):
    own = NeutralMedia((NOISE, NOISE.rotate(90)))
    for cloud in Artifact.fit(tiny, contrast, neutral=own, with_umap=False).clouds:
        assert any(cloud.thumbnails) == (cloud.modality != "text" and cloud.label != "neutral")
