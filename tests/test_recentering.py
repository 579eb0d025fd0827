import pytest
import torch

from mars.geometry.recentering import bias_along, modality_bias, recenter


def test_recentering_moves_a_harmless_request_with_a_meaningless_picture_onto_harmless_text():
    neutral, harmless = torch.randn(3, 5), torch.randn(3, 5)
    assert torch.allclose(recenter(neutral, modality_bias(neutral, harmless)), harmless, atol=1e-6)


def test_recentering_leaves_distances_within_a_modality_alone():
    values, bias = torch.randn(6, 5, dtype=torch.float64), torch.randn(5, dtype=torch.float64)
    assert torch.allclose(torch.cdist(recenter(values, bias), recenter(values, bias)), torch.cdist(values, values))


def test_the_bias_along_the_direction_is_in_units_of_s_and_its_interval_is_that_of_a_mean():
    axis = torch.eye(5)[0]
    mean_harmful, mean_harmless = (4 * axis)[None], torch.zeros(1, 5)  # R / 2 = 2
    harmless = torch.randn(400, 1, 5)
    shift = 1.0 + 0.8 * torch.randn(400)
    neutral = harmless + shift[:, None, None] * axis
    along, low, high = bias_along(neutral, harmless, mean_harmful, mean_harmless)[0].tolist()
    assert along == pytest.approx(shift.mean().item() / 2, abs=1e-5)
    half = 1.96 * shift.std().item() / 2 / 400**0.5
    assert low == pytest.approx(along - half, abs=0.1 * half)
    assert high == pytest.approx(along + half, abs=0.1 * half)


def test_a_bias_away_from_refusal_is_negative_and_one_shared_by_all_requests_has_no_spread():
    mean_harmful, mean_harmless = torch.tensor([[4.0, 0.0]]), torch.zeros(1, 2)
    harmless = torch.randn(20, 1, 2)
    found = bias_along(harmless - torch.tensor([1.0, 7.0]), harmless, mean_harmful, mean_harmless)
    assert torch.allclose(found, torch.full((1, 3), -0.5), atol=1e-5)
