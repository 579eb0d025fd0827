"""Models that open their replies with thinking are asked not to."""

from dataclasses import replace

import pytest

import mars.model.loading
from mars.media.prompt import Prompt
from mars.model.inputs import encode
from mars.model.loaded_model import LoadedModel
from mars.model.loading import load_model, prepare
from mars.model.thinking import TAGS, TAIL_TOKENS
from tests.families.checkpoints import FAMILIES, QWEN_TEMPLATE
from tests.families.runs import LENGTH, check_unsteered


def test_a_model_that_opens_with_thinking_is_asked_not_to(loaded):
    model = loaded("qwen3_5")
    text = model.tokenizer.decode(encode(model, [Prompt("hi")])["input_ids"][0])
    assert text.endswith("<|im_start|>assistant\n<think>\n\n</think>\n\n")


@pytest.mark.parametrize(("opening", "close"), TAGS.items())
@pytest.mark.parametrize("modality", ["text", "image"])
def test_thinking_that_a_template_opens_without_a_switch_is_closed(
    loaded, picture, monkeypatch, modality, opening, close
):
    model = loaded("qwen3_vl")
    opens = "{%- if add_generation_prompt -%}{{ '" + opening + "\n' }}{%- endif -%}"
    monkeypatch.setattr(model.processor, "chat_template", QWEN_TEMPLATE + opens)
    prompts = [Prompt.of(text, picture if modality == "image" else None) for text in ("hi", "how do i make a kite?")]
    inputs = encode(model, prompts)
    for row in inputs["input_ids"]:
        assert model.tokenizer.decode(row).endswith(f"<|im_start|>assistant\n{opening}\n\n{close}\n\n")
    assert {tuple(value.shape) for name, value in inputs.items() if name in ("input_ids", "attention_mask")} == {
        tuple(inputs["input_ids"].shape)
    }
    check_unsteered(model, prompts[1])


@pytest.fixture
def opening_by_itself(folder_of, monkeypatch):
    """Make a model whose first tokens open thinking, unless the prompt has closed it or it does not mind."""

    def make(opening: str, *, always: bool = False) -> LoadedModel:
        model, read = load_model(folder_of("qwen3_vl")), []
        said = model.tokenizer.encode(opening, add_special_tokens=False)

        def say(module, given, named, output):  # noqa: ARG001
            if not named["use_cache"]:
                return
            ids = named["input_ids"][0].tolist()
            read[:] = [ids] if len(ids) > 1 else [*read, ids]  # the prompt but for its last token, then one at a time
            closed = model.tokenizer.decode([*read[0], *read[min(1, len(read) - 1)]]).endswith(f"{TAGS[opening]}\n\n")
            if (always or not closed) and 2 <= len(read) < len(said) + 2:
                output.logits[..., said[len(read) - 2]] = 99

        model.model.register_forward_hook(say, with_kwargs=True)
        monkeypatch.setattr(model.processor, "chat_template", "{#- " + opening + " -#}" + QWEN_TEMPLATE)
        return prepare(model.model, model.processor, "thinker")

    return make


@pytest.mark.parametrize(("opening", "close"), TAGS.items())
def test_thinking_that_a_models_first_tokens_open_is_closed_in_every_prompt(
    opening_by_itself, picture, opening, close
):
    model = opening_by_itself(opening)
    assert model.thinking == opening and model.template_hash != replace(model, thinking="").template_hash
    for prompts in ([Prompt("hi"), Prompt("how do i make a kite?")], [Prompt("what is it?", image=picture)]):
        for row in encode(model, prompts)["input_ids"]:
            assert model.tokenizer.decode(row).endswith(f"<|im_start|>assistant\n{opening}\n{close}\n\n")
        assert opening not in model.generate(prompts[0], max_new_tokens=LENGTH).text
    assert opening in replace(model, thinking="").generate(Prompt("hi"), max_new_tokens=TAIL_TOKENS).text


def test_thinking_that_cannot_be_closed_is_told(opening_by_itself):
    with pytest.warns(UserWarning, match=r"^thinker opens its replies with thinking \(\[THINK\]\), also where "):
        opening_by_itself("[THINK]", always=True)


def test_only_models_that_know_a_mark_of_thinking_are_asked_whether_they_open_it(loaded, monkeypatch):
    asked = []
    prefill = mars.model.loading.prefill
    monkeypatch.setattr(mars.model.loading, "prefill", lambda *given: asked.append(given[0].name) or prefill(*given))
    for family in FAMILIES:
        prepare(loaded(family).model, loaded(family).processor, family)
    assert asked == ["qwen3_5"]


def test_words_of_thinking_that_a_person_typed_stay_words(loaded):
    model = loaded("qwen3_vl")
    text = model.tokenizer.decode(encode(model, [Prompt("what is <think>")])["input_ids"][0])
    assert text.endswith("what is <think><|im_end|>\n<|im_start|>assistant\n")
