"""Features of photographed kinds from a classifier: they point where the features of each kind lie."""

import pytest
import torch
from torch.nn.functional import normalize

from mars.icon_vl.training.features import Pictures
from mars.icon_vl.training.photographed import (
    VIEWS,
    kinds,
    means_of_things,
    names_with_kinds,
    photographed,
    prototypes,
)
from mars.icon_vl.training.things import read_things

KINDS, CHANNELS = 6, 24


@pytest.fixture
def drawings():
    looks = 4 * torch.rand(KINDS, CHANNELS)
    things = torch.arange(KINDS).repeat(40)
    scatter = torch.rand(CHANNELS)  # another variance in each channel
    pooled = looks[things][:, None] + scatter * torch.randn(len(things), 5, CHANNELS)
    return Pictures(pooled.clamp_min(0), things)


def test_prototypes_lie_where_the_kinds_that_the_classifier_knows_lie(drawings):
    means = means_of_things(drawings)
    within = drawings.pooled[:, -1] - means[drawings.things]
    rows = means @ torch.linalg.inv(within.T @ within / len(within))  # the best linear classifier of these drawings
    centre = drawings.pooled[:, -1].mean(0)
    cosine = (normalize(prototypes(rows, drawings, 0.0) - centre, dim=1) * normalize(means - centre, dim=1)).sum(1)
    straight = (normalize(rows - rows.mean(0), dim=1) * normalize(means - centre, dim=1)).sum(1)
    assert cosine.min() > 0.85 and cosine.mean() > straight.mean() + 0.05


def test_pictures_of_kinds_are_features_in_number_and_range(drawings):
    made = photographed(torch.randn(3, CHANNELS), drawings, [7, 0, 9])
    assert made.things.tolist() == [7] * VIEWS + [0] * VIEWS + [9] * VIEWS
    assert made.pooled.shape == (3 * VIEWS, 5, CHANNELS) and made.pooled.min() >= 0
    again = photographed(torch.randn(3, CHANNELS), drawings, [7, 0, 9], seed=1)
    assert not torch.equal(made.pooled, again.pooled)


def test_a_kind_that_is_drawn_has_the_number_of_its_drawings():
    things = read_things()
    names, numbers = names_with_kinds(things)
    listed = kinds()
    assert len(listed) == len(numbers) == 1000 and len(set(names)) == len(names)
    assert names[: len(things)] == [thing.name for thing in things]
    assert all(names[number].lower() == kind.lower() for kind, number in zip(listed, numbers, strict=True))
    assert names.index("strawberry") < len(things) <= names.index("tench")
