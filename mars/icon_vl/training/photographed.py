"""Features of a thousand photographed kinds, from the vision encoder's own classifier: no photograph is needed.

    python -m mars.icon_vl.training.photographed    # how they agree with drawings of the same names

A linear classifier's row says in which direction a kind lies from all others, measured against how features scatter
within a kind: as in Fisher's discriminant, the covariance within kinds times the row points to the mean of the kind.
The covariance is that of drawings, shrunk towards a multiple of the identity, and so are mean, size and scatter; this
is our construction, and only real photographs tell what it is worth.
"""

import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import normalize

from mars.icon_vl.training.drawing_sets import SETS
from mars.icon_vl.training.features import WORK, Pictures, joined, read_pictures, shipped_encoder
from mars.icon_vl.training.things import Thing, read_things

SHRINKAGE = 3.0
"""Of the covariance, in mean variances; of those in TRIED the one whose prototypes agree best with drawings."""
TRIED = (0.0, 0.1, 0.3, 1.0, 3.0, 10.0)
VIEWS = 3
"""Of each kind, as a drawing has."""


def kinds() -> list[str]:
    """Names of ImageNet's classes in the classifier's order, as torchvision lists them."""
    package = importlib.util.find_spec("torchvision")  # found, not imported: on some machines it cannot be
    file = Path(package.origin).with_name("models") / "_meta.py"
    spec = importlib.util.spec_from_file_location("torchvision_meta", file)
    listed = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(listed)
    return list(listed._IMAGENET_CATEGORIES)


def means_of_things(drawings: Pictures) -> Tensor:
    """Mean features of the drawings of each thing: (thing, channel)."""
    means = drawings.pooled[:, -1].float()
    count = int(drawings.things.max()) + 1
    sums = torch.zeros(count, means.shape[1]).index_add_(0, drawings.things, means)
    return sums / torch.bincount(drawings.things, minlength=count).clamp_min(1)[:, None]


def prototypes(classifier: Tensor, drawings: Pictures, shrinkage: float = SHRINKAGE) -> Tensor:
    """The mean features of each kind: (kind, channel), not negative as features are.

    classifier: (kind, channel), its rows; drawings: for mean, scatter within things, and how far things lie from the
    mean.
    """
    means, of_things = drawings.pooled[:, -1].float(), means_of_things(drawings)
    within = means - of_things[drawings.things]
    covariance = within.T @ within / len(within)
    covariance.diagonal().add_(shrinkage * covariance.diagonal().mean())
    centre = means.mean(0)
    away = (classifier.float() - classifier.float().mean(0)) @ covariance
    reach = (of_things[drawings.things] - centre).norm(dim=1).mean()
    return (centre + away * (reach / away.norm(dim=1).mean())).clamp_min(0)


def names_with_kinds(things: Sequence[Thing]) -> tuple[list[str], list[int]]:
    """Names of the things and then of the kinds that are none of them; and of each kind the number of its name."""
    names = [thing.name for thing in things]
    number = {name: index for index, name in enumerate(names)}
    numbers = []
    for kind in kinds():
        if kind.lower() not in number:
            number[kind.lower()] = len(names)
            names.append(kind)
        numbers.append(number[kind.lower()])
    return names, numbers


def photographed(classifier: Tensor, drawings: Pictures, numbers: Sequence[int], *, seed: int = 0) -> Pictures:
    """VIEWS pictures of each kind: its mean features, and at each position what a drawing's differ from its own mean.

    numbers: of each kind, the number that its pictures have as their thing.
    """
    dice = torch.Generator().manual_seed(seed)
    of_kinds = prototypes(classifier, drawings).repeat_interleave(VIEWS, 0)
    drawn = torch.randint(len(drawings.things), (len(of_kinds),), generator=dice)
    pooled = drawings.pooled[drawn].float()
    local = pooled - pooled[:, -1:]
    return Pictures((of_kinds[:, None] + local).clamp_min(0).half(), torch.tensor(numbers).repeat_interleave(VIEWS))


def pictures_for_training(folder: Path, things: Sequence[Thing]) -> Pictures:
    """All views of the vendors for training, and the photographed kinds; numbers are of `names_with_kinds`.

    folder: of the features. Raises ValueError where they were not computed.
    """
    names, numbers = names_with_kinds(things)
    drawings = joined([read_pictures(folder, source, names) for source in SETS if SETS[source].role == "train"])
    return joined([drawings, photographed(shipped_encoder().classifier.weight, drawings, numbers)])


def main() -> None:
    things = read_things()
    names, numbers = names_with_kinds(things)
    drawings = joined(
        [read_pictures(WORK / "features", source, names) for source in SETS if SETS[source].role == "train"]
    )
    classifier = shipped_encoder().classifier
    drawn = [(kind, number) for kind, number in enumerate(numbers) if number < len(things)]
    of_kinds, of_things = torch.tensor(drawn).T
    shown = normalize(means_of_things(drawings)[of_things] - drawings.pooled[:, -1].float().mean(0), dim=1)
    _say(f"{len(drawn)} names of both; of the classifier's own answer, {len(classifier.weight)} names:")
    for shrinkage in TRIED:
        found = prototypes(classifier.weight, drawings, shrinkage)
        cosine = (normalize(found - found.mean(0), dim=1)[of_kinds] * shown).sum(1).mean()
        sure = classifier(found).softmax(1).diagonal().mean()
        _say(f"shrinkage {shrinkage:g}: cosine with drawings {cosine:.3f}, probability by the classifier {sure:.2f}")


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    with torch.inference_mode():
        main()
