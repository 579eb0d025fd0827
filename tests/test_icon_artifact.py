"""What is shipped of Icon-VL after training: clouds of one manner that open nothing of the test, and a connector."""

from collections import Counter

import torch
from safetensors.torch import load_file, save_file

from mars.bundled import REQUESTS
from mars.datasets.contrast import read_contrast
from mars.icon_vl.model import Connector, IconVLConfig
from mars.icon_vl.training.artifact import POINTS, SET, clouds, write_connector
from mars.icon_vl.training.drawing_sets import Drawings
from mars.icon_vl.training.things import Thing
from mars.icon_vl.training.wordings import read_wordings
from tests.test_icon_drawings import SQUARE, _package

THINGS = [
    Thing("kite", "harmless", "validation", (), {"noto": ("square",), SET: ("square",)}),
    Thing("cake", "harmless", "validation", (), {"noto": ("square",)}),
    Thing("boat", "harmless", "test", (), {SET: ("square",)}),
    Thing("bomb", "harmful", "validation", (), {SET: ("square",)}),
    Thing("mine", "harmful", "test", (), {SET: ("square",)}),
]


def test_clouds_show_things_for_validation_as_one_vendor_draws_them():
    sets = {SET: Drawings(_package({"square": {"body": SQUARE}}))}
    contrast = read_contrast(REQUESTS)
    points = clouds(THINGS, sets, contrast)
    counted = Counter((point.prompt.modality, point.label) for point in points)
    assert {which: count for which, count in counted.items() if which[0] != "text"} == dict.fromkeys(
        [("image", "harmful"), ("video", "harmful"), ("image", "harmless"), ("video", "harmless")], POINTS
    )
    shown = [point for point in points if point.prompt.modality != "text"]
    assert {point.title.split(" + ")[1] for point in shown} == {"kite", "bomb"}
    assert {point.prompt.text for point in shown} <= set(read_wordings()["validation"])
    assert {point.prompt.text for point in points if point.prompt.modality == "text"} <= {
        text for label in ("harmful", "harmless") for text in contrast.texts(label, "test")
    }
    assert len({point.prompt.image.tobytes() for point in shown if point.prompt.image}) == POINTS


def test_the_connector_is_stored_under_the_models_names(tmp_path):
    connector = Connector(IconVLConfig(vision_head=32, hidden_size=16, grid=2, connector_size=8))
    save_file(connector.state_dict(), tmp_path / "trained.safetensors")
    write_connector(tmp_path / "trained.safetensors", tmp_path / "stored.safetensors")
    stored = load_file(tmp_path / "stored.safetensors")
    assert stored.keys() == {f"connector.{name}" for name in connector.state_dict()}
    for name, value in connector.state_dict().items():
        assert stored[f"connector.{name}"].dtype == torch.float16
        assert torch.allclose(stored[f"connector.{name}"].float(), value, atol=1e-3)
