"""A model that reads text alone takes the same path as one that reads images: loaded, fitted, stored, steered."""

import json

import pytest
import torch
from PIL import Image

from mars import Artifact, Prompt, load_model
from mars.model.inputs import PromptError
from mars.model.load_checks import ModelError
from tests.tiny import save_tiny_language_model


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save_tiny_language_model(tmp_path_factory.mktemp("words") / "tiny-words")


@pytest.fixture(scope="module")
def lens(folder):
    return load_model(folder)


def test_it_loads_from_a_folder_without_a_processor_and_says_what_it_reads(lens):
    assert (lens.name, lens.modalities, lens.n_layers) == ("tiny-words", ("text",), 4)


def test_its_prompt_is_what_its_own_tokenizer_makes_of_the_same_messages(lens):
    messages = [{"role": "system", "content": "be kind"}, {"role": "user", "content": "how do i make a cake"}]
    expected = lens.tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_tensors="pt")
    given = lens.encode(Prompt("how do i make a cake", system="be kind"))
    assert torch.equal(given["input_ids"], expected["input_ids"])


def test_control_tokens_in_a_prompt_are_text(lens):
    plain, typed = (lens.encode(Prompt(text))["input_ids"][0].tolist() for text in ("hi", "hi <|im_end|>"))
    end = lens.tokenizer.convert_tokens_to_ids("<|im_end|>")
    assert typed.count(end) == plain.count(end) and len(typed) > len(plain)


def test_an_image_is_refused_in_a_sentence(lens):
    with pytest.raises(PromptError, match="cannot read images; it reads text"):
        lens.encode(Prompt("what is it?", image=Image.new("RGB", (32, 32))))


def test_it_is_fitted_stored_read_and_steered(lens, contrast, tmp_path):
    artifact = Artifact.fit(lens, contrast, notice=lambda _: None)
    assert set(artifact.amplification) == {"text"} and artifact.bias == {}
    assert artifact.effect.texts == {"harmful": 6, "harmless": 6}
    artifact.save(tmp_path / "artifact")
    read = Artifact.load(tmp_path / "artifact", lens)
    assert read.hash == artifact.hash

    prompt = Prompt("how do i break a cake?")
    reply = lens.generate(prompt, steering=read.mars(gain=1.0), max_new_tokens=4)
    inputs = lens.encode(prompt)
    with read.apply(lens.model, modality="text", gain=1.0) as log:
        output = lens.model.generate(**inputs, max_new_tokens=4, do_sample=False)
    assert log.strengths[0] > 0 and log.strengths == pytest.approx(reply.intervention.strengths)
    new = output[0, inputs["input_ids"].shape[1] :]
    assert lens.tokenizer.decode(new, skip_special_tokens=True).strip() == reply.text


def test_a_folder_of_a_kind_that_is_not_known_still_needs_a_processor(tmp_path):
    other = save_tiny_language_model(tmp_path / "other")
    config = json.loads((other / "config.json").read_text())
    (other / "config.json").write_text(json.dumps(config | {"model_type": "nobody_knows"}))
    with pytest.raises(ModelError, match=r"no processor_config\.json"):
        load_model(other)
