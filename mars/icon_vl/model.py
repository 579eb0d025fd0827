"""Icon-VL as transformers loads it: a Qwen2 that reads images through a vision encoder and a connector.

The language model's weights keep their names, so a folder of Icon-VL holds the language model's own file as it is.
"""

from dataclasses import field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d, gelu, normalize

from mars.icon_vl.vision_encoder import CLASSES, HEAD, LITE2, STEM, VisionEncoder
from mars.model.compat import repair_torchvision

repair_torchvision()
from transformers import Qwen2Config, Qwen2ForCausalLM, initialization  # noqa: E402

IMAGE_TOKEN, VIDEO_TOKEN = "<|image_pad|>", "<|video_pad|>"
"""Of Qwen's vocabulary, unused by a model that reads words alone; one for each visual position."""


class IconVLConfig(Qwen2Config):
    """Of the language model, with vision encoder and connector beside it."""

    model_type = "icon_vl"

    vision_stages: list = field(default_factory=lambda: [list(stage) for stage in LITE2])
    """A `Stage` each: blocks, kernel, stride, expansion, width."""
    vision_stem: int = STEM
    vision_head: int = HEAD
    vision_classes: int = CLASSES
    grid: int = 4
    """An image becomes grid x grid positions, and one for the mean."""
    connector_size: int = 1536
    """Width of the connector's hidden layers."""
    known_things: int = 877
    """Drawn things whose mean features the connector compares with."""
    discriminants: int = 384
    """Dimensions in which it compares."""
    embedding_rms: float = 0.02
    """Root mean square of the language model's word embeddings."""
    image_token_id: int = 151655
    video_token_id: int = 151656

    @property
    def positions(self) -> int:
        """Visual positions of an image, or of a frame."""
        return self.grid**2 + 1


class Prototypes(nn.Module):
    """What a feature is like: a softmax over drawn things, and one over the kinds of the vision encoder's classifier.

    Things are compared by cosine after linear discriminant analysis. All weights are computed from the features of
    drawings (`mars.icon_vl.training.prototypes`); none is trained.
    """

    THINGS_SCALE, KINDS_SCALE = 30.0, 1.0
    """Of the cosines and of the classifier's logits, before the softmax."""

    def __init__(self, config: IconVLConfig) -> None:
        super().__init__()
        self.discriminants = nn.Linear(config.vision_head, config.discriminants)
        self.things = nn.Linear(config.discriminants, config.known_things, bias=False)
        self.kinds = nn.Linear(config.vision_head, config.vision_classes)
        self.requires_grad_(False)

    @property
    def size(self) -> int:
        """Things and kinds."""
        return self.things.out_features + self.kinds.out_features

    def forward(self, features: Tensor) -> Tensor:
        """Shares: (..., channel) -> (..., size), the things first; each of the two parts adds up to 1."""
        things = self.THINGS_SCALE * self.things(normalize(self.discriminants(features), dim=-1))
        kinds = self.KINDS_SCALE * self.kinds(features)
        return torch.cat([things.softmax(-1), kinds.softmax(-1)], dim=-1)


class Connector(nn.Module):
    """From the vision encoder's features to positions that the language model reads like words.

    Every position sees what its own cell of the image and what the whole is like, since a name is read from all
    positions together.
    """

    CELL_WEIGHT = 0.5
    """Of what the cell is like, beside the whole."""

    def __init__(self, config: IconVLConfig) -> None:
        super().__init__()
        self.grid = config.grid
        self.embedding_rms = config.embedding_rms
        size = config.connector_size
        self.prototypes = Prototypes(config)
        self.cell = nn.Linear(self.prototypes.size, size, bias=False)
        self.whole = nn.Linear(self.prototypes.size, size)
        self.position = nn.Parameter(torch.zeros(config.positions, size))
        self.hidden = nn.Linear(size, size)
        self.out = nn.Linear(size, config.hidden_size)
        self.norm_after = nn.LayerNorm(config.hidden_size)
        self.scale = nn.Parameter(torch.ones(1))
        nn.init.normal_(self.whole.weight, std=0.5)
        nn.init.normal_(self.position, std=0.5)

    def pooled(self, features: Tensor) -> Tensor:
        """The cells of a grid row by row, and the mean: (image, positions, channel).

        features: (image, channel, height, width).
        """
        cells = adaptive_avg_pool2d(features, self.grid).flatten(2)
        return torch.cat([cells, features.mean((2, 3))[..., None]], dim=2).transpose(1, 2)

    def forward(self, pooled: Tensor, positions: Tensor | slice = slice(None)) -> Tensor:
        """What the language model reads, at all positions or at some: (image, positions, d_model).

        pooled: (image, positions, channel), of all.
        """
        whole = self.whole(self.prototypes(pooled[:, -1:]))
        hidden = gelu(whole + self.CELL_WEIGHT * self.cell(self.prototypes(pooled[:, positions])))
        hidden = gelu(self.hidden(hidden) + self.position[positions])
        return self.norm_after(self.out(hidden)) * (self.scale * self.embedding_rms)


class IconVLForConditionalGeneration(Qwen2ForCausalLM):
    """Qwen2 with images: the connector's output stands where the prompt has visual positions."""

    config: IconVLConfig
    input_modalities = ("image", "video", "text")

    def __init__(self, config: IconVLConfig) -> None:
        super().__init__(config)
        self.vision_encoder = VisionEncoder(
            config.vision_stages, config.vision_stem, config.vision_head, config.vision_classes
        )
        self.connector = Connector(config)
        self.post_init()

    def _init_weights(self, module: nn.Module) -> None:
        super()._init_weights(module)
        if isinstance(module, Connector):
            initialization.normal_(module.position, std=0.5)
            initialization.ones_(module.scale)

    def visual_embeddings(self, pixels: Tensor) -> Tensor:
        """What stands in the place of an image's words: (image, positions, d_model).

        pixels: (..., channel, height, width), normalised; leading axes, such as clip and frame, become one.
        """
        pixels = pixels.flatten(0, -4).to(self.connector.position.dtype)
        return self.connector(self.connector.pooled(self.vision_encoder(pixels)))

    def forward(
        self,
        input_ids: Tensor | None = None,
        *,
        pixel_values: Tensor | None = None,
        pixel_values_videos: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        **options: Any,
    ) -> Any:
        """As Qwen2's, with images.

        pixel_values: (image, 3, height, width); pixel_values_videos: (clip, frame, 3, height, width). Raises
        ValueError where the prompts hold more or fewer visual positions than there are images for.
        """
        if inputs_embeds is None:
            inputs_embeds = self.get_input_embeddings()(input_ids)
        for pixels, token in (
            (pixel_values, self.config.image_token_id),
            (pixel_values_videos, self.config.video_token_id),
        ):
            if pixels is not None:
                inputs_embeds = self._placed(self.visual_embeddings(pixels), input_ids == token, inputs_embeds)
        return super().forward(inputs_embeds=inputs_embeds, **options)

    def _placed(self, visual: Tensor, places: Tensor, embeddings: Tensor) -> Tensor:
        """Embeddings with the visual ones in their places. visual: (image, positions, d_model)."""
        given = visual.shape[0] * visual.shape[1]
        if int(places.sum()) != given:
            raise ValueError(f"The prompts hold {int(places.sum())} visual positions, and the images give {given}.")
        return embeddings.masked_scatter(places[..., None], visual.to(embeddings))
