"""Features of a thousand photographed kinds, from the vision encoder's own classifier: no photograph is needed.

    python -m mars.icon_vl.training.photographed    # how they agree with drawings of the same names

A linear classifier's row says in which direction a kind lies from all others, measured against how features scatter
within a kind: as in Fisher's discriminant, the covariance within kinds times the row points to the mean of the kind.
The covariance is that of drawings, shrunk towards a multiple of the identity, and so are size and scatter; the mean
is what the encoder's last batch normalisation learnt of photographs. This is our construction, and only real
photographs tell what it is worth.
"""

import importlib.util
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import normalize

from mars.icon_vl.training.drawing_sets import SETS
from mars.icon_vl.training.features import WORK, Pictures, joined, read_pictures, shipped_encoder
from mars.icon_vl.training.prototypes import Scatter
from mars.icon_vl.training.published_vision import published
from mars.icon_vl.training.things import Thing, read_things

SHRINKAGE = 3.0
"""Of the covariance, in mean variances; of those in TRIED the one whose prototypes agree best with drawings."""
TRIED = (0.0, 0.1, 0.3, 1.0, 3.0, 10.0)
VIEWS = 6
"""Of each kind."""
WIDEST = 1.5
"""A view lies up to so many times as far from its kind as a drawing does from its thing."""


def kinds() -> list[str]:
    """Names of ImageNet's classes in the classifier's order, as torchvision lists them."""
    package = importlib.util.find_spec("torchvision")  # found, not imported: on some machines it cannot be
    file = Path(package.origin).with_name("models") / "_meta.py"
    spec = importlib.util.spec_from_file_location("torchvision_meta", file)
    listed = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(listed)
    return list(listed._IMAGENET_CATEGORIES)


def photographs_mean(published: Mapping[str, Tensor]) -> Tensor:
    """Mean features of photographs, from the last batch normalisation of the published checkpoint: (channel,).

    What it lets through has mean beta and standard deviation gamma in each channel; of a normal distribution with
    these, the activation (ReLU6) has this mean.
    """
    mean, deviation = published["_bn1.bias"].double(), published["_bn1.weight"].double().abs()
    normal = torch.distributions.Normal(0.0, 1.0)
    low, high = -mean / deviation, (6 - mean) / deviation
    inside = normal.cdf(high) - normal.cdf(low)
    slope = normal.log_prob(low).exp() - normal.log_prob(high).exp()
    return (mean * inside + deviation * slope + 6 * (1 - normal.cdf(high))).float()


def kind_means(classifier: Tensor, drawings: Pictures, centre: Tensor, shrinkage: float = SHRINKAGE) -> Tensor:
    """The mean features of each kind: (kind, channel), not negative as features are.

    classifier: (kind, channel), its rows; drawings: for scatter within things, and how far things lie from their
    centre; centre: mean features of photographs, (channel,).
    """
    scatter = Scatter.of(drawings)
    away = (classifier.float() - classifier.float().mean(0)) @ scatter.covariance(shrinkage)
    reach = (scatter.of_things[drawings.things] - drawings.pooled[:, -1].float().mean(0)).norm(dim=1).mean()
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


def photographed(means: Tensor, drawings: Pictures, numbers: Sequence[int], *, seed: int = 0) -> Pictures:
    """VIEWS pictures of each kind: its mean features, and how a drawing differs from its thing and within itself.

    means: (kind, channel); numbers: of each kind, the number that its pictures have as their thing.
    """
    generator = torch.Generator().manual_seed(seed)
    count = len(means) * VIEWS
    local, scattered = (torch.randint(len(drawings.things), (count,), generator=generator) for _ in range(2))
    cells = drawings.pooled[local].float()
    wide = WIDEST * torch.rand(count, 1, generator=generator)
    whole = means.repeat_interleave(VIEWS, 0) + wide * Scatter.of(drawings).within[scattered]
    pooled = (whole[:, None] + cells - cells[:, -1:]).clamp_min(0).half()
    return Pictures(pooled, torch.tensor(numbers).repeat_interleave(VIEWS))


def drawings_for_training(folder: Path, names: Sequence[str], kind: str = "") -> Pictures:
    """All views of the vendors for training; kind: VIDEO for their videos. Raises ValueError where there are none."""
    sources = [source for source in SETS if SETS[source].role == "train"]
    return joined([read_pictures(folder, source + kind, names) for source in sources])


def images_for_training(folder: Path, things: Sequence[Thing]) -> Pictures:
    """All views of the vendors for training, and the photographed kinds; numbers are of `names_with_kinds`.

    folder: of the features. Raises ValueError where they were not computed, FetchError where the encoder's published
    checkpoint cannot be had.
    """
    names, numbers = names_with_kinds(things)
    drawings = drawings_for_training(folder, names)
    means = kind_means(shipped_encoder().classifier.weight, drawings, photographs_mean(published()))
    return joined([drawings, photographed(means, drawings, numbers)])


def main() -> None:
    things = read_things()
    names, numbers = names_with_kinds(things)
    drawings = drawings_for_training(WORK / "features", names)
    classifier, scatter, centre = shipped_encoder().classifier, Scatter.of(drawings), photographs_mean(published())
    drawn = [(kind, number) for kind, number in enumerate(numbers) if number < len(things)]
    of_kinds, of_things = torch.tensor(drawn).T
    shown = normalize(scatter.of_things[of_things] - drawings.pooled[:, -1].float().mean(0), dim=1)
    _say(f"{len(drawn)} names of both; of the classifier's own answer, {len(classifier.weight)} names:")
    for shrinkage in TRIED:
        found = kind_means(classifier.weight, drawings, centre, shrinkage)
        cosine = (normalize(found - found.mean(0), dim=1)[of_kinds] * shown).sum(1).mean()
        sure = classifier(found).softmax(1).diagonal().mean()
        _say(f"shrinkage {shrinkage:g}: cosine with drawings {cosine:.3f}, probability by the classifier {sure:.2f}")


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    with torch.inference_mode():
        main()
