"""EfficientNet-Lite (Tan and Le 1905.11946, without squeeze-and-excitation, ReLU6 for swish), for inference.

Batch normalisation is folded into the convolutions before it, whose weights then fit into half precision.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import pad, relu6

IMAGE_SIZE = 224
IMAGE_MEAN, IMAGE_STD = 127 / 255, 128 / 255
"""What the network was trained with: (x - 127) / 128 of values up to 255."""
EPSILON = 1e-3
"""Of its batch normalisation."""
CLASSES = 1000


class Stage(NamedTuple):
    """Blocks in a row; the stride is the first one's."""

    blocks: int
    kernel: int
    stride: int
    expansion: int
    width: int


LITE2 = (
    Stage(1, 3, 1, 1, 16),
    Stage(3, 3, 2, 6, 24),
    Stage(3, 5, 2, 6, 48),
    Stage(4, 3, 2, 6, 88),
    Stage(4, 5, 1, 6, 120),
    Stage(5, 5, 2, 6, 208),
    Stage(1, 3, 1, 6, 352),
)
STEM, HEAD = 32, 1280
"""Widths of the first and the last convolution, which Lite does not scale."""
IMAGES_AT_ONCE = 8
"""A batch of videos has many frames, and each takes 6 MB at the widest layer in float32."""


class SamePadded(nn.Conv2d):
    """A convolution with TensorFlow's padding: the output is the input's size over the stride, rounded up.

    What cannot be halved is more on the right and below.
    """

    def forward(self, pixels: Tensor) -> Tensor:
        """(image, channel, height, width)."""
        sides: list[int] = []
        for length, kernel, stride in zip(pixels.shape[:1:-1], self.kernel_size, self.stride, strict=True):
            missing = max((-(-length // stride) - 1) * stride + kernel - length, 0)
            sides += [missing // 2, missing - missing // 2]
        return super().forward(pad(pixels, sides) if any(sides) else pixels)


class InvertedResidual(nn.Module):
    """Expand, look at each channel by itself, project; added to what came in where the shape is the same."""

    def __init__(self, width: int, kernel: int, stride: int, expansion: int, out: int) -> None:
        super().__init__()
        inner = width * expansion
        self.expand = SamePadded(width, inner, 1) if expansion > 1 else None
        self.depthwise = SamePadded(inner, inner, kernel, stride, groups=inner)
        self.project = SamePadded(inner, out, 1)
        self.adds = stride == 1 and width == out

    def forward(self, x: Tensor) -> Tensor:
        inner = x if self.expand is None else relu6(self.expand(x))
        out = self.project(relu6(self.depthwise(inner)))
        return x + out if self.adds else out


class VisionEncoder(nn.Module):
    """The network, with the classifier that it was trained with."""

    def __init__(
        self, stages: Sequence[Sequence[int]] = LITE2, stem: int = STEM, head: int = HEAD, classes: int = CLASSES
    ) -> None:
        super().__init__()
        self.stem = SamePadded(3, stem, 3, 2)
        blocks, width = [], stem
        for stage in map(Stage._make, stages):
            for number in range(stage.blocks):
                stride = stage.stride if number == 0 else 1
                blocks.append(InvertedResidual(width, stage.kernel, stride, stage.expansion, stage.width))
                width = stage.width
        self.blocks = nn.Sequential(*blocks)
        self.head = SamePadded(width, head, 1)
        self.classifier = nn.Linear(head, classes)

    def forward(self, pixels: Tensor) -> Tensor:
        """Features before pooling: (image, width of the head, height / 32, width / 32). pixels: normalised."""
        parts = [self.head(self.blocks(relu6(self.stem(part)))) for part in pixels.split(IMAGES_AT_ONCE)]
        return relu6(torch.cat(parts))

    def classify(self, pixels: Tensor) -> Tensor:
        """Logits of ImageNet's classes: (image, class)."""
        return self.classifier(self(pixels).mean((2, 3)))


_PARTS = {
    "_expand_conv": ("expand", "_bn0"),
    "_depthwise_conv": ("depthwise", "_bn1"),
    "_project_conv": ("project", "_bn2"),
}


def folded(published: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A `VisionEncoder`'s state dict of a checkpoint of efficientnet-lite-pytorch, batch normalisation folded in.

    Raises KeyError where it is of another layout.
    """
    found = {"classifier.weight": published["_fc.weight"], "classifier.bias": published["_fc.bias"]}

    def fold(into: str, convolution: str, norm: str) -> None:
        weight, bias, mean, variance = (
            published[f"{norm}.{name}"].double() for name in ("weight", "bias", "running_mean", "running_var")
        )
        scale = weight / torch.sqrt(variance + EPSILON)
        found[f"{into}.weight"] = (published[f"{convolution}.weight"].double() * scale[:, None, None, None]).float()
        found[f"{into}.bias"] = (bias - mean * scale).float()

    fold("stem", "_conv_stem", "_bn0")
    fold("head", "_conv_head", "_bn1")
    for key in published:
        if key.startswith("_blocks.") and key.endswith("_conv.weight"):
            _, number, part, _ = key.split(".")
            ours, norm = _PARTS[part]
            fold(f"blocks.{number}.{ours}", f"_blocks.{number}.{part}", f"_blocks.{number}.{norm}")
    return found
