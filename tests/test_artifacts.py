import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from mars import artifacts
from mars.artifacts import FACTS, TENSORS, ArtifactError
from mars.models import load_model
from tests.tiny import save_tiny


@pytest.fixture
def saved(tiny_artifact, tmp_path):
    artifacts.save(tiny_artifact, tmp_path / "artifact")
    return tmp_path / "artifact"


def test_an_artifact_comes_back_from_disk_as_it_was(tiny, tiny_artifact, saved):
    loaded = artifacts.load(saved, tiny)
    assert torch.equal(loaded.mean_harmful, tiny_artifact.mean_harmful)
    assert torch.equal(loaded.bias["video"], tiny_artifact.bias["video"])
    assert loaded.layer == tiny_artifact.layer
    assert loaded.scores.reason == tiny_artifact.scores.reason
    assert loaded.refusal_ids == tiny_artifact.refusal_ids
    assert [cloud.titles for cloud in loaded.clouds] == [cloud.titles for cloud in tiny_artifact.clouds]
    assert torch.equal(loaded.stacked_clouds(1, True), tiny_artifact.stacked_clouds(1, True))


def test_saving_over_an_artifact_replaces_it_whole_and_leaves_nothing_beside_it(tiny_artifact, saved):
    (saved / "stray").write_text("old")
    artifacts.save(tiny_artifact, saved)
    assert sorted(path.name for path in saved.iterdir()) == [FACTS, TENSORS]
    assert [path.name for path in saved.parent.iterdir()] == ["artifact"]


def test_another_models_artifact_is_refused_with_what_differs(saved, tmp_path):
    other = load_model(save_tiny(tmp_path / "other", seed=1))
    with pytest.raises(ArtifactError, match="does not belong to other: its weights are others"):
        artifacts.load(saved, other)
    narrow = load_model(save_tiny(tmp_path / "narrow", layers=2))
    with pytest.raises(ArtifactError, match=r"\(4, 32\) layers and width, the model has \(2, 32\)"):
        artifacts.load(saved, narrow)


def test_the_same_weights_in_another_dtype_are_the_same_model(tiny_folder, saved):
    assert artifacts.load(saved, load_model(tiny_folder, dtype=torch.bfloat16)).n_layers == 4


def test_another_chat_template_is_another_model(tiny_folder, saved, tmp_path):
    shutil.copytree(tiny_folder, tmp_path / "retold")
    template = tmp_path / "retold" / "chat_template.jinja"
    template.write_text(template.read_text() + "{# another #}")
    with pytest.raises(ArtifactError, match="its chat template is another"):
        artifacts.load(saved, load_model(tmp_path / "retold"))


def test_a_missing_damaged_or_incomplete_artifact_is_refused_with_what_to_do(tiny, saved, tmp_path):
    with pytest.raises(ArtifactError, match=r"artifact.json is missing.*python -m mars fit"):
        artifacts.load(tmp_path / "nowhere", tiny)

    tensors = load_file(saved / TENSORS)
    save_file({name: value for name, value in tensors.items() if name != "radius"}, saved / TENSORS)
    with pytest.raises(ArtifactError, match=r"incomplete .*radius"):
        artifacts.load(saved, tiny)

    (saved / TENSORS).write_bytes(b"\x00" * 40)
    with pytest.raises(ArtifactError, match="damaged"):
        artifacts.load(saved, tiny)


def test_a_future_schema_is_refused(tiny, saved):
    facts = json.loads((saved / FACTS).read_text())
    (saved / FACTS).write_text(json.dumps({**facts, "schema": 99}))
    with pytest.raises(ArtifactError, match="schema 99"):
        artifacts.load(saved, tiny)


def test_a_modality_that_was_not_fitted_is_named(tiny_artifact):
    fields = {**vars(tiny_artifact), "bias": {}}
    with pytest.raises(ArtifactError, match="no neutral mean for image"):
        artifacts.Artifact(**fields).geometry(0, "image")
