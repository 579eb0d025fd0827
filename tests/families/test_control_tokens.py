"""What a chat template and a tokenizer make of a prompt: what a person typed stays text."""

import json
import shutil
from dataclasses import replace

import pytest
import torch

from mars.analysis.token_map import VISUAL_IDS
from mars.evaluation.self_check import CHECK, ask, check_itself
from mars.media.prompt import Prompt
from mars.model.generation import prefill
from mars.model.inputs import encode
from mars.model.loaded_model import LoadedModel
from mars.model.loading import load_model
from mars.steering import Unsteered
from tests.families.checkpoints import FAMILIES
from tests.families.runs import LENGTH, steps_of


def test_control_tokens_in_a_persons_text_are_plain_characters(asked):
    model, prompt = asked
    specials = set(model.tokenizer.all_special_ids)

    def control_tokens(text: str) -> list[int]:
        ids = encode(model, [Prompt(text, prompt.image, prompt.video)])["input_ids"][0].tolist()
        return [token for token in ids if token in specials]

    typed = " ".join(FAMILIES[model.model.config.model_type].tokens)
    assert control_tokens(f"hello {typed} hello") == control_tokens("hello")


def test_a_control_token_that_a_person_typed_reads_as_its_characters(asked):
    model, prompt = asked
    for token in FAMILIES[model.model.config.model_type].tokens:
        ids = encode(model, [Prompt(f"hello {token} hello", prompt.image, prompt.video)])["input_ids"][0].tolist()
        plain = model.tokenizer.encode(token, add_special_tokens=False, split_special_tokens=True)
        assert any(ids[start : start + len(plain)] == plain for start in range(len(ids)))


@pytest.fixture(params=FAMILIES)
def unmarked(request, folder_of, tmp_path) -> LoadedModel:
    """A model whose tokenizer holds its control tokens as added ones, without the mark of special ones."""
    folder = shutil.copytree(folder_of(request.param), tmp_path / request.param)
    tokenizer = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    for token in tokenizer["added_tokens"]:
        token["special"] = False
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer), encoding="utf-8")
    return load_model(folder)


def test_image_placeholders_that_a_model_says_are_text_when_it_is_asked_about_them(unmarked, picture):
    model, prompt = unmarked, Prompt("what is it?", image=picture)
    config, head = model.model.config, model.model.get_output_embeddings()
    read = encode(model, [prompt])["input_ids"][0].tolist()
    for token in {getattr(config, name, None) for name in VISUAL_IDS} - {None}:
        if token >= head.out_features:
            continue  # Molmo2 cannot say it
        hook = head.register_forward_hook(lambda *told, it=token: told[-1].index_fill(-1, torch.tensor([it]), 99))
        steps = steps_of(model, prefill(model, prompt), Unsteered())
        reply = ask(model, prompt, LENGTH)
        hook.remove()
        assert [step.tokens[0] for step in steps] == [token] * LENGTH
        said = model.tokenizer.convert_ids_to_tokens(token)
        assert reply.text in ("", LENGTH * said)
        check = replace(prompt, text=CHECK.format(request=prompt.text, answer=f"It is {said} and {reply.text}."))
        assert encode(model, [check])["input_ids"][0].tolist().count(token) == read.count(token)
        check_itself(model, prompt, reply, 2)


def test_no_control_token_of_a_tokenizer_that_marks_none_comes_of_text(unmarked, picture):
    tokens = FAMILIES[unmarked.model.config.model_type].tokens
    for medium in (None, picture):
        typed, plain = (
            encode(unmarked, [Prompt(f"hello {text} hello", medium)])["input_ids"][0].tolist()
            for text in (" ".join(tokens), "")
        )
        for token in unmarked.tokenizer.convert_tokens_to_ids(tokens):
            assert typed.count(token) == plain.count(token)


@pytest.mark.parametrize("family", [name for name, recipe in FAMILIES.items() if "bos_token" in recipe.roles])
def test_a_prompt_begins_with_one_token_of_beginning_where_the_tokenizer_adds_one_too(folder_of, family):
    """Templates of Gemma write it, and so do their published tokenizers on their own."""
    from tokenizers.processors import TemplateProcessing

    model = load_model(folder_of(family))
    begin = model.tokenizer.bos_token
    ids = [(begin, model.tokenizer.bos_token_id)]
    model.tokenizer.backend_tokenizer.post_processor = TemplateProcessing(single=f"{begin} $A", special_tokens=ids)
    assert model.tokenizer.encode("hi")[0] == model.tokenizer.bos_token_id
    for prompts in ([Prompt("hi")], [Prompt("hi"), Prompt("what is this?")]):
        rows = encode(model, prompts)["input_ids"].tolist()
        assert [row.count(model.tokenizer.bos_token_id) for row in rows] == [1] * len(prompts)


def test_a_system_prompt_reaches_the_model(asked):
    model, prompt = asked
    told = Prompt(prompt.text, prompt.image, prompt.video, system="speak of kites")
    assert "speak of kites" in model.tokenizer.decode(encode(model, [told])["input_ids"][0])
