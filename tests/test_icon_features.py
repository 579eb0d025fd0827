"""Features of drawings: computed once, found again by what they are of, and gone on with after an interruption."""

import numpy as np
import pytest
import torch

from mars.icon_vl.model import Connector, IconVLConfig
from mars.icon_vl.processor import build_processor
from mars.icon_vl.training import features
from mars.icon_vl.training.drawing_sets import FRAMES, Drawings, draw, draw_video
from mars.icon_vl.training.features import (
    View,
    features_of,
    pixels_of,
    read_features,
    video_views,
    views_of,
    write_features,
)
from mars.icon_vl.training.things import Thing
from mars.icon_vl.vision_encoder import VisionEncoder
from mars.media.neutral import random_image
from tests.test_icon_drawings import SQUARE, _package
from tests.tiny import FAMILIES, _tokenizer

THINGS = [
    Thing("kite", "harmless", "train", (), {"noto": ("square", "other"), "emojione": ("square",)}),
    Thing("boat", "harmless", "test", (), {"noto": ("square",)}),
]


@pytest.fixture(autouse=True)
def two_views(monkeypatch):
    monkeypatch.setattr(features, "VIEWS", 2)


@pytest.fixture
def seeing():
    """Sets of drawings, a tiny vision encoder and the connector that goes with it."""
    encoder = VisionEncoder([[1, 3, 1, 1, 8], [1, 3, 2, 6, 8]], stem=8, head=32, classes=10).eval()
    sets = {
        name: Drawings(_package({key: {"body": SQUARE} for key in ("square", "other")}))
        for name in ("noto", "emojione")
    }
    return sets, encoder, Connector(IconVLConfig(vision_head=32, hidden_size=16, grid=2, connector_size=8))


def test_views_are_all_drawings_of_a_set_as_often_as_asked():
    assert views_of(THINGS, "noto", 2) == [
        View("kite", "square", 0), View("kite", "square", 1), View("kite", "other", 0), View("kite", "other", 1),
        View("boat", "square", 0), View("boat", "square", 1),
    ]  # fmt: skip
    assert views_of(THINGS, "twemoji", 2) == []


def test_pixels_are_those_of_the_processor():
    image = random_image(np.random.default_rng(0)).resize((32, 32))
    processor = build_processor(_tokenizer(FAMILIES["icon_vl"]), positions=5, size=32)
    assert torch.allclose(
        pixels_of([image]), processor.image_processor(image, return_tensors="pt").pixel_values, atol=1e-5
    )


def test_features_are_those_of_the_view_and_a_set_for_tests_has_one_view_of_each(seeing, tmp_path):
    sets, encoder, connector = seeing
    write_features(tmp_path, THINGS, sets, encoder, connector)
    found = dict(read_features(tmp_path, "noto"))
    assert list(found) == views_of(THINGS, "noto", 2)
    for view, pooled in found.items():
        alone = features_of(encoder, connector, [draw(sets, "noto", view.drawing, view.number)])[0]
        assert pooled.shape == (5, 32) and torch.allclose(pooled, alone, atol=2e-3)
    assert [view for view, _ in read_features(tmp_path, "emojione")] == [View("kite", "square", 0)]


def test_a_thing_comes_into_a_video_and_sets_for_tests_have_none(seeing, tmp_path):
    sets, encoder, connector = seeing
    write_features(tmp_path, THINGS, sets, encoder, connector)
    found = dict(read_features(tmp_path, "noto-video"))
    assert [view.thing for view in found] == ["kite", "boat"]
    for view, pooled in found.items():
        frames = draw_video(sets, "noto", view.drawing, view.number).frames
        assert pooled.shape == (FRAMES, 5, 32)
        assert torch.allclose(pooled, features_of(encoder, connector, frames), atol=2e-3)
    assert not list(read_features(tmp_path, "emojione-video"))


def test_the_vendors_of_a_video_are_drawn_by_lot_among_those_for_training():
    thing = Thing("kite", "harmless", "train", (), {name: ("square",) for name in features.SETS})
    sources = [source for source in features.SETS if video_views([thing], source)]
    assert len(sources) == features.VIDEO_VENDORS
    assert all(features.SETS[source].role == "train" for source in sources)


def test_an_interrupted_run_goes_on_and_other_things_are_computed_anew(seeing, tmp_path, monkeypatch):
    monkeypatch.setattr(features, "SHARD", 2)
    computed = []
    monkeypatch.setattr(features, "features_of", lambda *given: computed.append(len(given[2])) or features_of(*given))

    class Stopped(Exception):
        pass

    def stop(_step: str, done: int, _total: int) -> None:
        if done == 4:
            raise Stopped

    with pytest.raises(Stopped):
        write_features(tmp_path, THINGS, *seeing, progress=stop)
    write_features(tmp_path, THINGS, *seeing)
    first = [2, 2, 2, 1, 2 * FRAMES]
    assert computed == first
    write_features(tmp_path, THINGS, *seeing)
    assert computed == first
    write_features(tmp_path, THINGS[::-1], *seeing)
    assert computed == [*first, 2, 2, 2, 2 * FRAMES]
    assert [view for view, _ in read_features(tmp_path, "noto")] == views_of(THINGS[::-1], "noto", 2)
    monkeypatch.setattr(features, "VIEWS", 1)
    write_features(tmp_path, THINGS, *seeing)
    assert [view for view, _ in read_features(tmp_path, "noto")] == views_of(THINGS, "noto", 1)


def test_a_drawing_that_one_vendor_alone_has_gets_more_views():
    assert features.view_count("noto") == 2
    assert features.view_count("game-icons") == features.ICON_VIEWS > 2
    assert features.view_count("emojione") == features.view_count("openmoji") == 1
