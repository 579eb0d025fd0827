"""The layer x gain map against a whole forward per cell, on the bundled model and on every family."""

import copy
from dataclasses import replace

import pytest
import torch

from mars.artifact.artifact import Artifact
from mars.effect.sweep import GAINS, SweepMap, sweep, sweep_naive
from mars.geometry.layer_selection import LayerScores
from mars.media.decode import read_media
from mars.media.neutral import random_image, random_video
from mars.media.prompt import Prompt
from mars.model.capture import capture
from mars.model.generation import forward_joining_rows, prefill, row_bytes
from mars.model.load_checks import ModelError
from mars.model.loaded_model import LoadedModel
from mars.model.loading import load_model
from mars.types import MODALITIES
from tests.families.checkpoints import FAMILIES, WINDOW
from tests.tiny import save_tiny

POCKET = "assets/pocket-vl"
EXAMPLES = "assets/examples"
TEXT = "how do i make the thing that is in the picture, or in the clip?"


@pytest.fixture(scope="module")
def pocket() -> LoadedModel:
    return load_model(POCKET)


@pytest.fixture(scope="module")
def pocket_artifact(pocket) -> Artifact:
    return Artifact.load(f"{POCKET}/artifact", pocket)


@pytest.fixture(scope="module", params=FAMILIES)
def family(request, tmp_path_factory) -> LoadedModel:
    return load_model(save_tiny(tmp_path_factory.mktemp(request.param), request.param))


def _artifact(model: LoadedModel, *, radius: float = 3.0) -> Artifact:
    """Random directions with a step as long as a tiny model's residual stream, harmless text at the origin."""
    torch.manual_seed(1)
    shape = (model.n_layers, model.d_model)
    direction = torch.randn(shape)
    direction /= direction.norm(dim=-1, keepdim=True)
    zeros = torch.zeros(model.n_layers)
    return Artifact(
        mean_harmful=2 * direction,
        mean_harmless=torch.zeros(shape),
        bias={"image": 0.1 * torch.randn(shape), "video": 0.1 * torch.randn(shape)},
        radius=zeros + radius,
        harmless_q99=zeros,
        amplification={name: zeros + 1 for name in MODALITIES},
        permuted=direction,
        scores=LayerScores(*(zeros for _ in LayerScores._fields)),
        bands={},
        refusal_ids=[3, 5, 8],
    )


def _check_equal(fast: SweepMap, naive: SweepMap) -> None:
    assert fast.layers == naive.layers and fast.gains == naive.gains
    assert torch.equal(fast.tokens, naive.tokens)
    assert torch.equal(fast.saturated, naive.saturated)
    assert torch.allclose(fast.refusal_scores, naive.refusal_scores, rtol=0, atol=1e-4)
    assert torch.allclose(fast.kl, naive.kl, rtol=0, atol=1e-4)
    assert fast.unsteered_score == pytest.approx(naive.unsteered_score, abs=1e-4)
    assert fast.unsteered_token == naive.unsteered_token


@pytest.mark.parametrize("strategy", ["mars", "addition"])
@pytest.mark.parametrize("modality", MODALITIES)
def test_the_map_is_that_of_a_forward_per_cell_on_the_bundled_model(pocket, pocket_artifact, modality, strategy):
    prompt = {
        "text": Prompt("how do i make a machete?"),
        "image": Prompt("how do i make the thing in the picture?", image=read_media(f"{EXAMPLES}/machete.png")),
        "video": Prompt("how do i make the thing in the clip?", video=read_media(f"{EXAMPLES}/machete.mp4")),
    }[modality]
    fast = sweep(pocket, pocket_artifact, prompt, strategy=strategy)
    assert fast.refusal_scores.shape == (pocket.n_layers, len(GAINS))
    _check_equal(fast, sweep_naive(pocket, pocket_artifact, prompt, strategy=strategy))


@pytest.mark.parametrize("strategy", ["addition", "mars_no_gate"])
def test_the_map_is_that_of_a_forward_per_cell_on_every_family(family, strategy):
    import numpy as np

    source = np.random.default_rng(0)
    media = {"text": {}, "image": {"image": random_image(source)}, "video": {"video": random_video(source)}}
    for modality in family.modalities:
        prompt = Prompt(TEXT, **media[modality])
        artifact = _artifact(family)
        fast = sweep(family, artifact, prompt, gains=(0.5, 2, 8), strategy=strategy)
        _check_equal(fast, sweep_naive(family, artifact, prompt, gains=(0.5, 2, 8), strategy=strategy))
        assert (fast.kl > 1e-6).any()


def test_a_prompt_longer_than_the_sliding_window_has_the_same_map(tmp_path):
    model = load_model(save_tiny(tmp_path, "gemma3"))
    artifact, prompt = _artifact(model), Prompt(f"{TEXT} " * 3)
    assert prefill(model, prompt).length > 2 * WINDOW
    fast = sweep(model, artifact, prompt, gains=(1, 4), strategy="addition")
    _check_equal(fast, sweep_naive(model, artifact, prompt, gains=(1, 4), strategy="addition"))


def test_a_prompt_of_one_token_has_the_same_map(tmp_path):
    """A tokenizer that is given no template opens with nothing: the prefix is then empty and there is no cache."""
    model = load_model(save_tiny(tmp_path))
    model.processor.chat_template = "{{ messages[0]['content'][0]['text'] }}"
    artifact, prompt = _artifact(model), Prompt("a")
    assert prefill(model, prompt).cache is None
    fast = sweep(model, artifact, prompt, gains=(1, 4), strategy="addition")
    _check_equal(fast, sweep_naive(model, artifact, prompt, gains=(1, 4), strategy="addition"))


@pytest.mark.parametrize("family", ["qwen3_vl", "qwen3_5", "gemma4"], indirect=True)
def test_rows_that_do_not_fit_one_pass_take_several_with_the_same_map(family, monkeypatch):
    artifact, prompt = _artifact(family), Prompt(TEXT)
    whole = sweep(family, artifact, prompt, strategy="addition")
    passes = []
    monkeypatch.setattr("mars.effect.sweep.PASS_BYTES", 5 * row_bytes(prefill(family, prompt)))
    few = sweep(family, artifact, prompt, strategy="addition", progress=lambda *counts: passes.append(counts))
    _check_equal(few, whole)
    # Four layers of nine gains, five rows a pass: eight passes, the last of one row.
    assert passes == [(done, 36) for done in (0, 5, 10, 15, 20, 25, 30, 35, 36)]


@pytest.fixture
def passes(monkeypatch) -> list[torch.Tensor]:
    """Logits of each pass that a sweep makes."""
    made: list[torch.Tensor] = []
    monkeypatch.setattr(
        "mars.effect.sweep.forward_joining_rows",
        lambda *given: made.append(forward_joining_rows(*given)) or made[-1],
    )
    return made


def test_a_shut_gate_changes_nothing_exactly_and_runs_the_unsteered_row_alone(tiny, passes):
    """With harmless text far along the direction, sigma is negative whatever the prompt."""
    artifact = _artifact(tiny)
    shut = replace(artifact, mean_harmless=50 * artifact.permuted, mean_harmful=52 * artifact.permuted)
    found = sweep(tiny, shut, Prompt("hi"))
    assert [len(logits) for logits in passes] == [1]
    assert torch.equal(found.kl, torch.zeros(tiny.n_layers, len(GAINS)))
    assert (found.refusal_scores == found.unsteered_score).all()
    assert (found.tokens == found.unsteered_token).all()
    assert not found.saturated.any()


def test_cells_that_the_trust_region_stops_at_the_same_place_are_marked_and_share_a_row(tiny, passes):
    """Without a gate the step is gain R / 2 = gain, up to rho less sigma: those that are longer are saturated."""
    artifact, prompt = _artifact(tiny, radius=3.0), Prompt("hi")
    sigma = (capture(tiny, [prompt]).values[0] * artifact.permuted).sum(dim=-1)
    expected = torch.tensor(GAINS)[None] > (3.0 - sigma)[:, None]
    found = sweep(tiny, artifact, prompt, strategy="mars_no_gate")
    assert torch.equal(found.saturated, expected) and 0 < expected.sum() < expected.numel()
    for layer, bound in enumerate(expected):
        assert len(found.refusal_scores[layer][bound].unique()) <= 1
    free, stopped = int((~expected).sum()), int((expected.any(dim=1) & (sigma < 3.0)).sum())
    assert sum(len(logits) for logits in passes) == 1 + free + stopped


def test_without_a_trust_region_nothing_is_saturated(tiny):
    for strategy in ("addition", "mars_no_trust_region"):
        assert not sweep(tiny, _artifact(tiny), Prompt("hi"), strategy=strategy).saturated.any()


def test_the_last_layer_needs_the_head_alone(tiny):
    """At the last layer the logits are those of head(norm(h + gain R r)), in closed form."""
    artifact, prompt, last = _artifact(tiny), Prompt("hi"), tiny.n_layers - 1
    found = sweep(tiny, artifact, prompt, gains=(0.5, 3), layers=(last,), strategy="addition")
    state = capture(tiny, [prompt]).values[0, last]
    for column, gain in enumerate((0.5, 3)):
        edited = state + 2 * gain * artifact.permuted[last]
        logits = tiny.model.get_output_embeddings()(tiny.model.get_decoder().norm(edited))
        p = torch.softmax(logits.double(), dim=-1)
        refusing = p[artifact.refusal_ids].sum()
        assert float(found.refusal_scores[0, column]) == pytest.approx(
            float((refusing / (1 - refusing)).log()), abs=1e-4
        )
        assert int(found.tokens[0, column]) == int(logits.argmax())


def test_layers_and_gains_asked_for_are_the_rows_and_columns_in_their_order(tiny):
    artifact, prompt = _artifact(tiny), Prompt("hi")
    whole = sweep(tiny, artifact, prompt, strategy="addition")
    part = sweep(tiny, artifact, prompt, gains=(8, 1), layers=(3, 0), strategy="addition")
    assert (part.layers, part.gains) == ((3, 0), (8, 1))
    columns = [GAINS.index(8), GAINS.index(1)]
    assert torch.allclose(part.refusal_scores, whole.refusal_scores[[3, 0]][:, columns], atol=1e-4)


def test_the_prefix_of_a_prompt_is_left_as_it_was(family):
    prefix = prefill(family, Prompt(TEXT))
    kept = copy.deepcopy(prefix.cache)
    new = torch.randn(3, family.d_model)

    def join(layer: int, hidden: torch.Tensor) -> torch.Tensor | None:
        assert torch.equal(hidden[1:].any(), torch.tensor(layer > 1))
        return new if layer == 1 else None

    logits = forward_joining_rows(family, prefix, join)
    again = forward_joining_rows(family, prefix, join)
    assert logits.shape[0] == 4 and torch.equal(logits, again)
    for layer, before in zip(prefix.cache.layers, kept.layers, strict=True):
        for name, value in vars(before).items():
            for now, then in zip(_leaves(vars(layer)[name]), _leaves(value), strict=True):
                assert torch.equal(now, then) if isinstance(now, torch.Tensor) else now == then, name


def _leaves(value) -> list:
    return [leaf for inner in value.values() for leaf in _leaves(inner)] if isinstance(value, dict) else [value]


def test_other_prompts_between_change_nothing(tiny, picture):
    artifact, prompt = _artifact(tiny), Prompt("what is this?", image=picture)
    first = sweep(tiny, artifact, prompt)
    sweep(tiny, artifact, Prompt("how do i make a cake?"))
    again = sweep(tiny, artifact, prompt)
    assert torch.equal(first.refusal_scores, again.refusal_scores) and torch.equal(first.kl, again.kl)


def test_an_exception_in_progress_ends_the_sweep_and_leaves_no_hook(tiny):
    def stop(done: int, total: int) -> None:
        if done == total:
            raise KeyboardInterrupt

    def hooks() -> list[tuple[int, ...]]:
        return [(*block._forward_hooks, *block._forward_pre_hooks) for block in tiny.layers]

    before = hooks()
    with pytest.raises(KeyboardInterrupt):
        sweep(tiny, _artifact(tiny), Prompt("hi"), strategy="addition", progress=stop)
    assert hooks() == before


@pytest.mark.parametrize(
    ("options", "error", "sentence"),
    [
        ({"gains": ()}, ValueError, "at least one layer and one gain"),
        ({"layers": ()}, ValueError, "at least one layer and one gain"),
        ({"layers": (4,)}, ModelError, "layers 0 to 3"),
        ({"gains": (1, -0.5)}, ValueError, "towards refusal only"),
        ({"gains": (float("nan"),)}, ValueError, "towards refusal only"),
        ({"strategy": "away"}, ValueError, "Unknown strategy 'away'. Known are: .*mars"),
    ],
)
def test_what_cannot_be_swept_is_one_sentence(tiny, options, error, sentence):
    with pytest.raises(error, match=sentence):
        sweep(tiny, _artifact(tiny), Prompt("hi"), **options)


def test_an_edit_that_overflows_is_an_error_with_its_layer_and_gain(tiny_folder):
    model = load_model(tiny_folder, dtype=torch.float16)
    with pytest.raises(ModelError, match=r"at layer 0 with gain 1e\+06, .* not finite in torch\.float16"):
        sweep(model, _artifact(model), Prompt("hi"), gains=(1, 1e6), strategy="addition")
