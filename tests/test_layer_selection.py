import pytest
import torch

from mars.geometry.layer_selection import eligible_layers, score_layers


def _clouds(separations: list[float], noise: float = 0.1, n: int = 50):
    """Two classes whose means lie `separation` apart along the first axis, at each layer."""
    along = torch.tensor(separations)[None, :, None] * torch.tensor([1.0, 0.0, 0.0])
    harmful = along / 2 + noise * torch.randn(n, len(separations), 3)
    harmless = -along / 2 + noise * torch.randn(n, len(separations), 3)
    return harmful, harmless


def _scores(harmful, harmless):
    half = len(harmful) // 2
    return score_layers(harmful[half:], harmless[half:], harmful[:half].mean(dim=0), harmless[:half].mean(dim=0))


def test_the_layer_where_the_classes_lie_furthest_apart_is_chosen():
    scores = _scores(*_clouds([0.2, 0.5, 4.0, 1.0, 0.3]))
    assert scores.layer == 2
    assert "Layer 2" in scores.reason


def test_a_late_layer_is_never_chosen_however_well_it_separates():
    scores = _scores(*_clouds([0.5, 1.0, 0.8, 0.7, 50.0]))
    assert scores.layer == 1
    assert scores.mean[4].isnan()


def test_eligible_are_the_layers_below_four_fifths_of_the_depth():
    assert eligible_layers(8).nonzero().flatten().tolist() == [0, 1, 2, 3, 4, 5, 6]
    assert eligible_layers(10).nonzero().flatten().tolist() == [0, 1, 2, 3, 4, 5, 6, 7]
    assert eligible_layers(1).tolist() == [True]


def test_each_score_has_its_closed_form():
    # s is -1, +1 at the training centroids, which lie at 0 and 2 on one axis.
    harmful = torch.tensor([[[1.8]], [[2.0]], [[2.2]]])
    harmless = torch.tensor([[[-0.1]], [[0.0]], [[0.1]]])
    scores = score_layers(harmful, harmless, torch.tensor([[2.0]]), torch.tensor([[0.0]]))
    assert scores.consistency.item() == pytest.approx(1.0)
    assert scores.separability.exp().item() == pytest.approx(2.0**2 / (0.04 + 0.01), rel=1e-4)
    assert scores.margin.item() == pytest.approx((1.82 - 1) - (0.09 - 1), rel=1e-4)


def test_a_curve_that_is_the_same_everywhere_does_not_vote():
    harmful, harmless = _clouds([1.0], noise=0.0)
    twice = score_layers(
        harmful.repeat(1, 3, 1) + 0.01 * torch.randn(50, 1, 3),
        harmless.repeat(1, 3, 1) + 0.01 * torch.randn(50, 1, 3),
        torch.tensor([[0.5, 0.0, 0.0]] * 3),
        torch.tensor([[-0.5, 0.0, 0.0]] * 3),
    )
    assert twice.mean[:2].tolist() == [0.0, 0.0]


def test_choosing_needs_two_requests_of_each_class():
    with pytest.raises(ValueError, match="at least two"):
        score_layers(torch.zeros(1, 2, 3), torch.zeros(5, 2, 3), torch.ones(2, 3), torch.zeros(2, 3))
