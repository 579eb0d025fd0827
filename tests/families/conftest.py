"""A model of each family, and prompts of each modality that it reads."""

from functools import cache

import pytest

from mars.media.prompt import Prompt
from mars.model.loaded_model import LoadedModel
from mars.model.loading import load_model
from mars.types import MODALITIES, Video
from tests.families.checkpoints import FAMILIES
from tests.tiny import save_tiny

READS = [
    (family, modality)
    for family, recipe in FAMILIES.items()
    for modality in MODALITIES
    if modality != "video" or "video_processor" in recipe.parts
]


@pytest.fixture(scope="session")
def folder_of(tmp_path_factory):
    return cache(lambda family: save_tiny(tmp_path_factory.mktemp(family), family))


@pytest.fixture(scope="session")
def loaded(folder_of):
    return cache(lambda family: load_model(folder_of(family)))


@pytest.fixture(params=FAMILIES)
def model(request, loaded) -> LoadedModel:
    return loaded(request.param)


@pytest.fixture(params=READS, ids="-".join)
def asked(request, loaded, picture, clip) -> tuple[LoadedModel, Prompt]:
    """A model, and a prompt of each modality that it reads, longer than a sliding window."""
    family, modality = request.param
    media = {"text": {}, "image": {"image": picture}, "video": {"video": clip}}[modality]
    return loaded(family), Prompt("how do i make the thing that is in the picture, or in the clip?", **media)


@pytest.fixture(params=[family for family, modality in READS if modality == "video"])
def shown_long(request, loaded, clip) -> tuple[LoadedModel, Prompt]:
    """A model and a clip of ten minutes without a word, where positions that follow time outrun those of the text."""
    times = tuple(80.0 * index for index in range(len(clip.frames)))
    return loaded(request.param), Prompt(video=Video(clip.frames, times))
