import torch

from mars.centering import modality_bias, recenter


def test_recentering_moves_a_harmless_request_with_a_meaningless_picture_onto_harmless_text():
    neutral, harmless = torch.randn(3, 5), torch.randn(3, 5)
    assert torch.allclose(recenter(neutral, modality_bias(neutral, harmless)), harmless, atol=1e-6)


def test_recentering_leaves_distances_within_a_modality_alone():
    values, bias = torch.randn(6, 5, dtype=torch.float64), torch.randn(5, dtype=torch.float64)
    assert torch.allclose(torch.cdist(recenter(values, bias), recenter(values, bias)), torch.cdist(values, values))
