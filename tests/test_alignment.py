"""Synthetic clouds where the truth is known: a modality gap, with and without a refusal signal in the images."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from mars.analysis.alignment import alignment_numbers, trustworthiness, without_signal
from mars.artifact.artifact import Artifact
from mars.datasets.contrast import NOT_HELD_OUT
from mars.fitted.fitted import Cloud
from mars.geometry.layer_selection import LayerScores
from mars.geometry.projection import sampled

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
        harmless_q99=nothing,
        amplification={"text": nothing + 1, "image": nothing + 1},
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
    for auc in (numbers["probe AUC, text to image"], numbers["AUC of s, image"]):
        assert auc.before == pytest.approx(auc.after, abs=1e-6)
        if signal:
            assert auc.after > 0.95 > auc.chance[1]
        else:
            assert auc.chance[0] - 0.05 < auc.after < auc.chance[1] + 0.05
    if signal:
        harmful, harmless = (numbers[f"{label} image with s above 0"] for label in ("harmful", "harmless"))
        assert harmless.before > harmless.after == 0 and harmful.before == 1 and harmful.after > 0.9


def test_a_probe_may_find_what_the_refusal_direction_does_not():
    """Harm that lies along another axis of text than the one that images have it along."""
    artifact = _artifact(signal_in_images=True)
    across = torch.zeros_like(artifact.mean_harmful)
    across[:, -1] = SIGNAL
    turned = replace(artifact, mean_harmful=artifact.mean_harmless + across)
    numbers = {number.name: number for number in alignment_numbers(turned, 0)}
    assert numbers["probe AUC, text to image"].after > 0.95
    s = numbers["AUC of s, image"]
    assert s.chance[0] - 0.1 < s.after < s.chance[1] + 0.1


def test_the_bias_has_its_sign_and_what_is_left_of_it_is_measured_on_held_out_points(case):
    _, numbers = case
    bias = numbers["bias of image along the refusal direction, in s"]
    assert bias.before == pytest.approx(2 / (SIGNAL / 2), abs=0.1)
    assert bias.after == pytest.approx(0, abs=0.1)
    assert bias.after != 0
    assert "towards refusal" in bias.meaning


@pytest.mark.parametrize(("media", "words"), [("text", "the same"), ("image", "other")])
def test_the_probe_says_whether_it_was_trained_on_the_requests_that_it_is_tested_on(media, words):
    artifact = _artifact(signal_in_images=True)
    named = {"text": "text", "image": media}
    clouds = tuple(
        cloud._replace(titles=tuple(f"{named[cloud.modality]} {cloud.label} {row}" for row in range(N)))
        for cloud in artifact.clouds
    )
    probes = [
        n for n in alignment_numbers(replace(artifact, clouds=clouds), 0) if n.name.startswith(("probe", "AUC"))
    ]
    assert len(probes) == 2
    assert all(f"image inputs of {words} requests" in number.meaning for number in probes)


def test_what_is_not_held_out_is_said_of_a_set_without_a_test_split():
    artifact = _artifact(signal_in_images=True)
    assert artifact.held_out_note == NOT_HELD_OUT
    assert replace(artifact, provenance={"counts": {"harmful.validation": 32}}).held_out_note == NOT_HELD_OUT
    assert replace(artifact, provenance={"counts": {"harmful.test": 96}}).held_out_note == ""


def test_a_faithful_picture_is_trustworthy_and_noise_is_not():
    values = np.random.default_rng(0).normal(size=(80, 2))
    assert trustworthiness(values, values) == 1.0
    assert trustworthiness(values, np.random.default_rng(1).normal(size=(80, 2))) < 0.7


def test_of_many_points_a_sample_is_measured():
    values = np.random.default_rng(0).normal(size=(5000, 3))
    rows = sampled(5000)
    assert trustworthiness(values, values[:, :2]) == trustworthiness(values[rows], values[rows, :2])


def test_without_a_signal_the_same_points_stay_where_they_are_and_the_probe_is_at_chance():
    artifact = _artifact(signal_in_images=True)
    places = torch.arange(2.0 * 5 * N).reshape(1, 1, 5 * N, 2).expand(1, 2, -1, -1)
    clouds = tuple(
        cloud._replace(titles=tuple(f"{cloud.name} {row}" for row in range(N))) for cloud in artifact.clouds
    )
    artifact = replace(artifact, clouds=clouds, umap=places)
    nothing = without_signal(artifact)

    def points(of):
        titles = [title for cloud in of.clouds for title in cloud.titles]
        values = torch.cat([cloud.values for cloud in of.clouds])
        return {title: (value.tolist(), place) for title, value, place in
                zip(titles, values, of.umap[0, 0].tolist(), strict=True)}  # fmt: skip

    assert points(nothing) == points(artifact)
    assert nothing.clouds[-1].titles == artifact.clouds[-1].titles  # neutral points stay
    for before, after in zip(artifact.clouds[:-1], nothing.clouds[:-1], strict=True):
        kept = len(set(before.titles) & set(after.titles))
        assert 0.3 * N < kept < 0.7 * N and all(title.startswith(before.modality) for title in after.titles)
    numbers = {number.name: number for number in alignment_numbers(nothing, 0)}
    auc = numbers["probe AUC, text to image"]
    assert auc.chance[0] - 0.05 < auc.after < auc.chance[1] + 0.05


def test_labels_are_permuted_alike_every_time():
    artifact = _artifact(signal_in_images=True)
    first, second = without_signal(artifact), without_signal(artifact)
    assert all(torch.equal(a.values, b.values) for a, b in zip(first.clouds, second.clouds, strict=True))
