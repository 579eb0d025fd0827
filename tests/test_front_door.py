"""The way in: a model, a prompt, an artifact and an example by their names and paths."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from mars import Artifact, Prompt, Video, example, load_model
from mars.bundled import MODELS, OWN_CONTRAST, REQUESTS
from mars.datasets.contrast import ContrastError, read_contrast, write_contrast
from mars.fitted.fitted import ArtifactError
from mars.media.decode import MediaError, read_image, read_video

ROOT = Path(__file__).parent.parent


def test_a_prompt_reads_the_file_that_it_is_given(png, mp4):
    for path in (png, Path(png)):
        prompt = Prompt("what is it?", image=path)
        assert prompt.modality == "image" and prompt.image.tobytes() == read_image(png).tobytes()
    prompt = Prompt("what is it?", video=mp4)
    assert prompt.modality == "video" and prompt.video.times == read_video(mp4).times
    assert prompt.hash == Prompt("what is it?", video=read_video(mp4)).hash


def test_a_prompt_tells_an_image_from_a_video_by_its_file(png, mp4, picture, clip):
    assert Prompt.of("hi", png).modality == Prompt.of("hi", picture).modality == "image"
    assert Prompt.of("hi", mp4).modality == Prompt.of("hi", clip).modality == "video"
    assert Prompt.of("hi", None).modality == "text"


def test_a_file_that_is_no_image_is_one_sentence(tmp_path):
    (tmp_path / "torn.png").write_bytes(b"torn")
    with pytest.raises(MediaError, match="image cannot be read"):
        Prompt("hi", image=tmp_path / "torn.png")
    with pytest.raises(MediaError, match=r"^There is no file missing\.png\.$"):
        Prompt("hi", image=tmp_path / "missing.png")


def test_an_example_is_found_by_name_and_an_unknown_one_names_all_there_are():
    assert Prompt("what is it?", image=example("machete.png")).image.size == (256, 256)
    assert isinstance(Prompt("what is it?", video=example("cake.mp4")).video, Video)
    with pytest.raises(FileNotFoundError, match=r"no example cat\.png\. There are: .*machete\.png"):
        example("cat.png")


def test_the_bundled_model_and_its_artifact_are_found_by_name_from_anywhere(tmp_path):
    code = (
        "from mars import Artifact, load_model; lens = load_model('pocket-vl'); "
        "print(lens.name, lens.folder.is_absolute(), Artifact.load('pocket-vl', lens).layer)"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1"}
    told = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert told.stdout.split() == ["pocket-vl", "True", "6"]


def test_a_fit_takes_the_models_own_contrast_set_where_its_folder_has_one(tiny_folder, contrast, tmp_path):
    folder = shutil.copytree(tiny_folder, tmp_path / "own")
    write_contrast(contrast, folder / OWN_CONTRAST, "written for a test", "Apache-2.0")
    lens = load_model(folder)
    assert lens.folder == folder
    fitted = Artifact.fit(lens)
    assert fitted.provenance["contrast_hash"] == contrast.hash
    named = Artifact.fit(lens, folder / OWN_CONTRAST)
    assert named.hash == fitted.hash == Artifact.fit(lens, contrast).hash
    assert isinstance(fitted, Artifact) and fitted.umap is None


def test_a_model_without_a_contrast_set_of_its_own_gets_the_bundled_one(tiny, monkeypatch):
    def asked(model, contrast, **options) -> None:  # noqa: ARG001
        raise LookupError(contrast.hash)

    monkeypatch.setattr("mars.artifact.artifact.fit", asked)
    with pytest.raises(LookupError, match=read_contrast(REQUESTS).hash):
        Artifact.fit(tiny)


def test_sets_that_cannot_be_read_are_one_sentence(tiny, tmp_path):
    with pytest.raises(ContrastError, match="cannot be read"):
        Artifact.fit(tiny, tmp_path / "nowhere.jsonl")
    with pytest.raises(MediaError, match="There is no folder"):
        Artifact.fit(tiny, neutral=tmp_path / "nowhere")


def test_an_artifact_that_was_saved_loads_and_steers_the_same(tiny, tiny_artifact, tmp_path):
    tiny_artifact.save(tmp_path / "saved")
    found = Artifact.load(tmp_path / "saved", tiny)
    assert isinstance(found, Artifact) and found.hash == tiny_artifact.hash
    hidden = torch.randn(3, tiny.d_model)
    ours, theirs = found.mars(gain=2.0, layer=1), tiny_artifact.mars(gain=2.0, layer=1)
    assert ours.layer == theirs.layer == 1 and set(ours.strategies) == {"text", "image", "video"}
    for modality, strategy in ours.strategies.items():
        assert torch.equal(strategy(hidden).hidden, theirs.strategies[modality](hidden).hidden)
    with pytest.raises(ArtifactError, match="There is no artifact"):
        Artifact.load(tmp_path / "nowhere", tiny)


def test_a_folder_of_the_name_of_a_bundled_model_is_meant_where_it_is_given_as_a_path(
    tiny_folder, tmp_path, monkeypatch
):
    shutil.copytree(tiny_folder, tmp_path / "pocket-vl")
    monkeypatch.chdir(tmp_path)
    assert load_model("./pocket-vl").n_layers == 4
    assert load_model("pocket-vl").folder == MODELS["pocket-vl"]
