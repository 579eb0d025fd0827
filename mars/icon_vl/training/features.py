"""What the vision encoder sees in the drawings, pooled as the connector takes it: computed once, before training.

    python -m mars.icon_vl.training.features            # runs/icon/features/, some files a set; goes on where it was

A view is a drawing on one ground, at one size and turn, or a video into which it comes. The views of training are
numbered from 0; a drawing that is drawn anew for a test has another number than those.
"""

import json
import random
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
from mars.icon_vl.training.drawing_sets import SETS, Drawings, draw, draw_video, fetch_sets
from mars.icon_vl.training.things import SEED, Thing, read_things
from mars.icon_vl.vision_encoder import IMAGE_MEAN, IMAGE_STD, VisionEncoder

WORK = Path("runs") / "icon"
VIEWS, ICON_VIEWS = 3, 15
"""Of each drawing of a set for training, and of one in a single colour, which no other vendor draws; of the others
one."""
VIDEO, VIDEO_VENDORS = "-video", 2
"""What the files of a set's videos are called after it, and how many vendors' drawings of a thing come into one."""
SHARD, VIDEO_SHARD = 480, 60
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


def video_views(things: Sequence[Thing], source: str) -> list[View]:
    """A view of each thing whose video is of this set, by lot among those for training; one drawing of each."""
    found = []
    for thing in things:
        lot = random.Random(f"{SEED} video {thing.name}")
        sources = [name for name in thing.drawings if SETS[name].role == "train"]
        if source in lot.sample(sources, min(VIDEO_VENDORS, len(sources))):
            found.append(View(thing.name, lot.choice(thing.drawings[source]), 0))
    return found


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
    """Compute what is not in the folder yet: of each set its images, and its videos, some in a file."""
    folder.mkdir(parents=True, exist_ok=True)

    def images(source: str, views: Sequence[View]) -> Tensor:
        return features_of(encoder, connector, [draw(sets, source, view.drawing, view.number) for view in views])

    def videos(source: str, views: Sequence[View]) -> Tensor:
        drawn = [draw_video(sets, source, view.drawing, view.number) for view in views]
        pooled = features_of(encoder, connector, [frame for video in drawn for frame in video.frames])
        return pooled.unflatten(0, (len(views), -1))

    wanted = [(source, source, views_of(things, source, view_count(source)), SHARD, images) for source in sets] + [
        (source + VIDEO, source, video_views(things, source), VIDEO_SHARD, videos) for source in sets
    ]
    done, total = 0, sum(len(views) for _, _, views, _, _ in wanted)
    for name, source, all_views, shard, pooled in wanted:
        for start in range(0, len(all_views), shard):
            some = all_views[start : start + shard]
            path = folder / f"{name}-{start // shard:03}.safetensors"
            if not path.is_file() or _views_in(path) != some:
                atomic_write(path, save({"pooled": pooled(source, some)}, {"views": json.dumps(some)}))
            done += len(some)
            progress("views", done, total)
        for path in _files(folder, name)[-(-len(all_views) // shard) :]:
            path.unlink()  # of a run with more views


def _files(folder: Path, name: str) -> list[Path]:
    return sorted(folder.glob(f"{name}-[0-9][0-9][0-9].safetensors"))


def _views_in(path: Path) -> list[View]:
    with safe_open(path, "pt") as file:
        return [View(*view) for view in json.loads(file.metadata()["views"])]


def read_features(folder: Path, source: str) -> Iterator[tuple[View, Tensor]]:
    """Each view of a set, or of its videos, with its pooled features: half precision, (positions, channel) or (frame,
    positions, channel)."""
    for path in _files(folder, source):
        yield from zip(_views_in(path), load_file(path)["pooled"], strict=True)


class Pictures(NamedTuple):
    """Images or videos of things, as the vision encoder sees them."""

    pooled: Tensor
    """(picture, positions, channel) or (picture, frame, positions, channel), half precision."""
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
