"""Pocket-VL's shape: a real Qwen3-VL of under seven million parameters, its tokenizer and its processor.

Sizes are set by two cores: pictures of 128x128 pixels are 16 visual tokens, a clip of 8 frames is 64.
"""

from collections.abc import Iterable

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from mars.model.compat import repair_torchvision

PICTURE_SIZE = 128
PATCH = 16
FRAMES = 8
VISUAL_TOKENS = (PICTURE_SIZE // PATCH // 2) ** 2
VOCABULARY = 1600

SPECIAL = (
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|image_pad|>",
    "<|video_pad|>",
)

CHAT_TEMPLATE = (
    "{%- for message in messages -%}"
    "{{- '<|im_start|>' + message.role + '\\n' -}}"
    "{%- if message.content is string -%}{{- message.content -}}"
    "{%- else -%}"
    "{%- for part in message.content -%}"
    "{%- if part.type == 'image' -%}{{- '<|vision_start|><|image_pad|><|vision_end|>' -}}"
    "{%- elif part.type == 'video' -%}{{- '<|video_pad|>' -}}"
    "{%- elif part.type == 'text' -%}{{- part.text -}}"
    "{%- endif -%}"
    "{%- endfor -%}"
    "{%- endif -%}"
    "{{- '<|im_end|>\\n' -}}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\\n' -}}{%- endif -%}"
)
"""Qwen's form. The processor puts a time and the vision marks around every frame pair of a clip itself."""


def train_tokenizer(texts: Iterable[str]) -> Tokenizer:
    """Byte-level BPE on the world's own text, lower case: a capital is the letter it is."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=list(SPECIAL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def build_processor(tokenizer: Tokenizer):
    """Qwen3-VL's processor around the tokenizer: any picture becomes 128x128, any clip 128x128 frames."""
    repair_torchvision()
    from transformers import PreTrainedTokenizerFast, Qwen2VLImageProcessor, Qwen3VLProcessor, Qwen3VLVideoProcessor

    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        additional_special_tokens=list(SPECIAL[1:]),
        padding_side="left",
        model_max_length=4096,
    )
    pixels = PICTURE_SIZE**2
    common = dict(
        patch_size=PATCH,
        temporal_patch_size=2,
        merge_size=2,
        image_mean=[0.5] * 3,
        image_std=[0.5] * 3,
    )
    picture = Qwen2VLImageProcessor(size={"shortest_edge": pixels, "longest_edge": pixels}, **common)
    clip = Qwen3VLVideoProcessor(
        size={"shortest_edge": pixels * FRAMES, "longest_edge": pixels * FRAMES},
        cap_pixels_per_frame=False,  # the size alone decides; unset, a later transformers would cap it, and warns
        **common,
    )
    return Qwen3VLProcessor(
        image_processor=picture, tokenizer=fast, video_processor=clip, chat_template=CHAT_TEMPLATE
    )


def build_model(tokenizer: Tokenizer):
    """A freshly drawn Qwen3-VL of Pocket-VL's sizes; seed torch first."""
    repair_torchvision()
    from transformers import Qwen3VLConfig, Qwen3VLForConditionalGeneration

    width = 192
    config = Qwen3VLConfig(
        text_config=dict(
            vocab_size=tokenizer.get_vocab_size(),
            hidden_size=width,
            intermediate_size=512,
            num_hidden_layers=8,
            num_attention_heads=6,
            num_key_value_heads=3,
            head_dim=32,
            max_position_embeddings=4096,
            tie_word_embeddings=True,
            rope_parameters=dict(
                rope_type="default", rope_theta=10000.0, mrope_section=[6, 5, 5], mrope_interleaved=True
            ),
            bos_token_id=None,
            eos_token_id=tokenizer.token_to_id("<|im_end|>"),
            pad_token_id=tokenizer.token_to_id("<|endoftext|>"),
        ),
        vision_config=dict(
            depth=4,
            hidden_size=192,  # wide for its pictures: words are harder to read than drawings
            intermediate_size=576,
            num_heads=6,
            patch_size=PATCH,
            spatial_merge_size=2,
            temporal_patch_size=2,
            out_hidden_size=width,
            num_position_embeddings=(PICTURE_SIZE // PATCH) ** 2,
            deepstack_visual_indexes=[1],
        ),
        image_token_id=tokenizer.token_to_id("<|image_pad|>"),
        video_token_id=tokenizer.token_to_id("<|video_pad|>"),
        vision_start_token_id=tokenizer.token_to_id("<|vision_start|>"),
        vision_end_token_id=tokenizer.token_to_id("<|vision_end|>"),
        tie_word_embeddings=True,
    )
    model = Qwen3VLForConditionalGeneration(config)
    model.generation_config.eos_token_id = tokenizer.token_to_id("<|im_end|>")
    model.generation_config.pad_token_id = tokenizer.token_to_id("<|endoftext|>")
    model.generation_config.do_sample = False
    return model
