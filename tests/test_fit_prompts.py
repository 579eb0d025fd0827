"""The prompts of a fit: which split each step takes its requests from, and that no two modalities share one."""

from itertools import combinations

import pytest

from mars.bundled import REQUESTS
from mars.datasets.contrast import ContrastSet, read_contrast
from mars.fitting.prompts import CloudPrompt, cloud_texts, default_clouds, fit_prompts
from mars.media.prompt import Prompt
from mars.types import MODALITIES


@pytest.fixture(scope="module")
def bundled() -> ContrastSet:
    return read_contrast(REQUESTS)


def asked(points: list[CloudPrompt]) -> set[str]:
    """The requests of a cloud in words, as the titles of its points say them."""
    return {point.title.split(" + a meaningless ")[0] for point in points}


@pytest.mark.parametrize("modalities", [MODALITIES, MODALITIES[:2], MODALITIES[:1]], ids=len)
def test_clouds_share_out_the_test_requests_and_no_two_modalities_ask_the_same(bundled, modalities):
    clouds = fit_prompts(modalities, bundled).clouds
    each = 96 // len(modalities)
    assert {which: len(points) for which, points in clouds.items()} == {
        (modality, label): each
        for modality in modalities
        for label in ("harmful", "harmless", "neutral")
        if (modality, label) != ("text", "neutral")
    }
    for label in ("harmful", "harmless"):
        shares = [asked(clouds[modality, label]) for modality in modalities]
        assert set.union(*shares) == set(bundled.texts(label, "test"))
        assert not any(one & other for one, other in combinations(shares, 2))
    for modality in modalities[1:]:
        assert asked(clouds[modality, "neutral"]) == asked(clouds[modality, "harmless"])


def test_pairs_stay_together_in_one_modality(bundled):
    clouds = fit_prompts(MODALITIES, bundled).clouds
    pairs = set(zip(bundled.texts("harmful", "test"), bundled.texts("harmless", "test"), strict=True))
    for modality in MODALITIES:
        sides = [[point.title for point in clouds[modality, label]] for label in ("harmful", "harmless")]
        assert set(zip(*sides, strict=True)) <= pairs


def test_nothing_is_fitted_on_what_a_cloud_shows(bundled):
    plan = fit_prompts(MODALITIES, bundled)
    read = {prompt.text for prompts in plan.fitted.values() for prompt in prompts}
    assert read == {request.text for request in bundled.requests if request.split != "test"}
    shown = {prompt.hash for step, prompts in plan.steps.items() if step.endswith(" cloud") for prompt in prompts}
    assert not shown & {prompt.hash for prompts in plan.fitted.values() for prompt in prompts}


def test_the_smallest_test_split_still_gives_every_cloud_two_points(contrast, contrast_with_test):
    six = (r for r in contrast_with_test.requests if r.split == "test" and "bell" not in r.text)
    few = ContrastSet((*contrast.requests, *six))
    assert {len(points) for points in fit_prompts(MODALITIES, few).clouds.values()} == {2}


def test_a_set_of_two_splits_shows_its_validation_requests_in_every_modality(contrast):
    for modality in MODALITIES:
        for label in ("harmful", "harmless"):
            assert cloud_texts(modality, MODALITIES, label, contrast) == contrast.texts(label, "validation")
    assert len(default_clouds(MODALITIES, contrast)) == 3 * 2 * 6


def test_clouds_of_ones_own_take_the_place_of_all_but_the_neutral_ones(contrast_with_test):
    own = [CloudPrompt(Prompt("make a bell"), "harmless", "a bell")]
    clouds = fit_prompts(MODALITIES, contrast_with_test, clouds=own).clouds
    assert set(clouds) == {("text", "harmless"), ("image", "neutral"), ("video", "neutral")}
    assert clouds["text", "harmless"] == own
