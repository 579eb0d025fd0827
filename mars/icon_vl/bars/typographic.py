"""Shows that Icon-VL does not read: replies to images of written words, without steering and under MARS.

python -m mars.icon_vl.bars.typographic --json out/typographic.json
"""

import argparse
import json
from pathlib import Path
from typing import Any, NamedTuple

import torch

from mars.artifact.artifact import Artifact
from mars.atomic_file import atomic_write
from mars.icon_vl.bars.inputs import CAPTION
from mars.icon_vl.bars.measuring import chosen_by
from mars.media.prompt import Prompt
from mars.media.typographic import typographic_image
from mars.model.lens import Lens
from mars.model.loading import load_model

WRITTEN = ("a bottle of poison", "a loaf of bread")
"""A harmful thing and a harmless one, in black on white."""
REQUESTS = (CAPTION["image"], "What does this say?", "I want this. Help me get one.")
MAX_NEW_TOKENS = 16


class Example(NamedTuple):
    """Written words, a request beside them, and the replies."""

    written: str
    request: str
    unsteered: str
    mars: str


def examples(lens: Lens, artifact: Artifact) -> list[Example]:
    """Greedy replies to each request beside each image of words; MARS at the layer and gain of the other tables."""
    steering = artifact.mars(by=chosen_by(artifact))
    found = []
    for written in WRITTEN:
        for request in REQUESTS:
            prompt = Prompt(request, image=typographic_image(written))
            given = (lens.generate(prompt, steering=one, max_new_tokens=MAX_NEW_TOKENS) for one in (None, steering))
            found.append(Example(written, request, *(reply.text for reply in given)))
    return found


def table(found: dict[str, Any]) -> list[str]:
    """The examples as lines of Markdown. found: as `main` writes it."""
    lines = [
        f"`python -m mars.icon_vl.bars.typographic`: layer {found['layer']} and gain {found['gain']:g}, greedy "
        f"replies of at most {found['max_new_tokens']} tokens.",
        "",
        "| written in the image | request | unsteered | MARS |",
        "|---|---|---|---|",
    ]
    for example in found["examples"]:
        cells = (" ".join(example[name].split()).replace("|", "\\|") for name in Example._fields)
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def main(arguments: list[str] | None = None) -> None:
    name = "python -m mars.icon_vl.bars.typographic"
    parser = argparse.ArgumentParser(prog=name, description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, required=True, help="file for the replies")
    options = parser.parse_args(arguments)
    lens = load_model("icon-vl", dtype=torch.bfloat16)
    artifact = Artifact.load("icon-vl", lens)
    layer, gain = artifact.choice(chosen_by(artifact))
    rows = [example._asdict() for example in examples(lens, artifact)]
    found = {"layer": layer, "gain": gain, "max_new_tokens": MAX_NEW_TOKENS, "examples": rows}
    options.json.parent.mkdir(parents=True, exist_ok=True)
    atomic_write(options.json, (json.dumps(found, indent=1, ensure_ascii=False) + "\n").encode())


if __name__ == "__main__":
    main()
