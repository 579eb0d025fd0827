"""Counts how many prompts are said to lie outside what was fitted: ordinary questions, photographs, the test split.

    python -m scripts.outside --json out/outside.json                                    # Pocket-VL, two minutes
    python -m scripts.outside --model icon-vl --json out/outside-icon.json               # questions and photographs
    python -m scripts.update_docs outside out/outside.json

No bound is fitted here, and none was fitted on any of these prompts: it stands in `mars/analysis/outside.py`.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from PIL import Image

from mars.analysis.outside import BOUND
from mars.artifact.artifact import Artifact
from mars.atomic_file import atomic_write
from mars.datasets.ordinary import read_ordinary
from mars.icon_vl.recognition import unrecognised
from mars.intervals import wilson
from mars.media.neutral import random_image
from mars.media.prompt import Prompt
from mars.model.capture import capture
from mars.model.loaded_model import LoadedModel
from mars.model.loading import load_model
from mars.pocket_vl.outside import POCKET_VL, reasons_outside
from mars.pocket_vl.splits import contrast_set, test_cases
from mars.pocket_vl.world.known import LARGEST_SIDE
from mars.types import MODALITIES

QUESTIONS, PHOTOGRAPHS, SEED = 60, 30, 0
PER_KIND = 100
"""Of Icon-VL's drawings, by lot, at most."""
PER_CELL = 20
"""Cases of each cell of the test split, and meaningless images."""
ASKED = "where can i get the thing in the picture?"
"""Of each photograph: a request of Pocket-VL's world."""
KINDS = ("words", "size", "image")
"""Of reasons, beside the hidden state."""
MISSES = 12
"""Prompts that were decided wrongly, as many as are told."""


class Group(NamedTuple):
    """Prompts that should all be outside, or all inside."""

    name: str
    is_outside: bool | None
    """None for what is shown beside the bars."""
    prompts: list[Prompt]
    titles: list[str]


def questions() -> Group:
    asked = [row.question for row in read_ordinary()[:QUESTIONS]]
    return Group(f"ordinary questions, the first {QUESTIONS}", True, [Prompt(text) for text in asked], asked)


def photographs() -> list[Group]:
    """The first by lot, as they are, and what is left of them when they are cut to small squares."""
    from mars.icon_vl.training.photographs import read_photographs

    found = read_photographs()
    lot = np.random.default_rng(SEED).permutation(len(found))[:PHOTOGRAPHS]
    images, titles = [found[at][1] for at in lot], [found[at][0].name for at in lot]
    as_they_are = [Prompt(ASKED, image=image) for image in images]
    cut = [Prompt(ASKED, image=_square(image)) for image in images]
    return [
        Group(f"photographs, {PHOTOGRAPHS} by lot", True, as_they_are, titles),
        Group(f"the same, cut to squares of {LARGEST_SIDE} pixels", None, cut, titles),
    ]


def clips() -> Group:
    """Filmed videos."""
    from mars.icon_vl.bars.inputs import CAPTION
    from mars.icon_vl.training.clips import read_clips

    found = read_clips()
    prompts = [Prompt(CAPTION["video"], video=video) for _, video in found]
    return Group("filmed videos", None, prompts, [one.name for one, _ in found])


def drawings() -> list[Group]:
    """Drawings of Icon-VL's bars, by vendors that it learnt from, of both splits, and by the one kept out; noise."""
    from mars.icon_vl.bars.inputs import CAPTION, Material, names
    from mars.icon_vl.training.drawing_sets import fetch_sets
    from mars.icon_vl.training.features import WORK
    from mars.icon_vl.training.things import read_things

    meaningless = [Prompt(CAPTION["image"], image=random_image(np.random.default_rng(n))) for n in range(PER_CELL)]
    things, sets = read_things(), fetch_sets(WORK / "sets")
    asked = {split: names(Material(split, things, (), sets, PER_KIND)).inputs for split in ("validation", "test")}
    return [
        *(
            Group(f"drawings of Icon-VL's {split}, {kind}", None, prompts, [CAPTION["image"]] * len(prompts))
            for split, kind in (("validation", "drawn anew"), ("test", "drawn anew"), ("test", "kept-out vendor"))
            if (prompts := [one.case.prompt for one in asked[split] if one.kind == kind])
        ),
        Group("meaningless images", None, meaningless, [CAPTION["image"]] * len(meaningless)),
    ]


def validation() -> Group:
    """Requests in phrasings that no cloud has; those of the test split are phrased as the clouds are."""
    texts = [request.text for request in contrast_set().requests if request.split == "validation"]
    return Group("validation requests, phrased as no cloud is", None, [Prompt(text) for text in texts], texts)


def test_split() -> list[Group]:
    cases = test_cases(PER_CELL)
    kinds = list(dict.fromkeys((case.prompt.modality, case.group) for case in cases))
    of_kind = {kind: [case.prompt for case in cases if (case.prompt.modality, case.group) == kind] for kind in kinds}
    prompts = [prompt for of_one in of_kind.values() for prompt in of_one]
    return [
        Group("Pocket-VL's test split", False, prompts, [f"{one.modality}: {one.text}" for one in prompts]),
        *(
            Group(f"of it {modality}, {group.replace('_', ' ')}", None, ones, [one.text for one in ones])
            for (modality, group), ones in of_kind.items()
        ),
    ]


def measure(model: LoadedModel, artifact: Artifact, groups: Sequence[Group]) -> list[dict[str, Any]]:
    """A row a group: how many are outside, by which reasons, and by the hidden state alone."""
    rows, seen = [], {}
    for group in groups:
        new = [prompt for prompt in group.prompts if id(prompt) not in seen]
        if new:
            seen |= {id(one): values for one, values in zip(new, capture(model, new).values, strict=True)}
        reasons = [
            [
                reason.kind
                for reason in (
                    unrecognised(model, prompt),
                    *reasons_outside(model.name, artifact, prompt, seen[id(prompt)]),
                )
                if reason
            ]
            for prompt in group.prompts
        ]
        by_state = 0
        for modality in MODALITIES:
            of_it = [seen[id(prompt)] for prompt in group.prompts if prompt.modality == modality]
            share = artifact.outlyingness(torch.stack(of_it), modality) if of_it else None
            by_state += 0 if share is None else int((share >= BOUND).sum())
        outside = [bool(of_one) for of_one in reasons]
        wrong = [title for title, found in zip(group.titles, outside, strict=True) if found != group.is_outside]
        rows.append(
            {
                "group": group.name,
                "should_be_outside": group.is_outside,
                "n": len(outside),
                "outside": sum(outside),
                **wilson(sum(outside), len(outside))._asdict(),
                "reasons": {kind: sum(kind in of_one for of_one in reasons) for kind in KINDS},
                "hidden_state": by_state,
                "wrong": wrong[:MISSES] if group.is_outside is not None else [],
            }
        )
    return rows


def _square(image: Image.Image) -> Image.Image:
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    return image.crop((left, top, left + side, top + side)).resize((LARGEST_SIDE, LARGEST_SIDE))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m scripts.outside", description=__doc__.splitlines()[0])
    parser.add_argument("--model", default=POCKET_VL, help="bundled name or folder (default: %(default)s)")
    parser.add_argument("--json", type=Path, help="file for what was counted")
    options = parser.parse_args()
    model = load_model(options.model, dtype=None if options.model == POCKET_VL else torch.bfloat16)
    artifact = Artifact.load(options.model, model)
    groups = [questions()]
    if model.name == POCKET_VL:
        groups += [*photographs(), *test_split(), validation()]
    else:  # which is to answer them
        groups = [
            groups[0]._replace(is_outside=False),
            photographs()[0]._replace(is_outside=None),
            clips(),
            *drawings(),
        ]
    rows = measure(model, artifact, groups)
    for row in rows:
        print(
            f"{row['group']}: {row['outside']} of {row['n']} outside, {row['hidden_state']} by the hidden state alone"
        )
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        found = {"model": model.name, "bound": BOUND, "layers": artifact.layers_around(), "rows": rows}
        atomic_write(options.json, (json.dumps(found, indent=1, ensure_ascii=False) + "\n").encode())


if __name__ == "__main__":
    main()
