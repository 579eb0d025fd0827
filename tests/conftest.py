"""Shared by all tests: no network, one thread's noise, a tiny random model."""

import os

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")

import pytest
import torch
from PIL import Image

from mars.contrast import ContrastSet, Request, random_clip, random_picture
from mars.models import LoadedModel, load_model
from mars.pipeline import fit
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
def tiny_artifact(tiny, contrast):
    return fit(tiny, contrast, with_umap=False)


@pytest.fixture
def picture() -> Image.Image:
    import numpy as np

    return random_picture(np.random.default_rng(0))


@pytest.fixture
def clip():
    import numpy as np

    return random_clip(np.random.default_rng(0))
