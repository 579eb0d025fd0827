import json
import shutil

import pytest
import torch

from mars.model.load_checks import ModelError
from mars.model.loading import load_model, prepare
from tests.tiny import save_tiny


def test_a_checkpoint_in_the_ordinary_layout_loads_and_says_what_it_is(tiny):
    assert (tiny.n_layers, tiny.d_model) == (4, 32)
    assert tiny.modalities == ("text", "image", "video")
    assert tiny.dtype == torch.float32
    assert tiny.tokenizer.padding_side == "left"


def test_a_vision_tower_deeper_than_the_decoder_is_not_taken_for_it(tmp_path):
    shallow = load_model(save_tiny(tmp_path, layers=2))
    assert shallow.n_layers == 2
    assert len(shallow.model.model.visual.blocks) == 3
    assert not any(layer is block for layer in shallow.layers for block in shallow.model.model.visual.blocks)


@pytest.mark.parametrize(
    ("remove", "sentence"),
    [
        ("processor_config.json", "no processor_config.json"),
        ("config.json", "no config.json"),
        ("model.safetensors", "weights of .* cannot be loaded"),
        ("chat_template.jinja", "no chat template"),
    ],
)
def test_a_folder_that_lacks_a_part_is_refused_with_what_is_missing(tiny_folder, tmp_path, remove, sentence):
    broken = tmp_path / "broken"
    shutil.copytree(tiny_folder, broken)
    (broken / remove).unlink()
    with pytest.raises(ModelError, match=sentence):
        load_model(broken)


def test_a_folder_that_does_not_exist_is_no_hub_id():
    with pytest.raises(ModelError, match="no model folder at"):
        load_model("./nowhere/at/all")


def test_a_text_model_is_refused_for_want_of_eyes(tiny_folder, tmp_path):
    blind = tmp_path / "blind"
    shutil.copytree(tiny_folder, blind)
    (blind / "processor_config.json").write_text(json.dumps({"processor_class": "NoSuchProcessor"}))
    with pytest.raises(ModelError):
        load_model(blind)


def test_weights_that_are_not_finite_are_named_by_layer_and_dtype(tiny_folder):
    model = load_model(tiny_folder)
    model.layers[2].mlp.down_proj.weight.data.fill_(float("nan"))
    with pytest.raises(ModelError, match=r"layer 2 are not finite in torch.float32"):
        prepare(model.model, model.processor, "poisoned")


@pytest.mark.parametrize("layer", [-1, 4, 1000, True, 1.5, None])
def test_a_layer_that_does_not_exist_is_refused_with_those_that_do(tiny, layer):
    with pytest.raises(ModelError, match="layers 0 to 3"):
        tiny.check_layer(layer)
