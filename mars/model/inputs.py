"""From prompts to everything that a model's processor returns.

Chat template applied, generation prompt added, thinking switched off or closed. A
person's text is text: control tokens in it are encoded as plain characters.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import torch
from jinja2 import TemplateError
from torch import Tensor

from mars.media.prompt import Prompt
from mars.model.compat import patch_control_token_check
from mars.model.loaded_model import LoadedModel
from mars.model.thinking import TAIL_TOKENS, closing, switched_off
from mars.types import Modality, Video


class PromptError(ValueError):
    """A prompt that this model cannot read; the message says why and what to do."""


CHARACTERS_PER_TOKEN = 16
"""A text longer than this many characters for each token allowed is refused before it is tokenized."""


def batch_key(prompt: Prompt) -> tuple[Modality, int]:
    """Modality and number of frames: prompts that agree in both can share a batch."""
    return prompt.modality, len(prompt.video.frames) if prompt.video else 0


def equal_length_batches(model: LoadedModel, prompts: Sequence[Prompt], size: int) -> list[list[int]]:
    """Indices of prompts in batches of one `batch_key` and one number of tokens, in which nothing is padded."""
    by_length: dict[tuple, list[int]] = defaultdict(list)
    for number, prompt in enumerate(prompts):
        by_length[*batch_key(prompt), preprocess(model, [prompt])["input_ids"].shape[1]].append(number)
    return [numbers[start : start + size] for numbers in by_length.values() for start in range(0, len(numbers), size)]


def encode(model: LoadedModel, prompts: list[Prompt]) -> dict[str, Any]:
    """Model inputs of prompts of one `batch_key`, left-padded, on the model's device. Raises as `preprocess`."""
    return to_device(model, preprocess(model, prompts))


def to_device(model: LoadedModel, inputs: dict[str, Any]) -> dict[str, Any]:
    """Inputs on the device where the model takes them."""
    return {name: value.to(model.device) if hasattr(value, "to") else value for name, value in inputs.items()}


def preprocess(model: LoadedModel, prompts: list[Prompt]) -> dict[str, Any]:
    """Model inputs of prompts of one `batch_key`, left-padded, on the CPU: safe to make while the model runs.

    Returns all that the processor gave (families need all of it), tensors of (prompt, position) and media
    tensors. Raises PromptError on a modality that the model has not, on mixed modalities or videos of different
    numbers of frames (some processors refuse those, SmolVLM's counts padding as frames), on a prompt that is too
    long, and on one that the model's template or processor refuses or whose system message the template drops.
    """
    shapes = {batch_key(prompt) for prompt in prompts}
    if len(shapes) != 1:
        got = ", ".join(f"{frames} frames" if frames else modality for modality, frames in sorted(shapes))
        raise PromptError(f"A batch holds prompts of one modality, and videos of as many frames; got {got}.")
    ((modality, _),) = shapes
    if modality not in model.modalities:
        raise PromptError(f"{model.name} cannot read {modality}s; it reads {', '.join(model.modalities)}.")
    for prompt in prompts:
        _check_text(model, prompt)
    processor_kwargs: dict[str, Any] = {"padding": True}
    if modality == "video":
        # Frames are sampled already; without the metadata the processor would take them for 24 a second.
        processor_kwargs["do_sample_frames"] = False
        processor_kwargs["video_metadata"] = [_metadata(prompt.video) for prompt in prompts]
    patch_control_token_check(model.processor)
    try:
        inputs = model.processor.apply_chat_template(
            [_conversation(prompt) for prompt in prompts],
            tokenize=True,
            return_dict=True,
            return_tensors="pt",
            add_generation_prompt=True,
            sanitize_control_tokens=True,
            **switched_off(str(model.processor.chat_template or model.tokenizer.chat_template)),
            processor_kwargs=processor_kwargs,
        )
    except (ValueError, NotImplementedError, TemplateError) as error:
        raise PromptError(_refusal(model, prompts, error)) from error
    for prompt in prompts:
        _check_system(model, prompt)
    inputs.pop("video_metadata", None)
    inputs = _without_thinking(model, dict(inputs))
    length = inputs["input_ids"].shape[1]
    if length > model.max_prompt_tokens:
        raise PromptError(
            f"The prompt is {length} tokens long; {model.name} reads at most {model.max_prompt_tokens}. Shorten it."
        )
    return inputs


def _conversation(prompt: Prompt) -> list[dict[str, Any]]:
    content: list[dict[str, Any]] = []
    if prompt.image is not None:
        content.append({"type": "image", "image": prompt.image})
    if prompt.video is not None:
        content.append({"type": "video", "video": list(prompt.video.frames)})
    if prompt.text:
        content.append({"type": "text", "text": prompt.text})
    conversation = [{"role": "user", "content": content}]
    if prompt.system:
        conversation.insert(0, {"role": "system", "content": [{"type": "text", "text": prompt.system}]})
    return conversation


def _refusal(model: LoadedModel, prompts: list[Prompt], error: Exception) -> str:
    """Why a template or a processor refused. Some tokenizers make a control token even of its plain characters."""
    texts = "\n".join(f"{prompt.text}\n{prompt.system or ''}" for prompt in prompts)
    typed = [token for token in model.tokenizer.all_special_tokens if token in texts]
    if typed:
        return f"{model.name} cannot read its own control tokens as text. Take them out: {' '.join(typed)}"
    reason = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
    return f"The chat template or the processor of {model.name} refuses the prompt: {reason}"


def _without_thinking(model: LoadedModel, inputs: dict[str, Any]) -> dict[str, Any]:
    """The inputs with thinking closed where the generation prompt opened it, or else the reply would, in all rows
    alike."""
    ids = inputs["input_ids"]
    text = closing(model.tokenizer.decode(ids[0, -TAIL_TOKENS:]))
    if not text and model.thinking:
        text = model.thinking + closing(model.thinking)
    if not text:
        return inputs
    closed = torch.tensor(model.tokenizer.encode(text, add_special_tokens=False)).expand(len(ids), -1)
    fill = {"input_ids": closed, "attention_mask": torch.ones_like(closed)}
    return {
        name: torch.cat([value, fill.get(name, torch.zeros_like(closed)).to(value)], dim=1)
        if isinstance(value, Tensor) and value.shape == ids.shape
        else value
        for name, value in inputs.items()
    }


TICKS_PER_SECOND = 1000


def _metadata(video: Video) -> dict[str, Any]:
    """What a video processor wants to know of frames sampled by us: when each was shown, in milliseconds."""
    width, height = video.frames[0].size
    ticks = [round(time * TICKS_PER_SECOND) for time in video.times]
    total = ticks[-1] + round(TICKS_PER_SECOND / video.frames_per_second)
    return {
        "total_num_frames": total,
        "fps": TICKS_PER_SECOND,
        "duration": total / TICKS_PER_SECOND,
        "frames_indices": ticks,
        "width": width,
        "height": height,
        "video_backend": "pyav",
    }


def _check_text(model: LoadedModel, prompt: Prompt) -> None:
    limit = CHARACTERS_PER_TOKEN * model.max_prompt_tokens
    for text in (prompt.text, prompt.system or ""):
        if len(text) > limit:
            raise PromptError(
                f"The text has {len(text):,} characters; {model.name} reads at most {limit:,}. Shorten it."
            )
        if any("\ud800" <= character <= "\udfff" for character in text):
            raise PromptError("The text has half a character (a lone surrogate), which no model reads. Take it out.")


def _check_system(model: LoadedModel, prompt: Prompt) -> None:
    """Some chat templates leave out a system message without a word."""
    if prompt.system:
        written = model.processor.apply_chat_template(_conversation(prompt), tokenize=False)
        if prompt.system.strip() not in written:
            raise PromptError(
                f"The chat template of {model.name} has no place for a system message. Leave it empty, or put it "
                "before your request."
            )
