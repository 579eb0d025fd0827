"""What lies outside a cloud, by its nearest neighbours."""

import pytest
import torch

from mars.geometry.outlyingness import FEWEST_POINTS, outlyingness


def cloud(points: int, seed: int = 0) -> torch.Tensor:
    """Points that vary a hundred times more along the first dimension than along the last three, at two layers."""
    scale = torch.tensor([100.0, 1.0, 1.0, 1.0])
    return torch.randn(points, 2, 4, generator=torch.Generator().manual_seed(seed)) * scale


def test_points_of_the_same_make_are_rarely_outside_and_far_ones_always():
    held, fresh = cloud(128), cloud(400, seed=1)
    assert (outlyingness(fresh, held) > 0.99).float().mean() < 0.05
    assert outlyingness(fresh + 1000, held).min() == 1


def test_a_step_counts_by_how_much_the_cloud_varies_along_it():
    held = torch.randn(256, 1, 40, generator=torch.Generator().manual_seed(0))
    held[..., 0] *= 20
    along, across = torch.zeros(1, 1, 40), torch.zeros(1, 1, 40)
    along[..., 0], across[..., 1] = 15, 15
    assert outlyingness(along, held) < 0.9
    assert outlyingness(across, held) == 1


def test_the_length_of_a_layer_and_a_shift_of_both_change_nothing():
    held, fresh = cloud(64), cloud(32, seed=1)
    longer = torch.tensor([1.0, 1000.0])[:, None]
    found = outlyingness(fresh, held)
    assert torch.equal(found, outlyingness(fresh * longer, held * longer))
    assert torch.allclose(found, outlyingness(fresh + 7, held + 7), atol=0.02)


def test_what_leaves_the_span_of_the_cloud_is_outside():
    held = torch.zeros(40, 1, 200)
    held[..., :8] = torch.randn(40, 1, 8, generator=torch.Generator().manual_seed(0))
    beyond = held[:1].clone()
    beyond[..., 150] = 3
    assert outlyingness(held[:1], held) < 0.5
    assert outlyingness(beyond, held) == 1


def test_too_few_points_are_said_to_be_so():
    with pytest.raises(ValueError, match=f"at least {FEWEST_POINTS} points"):
        outlyingness(cloud(1), cloud(FEWEST_POINTS - 1))
