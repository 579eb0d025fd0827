import pytest
import torch

from mars.geometry.directions import amplification, distance_along, mean, text_centroids, unit


def test_the_direction_of_two_point_clouds_is_the_line_between_their_means():
    harmless = torch.tensor([[[0.0, 0.0]], [[0.0, 2.0]]])  # (prompt, layer, d_model)
    harmful = torch.tensor([[[3.0, 1.0]], [[5.0, 1.0]]])
    centroids = text_centroids(harmful, harmless)
    assert torch.equal(centroids.mean_harmless, torch.tensor([[0.0, 1.0]]))
    assert torch.equal(centroids.mean_harmful, torch.tensor([[4.0, 1.0]]))


def test_the_trust_region_is_the_99th_percentile_of_how_far_harmful_text_reaches():
    harmless = torch.zeros(4, 1, 2)
    harmful = torch.stack([torch.arange(101.0), torch.zeros(101)], dim=1)[:, None]
    centroids = text_centroids(harmful, harmless)
    assert centroids.radius.item() == pytest.approx(99.0)
    assert centroids.harmless_q99.item() == pytest.approx(0.0)


def test_means_do_not_lose_small_differences_on_a_large_offset():
    offset = 2.0**19
    values = offset + torch.tensor([0.0, 0.125] * 4096)[:, None, None]
    assert mean(values).item() == offset + 0.0625


def test_an_empty_set_and_equal_means_are_refused_with_a_sentence():
    with pytest.raises(ValueError, match="at least one prompt"):
        mean(torch.empty(0, 2, 3))
    with pytest.raises(ValueError, match="length zero"):
        unit(torch.zeros(2, 3))


def test_distance_is_measured_from_harmless_text_along_the_direction_only():
    values = torch.tensor([[[3.0, 7.0]]])
    got = distance_along(values, torch.tensor([[1.0, 1.0]]), torch.tensor([[1.0, 0.0]]))
    assert got.tolist() == [[2.0]]


def test_the_95th_percentile_of_harmless_inputs_is_brought_half_way_between_the_centroids():
    reach = torch.arange(101.0)[:, None] / 50  # the quantile is 1.9
    times = amplification(reach, torch.tensor([7.6])).item()
    assert 1.9 * (1 + times) == pytest.approx(3.8)


def test_sigma_is_at_least_doubled_where_harmless_inputs_reach_far_and_bounded_where_they_do_not_spread():
    assert amplification(torch.full((4, 1), 9.0), torch.tensor([2.0])).item() == 1
    assert torch.isfinite(amplification(torch.zeros(4, 1), torch.tensor([2.0]))).all()
