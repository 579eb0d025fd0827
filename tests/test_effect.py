"""The effect of steering by layer and gain: against one map after another, and what it recommends."""

from dataclasses import replace

import pytest
import torch

from mars.artifact.artifact import Artifact, contrast_of
from mars.datasets.contrast import ContrastSet, read_contrast
from mars.effect.by_layer import EFFECT_GAINS, recommendation, steering_effect
from mars.effect.sweep import sweep
from mars.evaluation.runner import Settings
from mars.fitted.effect import Recommendation
from mars.fitted.fitted import ArtifactError
from mars.media.prompt import Prompt
from mars.model.loading import load_model
from mars.verdict import verdict

ALL = torch.tensor([True, True, True])


def test_the_effect_is_the_mean_change_over_the_maps_of_all_texts(tiny, contrast, tiny_artifact):
    maps = {
        label: [sweep(tiny, tiny_artifact, Prompt(text), gains=EFFECT_GAINS) for text in texts]
        for label in ("harmful", "harmless")
        for texts in [contrast.texts(label, "validation")]
    }
    found = steering_effect(maps, tiny_artifact.scores.eligible)
    for label, of_label in maps.items():
        change = torch.stack([one.refusal_scores - one.unsteered_score for one in of_label])
        assert torch.allclose(found.score[label][..., 0], change.mean(dim=0), atol=1e-5)
        assert (found.score[label][..., 1] <= found.score[label][..., 0] + 1e-6).all()
        assert torch.allclose(tiny_artifact.effect.score[label], found.score[label], atol=1e-4)
    assert found.texts == {"harmful": 6, "harmless": 6} and found.gains == EFFECT_GAINS


def test_the_largest_rise_is_recommended_that_leaves_harmless_text_alone():
    harmful = torch.tensor([[0.1, 0.3], [0.2, 0.5], [0.4, 0.9]])
    harmless = torch.tensor([[0.0, 0.01], [0.0, 0.02], [0.03, 0.2]])
    assert recommendation(harmful, harmless, (1, 2), ALL) == Recommendation(
        1, 2, pytest.approx(0.5), pytest.approx(0.02)
    )


def test_of_equal_rises_the_smaller_gain_is_recommended_and_only_layers_that_may_be_chosen():
    harmful = torch.tensor([[0.500, 0.501], [0.30, 0.30], [0.9, 0.9]])
    found = recommendation(harmful, torch.zeros(3, 2), (1, 2), torch.tensor([True, True, False]))
    assert (found.layer, found.gain) == (0, 1)


def test_nothing_is_recommended_where_no_edit_raises_harmful_text():
    assert recommendation(torch.full((3, 1), 0.004), torch.zeros(3, 1), (1,), ALL) is None
    assert recommendation(torch.full((3, 1), 0.5), torch.full((3, 1), 0.5), (1,), ALL) is None


def test_what_is_recommended_is_said_beside_the_layer_in_use(tiny_artifact):
    effect = tiny_artifact.effect._replace(recommended=Recommendation(2, 4.0, 0.31, 0.01))
    told = effect.told(1)
    assert "layer 2 at gain 4 is recommended" in told and "rises by 31.0 points" in told
    assert "disagree: they choose layer 1" in told and "In use, unless you choose: layer 1" in told
    assert "the same layer" in effect.told(2)
    assert "no layer is recommended" in effect._replace(recommended=None).told(1)


def test_where_asked_the_share_of_replies_that_refuse_stands_beside_the_score(tmp_path):
    lens = load_model("pocket-vl")
    contrast = read_contrast(contrast_of(lens.folder))
    few = {label: [r for r in contrast.requests if r.label == label] for label in ("harmful", "harmless")}
    small = ContrastSet(
        tuple(r for of in few.values() for split in ("train", "validation") for r in
              [one for one in of if one.split == split][:4])
    )  # fmt: skip
    found = Artifact.fit(lens, small, effect="verdicts")
    assert found.effect.unsteered_refusals == {"harmful": 1.0, "harmless": 0.0}
    assert found.effect.refusals["harmful"].shape == (lens.n_layers, 3)
    text = small.texts("harmless", "validation")[0]
    told = [
        lens.generate(Prompt(text), steering=found.mars(1, layer=layer), max_new_tokens=found.reply_tokens)
        for layer in range(lens.n_layers)
    ]
    first = [verdict(one.text, cut=not one.is_complete, request=text).kind == "refuses" for one in told]
    shares = found.effect.refusals["harmless"][:, 0]
    assert all(float(share) >= refuses / 4 for share, refuses in zip(shares, first, strict=True))
    found.save(tmp_path)
    assert torch.equal(Artifact.read(tmp_path).effect.refusals["harmful"], found.effect.refusals["harmful"])


def test_a_fit_leaves_the_effect_out_where_it_is_asked_to(tiny, contrast):
    without = Artifact.fit(tiny, contrast, effect="none")
    assert without.effect is None and without.advice == ""


def test_layer_and_gain_are_chosen_by_scores_or_by_effect(tiny, tiny_artifact):
    effect = tiny_artifact.effect._replace(recommended=Recommendation(1, 4.0, 0.31, 0.01))
    artifact = Artifact.of(replace(tiny_artifact, effect=effect))
    assert artifact.choice() == (artifact.layer, 1.0) and artifact.choice("effect") == (1, 4.0)
    assert artifact.mars(by="effect").layer == 1 and artifact.mars(layer=0, by="effect").layer == 0
    assert Settings(by="effect").at(tiny, artifact).gain == 4.0
    assert Settings(by="effect", gain=2).at(tiny, artifact).layer == 1
    assert Settings().at(tiny, artifact).layer == artifact.layer
    for lacking, sentence in ((None, "not measured"), (effect._replace(recommended=None), "Nothing can be chosen")):
        without = Artifact.of(replace(tiny_artifact, effect=lacking))
        with pytest.raises(ArtifactError, match=sentence):
            Settings(by="effect").at(tiny, without)
        assert Settings(by="effect", layer=0, gain=1).at(tiny, without).layer == 0
