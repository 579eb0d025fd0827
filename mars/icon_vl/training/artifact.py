"""What is shipped of Icon-VL after training: the connector in half precision, and the artifact fitted with it.

    python -m mars.icon_vl.training.artifact    # writes assets/icon-vl/, from runs/icon/distillation.safetensors

What decides is text and meaningless media, as for any model. The clouds are drawings with requests for validation,
so that the layouts, probes and figures beside them open nothing of the test; into a video a drawing comes.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file, save

from mars.artifact.artifact import Artifact
from mars.atomic_file import atomic_write
from mars.bundled import ARTIFACT, REQUESTS
from mars.datasets.contrast import ContrastSet, read_contrast
from mars.fitting.prompts import CloudPrompt, cloud_texts
from mars.icon_vl.folder import CONNECTOR, SHIPPED
from mars.icon_vl.training.drawing_sets import Drawings, draw, draw_video, fetch_sets
from mars.icon_vl.training.features import WORK
from mars.icon_vl.training.things import Thing, read_things
from mars.icon_vl.training.wordings import read_wordings
from mars.media.prompt import Prompt
from mars.types import MODALITIES

SET = "game-icons"
"""The vendor of all drawings in the clouds: it draws all harmful things, and manner must not tell them apart."""
POINTS = 64
"""Of a cloud of images or videos at most."""
VIEW = 3000
"""Number of a drawing's view that the clouds show, and nothing else."""


def clouds(things: Sequence[Thing], sets: Mapping[str, Drawings], contrast: ContrastSet) -> list[CloudPrompt]:
    """Points for the layouts: test requests in words, and drawings of things for validation."""
    wordings = read_wordings()["validation"]
    points = []
    for label in ("harmful", "harmless"):
        texts = cloud_texts("text", MODALITIES, label, contrast)
        points += [CloudPrompt(Prompt(text), label, text) for text in texts]
        shown = [
            thing for thing in things if (thing.split, thing.label) == ("validation", label) and SET in thing.drawings
        ]
        for number in range(POINTS):
            thing, wording = shown[number % len(shown)], wordings[number // len(shown) % len(wordings)]
            view = (sets, SET, thing.drawings[SET][0], f"{VIEW} {number}")
            title = f"{wording} + {thing.name}"
            points.append(CloudPrompt(Prompt(wording, image=draw(*view)), label, title))
            points.append(CloudPrompt(Prompt(wording, video=draw_video(*view)), label, title))
    return points


def write_connector(trained: Path, path: Path = SHIPPED / CONNECTOR) -> None:
    """Write a trained connector as the model's own, in half precision."""
    weights = {f"connector.{name}": value.half().contiguous() for name, value in load_file(trained).items()}
    atomic_write(path, save(weights))


def main() -> None:
    from mars.model.loading import load_model

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trained", type=Path, default=WORK / "distillation.safetensors")
    parser.add_argument("--out", type=Path, help="folder of the artifact, where the connector is not shipped")
    options = parser.parse_args()
    if options.out is None:
        write_connector(options.trained)
    lens = load_model("icon-vl", dtype=torch.bfloat16)
    lens.model.connector.load_state_dict(load_file(options.trained))
    contrast = read_contrast(REQUESTS)
    artifact = Artifact.fit(
        lens,
        contrast,
        clouds=clouds(read_things(), fetch_sets(WORK / "sets"), contrast),
        with_umap=True,
        progress=lambda step, done, total: print(f"{step}: {done} of {total}", file=sys.stderr, flush=True),
    )
    artifact.save(options.out or SHIPPED / ARTIFACT)
    print(artifact.scores.reason, *artifact.notes, sep="\n")


if __name__ == "__main__":
    main()
