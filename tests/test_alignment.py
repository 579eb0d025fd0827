"""Synthetic clouds where the truth is known: a modality gap, with and without a refusal signal in the images."""

import numpy as np
import pytest
import torch

from mars.alignment import alignment_numbers, trustworthiness
from mars.artifacts import Artifact, Cloud
from mars.selection import LayerScores

D, N, GAP, SIGNAL = 64, 60, 12.0, 6.0


def _artifact(signal_in_images: bool) -> Artifact:
    axis, gap = torch.eye(D)[0], GAP * torch.eye(D)[1] + 2 * torch.eye(D)[0]
    text = {"harmful": SIGNAL * axis, "harmless": torch.zeros(D)}
    image = {
        "harmful": gap + (SIGNAL * axis if signal_in_images else 0),
        "harmless": gap,
        "neutral": gap,
    }
    clouds = tuple(
        Cloud(modality, label, (center + torch.randn(N, D))[:, None].half(), ("",) * N)
        for modality, centers in (("text", text), ("image", image))
        for label, center in centers.items()
    )
    nothing = torch.zeros(1)
    return Artifact(
        mean_harmful=text["harmful"][None],
        mean_harmless=text["harmless"][None],
        bias={"image": gap[None]},
        radius=nothing,
        margin=nothing,
        amplification=nothing + 1,
        permuted=nothing,
        scores=LayerScores(nothing, nothing, nothing, nothing, nothing.bool()),
        bands={},
        refusal_ids=[],
        clouds=clouds,
    )


@pytest.fixture(params=[True, False], ids=["signal", "no signal"])
def case(request):
    numbers = alignment_numbers(_artifact(request.param), 0)
    return request.param, {number.name: number for number in numbers}


def test_purity_falls_with_and_without_a_signal_so_the_picture_alone_proves_nothing(case):
    _, numbers = case
    purity = numbers["modality purity of 15 neighbours"]
    assert purity.before > 0.95
    assert purity.after < 0.8


def test_the_probe_from_text_tells_signal_from_no_signal(case):
    signal, numbers = case
    auc = numbers["probe AUC, text to image"]
    assert auc.before == pytest.approx(auc.after, abs=1e-6)
    if signal:
        assert auc.after > 0.95 > auc.chance[1]
        accuracy = numbers["probe accuracy, text to image"]
        assert accuracy.after > accuracy.before
    else:
        assert auc.chance[0] - 0.05 < auc.after < auc.chance[1] + 0.05


def test_the_bias_has_its_sign_and_what_is_left_of_it_is_measured_on_held_out_points(case):
    _, numbers = case
    bias = numbers["bias of image along the refusal direction, in s"]
    assert bias.before == pytest.approx(2 / (SIGNAL / 2), abs=0.1)
    assert bias.after == pytest.approx(0, abs=0.1)
    assert bias.after != 0
    assert "towards refusal" in bias.meaning


def test_a_faithful_picture_is_trustworthy_and_noise_is_not():
    values = np.random.default_rng(0).normal(size=(80, 2))
    assert trustworthiness(values, values) == 1.0
    assert trustworthiness(values, np.random.default_rng(1).normal(size=(80, 2))) < 0.7
