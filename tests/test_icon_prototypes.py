"""What the connector compares a feature with: closed-form discriminants that hold for drawings not seen."""

import pytest
import torch
from torch import nn
from torch.nn.functional import normalize

from mars.icon_vl.model import IconVLConfig, Prototypes
from mars.icon_vl.training.features import Pictures
from mars.icon_vl.training.prototypes import Scatter, set_prototypes

THINGS, CHANNELS = 8, 24


@pytest.fixture
def drawings():
    """Images for the prototypes and others of the same things; one direction scatters more than things differ."""
    looks = torch.rand(THINGS, CHANNELS)
    loud = normalize(torch.randn(CHANNELS), dim=0)

    def pictures(count: int) -> Pictures:
        things = torch.arange(THINGS).repeat(count)
        pooled = looks[things] + 3 * torch.randn(len(things), 1) * loud + 0.1 * torch.randn(len(things), CHANNELS)
        return Pictures(pooled[:, None].expand(-1, 5, -1), things)

    return pictures(12), pictures(20)


def _prototypes(drawings: Pictures, discriminants: int = THINGS - 1) -> Prototypes:
    found = Prototypes(
        IconVLConfig(vision_head=CHANNELS, vision_classes=5, known_things=THINGS, discriminants=discriminants)
    )
    set_prototypes(found, drawings, nn.Linear(CHANNELS, 5))
    return found


def test_the_nearest_prototype_is_the_thing_where_the_nearest_mean_is_not(drawings):
    seen, unseen = drawings
    features = unseen.pooled[:, -1]
    near = _prototypes(seen)(features)[:, :THINGS].argmax(1)
    means = Scatter.of(seen).of_things
    assert (near == unseen.things).float().mean() > 0.95
    assert (torch.cdist(features, means).argmin(1) == unseen.things).float().mean() < 0.6


def test_both_parts_are_shares_and_the_kinds_are_those_of_the_classifier(drawings):
    seen, unseen = drawings
    classifier = nn.Linear(CHANNELS, 5)
    found = _prototypes(seen, 4)
    set_prototypes(found, seen, classifier)
    features = unseen.pooled
    shares = found(features)
    assert shares.shape == (*features.shape[:2], THINGS + 5) and found.size == THINGS + 5
    for part in (shares[..., :THINGS], shares[..., THINGS:]):
        assert torch.allclose(part.sum(-1), torch.ones(part.shape[:2]))
    with torch.no_grad():
        kinds = (Prototypes.KINDS_SCALE * classifier(features)).softmax(-1)
    assert torch.allclose(shares[..., THINGS:], kinds)


def test_nothing_of_it_is_trained(drawings):
    found = _prototypes(drawings[0])
    assert not any(weight.requires_grad for weight in found.parameters())


def test_the_covariance_is_within_things_and_shrinks_towards_the_same_in_all_directions(drawings):
    scatter = Scatter.of(drawings[0])
    assert torch.allclose(scatter.covariance(0.0), scatter.within.T @ scatter.within / len(scatter.within))
    assert torch.allclose(scatter.within.mean(0), torch.zeros(CHANNELS), atol=1e-5)
    spread = [torch.linalg.cond(scatter.covariance(shrinkage)) for shrinkage in (0.0, 0.3, 3.0)]
    assert spread[0] > spread[1] > spread[2]
