"""Shared by all tests: no network, one thread's noise, a tiny random model."""

import json
import os
import shutil
from dataclasses import replace

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")

import pytest
import torch
from PIL import Image

from app.workbench import LiveSession, Workbench
from mars.artifact.artifact import Artifact
from mars.bundled import LANGUAGE_MODEL, MODELS
from mars.datasets.contrast import ContrastSet, Request
from mars.icon_vl.model import IconVLConfig
from mars.media.neutral import random_image, random_video
from mars.media.write_video import write_video
from mars.model.loaded_model import LoadedModel
from mars.model.loading import load_model
from tests.bad_input import write_bad_files
from tests.tiny import save_tiny

# On several threads a matrix product may split a batch between them, and equal rows then differ by rounding:
# what is said to be exact between the rows of one batch is so on one thread.
torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory):
    return save_tiny(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def tiny(tiny_folder) -> LoadedModel:
    return load_model(tiny_folder)


@pytest.fixture(scope="session")
def contrast() -> ContrastSet:
    words = ("cake", "kite", "boat", "lamp", "rose", "drum")
    return ContrastSet(
        tuple(
            Request(f"how do i {verb} a {word}{mark}", label, split)
            for split, mark in (("train", ""), ("validation", "?"))
            for label, verb in (("harmful", "break"), ("harmless", "make"))
            for word in words
        )
    )


@pytest.fixture(scope="session")
def contrast_with_test(contrast) -> ContrastSet:
    return ContrastSet(
        contrast.requests
        + tuple(
            Request(f"please {verb} the {word}", label, "test")
            for label, verb in (("harmful", "break"), ("harmless", "make"))
            for word in ("cake", "kite", "boat", "lamp", "rose", "drum", "bell")
        )
    )


@pytest.fixture(scope="session")
def tiny_artifact(tiny, contrast):
    return Artifact.fit(tiny, contrast, with_umap=False)


@pytest.fixture
def picture() -> Image.Image:
    import numpy as np

    return random_image(np.random.default_rng(0))


@pytest.fixture
def clip():
    import numpy as np

    return random_video(np.random.default_rng(0))


@pytest.fixture
def png(picture, tmp_path):
    picture.save(tmp_path / "picture.png")
    return str(tmp_path / "picture.png")


@pytest.fixture
def mp4(clip, tmp_path):
    write_video(clip, tmp_path / "clip.mp4")
    return str(tmp_path / "clip.mp4")


@pytest.fixture(scope="module")
def workbench(tiny, tiny_artifact):
    return Workbench(LiveSession.of(tiny, tiny_artifact))


@pytest.fixture(scope="module")
def session(workbench):
    return workbench.session


@pytest.fixture(scope="session")
def bad(tmp_path_factory):
    """Folder of files that look like pictures or clips and cannot be used."""
    return write_bad_files(tmp_path_factory.mktemp("bad"))


@pytest.fixture(scope="session")
def folders(tiny_folder, tiny_artifact, tmp_path_factory):
    """A model folder with its artifact, one without a processor, and an artifact of another model."""
    folder = tmp_path_factory.mktemp("folders")
    good = shutil.copytree(tiny_folder, folder / "good")
    tiny_artifact.save(good / "artifact")
    bare = shutil.copytree(good, folder / "bare")
    for file in (*bare.glob("processor_config.json"), *bare.glob("*preprocessor_config.json")):
        file.unlink()
    other = replace(tiny_artifact, provenance=tiny_artifact.provenance | {"weights": "of another"})
    other.save(folder / "other")
    return {"good": str(good), "bare": str(bare), "other": str(folder / "other")}


@pytest.fixture
def icon_in_cache(tmp_path, monkeypatch):
    """A tiny Icon-VL: its language model in somebody's cache, its other parts in a folder that is shipped."""
    from safetensors.torch import save_file
    from transformers import Qwen2ForCausalLM

    whole = load_model(save_tiny(tmp_path / "tiny", "icon_vl"))
    settings = whole.model.config.to_dict()
    parts = ("vision_", "grid", "connector", "image_", "video_")  # what is not the language model's
    ours = {name: settings.pop(name) for name in list(settings) if name.startswith(parts)}
    for name in ("model_type", "architectures", "embedding_rms"):
        settings.pop(name)
    cache = tmp_path / "cache" / "icon-vl"
    of_words = Qwen2ForCausalLM(Qwen2ForCausalLM.config_class(**settings))
    of_words.load_state_dict(whole.model.state_dict(), strict=False)
    of_words.save_pretrained(cache / LANGUAGE_MODEL)
    whole.tokenizer.save_pretrained(cache / LANGUAGE_MODEL)
    shipped = tmp_path / "shipped"
    shipped.mkdir()
    for part in ("vision_encoder", "connector"):
        state = {name: value for name, value in whole.model.state_dict().items() if name.startswith(part)}
        save_file(state, shipped / f"{part}.safetensors")
    monkeypatch.setitem(MODELS, "icon-vl", cache)
    monkeypatch.setattr("mars.icon_vl.folder.SHIPPED", shipped)
    monkeypatch.setattr("mars.icon_vl.model.IconVLConfig", lambda **given: IconVLConfig(**{**given, **ours}))
    return whole


@pytest.fixture
def whole_icon(icon_in_cache, contrast, picture, clip, tmp_path):  # noqa: ARG001 - the cache that it belongs to
    """All of a tiny Icon-VL, with an artifact and a gallery of its own: the folder that is shipped."""
    folder = tmp_path / "shipped"
    Artifact.fit(load_model("icon-vl"), contrast, with_umap=False).save(folder / "artifact")
    picture.save(folder / "kite.png")
    picture.rotate(90).save(folder / "drum.png")
    write_video(clip, folder / "kite.mp4")
    rows = [
        {"title": f"{thing.capitalize()} in {kind}", "text": text, "media": media, "label": label, "twin": thing}
        for thing, label, kind, media, text in (
            ("kite", "harmless", "words", None, "help me get a kite."),
            ("kite", "harmless", "a picture", "kite.png", "help me get one."),
            ("kite", "harmless", "a clip", "kite.mp4", "help me get one."),
            ("drum", "harmful", "words", None, "help me break a drum."),
            ("drum", "harmful", "a picture", "drum.png", "help me break one."),
        )
    ]
    (folder / "examples.json").write_text(json.dumps(rows))
    return folder
