"""A checkpoint's own code and pickles are never run."""

import json
import pickle
import shutil
from pathlib import Path

import pytest

from app.results import RequestError
from app.workbench import LiveSession, Workbench
from mars.model.load_checks import ModelError
from mars.model.loading import load_model

CODE = """
from pathlib import Path
Path({marker!r}).touch()
from transformers import PretrainedConfig, PreTrainedModel, ProcessorMixin
class Config(PretrainedConfig):
    model_type = "qwen3_vl"
class Model(PreTrainedModel):
    config_class = Config
class Processor(ProcessorMixin):
    pass
"""


class Bomb:
    """A pickle that leaves a file where it is read."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.fixture
def marker(tmp_path):
    return tmp_path / "ran"


@pytest.fixture
def checkpoint(tiny_folder, tmp_path):
    return shutil.copytree(tiny_folder, tmp_path / "checkpoint")


def _changed(path: Path, **facts) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | facts))


def test_a_checkpoint_of_pickled_weights_is_refused_and_not_read(checkpoint, marker):
    for weights in checkpoint.glob("*.safetensors"):
        weights.unlink()
    (checkpoint / "pytorch_model.bin").write_bytes(pickle.dumps({"lm_head.weight": Bomb(marker)}))
    with pytest.raises(ModelError) as refused:
        load_model(checkpoint)
    assert "\n" not in str(refused.value) and not marker.exists()


@pytest.mark.parametrize("model_type", ["qwen3_vl", "of_their_own"])
def test_code_that_comes_with_a_checkpoint_is_not_run(checkpoint, marker, model_type):
    (checkpoint / "theirs.py").write_text(CODE.format(marker=str(marker)))
    own = {
        "AutoConfig": "theirs.Config",
        "AutoModelForImageTextToText": "theirs.Model",
        "AutoProcessor": "theirs.Processor",
    }
    _changed(checkpoint / "config.json", auto_map=own, model_type=model_type)
    _changed(checkpoint / "processor_config.json", auto_map={"AutoProcessor": "theirs.Processor"})
    try:
        load_model(checkpoint)
    except ModelError as error:
        assert "\n" not in str(error)
    assert not marker.exists()


def test_the_page_never_runs_it_either(checkpoint, marker, tiny, tiny_artifact):
    (checkpoint / "theirs.py").write_text(CODE.format(marker=str(marker)))
    _changed(checkpoint / "config.json", auto_map={"AutoConfig": "theirs.Config"}, model_type="of_their_own")
    workbench = Workbench(LiveSession.of(tiny, tiny_artifact))
    with pytest.raises(RequestError):
        workbench.replace(checkpoint)
    assert workbench.session.generation == 0 and not marker.exists()
