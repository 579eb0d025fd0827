"""What tiny checkpoints of ten families are made of: data only, made into checkpoints by tests.tiny.

Chat templates, control tokens and the parts of the processors are those of the published checkpoints, shortened;
only sizes are made up. A control token as a config's value stands for its id.
"""

from dataclasses import dataclass, field
from typing import Any

from mars.icon_vl.model import IMAGE_TOKEN, VIDEO_TOKEN
from mars.icon_vl.processor import CHAT_TEMPLATE

TEXT = {
    "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 4, "num_attention_heads": 4,
    "num_key_value_heads": 2, "head_dim": 8, "max_position_embeddings": 1024,
}  # fmt: skip
SIGLIP = {
    "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4,
    "image_size": 32, "patch_size": 8,
}  # fmt: skip
WINDOW = 24
"""Sliding window in positions: every prompt here is longer."""


@dataclass(frozen=True)
class Family:
    """One family of models, as its checkpoints are laid out."""

    config: dict[str, Any]
    """Of the model, without its vocabulary size."""
    processor: tuple[str, dict]
    """Class and options."""
    parts: dict[str, tuple[str, dict]]
    """The processor's image processor and the like: class and options."""
    template: str
    """Chat template."""
    roles: dict[str, str]
    """Tokens that every tokenizer names: end, padding, begin."""
    named: dict[str, str] = field(default_factory=dict)
    """Tokens that this family's tokenizer names."""
    unnamed: tuple[str, ...] = ()
    """Control tokens that go without a name."""

    @property
    def tokens(self) -> list[str]:
        """All control tokens, each once."""
        return list(dict.fromkeys([*self.roles.values(), *self.named.values(), *self.unnamed]))


CHATML = """
{%- for message in messages -%}
<|im_start|>{{ message['role'] }}
{% if message['content'] is string %}{{ message['content'] }}{% else %}
{%- for part in message['content'] -%}
{%- if part['type'] == 'image' -%}IMAGE
{%- elif part['type'] == 'video' -%}VIDEO
{%- else -%}{{ part['text'] }}{%- endif -%}
{%- endfor -%}{% endif %}<|im_end|>
{% endfor -%}
{%- if add_generation_prompt -%}<|im_start|>assistant
{% endif -%}
""".lstrip()
"""As Qwen, Molmo2 and InternVL talk; IMAGE and VIDEO stand for what marks their media."""


def _chatml(image: str, video: str) -> str:
    return CHATML.replace("IMAGE", image).replace("VIDEO", video)


QWEN_TEMPLATE = _chatml("<|vision_start|><|image_pad|><|vision_end|>", "<|vision_start|><|video_pad|><|vision_end|>")
THINKING = """
{%- if add_generation_prompt -%}
{%- if enable_thinking is defined and enable_thinking is false -%}{{ '<think>\n\n</think>\n\n' }}
{%- else -%}{{ '<think>\n' }}{%- endif -%}
{%- endif -%}
""".lstrip()
LLAVA_TEMPLATE = """
{%- for message in messages -%}
{{ '<|im_start|>' + message['role'] + ' ' }}
{%- for part in message['content'] | selectattr('type', 'equalto', 'image') -%}{{ '<image>\n' }}{%- endfor -%}
{%- for part in message['content'] | selectattr('type', 'equalto', 'video') -%}{{ '<video>\n' }}{%- endfor -%}
{%- for part in message['content'] | selectattr('type', 'equalto', 'text') -%}{{ part['text'] }}{%- endfor -%}
{{ '<|im_end|>' }}
{%- endfor -%}
{%- if add_generation_prompt -%}{{ '<|im_start|>assistant\n' }}{%- endif -%}
""".lstrip()
SMOLVLM_TEMPLATE = """
<|im_start|>{% for message in messages %}{{ message['role'] | capitalize }}
{%- if message['content'][0]['type'] == 'image' %}{{ ':' }}{% else %}{{ ': ' }}{% endif %}
{%- for part in message['content'] %}
{%- if part['type'] == 'text' %}{{ part['text'] }}{% elif part['type'] == 'image' %}{{ '<image>' }}{% endif %}
{%- endfor %}<end_of_utterance>
{% endfor %}
{%- if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}
""".strip()
GEMMA3_TEMPLATE = """
{{ bos_token }}
{%- if messages[0]['role'] == 'system' -%}
{%- set opening = messages[0]['content'][0]['text'] + '\n\n' -%}{%- set turns = messages[1:] -%}
{%- else -%}{%- set opening = '' -%}{%- set turns = messages -%}{%- endif -%}
{%- for message in turns -%}
{{ '<start_of_turn>' + message['role'] + '\n' + (opening if loop.first else '') }}
{%- for part in message['content'] -%}
{%- if part['type'] == 'image' -%}{{ '<start_of_image>' }}
{%- elif part['type'] == 'text' -%}{{ part['text'] | trim }}{%- endif -%}
{%- endfor -%}{{ '<end_of_turn>\n' }}
{%- endfor -%}
{%- if add_generation_prompt -%}{{ '<start_of_turn>model\n' }}{%- endif -%}
""".lstrip()
GEMMA4_TEMPLATE = """
{{ bos_token }}
{%- if enable_thinking is defined and enable_thinking -%}{{ '<|turn>system\n<|think|><turn|>\n' }}{%- endif -%}
{%- for message in messages -%}
{{ '<|turn>' + message['role'] + '\n' }}
{%- for part in message['content'] -%}
{%- if part['type'] == 'image' -%}{{ '<|image|>' }}
{%- elif part['type'] == 'video' -%}{{ '<|video|>' }}
{%- elif part['type'] == 'text' -%}{{ part['text'] | trim }}{%- endif -%}
{%- endfor -%}{{ '<turn|>\n' }}
{%- endfor -%}
{%- if add_generation_prompt -%}{{ '<|turn>model\n' }}{%- endif -%}
""".lstrip()

CHATML_ROLES = {"eos_token": "<|im_end|>", "pad_token": "<|endoftext|>"}
QWEN_TOKENS = ("<|im_start|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>")
QWEN_IDS = {
    "image_token_id": "<|image_pad|>", "video_token_id": "<|video_pad|>",
    "vision_start_token_id": "<|vision_start|>", "vision_end_token_id": "<|vision_end|>",
}  # fmt: skip


def _qwen(text: dict, vision: dict, processor: str, video_processor: str, patch: int, **options: Any) -> Family:
    """The Qwen families differ in their decoder and in how a clip's time is told."""
    picture = (64 // patch * patch) ** 2
    clip = 8 * picture if video_processor.startswith("Qwen3") else picture  # of a whole clip, and of one frame
    sizes = {"patch_size": patch, "merge_size": 2}
    clip_sizes = {"size": {"shortest_edge": clip, "longest_edge": clip}, "cap_pixels_per_frame": False}
    vision = {"hidden_size": 32, "intermediate_size": 48, "num_heads": 4, "out_hidden_size": 32, **vision}
    return Family(
        config={
            "text_config": TEXT | text, "vision_config": vision | {"patch_size": patch},
            "tie_word_embeddings": True, **QWEN_IDS,
        },
        processor=(processor, {}),
        parts={
            "image_processor": (
                "Qwen2VLImageProcessor",
                sizes | {"size": {"shortest_edge": picture, "longest_edge": picture}},
            ),
            "video_processor": (video_processor, sizes | clip_sizes),
        },
        roles=CHATML_ROLES,
        unnamed=QWEN_TOKENS,
        **({"template": QWEN_TEMPLATE} | options),
    )  # fmt: skip


FAMILIES: dict[str, Family] = {
    "qwen3_vl": _qwen(
        {"rope_scaling": {"rope_type": "default", "mrope_section": [2, 1, 1], "mrope_interleaved": True}},
        {"depth": 3, "num_position_embeddings": 64, "deepstack_visual_indexes": [0, 1, 2]},
        "Qwen3VLProcessor",
        "Qwen3VLVideoProcessor",
        16,
    ),
    "qwen3_5": _qwen(
        {
            "layer_types": ["linear_attention", "linear_attention", "full_attention", "linear_attention"],
            "linear_key_head_dim": 8, "linear_value_head_dim": 8, "linear_num_key_heads": 2,
            "linear_num_value_heads": 4, "head_dim": 16,
            "rope_parameters": {
                "rope_type": "default", "rope_theta": 10_000.0, "mrope_section": [1, 1, 0],
                "mrope_interleaved": True, "partial_rotary_factor": 0.25,
            },
        },
        {"depth": 2, "num_position_embeddings": 64},
        "Qwen3VLProcessor",
        "Qwen3VLVideoProcessor",
        16,
        template=QWEN_TEMPLATE + THINKING,
    ),
    "qwen2_5_vl": _qwen(
        {
            "rope_scaling": {"rope_type": "default", "mrope_section": [2, 1, 1]},
            "bos_token_id": None, "eos_token_id": "<|im_end|>",
        },
        {"depth": 2, "fullatt_block_indexes": [1], "window_size": 56},
        "Qwen2_5_VLProcessor",
        "Qwen2VLVideoProcessor",
        14,
    ),
    "gemma3": Family(
        config={
            "text_config": TEXT | {
                "layer_types": ["sliding_attention", "full_attention", "sliding_attention", "full_attention"],
                "sliding_window": WINDOW, "query_pre_attn_scalar": 8,
            },
            "vision_config": SIGLIP, "mm_tokens_per_image": 4, "image_token_index": "<image_soft_token>",
            "boi_token_index": "<start_of_image>", "eoi_token_index": "<end_of_image>",
        },
        processor=("Gemma3Processor", {"image_seq_length": 4}),
        parts={"image_processor": ("Gemma3ImageProcessor", {"size": {"height": 32, "width": 32}})},
        template=GEMMA3_TEMPLATE,
        roles={"eos_token": "<end_of_turn>", "pad_token": "<pad>", "bos_token": "<bos>"},
        named={
            "image_token": "<image_soft_token>", "boi_token": "<start_of_image>", "eoi_token": "<end_of_image>",
        },
        unnamed=("<start_of_turn>",),
    ),
    "gemma4": Family(
        config={
            "text_config": TEXT | {
                "layer_types": ["sliding_attention", "full_attention", "sliding_attention", "full_attention"],
                "sliding_window": WINDOW, "num_kv_shared_layers": 2, "global_head_dim": 16,
                "hidden_size_per_layer_input": 8, "vocab_size_per_layer_input": 512, "max_position_embeddings": 2048,
                "use_bidirectional_attention": "vision",
            },
            "vision_config": {
                "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4,
                "num_key_value_heads": 4, "head_dim": 8, "patch_size": 4, "pooling_kernel_size": 3,
                "position_embedding_size": 1024,
            },
            "image_token_id": "<|image|>", "video_token_id": "<|video|>", "audio_token_id": "<|audio|>",
            "boi_token_id": "<|image>", "eoi_token_id": "<image|>", "boa_token_id": "<|audio>",
            "eoa_token_index": "<audio|>",
        },
        processor=("Gemma4Processor", {"image_seq_length": 70}),
        parts={
            "feature_extractor": ("Gemma4AudioFeatureExtractor", {}),
            "image_processor": ("Gemma4ImageProcessor", {"patch_size": 4, "max_soft_tokens": 70}),
            "video_processor": ("Gemma4VideoProcessor", {"patch_size": 4, "max_soft_tokens": 70}),
        },
        template=GEMMA4_TEMPLATE,
        roles={"eos_token": "<turn|>", "pad_token": "<pad>", "bos_token": "<bos>"},
        named={
            "image_token": "<|image|>", "boi_token": "<|image>", "eoi_token": "<image|>",
            "audio_token": "<|audio|>", "boa_token": "<|audio>", "eoa_token": "<audio|>",
        },
        unnamed=("<|turn>", "<|think|>", "<|video|>"),
    ),
    "molmo2": Family(
        config={
            "text_config": TEXT | {"additional_vocab_size": 8},
            "vision_config": {
                "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 3, "num_attention_heads": 4,
                "num_key_value_heads": 4, "head_dim": 8, "image_size": [56, 56],
            },
            "adapter_config": {
                "vision_feature_layer": [2, 1], "hidden_size": 32, "num_attention_heads": 4,
                "num_key_value_heads": 4, "head_dim": 8, "intermediate_size": 48, "text_hidden_size": 32,
            },
            "image_start_token_id": "<im_start>", "low_res_image_start_token_id": "<low_res_im_start>",
            "image_end_token_id": "<im_end>", "image_patch_id": "<im_patch>",
            "frame_start_token_id": "<frame_start>", "frame_end_token_id": "<frame_end>",
        },
        processor=("Molmo2Processor", {}),
        parts={
            "image_processor": (
                "Molmo2ImageProcessor",
                {"size": {"height": 56, "width": 56}, "max_crops": 4, "overlap_margins": [1, 1]},
            ),
            "video_processor": ("Molmo2VideoProcessor", {"size": {"height": 56, "width": 56}}),
        },
        template=_chatml("<|image|>", "<|video|>"),
        roles=CHATML_ROLES,
        named={"image_token": "<|image|>", "video_token": "<|video|>"},
        unnamed=(
            "<|im_start|>", "<im_start>", "<im_end>", "<im_patch>", "<im_col>", "<low_res_im_start>",
            "<frame_start>", "<frame_end>", "<im_low>",
        ),
    ),
    "internvl": Family(
        config={
            "text_config": TEXT | {"model_type": "qwen2"},
            "vision_config": {
                "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4,
                "image_size": [64, 64], "patch_size": [16, 16],
            },
            "image_token_id": "<IMG_CONTEXT>", "image_seq_length": 4,
        },
        processor=("InternVLProcessor", {"image_seq_length": 4}),
        parts={
            "image_processor": ("GotOcr2ImageProcessor", {"size": {"height": 64, "width": 64}}),
            "video_processor": ("InternVLVideoProcessor", {"size": {"height": 64, "width": 64}}),
        },
        template=_chatml("<IMG_CONTEXT>\n", "<video>\n"),
        roles=CHATML_ROLES,
        named={
            "start_image_token": "<img>", "end_image_token": "</img>", "context_image_token": "<IMG_CONTEXT>",
            "video_token": "<video>",
        },
        unnamed=("<|im_start|>",),
    ),
    "llava_onevision": Family(
        config={
            "text_config": TEXT | {"model_type": "qwen2"},
            "vision_config": SIGLIP | {"model_type": "siglip_vision_model", "vision_use_head": False},
            "image_token_index": "<image>", "video_token_index": "<video>",
            "image_grid_pinpoints": [[32, 32], [32, 64], [64, 32], [64, 64]],
        },
        processor=(
            "LlavaOnevisionProcessor", {"num_image_tokens": 16, "vision_feature_select_strategy": "full"},
        ),
        parts={
            "image_processor": (
                "LlavaOnevisionImageProcessor",
                {
                    "size": {"height": 32, "width": 32},
                    "image_grid_pinpoints": [[32, 32], [32, 64], [64, 32], [64, 64]],
                },
            ),
            "video_processor": ("LlavaOnevisionVideoProcessor", {"size": {"height": 32, "width": 32}}),
        },
        template=LLAVA_TEMPLATE,
        roles=CHATML_ROLES,
        named={"image_token": "<image>", "video_token": "<video>"},
        unnamed=("<|im_start|>",),
    ),
    "smolvlm": Family(
        config={
            "text_config": TEXT | {"model_type": "llama", "pad_token_id": "<|im_end|>"},
            "vision_config": SIGLIP, "image_token_id": "<image>", "scale_factor": 2,
        },
        processor=("SmolVLMProcessor", {"image_seq_len": 4}),
        parts={
            "image_processor": (
                "SmolVLMImageProcessor", {"size": {"longest_edge": 64}, "max_image_size": {"longest_edge": 32}},
            ),
            "video_processor": (
                "SmolVLMVideoProcessor",
                {
                    "max_image_size": {"longest_edge": 32},
                    "video_sampling": {"fps": 1, "max_frames": 8, "video_size": {"longest_edge": 64}},
                },
            ),
        },
        template=SMOLVLM_TEMPLATE,
        roles={"eos_token": "<end_of_utterance>", "pad_token": "<|im_end|>", "bos_token": "<|im_start|>"},
        named={
            "image_token": "<image>", "fake_image_token": "<fake_token_around_image>",
            "end_of_utterance_token": "<end_of_utterance>", "global_image_token": "<global-img>",
        },
        unnamed=("<video>", *(f"<row_{row}_col_{column}>" for row in (1, 2) for column in (1, 2))),
    ),
    "icon_vl": Family(
        config=TEXT | {
            "vision_stages": [[1, 3, 1, 1, 8], [2, 5, 2, 6, 8]], "vision_stem": 8, "vision_head": 32,
            "vision_classes": 10, "grid": 2, "connector_size": 48, "known_things": 12, "discriminants": 8,
            "embedding_rms": 0.15,
            "image_token_id": IMAGE_TOKEN, "video_token_id": VIDEO_TOKEN,
        },
        processor=("IconVLProcessor", {"positions": 5}),
        parts={
            "image_processor": ("SiglipImageProcessor", {"size": {"height": 32, "width": 32}}),
            "video_processor": (
                "LlavaOnevisionVideoProcessor",
                {"size": {"height": 32, "width": 32}, "image_mean": [0.5] * 3, "image_std": [0.5] * 3},
            ),
        },
        template=CHAT_TEMPLATE,
        roles=CHATML_ROLES,
        unnamed=("<|im_start|>", IMAGE_TOKEN, VIDEO_TOKEN),
    ),
}  # fmt: skip
