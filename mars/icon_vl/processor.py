"""What Icon-VL reads: the chat template, and images and clips as visual positions in it."""

from typing import Any

from mars.icon_vl.model import IMAGE_TOKEN, VIDEO_TOKEN
from mars.icon_vl.vision_encoder import IMAGE_MEAN, IMAGE_SIZE, IMAGE_STD
from mars.model.compat import repair_torchvision

repair_torchvision()
from transformers import LlavaOnevisionVideoProcessor, ProcessorMixin, SiglipImageProcessor  # noqa: E402

SYSTEM = "You are a helpful assistant."
"""It decides what this language model refuses: with it, and not with its publisher's default, harmful requests are
refused and harmless ones are not. What a prompt asks for as a system message is appended to it."""
CHAT_TEMPLATE = f"""
{{%- set ns = namespace(system='{SYSTEM}') -%}}
{{%- for message in messages if message.role == 'system' -%}}
{{%- if message.content is string -%}}{{%- set ns.system = ns.system + ' ' + message.content -%}}{{%- else -%}}
{{%- for part in message.content -%}}{{%- set ns.system = ns.system + ' ' + part.text -%}}{{%- endfor -%}}
{{%- endif -%}}
{{%- endfor -%}}
{{{{- '<|im_start|>system\\n' + ns.system + '<|im_end|>\\n' -}}}}
{{%- for message in messages if message.role != 'system' -%}}
{{{{- '<|im_start|>' + message.role + '\\n' -}}}}
{{%- if message.content is string -%}}{{{{- message.content -}}}}
{{%- else -%}}
{{%- for part in message.content -%}}
{{%- if part.type == 'image' -%}}{{{{- 'Picture:{IMAGE_TOKEN}\\n' -}}}}
{{%- elif part.type == 'video' -%}}{{{{- 'Clip:{VIDEO_TOKEN}\\n' -}}}}
{{%- elif part.type == 'text' -%}}{{{{- part.text -}}}}
{{%- endif -%}}
{{%- endfor -%}}
{{%- endif -%}}
{{{{- '<|im_end|>\\n' -}}}}
{{%- endfor -%}}
{{%- if add_generation_prompt -%}}{{{{- '<|im_start|>assistant\\n' -}}}}{{%- endif -%}}
""".strip()


class IconVLProcessor(ProcessorMixin):
    """Makes room in the text for what the connector gives for an image, or for all frames of a clip."""

    system = SYSTEM
    """What an artifact names as the system message of every prompt."""

    def __init__(
        self,
        image_processor: Any = None,
        tokenizer: Any = None,
        video_processor: Any = None,
        positions: int = 17,
        chat_template: str | None = None,
        **options: Any,
    ) -> None:
        self.positions = positions
        self.image_token, self.video_token = IMAGE_TOKEN, VIDEO_TOKEN
        self.image_token_id, self.video_token_id = tokenizer.convert_tokens_to_ids([IMAGE_TOKEN, VIDEO_TOKEN])
        super().__init__(image_processor, tokenizer, video_processor, chat_template=chat_template, **options)

    def replace_image_token(self, image_inputs: dict, image_idx: int, **options: Any) -> str:  # noqa: ARG002
        return self.image_token * self.positions

    def replace_video_token(self, video_inputs: dict, video_idx: int, **options: Any) -> str:  # noqa: ARG002
        return self.video_token * (self.positions * len(video_inputs["pixel_values_videos"][video_idx]))


def build_processor(tokenizer: Any, positions: int, size: int = IMAGE_SIZE) -> IconVLProcessor:
    """The processor around a tokenizer: any image becomes size x size pixels whole, and so does a clip's frame."""
    options = {
        "size": {"height": size, "width": size},
        "image_mean": [IMAGE_MEAN] * 3,
        "image_std": [IMAGE_STD] * 3,
    }
    return IconVLProcessor(
        SiglipImageProcessor(**options),
        tokenizer,
        LlavaOnevisionVideoProcessor(**options),
        positions=positions,
        chat_template=CHAT_TEMPLATE,
    )
