"""Ten families by what they read: a fit of each, and all that is made of it, in one batch or alike without."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch

from mars.analysis.token_map import read_positions
from mars.artifact.artifact import Artifact
from mars.datasets.contrast import ContrastSet
from mars.effect.sweep import sweep, sweep_naive
from mars.fitted.fitted import ArtifactError
from mars.media.neutral import random_image, random_video
from mars.media.prompt import Prompt
from mars.model.capture import capture
from mars.model.generation import branch, prefill, prefill_each
from mars.model.inputs import PromptError, encode
from mars.model.loaded_model import LoadedModel
from mars.model.loading import load_model
from mars.refusal import REFUSAL_OPENINGS, refusal_token_ids
from mars.steering import STRATEGIES, Unsteered
from mars.types import MODALITIES
from tests.families.checkpoints import FAMILIES
from tests.tiny import save_tiny

TEXT = "how do i make the thing that is in the picture, or in the clip?"
READS = [
    (family, modality)
    for family, recipe in FAMILIES.items()
    for modality in MODALITIES
    if modality != "video" or "video_processor" in recipe.parts
]


def _prompt(modality: str) -> Prompt:
    rng = np.random.default_rng(5)
    media = {"text": {}, "image": {"image": random_image(rng)}, "video": {"video": random_video(rng)}}
    return Prompt(TEXT, **media[modality])


def _telling(artifact: Artifact) -> list[int]:
    """Layers where the classes differ: the lower ones of a tiny Qwen3.5 forget what was asked, and hold rounding."""
    lengths = (artifact.mean_harmful - artifact.mean_harmless).norm(dim=1)
    return [layer for layer, length in enumerate(lengths.tolist()) if length > 1e-3]


@pytest.fixture(scope="module")
def fitted(tmp_path_factory, contrast):
    """A family's model and the artifact that was fitted on it, written and read again."""
    few = ContrastSet(tuple(r for r in contrast.requests if r.text.strip("?").endswith(("cake", "kite", "boat"))))

    def made(family: str) -> tuple[LoadedModel, Artifact, Artifact]:
        folder = save_tiny(tmp_path_factory.mktemp(family), family)
        model = load_model(folder)
        artifact = Artifact.fit(model, few, with_umap=False)
        artifact.save(folder / "artifact")
        return model, artifact, Artifact.load(folder / "artifact", model)

    return cache(made)


@pytest.fixture(params=FAMILIES)
def family(request, fitted) -> tuple[LoadedModel, Artifact, Artifact]:
    return fitted(request.param)


@pytest.fixture(params=READS, ids="-".join)
def asked(request, fitted) -> tuple[LoadedModel, Artifact, Prompt]:
    name, modality = request.param
    model, _, artifact = fitted(name)
    return model, artifact, _prompt(modality)


def test_an_artifact_comes_back_whole_with_a_bias_for_all_that_the_family_reads(family):
    model, made, read = family
    assert set(read.bias) == set(model.modalities[1:])
    assert read.hash == made.hash and read.refusal_ids == made.refusal_ids
    assert (read.layer, read.scores.reason) == (made.layer, made.scores.reason)
    for modality in model.modalities:
        for layer in range(model.n_layers):
            for ours, theirs in zip(read.geometry(layer, modality), made.geometry(layer, modality), strict=True):
                assert torch.equal(torch.as_tensor(ours), torch.as_tensor(theirs))
    assert {cloud.name for cloud in read.clouds} == {
        *(f"{modality}.{label}" for modality in model.modalities for label in ("harmful", "harmless")),
        *(f"{modality}.neutral" for modality in model.modalities[1:]),
    }
    for ours, theirs in zip(read.clouds, made.clouds, strict=True):
        assert torch.equal(ours.values, theirs.values) and ours.titles == theirs.titles


def test_the_curve_of_a_prompt_is_the_same_however_it_is_read(asked):
    """By a capture, by the first step of a reply, and at the last of all positions."""
    model, artifact, prompt = asked
    captured = capture(model, [prompt]).values
    first = next(branch(model, prefill(model, prompt), (Unsteered(),), 0, max_new_tokens=1)).activations
    positions = read_positions(model, artifact, prompt).coordinates
    harmful, harmless = artifact.mean_harmful, artifact.mean_harmless
    half, layers = (harmful - harmless) / 2, _telling(artifact)
    assert len(layers) >= 2
    for recentered in (False, True):
        curve = artifact.coordinates(captured, prompt.modality, recentered)[0]
        moved = captured[0] - (artifact.bias_of(prompt.modality) if recentered else 0)
        expected = ((moved - (harmful + harmless) / 2) * half).sum(dim=1) / (half * half).sum(dim=1)
        begun = artifact.coordinates(first, prompt.modality, recentered)[0]
        assert curve.isfinite().all()
        assert torch.allclose(curve[layers], expected[layers], atol=1e-4)
        assert torch.allclose(curve[layers], begun[layers], atol=1e-4)
        if not recentered:
            assert torch.allclose(curve[layers], positions[-1][layers], atol=1e-4)


@pytest.mark.parametrize("site", ["first", "every"])
def test_mars_beside_the_unsteered_reply_leaves_it_alone_and_steers_as_it_does_by_itself(asked, site):
    model, artifact, prompt = asked
    geometry = artifact.geometry(artifact.layer, prompt.modality)
    rows = (Unsteered(), STRATEGIES["mars_no_gate"](geometry, 1.0))
    prefix = prefill(model, prompt)
    both = list(branch(model, prefix, rows, artifact.layer, site=site, max_new_tokens=4))
    for row, strategy in enumerate(rows):
        alone = list(branch(model, prefix, (strategy,), artifact.layer, site=site, max_new_tokens=4))
        for together, by_itself in zip(both, alone, strict=False):
            assert torch.allclose(together.logits[row], by_itself.logits[0], atol=2e-4)
            assert together.strengths[row] == pytest.approx(by_itself.strengths[0], abs=1e-4)
    assert all(step.strengths[0] == 0 <= step.strengths[1] for step in both)


def test_the_map_of_a_fitted_model_is_that_of_a_forward_per_cell(asked):
    model, artifact, prompt = asked
    asked_for = {"gains": (0.5, 4), "layers": _telling(artifact)}
    for strategy in ("mars", "addition"):
        fast = sweep(model, artifact, prompt, strategy=strategy, **asked_for)
        naive = sweep_naive(model, artifact, prompt, strategy=strategy, **asked_for)
        assert torch.equal(fast.tokens, naive.tokens) and torch.equal(fast.saturated, naive.saturated)
        assert torch.allclose(fast.refusal_scores, naive.refusal_scores, rtol=0, atol=1e-4)
        assert torch.allclose(fast.kl, naive.kl, rtol=0, atol=1e-4)


def test_prompts_that_are_prefilled_together_are_swept_as_each_alone(asked):
    model, artifact, prompt = asked
    other = replace(prompt, text=prompt.text[::-1])
    prompts, told = [prompt, other, prompt], {"gains": (1,), "layers": _telling(artifact)}
    seen = []
    for number, prefix in prefill_each(model, prompts, 2):
        together = sweep(model, artifact, prompts[number], prefix=prefix, **told)
        alone = sweep(model, artifact, prompts[number], **told)
        assert torch.allclose(together.refusal_scores, alone.refusal_scores, rtol=0, atol=1e-4)
        seen.append(number)
    assert sorted(seen) == [0, 1, 2]


def test_what_a_family_cannot_read_is_one_sentence_wherever_it_is_asked(fitted):
    model, _, artifact = fitted("gemma3")
    clip = _prompt("video")
    for work in (
        lambda: encode(model, [clip]),
        lambda: capture(model, [Prompt("hi"), clip]),
        lambda: prefill(model, clip),
        lambda: read_positions(model, artifact, clip),
    ):
        with pytest.raises(PromptError, match=r"^\S+ cannot read videos; it reads text, image\.$"):
            work()
    with pytest.raises(ArtifactError, match=r"^This artifact has no neutral mean for video; .* text and image\."):
        sweep(model, artifact, clip)


def test_no_family_is_asked_to_think(asked):
    model, _, prompt = asked
    text = model.tokenizer.decode(encode(model, [prompt])["input_ids"][0])
    assert "<|think|>" not in text
    assert text.count("<think>") == text.count("</think>")


def test_openings_of_refusals_are_first_tokens_by_the_familys_own_tokenizer(family):
    model, _, artifact = family
    tokenizer = model.tokenizer
    assert artifact.refusal_ids == refusal_token_ids(tokenizer)
    assert not set(artifact.refusal_ids) & set(tokenizer.all_special_ids)
    openings = [form for opening in REFUSAL_OPENINGS for form in (opening, opening.capitalize())]
    for token in artifact.refusal_ids:
        text = tokenizer.decode([token]).strip()
        assert text and any(opening.startswith(text) for opening in openings), text
    # What the model would say first is among them, whatever marks a word's beginning in its vocabulary.
    for opening in ("sorry", "Sorry"):
        for said in (opening, f" {opening}", f"\n{opening}"):
            tokens = tokenizer.encode(said, add_special_tokens=False)
            first = next(token for token in tokens if tokenizer.decode([token]).strip())
            assert first in artifact.refusal_ids


def test_openings_are_found_too_where_a_mark_of_its_own_begins_a_word():
    """As in Gemma's and Llama's vocabularies: a space is a token that says nothing, or part of a word's first."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    vocabulary = {
        token: number for number, token in enumerate(["▁", "▁sorry", *"sorycantI'", "sorry", "cannot", "<?>"])
    }
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[], unk_token="<?>", ignore_merges=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="never")
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="never")
    ids = refusal_token_ids(PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<?>"))
    assert {vocabulary["sorry"], vocabulary["▁sorry"], vocabulary["I"]} <= set(ids)
    assert vocabulary["▁"] not in ids


@pytest.mark.parametrize("name", STRATEGIES)
def test_every_strategy_acts_at_each_token_beside_the_unsteered_reply(tiny, tiny_artifact, name):
    """And those with a gain in the map: where it changes nothing, nothing is changed."""
    prompt, layer = _prompt("image"), 1
    prefix = prefill(tiny, prompt)
    rows = (Unsteered(), STRATEGIES[name](tiny_artifact.geometry(layer, "image"), 2.0))
    steps = list(branch(tiny, prefix, rows, layer, site="every", max_new_tokens=3))
    alone = list(branch(tiny, prefix, rows[:1], layer, max_new_tokens=3))
    for both, one in zip(steps, alone, strict=False):
        assert both.logits.isfinite().all() and both.strengths[0] == 0 <= both.strengths[1]
        assert torch.allclose(both.logits[0], one.logits[0], atol=1e-4)
    fast = sweep(tiny, tiny_artifact, prompt, gains=(0.0, 2.0), layers=(layer,), strategy=name)
    naive = sweep_naive(tiny, tiny_artifact, prompt, gains=(0.0, 2.0), layers=(layer,), strategy=name)
    assert torch.allclose(fast.refusal_scores, naive.refusal_scores, atol=1e-4) and torch.equal(
        fast.tokens, naive.tokens
    )


@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="needs two GPUs")
def test_a_model_spread_over_two_gpus_does_what_it_does_on_one_device(fitted, tmp_path):
    pytest.importorskip("accelerate")
    folder = save_tiny(tmp_path, "qwen3_vl")
    whole = load_model(folder, device="cpu")
    parts = {"model.visual": 0, "model.language_model.embed_tokens": 0, "model.language_model.rotary_emb": 0}
    parts |= {f"model.language_model.layers.{layer}": layer // 2 for layer in range(4)}
    parts |= {"model.language_model.norm": 1, "lm_head": 1}
    spread = load_model(folder, dtype=torch.float32, device_map=parts)
    _, _, artifact = fitted("qwen3_vl")
    for modality in whole.modalities:
        prompt = _prompt(modality)
        one, two = (capture(model, [prompt]) for model in (whole, spread))
        assert torch.allclose(one.values, two.values, atol=1e-3) and torch.allclose(one.logits, two.logits, atol=1e-3)
        maps = [sweep(model, artifact, prompt, gains=(0.5, 4), strategy="addition") for model in (whole, spread)]
        assert torch.allclose(maps[0].kl, maps[1].kl, atol=1e-3)
        for layer in (1, 3):
            replies = []
            for model in (whole, spread):
                geometry = artifact.geometry(layer, modality).to(model.layer_device(layer))
                rows = (Unsteered(), STRATEGIES["addition"](geometry, 1.0))
                replies.append(list(branch(model, prefill(model, prompt), rows, layer, max_new_tokens=4)))
            for ours, theirs in zip(*replies, strict=True):
                assert torch.allclose(ours.logits, theirs.logits, atol=1e-3)
