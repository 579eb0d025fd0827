"""What limits the effect on Icon-VL: areas over things, and the effect by layer, each kind of input by itself."""

import json

import pytest
import torch
from sklearn.metrics import roc_auc_score

from mars.artifact.artifact import Artifact
from mars.icon_vl.bars.inputs import PARTS, Material
from mars.icon_vl.bars.limits import GAINS, KINDS, STEERED, limits, steered, things_apart, write_limits
from mars.icon_vl.bars.limits_report import limit_tables
from mars.icon_vl.training.drawing_sets import SETS, Drawings
from mars.icon_vl.training.wordings import read_wordings
from mars.model.loading import load_model
from tests.test_icon_bars import THINGS
from tests.test_icon_drawings import SQUARE, _package
from tests.tiny import save_tiny


@pytest.fixture(scope="module")
def material():
    sets = {name: Drawings(_package({"square": {"body": SQUARE}})) for name in SETS}
    return Material("test", THINGS, read_wordings()["test"], sets)


def test_the_area_is_that_of_the_curve_and_ties_count_half():
    scores = torch.tensor([[3.0, 1.0], [2.0, 1.0], [2.0, 1.0], [1.0, 1.0]])
    names, is_harmful = ["sword", "flail", "kite", "boat"], [True, True, False, False]
    found = things_apart(scores, names, is_harmful)
    assert found.shape == (2, 3)
    assert found[0, 0] == pytest.approx(roc_auc_score(is_harmful, scores[:, 0])) == 0.875
    assert found[1].tolist() == [0.5, 0.5, 0.5]


def test_an_interval_over_things_is_wider_where_the_inputs_of_a_thing_are_alike():
    things, each = 12, 8
    is_harmful = [thing < things // 2 for thing in range(things) for _ in range(each)]
    names = [f"thing {thing}" for thing in range(things) for _ in range(each)]
    of_things = torch.randn(things).repeat_interleave(each)
    alike = of_things + 0.01 * torch.randn(things * each)
    mixed = alike[torch.randperm(things * each)]
    wide, narrow = (things_apart(scores[:, None], names, is_harmful)[0] for scores in (alike, mixed))
    assert wide[2] - wide[1] > 1.5 * (narrow[2] - narrow[1])
    assert wide[1] <= wide[0] <= wide[2]


def test_one_wording_is_steered_and_few_things(material, monkeypatch):
    monkeypatch.setattr("mars.icon_vl.bars.limits.STEERED_THINGS", 1)
    some = steered(material, PARTS["twins"](material).inputs)
    assert {(each.kind, each.thing) for each in some} == {
        (kind, thing) for kind in ("direct", "in place", "image") for thing in ("test sword", "test kite")
    }


def test_every_kind_is_told_at_every_layer(material, tmp_path_factory, contrast, tmp_path):
    lens = load_model(save_tiny(tmp_path_factory.mktemp("icon"), "icon_vl"))
    artifact = Artifact.fit(lens, contrast, with_umap=False)
    told = []
    found = limits(lens, artifact, material, lambda *given: told.append(given))
    assert set(found["separation"]) == set(KINDS) and set(found["effect"]) == set(STEERED)
    for kind in found["separation"].values():
        assert len(kind["auc"]) == lens.n_layers and all(
            0 <= low <= value <= high <= 1 for value, low, high in kind["auc"]
        )
        assert {label: len(values) for label, values in kind["medians"].items()} == dict.fromkeys(
            ("harmful", "harmless"), lens.n_layers
        )
    for kind in found["effect"].values():
        assert kind["things"] == {"harmful": 2, "harmless": 3}
        for values in kind["rise"].values():
            assert torch.tensor(values).shape == (lens.n_layers, len(GAINS), 3)
    assert {step for step, _, _ in told} == {*KINDS, *(f"steering, {kind}" for kind in STEERED)}
    write_limits(tmp_path / "out" / "limits.json", found)
    read = json.loads((tmp_path / "out" / "limits.json").read_text())
    assert read["layer"] == artifact.layer and read["effect"].keys() == found["effect"].keys()
    lines = limit_tables(read)
    rows = [line for line in lines if line.startswith("|")]
    assert len(rows) == 3 * 2 + 2 * lens.n_layers + 1 + len(GAINS)
    assert len({row.count("|") for row in rows}) == 2, "a column a kind, in every row"
