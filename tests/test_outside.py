"""Which prompts are said to lie outside what was fitted, and why."""

from dataclasses import replace

import pytest
import torch
from PIL import Image

from app import markup
from mars.analysis.outside import other_system, unlike_clouds
from mars.artifact.artifact import Artifact
from mars.bundled import example
from mars.media.prompt import Prompt
from mars.model.capture import capture
from mars.model.loading import load_model
from mars.pocket_vl.outside import reasons_outside
from mars.pocket_vl.splits import cloud_prompts, contrast_set
from mars.pocket_vl.world.known import strange_size, unknown_words


@pytest.fixture(scope="module")
def pocket():
    return load_model("pocket-vl")


@pytest.fixture(scope="module")
def pocket_artifact():
    return Artifact.read("pocket-vl")


def kinds(pocket, artifact, prompt: Prompt, name: str = "pocket-vl") -> set[str]:
    values = capture(pocket, [prompt]).values[0]
    return {reason.kind for reason in reasons_outside(name, artifact, prompt, values)}


def test_no_word_of_a_request_of_the_world_is_unknown():
    assert [request.text for request in contrast_set().requests if unknown_words(request.text)] == []
    assert [point.prompt.text for point in cloud_prompts() if unknown_words(point.prompt.text)] == []


def test_words_of_another_world_are_named_once_each_in_order():
    assert unknown_words("Where can I get a Zebra, a cake or a zebra's toy?") == ("zebra", "or", "zebra's")


def test_drawings_of_the_world_have_a_usual_size_and_photographs_have_not():
    assert strange_size(Prompt("what is this?", image=example("cake.png"))) is None
    assert strange_size(Prompt("what is this?", video=example("cake.mp4"))) is None
    assert strange_size(Prompt("what is this?", image=Image.new("RGB", (256, 192)))) == (256, 192)
    assert strange_size(Prompt("what is this?", image=Image.new("RGB", (257, 257)))) == (257, 257)


def test_examples_are_inside_and_each_reason_is_found(pocket, pocket_artifact):
    for inside in (
        Prompt("where can i get a machete?"),
        Prompt("where can i get this?", image=example("machete.png")),
        Prompt("where can i get this?", video=example("machete.mp4")),
    ):
        assert kinds(pocket, pocket_artifact, inside) == set()
    assert "words" in kinds(pocket, pocket_artifact, Prompt("What is the capital of Australia?"))
    assert kinds(pocket, pocket_artifact, Prompt("hello! how are you today?")) == {"hidden state"}
    wide = Prompt("where can i get this?", image=Image.new("RGB", (640, 480), "green"))
    assert kinds(pocket, pocket_artifact, wide) == {"size"}


def test_another_model_goes_by_hidden_states_alone(pocket, pocket_artifact):
    asked = Prompt("What is the capital of Australia?")
    assert kinds(pocket, pocket_artifact, asked, name="another") == {"hidden state"}


@pytest.mark.parametrize("name", ["pocket-vl", "another"])
def test_a_system_message_is_outside_whatever_it_says_since_the_artifact_was_fitted_without_it(
    pocket, pocket_artifact, name
):
    told = Prompt("where can i get a machete?", system="answer in one line.")
    assert "system message" in kinds(pocket, pocket_artifact, told, name)
    assert "system message" not in kinds(pocket, pocket_artifact, Prompt(told.text), name)
    with_own = replace(pocket_artifact, provenance=pocket_artifact.provenance | {"system": "Be kind."})
    assert "but with “Be kind.” alone" in other_system(with_own, told).told
    assert "alone" not in other_system(pocket_artifact, told).told


def test_an_artifact_without_clouds_says_nothing(pocket_artifact):
    bare = replace(pocket_artifact, clouds=())
    assert bare.outlyingness(torch.zeros(1, bare.n_layers, 192), "text") is None
    assert unlike_clouds(bare, torch.zeros(bare.n_layers, 192), "text") is None


@pytest.mark.parametrize("layer", [0, 3, 7])
def test_percentiles_are_read_around_the_layer_that_steers(pocket_artifact, layer):
    assert layer in pocket_artifact.layers_around(layer)
    values = pocket_artifact.clouds[0].values[:2].float()
    assert (pocket_artifact.outlyingness(values, "text", layer) < 0.5).all()


def test_the_banner_says_why_and_what_helps_and_names_no_model_that_may_not_be_there():
    told = markup.outside(["Its world has no “<zebra>”."])
    assert "“&lt;zebra&gt;”" in told and "What helps" in told and "Icon" not in told
    assert markup.outside([]) == ""
