import json
import os
import pickle
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from mars import atomic_file
from mars.artifact.artifact import Artifact
from mars.artifact.storage import METADATA, digest_of
from mars.fitted.effect import Recommendation
from mars.fitted.fitted import ArtifactError
from mars.intervals import Interval
from mars.model.loading import load_model
from tests.tiny import save_tiny

POCKET = Path(__file__).parent.parent / "assets" / "pocket-vl"


@pytest.fixture
def saved(tiny_artifact, tmp_path):
    tiny_artifact.save(tmp_path / "artifact")
    return tmp_path / "artifact"


def test_an_artifact_comes_back_from_disk_as_it_was(tiny, tiny_artifact, saved):
    loaded = Artifact.load(saved, tiny)
    assert torch.equal(loaded.mean_harmful, tiny_artifact.mean_harmful)
    assert torch.equal(loaded.bias["video"], tiny_artifact.bias["video"])
    assert loaded.layer == tiny_artifact.layer
    assert loaded.scores.reason == tiny_artifact.scores.reason
    assert loaded.refusal_ids == tiny_artifact.refusal_ids
    assert [cloud.titles for cloud in loaded.clouds] == [cloud.titles for cloud in tiny_artifact.clouds]
    assert torch.equal(loaded.stacked_clouds(1, True), tiny_artifact.stacked_clouds(1, True))
    assert loaded.calibration == tiny_artifact.calibration and loaded.refusal_ids == tiny_artifact.refusal_ids
    effect, before = loaded.effect, tiny_artifact.effect
    assert (effect.gains, effect.texts, effect.unsteered) == (before.gains, before.texts, before.unsteered)
    assert all(torch.equal(effect.rise[label], before.rise[label]) for label in ("harmful", "harmless"))
    assert loaded.notes == tiny_artifact.notes


def test_a_recommendation_and_an_area_come_back_too(tiny, tiny_artifact, saved):
    effect = tiny_artifact.effect._replace(recommended=Recommendation(1, 2.0, 0.4, 0.01))
    calibration = tiny_artifact.calibration._replace(
        auc=Interval(0.8, 0.7, 0.85), auc_guessed=Interval(0.5, 0.4, 0.6)
    )
    replace(tiny_artifact, effect=effect, calibration=calibration).save(saved)
    loaded = Artifact.load(saved, tiny)
    assert loaded.effect.recommended == effect.recommended and loaded.calibration == calibration
    assert "layer 1 at gain 2 is recommended" in " ".join(loaded.notes)
    assert "does not tell a refusal: AUC 0.80 [0.70, 0.85]" in " ".join(loaded.notes)


def test_an_artifact_of_the_schema_before_is_read_with_a_sentence_about_what_it_lacks(tiny, tiny_artifact, saved):
    replace(tiny_artifact, effect=None).save(saved)
    metadata = _metadata_of(saved)
    del metadata["calibration"], metadata["effect"]
    (saved / METADATA).write_text(json.dumps(metadata))
    _signed(saved, schema=3)
    loaded = Artifact.load(saved, tiny)
    assert loaded.hash == tiny_artifact.hash and loaded.reply_tokens == 24
    (note,) = loaded.notes
    assert "it lacks the calibration" in note and "Fit it again" in note


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("effect", {"recommended": [99, 1.0, 0.5, 0.0]}),
        ("effect", {"recommended": [0, -1.0, 0.5, 0.0]}),
        ("effect", {"gains": [1.0]}),
        ("calibration", {"reply_tokens": 0}),
        ("calibration", {"reply_tokens": 10**9}),
    ],
)
def test_a_calibration_or_effect_that_cannot_be_is_refused(tiny, saved, field, changes):
    _signed(saved, **{field: _metadata_of(saved)[field] | changes})
    with pytest.raises(ArtifactError, match=r"incomplete|wrong numbers"):
        Artifact.load(saved, tiny)


def _tensors_of(folder: Path) -> Path:
    return folder / json.loads((folder / METADATA).read_text())["tensors"]


def _metadata_of(folder: Path) -> dict:
    return json.loads((folder / METADATA).read_text())


def _signed(folder: Path, **changes) -> None:
    """Metadata changed by somebody who knows how the digest is made."""
    metadata = _metadata_of(folder) | changes
    name = metadata["tensors"]
    content = (folder / name).read_bytes() if isinstance(name, str) and (folder / name).is_file() else b""
    (folder / METADATA).write_text(json.dumps(metadata | {"digest": digest_of(metadata, content)}))


def test_saving_over_an_artifact_replaces_it_and_leaves_what_is_not_its_own(tiny_artifact, saved):
    before = _tensors_of(saved)
    (saved / "notes.txt").write_text("mine")
    replace(tiny_artifact, radius=tiny_artifact.radius + 1).save(saved)
    after = _tensors_of(saved)
    assert before != after
    assert sorted(path.name for path in saved.iterdir()) == sorted([after.name, METADATA, "notes.txt"])
    assert [path.name for path in saved.parent.iterdir()] == ["artifact"]


@pytest.mark.parametrize("writes", range(4))
def test_a_write_that_is_killed_anywhere_leaves_the_old_artifact_or_the_new_one(
    tiny, tiny_artifact, saved, monkeypatch, writes
):
    """Killed at each of the two files, before and after it takes its place."""
    new = replace(tiny_artifact, radius=tiny_artifact.radius + 1)
    put, calls = os.replace, []

    def killed(source, target):
        calls.append(target)
        if len(calls) == writes // 2 + 1:
            if writes % 2:
                put(source, target)
            raise KeyboardInterrupt
        put(source, target)

    monkeypatch.setattr(atomic_file.os, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        new.save(saved)
    monkeypatch.undo()
    assert Artifact.load(saved, tiny).hash == (new if writes == 3 else tiny_artifact).hash
    new.save(saved)
    assert sorted(path.name for path in saved.iterdir()) == sorted([_tensors_of(saved).name, METADATA])


def test_the_artifact_of_the_bundled_model_loads_as_it_is_committed():
    """Whoever changes what is read or stored meets this test; a new fit of the bundled model changes the digest."""
    folder = POCKET / "artifact"
    assert digest_of(_metadata_of(folder), _tensors_of(folder).read_bytes()) == (
        "a28c559747b3a1d525220d44d8bd01ffc8b365d413a2162c5ae1c9cdced7a7dd"
    )
    artifact = Artifact.load(folder, load_model(POCKET))
    assert (artifact.layer, artifact.n_layers, sorted(artifact.bias)) == (6, 8, ["image", "video"])


@pytest.mark.parametrize("missing", ["digest", "tensors"])
def test_an_artifact_without_a_digest_or_from_before_there_was_one_is_to_be_fitted_again(tiny, saved, missing):
    metadata = _metadata_of(saved)
    del metadata[missing]
    (saved / METADATA).write_text(json.dumps(metadata))
    shutil.copy(next(saved.glob("*.safetensors")), saved / "artifact.safetensors")
    with pytest.raises(ArtifactError, match=r"has no digest .* Fit it again with: python -m mars fit\."):
        Artifact.load(saved, tiny)


def test_another_models_artifact_is_refused_with_what_differs(saved, tmp_path):
    other = load_model(save_tiny(tmp_path / "other", seed=1))
    with pytest.raises(ArtifactError, match="does not belong to other: its weights differ"):
        Artifact.load(saved, other)
    narrow = load_model(save_tiny(tmp_path / "narrow", layers=2))
    with pytest.raises(ArtifactError, match=r"\(4, 32\) layers and width, the model has \(2, 32\)"):
        Artifact.load(saved, narrow)


def test_the_same_weights_in_another_dtype_are_the_same_model(tiny_folder, saved):
    assert Artifact.load(saved, load_model(tiny_folder, dtype=torch.bfloat16)).n_layers == 4


def test_another_chat_template_is_another_model(tiny_folder, saved, tmp_path):
    shutil.copytree(tiny_folder, tmp_path / "other")
    template = tmp_path / "other" / "chat_template.jinja"
    template.write_text(template.read_text() + "{# another #}")
    with pytest.raises(ArtifactError, match="its chat template differs"):
        Artifact.load(saved, load_model(tmp_path / "other"))


def test_another_connector_is_another_model(tiny_folder, saved):
    other = load_model(tiny_folder)
    last = [one for name, one in other.model.named_parameters() if "visual" in name and one.dim() == 2][-1]
    last.data.mul_(2)
    with pytest.raises(ArtifactError, match="its vision encoder or connector differs"):
        Artifact.load(saved, other)


def test_another_system_message_is_another_model(tiny_folder, saved):
    other = load_model(tiny_folder)
    other.processor.system = "Be brief."
    with pytest.raises(ArtifactError, match=r"its system message is None, the model's 'Be brief\.'"):
        Artifact.load(saved, other)


def test_a_missing_damaged_or_incomplete_artifact_is_refused_with_what_to_do(tiny, saved, tmp_path):
    with pytest.raises(ArtifactError, match=r"artifact.json is missing.*python -m mars fit"):
        Artifact.load(tmp_path / "nowhere", tiny)

    stored = _tensors_of(saved)
    tensors = load_file(stored)
    save_file({name: value for name, value in tensors.items() if name != "radius"}, stored)
    _signed(saved)
    with pytest.raises(ArtifactError, match=r"incomplete .*radius"):
        Artifact.load(saved, tiny)

    stored.write_bytes(b"\x00" * 40)
    _signed(saved)
    with pytest.raises(ArtifactError, match="damaged"):
        Artifact.load(saved, tiny)


def test_no_bit_can_be_flipped_and_no_end_cut_off_unseen(tiny, saved):
    rng = np.random.default_rng(0)
    for path in (_tensors_of(saved), saved / METADATA):
        content = path.read_bytes()
        for number in range(60):
            changed = bytearray(content)
            if number % 3:
                changed[int(rng.integers(0, len(content)))] ^= 1 << int(rng.integers(0, 8))
            else:
                changed = changed[: int(rng.integers(0, len(content) - 1))]
            path.write_bytes(changed)
            with pytest.raises(ArtifactError):
                Artifact.load(saved, tiny)
        path.write_bytes(content)
    Artifact.load(saved, tiny)


@pytest.mark.parametrize(
    "name", ["../outside.safetensors", "/etc/hostname", "artifact.pkl", "artifact.safetensors", "", 7, None]
)
def test_metadata_names_no_file_but_an_artifacts_own(tiny, saved, name):
    shutil.copy(_tensors_of(saved), saved.parent / "outside.safetensors")
    _signed(saved, tensors=name)
    with pytest.raises(ArtifactError, match="names a file that is not its own"):
        Artifact.load(saved, tiny)


class Bomb:
    """A pickle that leaves a file where it is read."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def test_a_pickle_is_never_read(tiny, saved, tmp_path):
    _tensors_of(saved).write_bytes(pickle.dumps(Bomb(tmp_path / "ran")))
    with pytest.raises(ArtifactError, match="changed"):
        Artifact.load(saved, tiny)
    _signed(saved)
    with pytest.raises(ArtifactError, match="damaged"):
        Artifact.load(saved, tiny)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "name", ["radius", "amplification.image", "margin", "bias.image", "permuted", "scores.margin"]
)
def test_numbers_of_another_shape_are_refused_by_name(tiny, saved, name):
    stored = _tensors_of(saved)
    tensors = load_file(stored)
    save_file(tensors | {name: tensors[name][:-1].clone()}, stored)
    _signed(saved)
    with pytest.raises(ArtifactError, match=f"wrong numbers in {name}"):
        Artifact.load(saved, tiny)


def test_numbers_that_are_none_are_refused(tiny, tiny_artifact, saved):
    replace(tiny_artifact, radius=tiny_artifact.radius * torch.nan).save(saved)
    with pytest.raises(ArtifactError, match="wrong numbers in radius"):
        Artifact.load(saved, tiny)


# --- towards refusal only


def test_a_strength_that_steers_away_is_refused(tiny, tiny_artifact, saved):
    replace(tiny_artifact, radius=-tiny_artifact.radius).save(saved)
    with pytest.raises(ArtifactError, match="towards refusal only"):
        Artifact.load(saved, tiny)
    opposed = tiny_artifact.amplification | {"image": -tiny_artifact.amplification["image"]}
    replace(tiny_artifact, amplification=opposed).save(saved)
    with pytest.raises(ArtifactError, match="towards refusal only"):
        Artifact.load(saved, tiny)


def _turned(artifact, **changes):
    return replace(artifact, mean_harmful=artifact.mean_harmless, mean_harmless=artifact.mean_harmful, **changes)


def test_a_direction_that_points_the_other_way_is_refused(tiny, tiny_artifact, saved):
    _turned(tiny_artifact).save(saved)
    with pytest.raises(ArtifactError, match=r"points away from refusal: held-out harmful text lies at -"):
        Artifact.load(saved, tiny)


def test_an_artifact_fitted_with_labels_exchanged_is_refused_by_what_the_model_itself_refuses(tmp_path):
    pocket = load_model(POCKET)
    artifact = Artifact.load(POCKET / "artifact", pocket)
    other = {"harmful": "harmless", "harmless": "harmful", "neutral": "neutral"}
    clouds = tuple(cloud._replace(label=other[cloud.label]) for cloud in artifact.clouds)
    _turned(artifact, clouds=clouds).save(tmp_path / "turned")
    with pytest.raises(ArtifactError, match=r"pocket-vl refuses what the artifact calls harmless"):
        Artifact.load(tmp_path / "turned", pocket)


def test_an_artifact_without_text_to_check_it_by_is_refused(tiny, tiny_artifact, saved):
    replace(tiny_artifact, clouds=()).save(saved)
    with pytest.raises(ArtifactError, match="no held-out text"):
        Artifact.load(saved, tiny)


def test_a_future_schema_is_refused(tiny, saved):
    _signed(saved, schema=99)
    with pytest.raises(ArtifactError, match="schema 99"):
        Artifact.load(saved, tiny)


def test_a_modality_that_was_not_fitted_is_named(tiny_artifact):
    fields = {**vars(tiny_artifact), "bias": {}}
    with pytest.raises(ArtifactError, match="no neutral mean for image"):
        Artifact(**fields).geometry(0, "image")
