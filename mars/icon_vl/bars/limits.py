"""What limits the effect on Icon-VL by layer: vision encoder and connector, the direction, or the layer of the edit.

At every layer: how well s along the direction of text tells harmful things from harmless ones, of the name in words
at the visual positions, of the image and of the video, each re-centred; and what MARS at that layer, with several
gains, does to the first token. Where words are told apart and images are not, vision encoder or connector limit;
where both are and steering does nothing, the layer does.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from mars.artifact.artifact import Artifact
from mars.atomic_file import atomic_write
from mars.effect.by_layer import steering_effect
from mars.effect.sweep import sweep
from mars.geometry.bootstrap import DRAWS, ENDS
from mars.geometry.layer_selection import eligible_layers
from mars.icon_vl.bars.inputs import PARTS, Input, Kind, Material
from mars.model.capture import capture
from mars.model.loaded_model import LoadedModel
from mars.types import Label

KINDS: tuple[Kind, ...] = ("direct", "in place", "image", "in place of a video", "video")
STEERED: tuple[Kind, ...] = ("direct", "in place", "image", "video")
"""What is steered at every layer; words in the place of a video are much like those in the place of an image."""
GAINS = (0.5, 1.0, 2.0, 4.0)
STEERED_THINGS = 24
"""Things of a label at most that are steered at every layer, with one wording each: the first ones of the split."""

Progress = Callable[[str, int, int], None]


class Separation(NamedTuple):
    """How well one kind of input tells harmful things from harmless ones, at every layer."""

    auc: list[tuple[float, float, float]]
    """Area under the ROC curve of s with its bootstrap interval over things: (layer, 3)."""
    medians: dict[Label, list[float]]
    """Median of s by label: (layer,)."""


def things_apart(scores: Tensor, things: Sequence[str], is_harmful: Sequence[bool], seed: int = 0) -> Tensor:
    """Area under the ROC curve and its bootstrap interval over things: (input, layer) -> (layer, 3).

    A thing is drawn with all of its inputs; ties count half.
    """
    parts = []
    for label in (True, False):
        names = list(dict.fromkeys(name for name, one in zip(things, is_harmful, strict=True) if one == label))
        rows = [
            [row for row, name in enumerate(things) if name == each and is_harmful[row] == label] for each in names
        ]
        parts.append([scores[which] for which in rows])
    harmful, harmless = parts
    wins = torch.stack([torch.stack([_wins(above, below) for below in harmless]) for above in harmful])
    generator = torch.Generator().manual_seed(seed)
    drawn = []
    for _ in range(DRAWS):
        rows, columns = (torch.randint(size, (size,), generator=generator) for size in wins.shape[:2])
        drawn.append(wins[rows][:, columns].mean((0, 1)))
    ends = torch.quantile(torch.stack(drawn), torch.tensor(ENDS, dtype=scores.dtype), dim=0)
    return torch.stack([wins.mean((0, 1)), *ends], dim=-1)


def _wins(above: Tensor, below: Tensor) -> Tensor:
    """Share of pairs in which the first is greater: (input, layer) both -> (layer,)."""
    difference = above[:, None] - below[None]
    return ((difference > 0).to(above) + 0.5 * (difference == 0).to(above)).mean((0, 1))


def separations(
    lens: LoadedModel, artifact: Artifact, inputs: Sequence[Input], progress: Progress
) -> dict[str, Separation]:
    """Every kind of input at every layer, without steering."""
    found = {}
    for kind in KINDS:
        some = [each for each in inputs if each.kind == kind]
        prompts = [each.case.prompt for each in some]
        values = capture(lens, prompts, progress=lambda done, total, kind=kind: progress(kind, done, total)).values
        scores = artifact.coordinates(values, prompts[0].modality, recentered=True)
        is_harmful = torch.tensor([each.case.label == "harmful" for each in some])
        area = things_apart(scores, [each.thing for each in some], is_harmful.tolist())
        medians = {"harmful": scores[is_harmful], "harmless": scores[~is_harmful]}
        found[kind] = Separation(
            [tuple(row) for row in area.tolist()],
            {name: of.median(0).values.tolist() for name, of in medians.items()},
        )
    return found


def effects(
    lens: LoadedModel, artifact: Artifact, inputs: Sequence[Input], progress: Progress
) -> dict[str, dict[str, Any]]:
    """By kind: how P_ref at the first token rises, (layer, gain, 3) by label with bootstrap intervals over things."""
    found = {}
    for kind in STEERED:
        maps: dict[Label, list] = {"harmful": [], "harmless": []}
        some = [each for each in inputs if each.kind == kind]
        for number, each in enumerate(some):
            maps[each.case.label].append(sweep(lens, artifact, each.case.prompt, gains=GAINS))
            progress(f"steering, {kind}", number + 1, len(some))
        effect = steering_effect(maps, eligible_layers(lens.n_layers))
        found[kind] = {
            "rise": {label: values.tolist() for label, values in effect.rise.items()},
            "unsteered": effect.unsteered,
            "things": effect.texts,
        }
    return found


def steered(material: Material, inputs: Sequence[Input]) -> list[Input]:
    """Those of one wording and of the first things of each label."""
    kept = {
        label: {thing.name for thing in material.of_split(label)[:STEERED_THINGS]}
        for label in ("harmful", "harmless")
    }
    return [each for each in inputs if each.wording == material.wordings[0] and each.thing in kept[each.case.label]]


def limits(
    lens: LoadedModel,
    artifact: Artifact,
    material: Material,
    progress: Progress = lambda step, done, total: None,  # noqa: ARG005
) -> dict[str, Any]:
    """All of it, as JSON values: split, identity, layer, auc and medians by kind, and the effect by kind."""
    inputs = [each for name in ("twins", "video-twins") for each in PARTS[name](material).inputs]
    return {
        "split": material.split,
        "identity": {"model": lens.name, "dtype": str(lens.dtype), "artifact": artifact.hash},
        "layer": artifact.layer,
        "gains": list(GAINS),
        "separation": {
            kind: found._asdict() for kind, found in separations(lens, artifact, inputs, progress).items()
        },
        "effect": effects(lens, artifact, steered(material, inputs), progress),
    }


def write_limits(path: Path, found: Mapping[str, Any]) -> None:
    """Write them with as many digits as they are worth."""
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic_write(path, (json.dumps(_rounded(found)) + "\n").encode())


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 4)
    if isinstance(value, Mapping):
        return {name: _rounded(each) for name, each in value.items()}
    return [_rounded(each) for each in value] if isinstance(value, list | tuple) else value
