"""What the vision encoder sees in the drawings, pooled as the connector takes it: computed once, before training.

    python -m mars.icon_vl.training.features            # runs/icon/features/, some files a set; goes on where it was

A view is a drawing on one ground, at one size and turn. The views of training are numbered from 0; a drawing that is
drawn anew for a test has another number than those.
"""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file, save
from torch import Tensor

from mars.atomic_file import atomic_write
from mars.icon_vl.fetching import Progress
from mars.icon_vl.folder import SHIPPED
from mars.icon_vl.model import Connector, IconVLConfig
from mars.icon_vl.training.drawing_sets import SETS, Drawings, draw, fetch_sets
from mars.icon_vl.training.things import Thing, read_things
from mars.icon_vl.vision_encoder import IMAGE_MEAN, IMAGE_STD, VisionEncoder

WORK = Path("runs") / "icon"
VIEWS, ICON_VIEWS = 3, 15
"""Of each drawing of a set for training, and of one in a single colour, which no other vendor draws; of the others
one."""
SHARD = 480
"""Views in a file: what is computed again, at most, where a run is interrupted."""
BATCH = 32


class View(NamedTuple):
    """One picture of a thing."""

    thing: str
    drawing: str
    """Its name in the set."""
    number: int


def view_count(source: str) -> int:
    """Views of each drawing of a set."""
    if SETS[source].role == "test":
        return 1
    return ICON_VIEWS if source == "game-icons" else VIEWS


def views_of(things: Sequence[Thing], source: str, count: int) -> list[View]:
    """All views of one set, in order."""
    return [
        View(thing.name, name, number)
        for thing in things
        for name in thing.drawings.get(source, ())
        for number in range(count)
    ]


def shipped_encoder() -> VisionEncoder:
    """The vision encoder that comes with the package, in float32."""
    weights = load_file(SHIPPED / "vision_encoder.safetensors")
    encoder = VisionEncoder().eval().requires_grad_(False)
    encoder.load_state_dict({name.removeprefix("vision_encoder."): value.float() for name, value in weights.items()})
    return encoder


def pixels_of(images: Sequence[Image.Image]) -> Tensor:
    """Images of the encoder's size, normalised as the processor does: (image, 3, height, width)."""
    values = np.stack([np.asarray(image.convert("RGB"), dtype=np.float32) for image in images]) / 255
    return torch.from_numpy((values - IMAGE_MEAN) / IMAGE_STD).permute(0, 3, 1, 2).float().contiguous()


@torch.inference_mode()
def features_of(encoder: VisionEncoder, connector: Connector, images: Sequence[Image.Image]) -> Tensor:
    """Pooled features in half precision: (image, positions, channel)."""
    batches = [images[start : start + BATCH] for start in range(0, len(images), BATCH)]
    return torch.cat([connector.pooled(encoder(pixels_of(batch))).half() for batch in batches])


def write_features(
    folder: Path,
    things: Sequence[Thing],
    sets: Mapping[str, Drawings],
    encoder: VisionEncoder,
    connector: Connector,
    progress: Progress = lambda *_: None,
) -> None:
    """Compute what is not in the folder yet, a file for SHARD views of a set."""
    folder.mkdir(parents=True, exist_ok=True)
    wanted = {source: views_of(things, source, view_count(source)) for source in sets}
    done, total = 0, sum(map(len, wanted.values()))
    for source, all_views in wanted.items():
        for start in range(0, len(all_views), SHARD):
            some = all_views[start : start + SHARD]
            path = folder / f"{source}-{start // SHARD:03}.safetensors"
            if not path.is_file() or _views_in(path) != some:
                images = [draw(sets, source, view.drawing, view.number) for view in some]
                pooled = features_of(encoder, connector, images)
                atomic_write(path, save({"pooled": pooled}, {"views": json.dumps(some)}))
            done += len(some)
            progress("views", done, total)
        for path in sorted(folder.glob(f"{source}-*.safetensors"))[-(-len(all_views) // SHARD) :]:
            path.unlink()  # of a run with more views


def _views_in(path: Path) -> list[View]:
    with safe_open(path, "pt") as file:
        return [View(*view) for view in json.loads(file.metadata()["views"])]


def read_features(folder: Path, source: str) -> Iterator[tuple[View, Tensor]]:
    """Each view of a set with its pooled features: (positions, channel), half precision."""
    for path in sorted(folder.glob(f"{source}-[0-9][0-9][0-9].safetensors")):
        yield from zip(_views_in(path), load_file(path)["pooled"], strict=True)


class Pictures(NamedTuple):
    """Pictures of things, as the vision encoder sees them."""

    pooled: Tensor
    """(picture, positions, channel), half precision."""
    things: Tensor
    """Of each picture the number of its thing: (picture,)."""


def read_pictures(folder: Path, source: str, names: Sequence[str]) -> Pictures:
    """All views of a set. Raises ValueError where its features were not computed."""
    number = {name: index for index, name in enumerate(names)}
    found = [(pooled, number[view.thing]) for view, pooled in read_features(folder, source)]
    if not found:
        raise ValueError(f"{folder} has no features of {source}: python -m mars.icon_vl.training.features first.")
    return Pictures(torch.stack([pooled for pooled, _ in found]), torch.tensor([index for _, index in found]))


def joined(parts: Sequence[Pictures]) -> Pictures:
    """Pictures of several sets in one."""
    return Pictures(torch.cat([part.pooled for part in parts]), torch.cat([part.things for part in parts]))


def main() -> None:
    torch.set_num_threads(1)
    write_features(
        WORK / "features",
        read_things(),
        fetch_sets(WORK / "sets"),
        shipped_encoder(),
        Connector(IconVLConfig()),
        lambda step, done, total: print(f"{step}: {done} of {total}", file=sys.stderr, flush=True),
    )


if __name__ == "__main__":
    main()
