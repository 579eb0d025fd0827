import pytest

from mars.media.prompt import Prompt
from mars.model.inputs import PromptError, encode
from mars.types import Video


def test_batches_are_padded_on_the_left(tiny):
    inputs = encode(tiny, [Prompt("hi"), Prompt("how do i make a cake?")])
    assert inputs["attention_mask"][:, -1].tolist() == [1, 1]
    assert inputs["attention_mask"][0, 0] == 0


def test_a_prompt_that_is_too_long_is_refused_with_the_limit(tiny):
    with pytest.raises(PromptError, match="reads at most 1024"):
        encode(tiny, [Prompt("why? " * 600)])
    with pytest.raises(PromptError, match="100,000 characters"):
        encode(tiny, [Prompt("x" * 100_000)])


def test_modalities_are_not_mixed_in_a_batch(tiny, picture):
    with pytest.raises(PromptError, match="one modality"):
        encode(tiny, [Prompt("hi"), Prompt("hi", image=picture)])


def test_clips_of_different_numbers_of_frames_are_not_mixed_in_a_batch(tiny, clip):
    short = Video(clip.frames[:4], clip.times[:4])
    with pytest.raises(PromptError, match="got 4 frames, 8 frames"):
        encode(tiny, [Prompt("hi", video=clip), Prompt("hi", video=short)])


def test_what_a_chat_template_refuses_is_one_sentence(tiny, monkeypatch):
    monkeypatch.setattr(tiny.processor, "chat_template", "{{ raise_exception('System role not supported') }}")
    with pytest.raises(PromptError, match=r"^The chat template .* refuses the prompt: System role not supported$"):
        encode(tiny, [Prompt("hi", system="be kind")])


def test_a_system_message_that_a_chat_template_would_drop_is_refused_in_a_sentence(tiny, monkeypatch):
    encode(tiny, [Prompt("hi", system=" be kind\n")])
    template = "{% for message in messages if message.role != 'system' %}{{ message.content[0].text }}{% endfor %}"
    monkeypatch.setattr(tiny.processor, "chat_template", template)
    with pytest.raises(PromptError, match=r"has no place for a system message\. Leave it empty"):
        encode(tiny, [Prompt("hi"), Prompt("hi", system="be kind")])
    encode(tiny, [Prompt("hi")])


def test_an_empty_prompt_and_two_media_at_once_are_refused(picture, clip):
    with pytest.raises(ValueError, match="prompt is empty"):
        Prompt("  \n")
    with pytest.raises(ValueError, match="one image or one video"):
        Prompt("hi", image=picture, video=clip)


def test_half_a_character_is_refused_in_a_sentence(tiny):
    with pytest.raises(PromptError, match="half a character"):
        encode(tiny, [Prompt("hello \ud83d there")])


@pytest.mark.parametrize(
    "text", ["a\0b", "\u202ereversed\u202c", "zero\u200bwidth\u2060", "\x1b[31m", "\U000f0000<|im_end|>\U000f0001"]
)
def test_odd_characters_are_text(tiny, text):
    assert encode(tiny, [Prompt(text)])["input_ids"][0].tolist().count(tiny.tokenizer.eos_token_id) == 1
