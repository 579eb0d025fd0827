"""Features of photographed kinds from a classifier: they point where the features of each kind lie."""

import pytest
import torch
from torch.nn.functional import normalize, relu6

from mars.icon_vl.training.features import Pictures
from mars.icon_vl.training.photographed import (
    VIEWS,
    kind_means,
    kinds,
    names_with_kinds,
    photographed,
    photographs_mean,
)
from mars.icon_vl.training.prototypes import Scatter
from mars.icon_vl.training.things import read_things

KINDS, CHANNELS = 6, 24


@pytest.fixture
def drawings():
    looks = 4 * torch.rand(KINDS, CHANNELS)
    things = torch.arange(KINDS).repeat(40)
    scatter = torch.rand(CHANNELS)  # another variance in each channel
    pooled = looks[things][:, None] + scatter * torch.randn(len(things), 5, CHANNELS)
    return Pictures(pooled.clamp_min(0), things)


def test_means_lie_where_the_kinds_that_the_classifier_knows_lie(drawings):
    scatter = Scatter.of(drawings)
    means, centre = scatter.of_things, drawings.pooled[:, -1].mean(0)
    rows = means @ torch.linalg.inv(scatter.covariance(0.0))  # the best linear classifier of these drawings
    found = kind_means(rows, drawings, centre, 0.0)
    cosine = (normalize(found - centre, dim=1) * normalize(means - centre, dim=1)).sum(1)
    straight = (normalize(rows - rows.mean(0), dim=1) * normalize(means - centre, dim=1)).sum(1)
    assert cosine.min() > 0.85 and cosine.mean() > straight.mean() + 0.05
    moved = kind_means(rows, drawings, centre + 1, 0.0)
    assert torch.allclose(moved[found > 0], found[found > 0] + 1, atol=1e-4)


def test_the_mean_of_photographs_is_that_of_the_activation_of_what_the_normalisation_lets_through():
    published = {"_bn1.bias": torch.tensor([-2.0, 0.0, 3.0, 9.0]), "_bn1.weight": torch.tensor([1.0, -2.0, 2.0, 3.0])}
    drawn = published["_bn1.bias"] + published["_bn1.weight"] * torch.randn(400_000, 4)
    assert torch.allclose(photographs_mean(published), relu6(drawn).mean(0), atol=0.02)


def test_pictures_of_kinds_are_features_in_number_and_range(drawings):
    means = 3 + torch.rand(3, CHANNELS)
    made = photographed(means, drawings, [7, 0, 9])
    assert made.things.tolist() == [7] * VIEWS + [0] * VIEWS + [9] * VIEWS
    assert made.pooled.shape == (3 * VIEWS, 5, CHANNELS) and made.pooled.min() >= 0
    apart = made.pooled[:VIEWS, -1].float() - means[0]
    assert len(torch.unique(apart, dim=0)) == VIEWS and float(apart.abs().mean()) < 2
    assert not torch.equal(made.pooled, photographed(means, drawings, [7, 0, 9], seed=1).pooled)


def test_a_kind_that_is_drawn_has_the_number_of_its_drawings():
    things = read_things()
    names, numbers = names_with_kinds(things)
    listed = kinds()
    assert len(listed) == len(numbers) == 1000 and len(set(names)) == len(names)
    assert names[: len(things)] == [thing.name for thing in things]
    assert all(names[number].lower() == kind.lower() for kind, number in zip(listed, numbers, strict=True))
    assert names.index("strawberry") < len(things) <= names.index("tench")
