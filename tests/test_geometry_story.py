"""What is said of clouds and positions follows from the numbers: signs, medians, equal or unequal detection."""

import numpy as np
import pytest

from app import token_markup
from app.geometry_markup import story
from app.results import CloudMean, Measured

BANDS = {"harmless": np.array([[-1.2, -0.87, -0.5]]), "harmful": np.array([[0.4, 0.81, 1.2]])}
CHANCE = (0.4, 0.6)


def _told(before=0.25, after=0.0, auc=(0.9, 0.9), purity=(0.7, 0.72), view="axis"):
    numbers = (
        Measured("AUC of s, image", *auc, CHANCE, "", "higher", "AUC of s", "image"),
        Measured("harmful", 0.70, 0.27, None, "", None, "above", "image", "harmful"),
        Measured("harmless", 0.016, 0.0, None, "", None, "above", "image", "harmless"),
        Measured("probe AUC, text to image", 0.96, 0.96, CHANCE, "", "higher", "probe AUC", "image"),
        Measured("modality purity", *purity, (0.3, 0.4), "", None, "purity"),
    )
    means = (CloudMean("text", "harmful", 3, 1.0, 1.0), CloudMean("image", "harmful", 3, before, after))
    return story(0, numbers, means, BANDS, view)


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (
            0.25,
            0.0,
            (
                "images 0.25 towards harmless text",
                "70 % of harmful and 2 % of harmless images before, 27 % and 0 % after",
            ),
        ),
        (-0.5, 0.25, ("images 0.75 towards harmful text", "not how well they are told apart")),
        (0.1, 0.1, ("leaves images where they are",)),
    ],
)
def test_which_way_and_how_far_recentering_moves_a_modality_and_what_that_changes(before, after, told):
    assert all(part in _told(before, after) for part in told)
    assert "told apart with AUC 0.90" in _told(before, after)
    assert ("before and after" in _told(before, after)) is (before != after)


def test_where_the_refusal_direction_is_at_chance_that_is_said_and_whether_another_direction_is_not():
    told = _told(auc=(0.55, 0.55))
    assert "does not tell harmful from harmless images here (AUC of s 0.55), though another direction" in told
    assert "(probe AUC 0.96)" in told and "told apart with" not in told


def test_what_to_conclude_where_the_plot_and_the_purity_disagree():
    assert "UMAP is right" in _told(view="umap") and "from the numbers" in _told(view="umap")
    assert "from the numbers" in _told() and "the modalities mix" in _told(purity=(0.7, 0.38))


def test_the_medians_of_text_are_told_beside_the_means_that_give_the_scale():
    assert "−0.87 for harmless and +0.81 for harmful text" in _told()
    assert "−0.87 and +0.81" in token_markup.ramp(BANDS, 0)


@pytest.mark.parametrize(("values", "is_local"), [([0.1, 0.55], False), ([-0.2, 0.4], True)])
def test_nothing_is_localised_where_patches_differ_by_less_than_a_quarter_of_what_text_is_apart(values, is_local):
    told = token_markup.spread(np.array(values), 3, "patches")
    assert ("Nothing is localised here" in told) is not is_local
    assert ("a spread below 0.5 is not called localised" in told) is not is_local
