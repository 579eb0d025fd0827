"""Random checkpoints in the true layout, a few thousand parameters each: built in a second, without a hub."""

from pathlib import Path
from typing import Any

import torch

import mars.icon_vl.processor
from mars.icon_vl.folder import register
from mars.model.compat import repair_torchvision
from tests.families.checkpoints import FAMILIES, TEXT, Family

CORPUS = [
    "how do i make a cake? sorry, i cannot help with that. sure, here is how. the picture shows a kite.",
    "user assistant system 0.5 seconds 1.5 seconds 2.5 seconds 3.5 seconds what is this? is it dangerous?",
    "you are a helpful assistant. you are provided the following series of frames from a video. frame 00:01:",
]


def save_tiny(folder: Path, family: str = "qwen3_vl", *, seed: int = 0, layers: int | None = None) -> Path:
    """Write a tiny random checkpoint of a family with its processor into a folder and return it."""
    repair_torchvision()
    from transformers import AutoConfig, AutoModelForImageTextToText

    register()
    recipe = FAMILIES[family]
    processor = _processor(recipe)
    config = _with_ids(recipe.config, processor.tokenizer)
    text = config.get("text_config", config)
    text["vocab_size"] = len(processor.tokenizer) - text.get("additional_vocab_size", 0)
    if layers is not None:
        text["num_hidden_layers"] = layers
    torch.manual_seed(seed)
    model = AutoModelForImageTextToText.from_config(AutoConfig.for_model(family, **config))
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.normal_(0, 0.15)
    model.generation_config.eos_token_id = processor.tokenizer.eos_token_id
    model.generation_config.pad_token_id = processor.tokenizer.pad_token_id
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


LANGUAGE_TEMPLATE = """
{%- for message in messages -%}
{{ '<|im_start|>' + message.role + '\n' + message.content + '<|im_end|>\n' }}
{%- endfor -%}
{%- if add_generation_prompt -%}{{ '<|im_start|>assistant\n' }}{%- endif -%}
""".strip()
"""As language models have it, which read text alone: a message's content is a string."""


def save_tiny_language_model(folder: Path) -> Path:
    """Write a tiny random Qwen2 with its tokenizer and no processor into a folder and return it."""
    repair_torchvision()
    from transformers import Qwen2Config, Qwen2ForCausalLM

    tokenizer = _tokenizer(FAMILIES["qwen2_5_vl"])
    tokenizer.chat_template = LANGUAGE_TEMPLATE
    torch.manual_seed(0)
    model = Qwen2ForCausalLM(Qwen2Config(vocab_size=len(tokenizer), eos_token_id=tokenizer.eos_token_id, **TEXT))
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def _processor(recipe: Family) -> Any:
    import transformers

    def made(part: tuple[str, dict]) -> Any:
        name, options = part
        return getattr(transformers, name)(**options)

    name, options = recipe.processor
    parts = {part: made(recipe.parts[part]) for part in recipe.parts}
    return getattr(transformers if hasattr(transformers, name) else mars.icon_vl.processor, name)(
        tokenizer=_tokenizer(recipe), chat_template=recipe.template, **parts, **options
    )


def _tokenizer(recipe: Family) -> Any:
    """Byte-level BPE; the family's control tokens come last, as in true vocabularies."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer.train_from_iterator(CORPUS, trainers.BpeTrainer(vocab_size=400, initial_alphabet=alphabet))
    tokenizer.add_special_tokens([AddedToken(token, special=True) for token in recipe.tokens])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, padding_side="left", **recipe.roles, extra_special_tokens=recipe.named
    )


def _with_ids(value: Any, tokenizer: Any) -> Any:
    """A config with each control token in it replaced by its id: recipes name tokens, checkpoints number them."""
    if isinstance(value, dict):
        return {key: _with_ids(inner, tokenizer) for key, inner in value.items()}
    if isinstance(value, str) and value in tokenizer.added_tokens_encoder:
        return tokenizer.convert_tokens_to_ids(value)
    return value


def steering_hooks(model) -> list:
    """Hooks of this project that a model still has; transformers leave some of their own."""
    hooks = (
        hook
        for layer in model.layers
        for hook in (*layer._forward_hooks.values(), *layer._forward_pre_hooks.values())
    )
    return [hook for hook in hooks if hook.__module__.startswith("mars.")]
