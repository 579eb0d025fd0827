"""Steering a plain transformers model inside its own generate: every way to generate, and what is refused."""

import threading
from dataclasses import replace

import pytest
import torch
from transformers import GenerationConfig

from mars import Artifact, Prompt
from mars.bundled import MODELS
from mars.fitted.fitted import ArtifactError
from mars.model.generation import branch, prefill
from mars.model.hooks import editing
from mars.model.inputs import encode
from mars.model.intervention import InterventionError, steering_generate
from mars.model.lens import Lens
from mars.model.load_checks import ModelError, four_bits
from mars.model.loading import load_model, prepare
from mars.steering import STRATEGIES, Unsteered
from mars.types import Geometry
from tests.tiny import save_tiny, steering_hooks

LENGTH = 6
GAIN = 2.0
TEXT = "how do i make a cake?"


@pytest.fixture(scope="module")
def strong(tiny_artifact) -> Artifact:
    """A random model's own artifact, so large that addition at gain 2 changes every reply."""
    far = 40 * torch.nn.functional.normalize(tiny_artifact.permuted, dim=-1)
    return replace(tiny_artifact, mean_harmful=tiny_artifact.mean_harmless + far)


@pytest.fixture
def applied(tiny, strong):
    def enter(modality: str = "text", **options):
        return strong.apply(tiny.model, modality=modality, gain=GAIN, strategy="addition", **options)

    return enter


def _branched(lens: Lens, artifact: Artifact, prompt: Prompt) -> list[int]:
    """Greedy tokens of the steered row beside an unsteered one."""
    steering = STRATEGIES["addition"](artifact.geometry(artifact.layer, prompt.modality), GAIN)
    steps = branch(lens, prefill(lens, prompt), (Unsteered(), steering), artifact.layer, max_new_tokens=LENGTH)
    return _until_the_end(lens, [step.tokens[1] for step in steps])


def _until_the_end(lens: Lens, tokens: list[int]) -> list[int]:
    ends = [place for place, token in enumerate(tokens) if token in lens.end_tokens]
    return tokens[: ends[0] + 1] if ends else tokens


def _generated(lens: Lens, inputs: dict, **options) -> list[list[int]]:
    found = lens.model.generate(**inputs, **{"max_new_tokens": LENGTH, "do_sample": False, **options})
    return [_until_the_end(lens, row) for row in found[:, inputs["input_ids"].shape[1] :].tolist()]


def _prompt(modality: str, picture, clip) -> Prompt:
    return Prompt.of(TEXT, {"text": None, "image": picture, "video": clip}[modality])


@pytest.mark.parametrize("modality", ["text", "image", "video"])
def test_generate_gives_the_tokens_of_branch_and_the_log_says_what_was_done(
    tiny, strong, applied, picture, clip, modality
):
    prompt = _prompt(modality, picture, clip)
    inputs = tiny.encode(prompt)
    plain = _generated(tiny, inputs)
    with applied(modality) as log:
        (steered,) = _generated(tiny, inputs)
    assert steered == _branched(tiny, strong, prompt) != plain[0]
    assert (log.layer, log.position, log.applications) == (strong.layer, inputs["input_ids"].shape[1] - 1, 1)
    assert log.strength == pytest.approx(GAIN * 40, rel=1e-4)
    assert _generated(tiny, inputs) == plain


def test_a_generation_config_is_taken_by_its_place_too(tiny, strong, applied):
    ids = tiny.encode(Prompt(TEXT))["input_ids"]
    config = GenerationConfig(max_new_tokens=LENGTH, do_sample=False, eos_token_id=list(tiny.end_tokens))
    with applied():
        tokens = tiny.model.generate(ids, config)[0, ids.shape[1] :].tolist()
    assert _until_the_end(tiny, tokens) == _branched(tiny, strong, Prompt(TEXT))


def test_a_reply_of_no_token_is_refused(tiny):
    with pytest.raises(ValueError, match=r"^A reply of 0 tokens cannot be generated; allow at least 1\.$"):
        tiny.generate(Prompt(TEXT), max_new_tokens=0)


def test_lens_generate_gives_the_same_reply_and_the_same_log(tiny, strong, picture):
    prompt = Prompt(TEXT, image=picture)
    inputs = tiny.encode(prompt)
    with strong.apply(tiny.model, modality="image", gain=8.0) as log:
        (tokens,) = _generated(tiny, inputs)
    reply = tiny.generate(prompt, steering=strong.mars(gain=8.0), max_new_tokens=LENGTH)
    assert reply.text == tiny.tokenizer.decode(tokens, skip_special_tokens=True).strip()
    assert (reply.intervention.layer, reply.intervention.position) == (log.layer, log.position)
    assert reply.intervention.strength == pytest.approx(log.strength, abs=1e-3)
    plain = tiny.generate(prompt, max_new_tokens=LENGTH)
    assert (plain.intervention.applications, plain.intervention.strength) == (0, 0.0)


def test_rows_of_unequal_length_padded_on_the_left_are_steered_as_each_alone(tiny, strong, applied):
    prompts = [Prompt(TEXT), Prompt("hi"), Prompt(f"{TEXT} " * 3)]
    with applied() as log:
        found = _generated(tiny, encode(tiny, prompts))
    assert found == [_branched(tiny, strong, prompt) for prompt in prompts]
    assert log.strengths == pytest.approx([GAIN * 40] * 3, rel=1e-4)


@pytest.mark.parametrize(
    "options",
    [
        {"cache_implementation": "static"},
        {"cache_implementation": "dynamic"},
        {"prefill_chunk_size": 4},
        {"prefill_chunk_size": 1},
        {"prefill_chunk_size": 10_000},
        {"do_sample": True, "top_k": 1},
    ],
    ids=str,
)
def test_the_edit_is_made_once_whatever_the_cache_the_chunks_and_the_way_to_choose(tiny, strong, applied, options):
    prompt = Prompt(TEXT)
    with applied() as log:
        found = _generated(tiny, tiny.encode(prompt), **options)
    assert found == [_branched(tiny, strong, prompt)] and log.applications == 1


def test_a_conversation_that_goes_on_from_its_cache_is_steered_at_its_new_end(tiny, applied):
    """What was generated without steering is read, then a further turn is answered from the same cache."""
    inputs = tiny.encode(Prompt(TEXT))
    first = tiny.model.generate(
        **inputs, max_new_tokens=2, min_new_tokens=2, do_sample=False, return_dict_in_generate=True
    )
    turn = torch.cat([first.sequences, tiny.encode(Prompt("hi"))["input_ids"]], dim=1)
    for chunk in (None, 3):
        with applied():
            whole = _generated(tiny, {"input_ids": turn, "attention_mask": torch.ones_like(turn)})
        again = tiny.model.generate(
            **inputs, max_new_tokens=2, min_new_tokens=2, do_sample=False, return_dict_in_generate=True
        )
        with applied() as log:
            continued = _generated(
                tiny,
                {"input_ids": turn, "attention_mask": torch.ones_like(turn)},
                past_key_values=again.past_key_values,
                prefill_chunk_size=chunk,
            )
        assert continued == whole and log.applications == 1


def test_sampled_sequences_choose_their_first_token_from_the_steered_logits(tiny, strong, applied):
    prompt = Prompt(TEXT)
    steering = STRATEGIES["addition"](strong.geometry(strong.layer, "text"), GAIN)
    expected = next(branch(tiny, prefill(tiny, prompt), (steering,), strong.layer, max_new_tokens=1)).logits
    with applied() as log:
        found = tiny.model.generate(
            **tiny.encode(prompt), max_new_tokens=2, do_sample=True, num_return_sequences=3, output_logits=True,
            return_dict_in_generate=True,
        )  # fmt: skip
    assert len(log.strengths) == 3
    assert torch.allclose(found.logits[0].cpu(), expected.expand(3, -1), atol=1e-4)


@torch.inference_mode()
def _beamed(lens: Lens, prompt: Prompt, steering, layer: int, beams: int) -> list[int]:
    """Beam search the long way: all positions of all beams anew at each step, edited at the prompt's last."""
    inputs = lens.encode(prompt)
    position = inputs["input_ids"].shape[1] - 1
    kept = [([], 0.0)]
    for _ in range(LENGTH):
        grown = []
        for tokens, score in kept:
            rows = dict(inputs)
            for name, value in inputs.items():
                fill = torch.ones_like if name == "attention_mask" else torch.zeros_like
                new = torch.tensor([tokens], dtype=value.dtype)
                rows[name] = torch.cat([value, new if name == "input_ids" else fill(new)], dim=1)
            with editing(lens.layers, layer, steering, position):
                log_p = lens.model(**rows, use_cache=False).logits[0, -1].float().log_softmax(-1)
            log_p[list(lens.end_tokens)] = -torch.inf
            best = log_p.topk(beams)
            pairs = zip(best.indices.tolist(), best.values.tolist(), strict=True)
            grown += [([*tokens, token], score + more) for token, more in pairs]
        kept = sorted(grown, key=lambda beam: -beam[1])[:beams]
    return kept[0][0]


def test_beams_are_steered_as_a_search_without_cache_says(tiny, strong, applied):
    prompt, steering = Prompt(TEXT), STRATEGIES["addition"](strong.geometry(strong.layer, "text"), GAIN)
    expected = _beamed(tiny, prompt, steering, strong.layer, 3)
    with applied():
        assert _generated(tiny, tiny.encode(prompt), num_beams=3, min_new_tokens=LENGTH) == [expected]
    assert expected != _beamed(tiny, prompt, Unsteered(), strong.layer, 3)


def test_a_streamer_in_a_thread_gets_the_steered_reply(tiny, applied):
    from transformers import TextIteratorStreamer

    inputs = tiny.encode(Prompt(TEXT))
    streamer = TextIteratorStreamer(tiny.tokenizer, skip_prompt=True, timeout=60)
    options = {**inputs, "streamer": streamer, "max_new_tokens": LENGTH, "do_sample": False}
    with applied():
        thread = threading.Thread(target=tiny.model.generate, kwargs=options)
        thread.start()
        streamed = "".join(streamer)
        thread.join()
        (tokens,) = _generated(tiny, inputs)
    assert streamed == tiny.tokenizer.decode(tokens)


def test_modules_that_accelerate_placed_are_steered_alike(tmp_path):
    accelerate = pytest.importorskip("accelerate", reason="a device_map needs accelerate")
    lens = load_model(save_tiny(tmp_path))
    inputs = lens.encode(Prompt(TEXT))
    steering = STRATEGIES["addition"](_far(lens), GAIN)
    with _steering(lens, steering):
        expected = _generated(lens, inputs)
    places = {"model.visual": "cpu", "model.language_model": "cpu", "lm_head": "cpu"}
    accelerate.dispatch_model(lens.model, places, force_hooks=True)
    with _steering(lens, steering) as log:
        assert _generated(lens, inputs) == expected
    assert log.applications == 1


def test_weights_of_four_bits_are_steered_alike():
    pytest.importorskip("bitsandbytes", reason="4 bits need bitsandbytes")
    from transformers import AutoModelForImageTextToText, AutoProcessor

    folder = MODELS["pocket-vl"]  # the tiny ones are smaller than a block of quantized weights
    model = AutoModelForImageTextToText.from_pretrained(
        folder, dtype=torch.float32, device_map={"": "cpu"}, quantization_config=four_bits()
    )
    lens = prepare(model, AutoProcessor.from_pretrained(folder), "Pocket-VL in 4 bits")
    assert "Linear4bit" in {type(part).__name__ for part in lens.model.modules()}
    steering, inputs = STRATEGIES["addition"](_far(lens), GAIN), lens.encode(Prompt(TEXT))
    steps = list(branch(lens, prefill(lens, Prompt(TEXT)), (steering,), 1, max_new_tokens=LENGTH))
    with _steering(lens, steering) as log:
        assert _generated(lens, inputs) == [_until_the_end(lens, [step.tokens[0] for step in steps])]
    assert log.applications == 1


def _far(lens: Lens) -> Geometry:
    zeros = torch.zeros(lens.d_model)
    return Geometry(40 * torch.nn.functional.normalize(torch.ones(lens.d_model), dim=0), zeros, zeros, 1.0, 0.0)


def _steering(lens: Lens, steering):
    return steering_generate(lens.model, 1, steering)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"prompt_lookup_num_tokens": 2}, "not defined for assisted generation"),
        ({"use_cache": False}, "Without the KV cache"),
        ({"custom_generate": "somebody/something"}, "not defined for"),
    ],
    ids=str,
)
def test_ways_to_generate_that_would_lose_the_edit_are_one_sentence(tiny, applied, options, sentence):
    with applied(), pytest.raises(InterventionError, match=sentence):
        _generated(tiny, tiny.encode(Prompt(TEXT)), **options)


def test_an_assistant_is_refused(tiny, applied):
    with applied(), pytest.raises(InterventionError, match="not defined for assisted generation"):
        _generated(tiny, tiny.encode(Prompt(TEXT)), assistant_model=tiny.model)


def test_padding_on_the_right_is_refused_with_and_without_a_mask(tiny, applied):
    inputs = tiny.encode(Prompt(TEXT))
    ids = torch.cat([inputs["input_ids"], torch.full((1, 2), tiny.tokenizer.pad_token_id)], dim=1)
    mask = (ids != tiny.tokenizer.pad_token_id).long()
    for given in ({"attention_mask": mask}, {}):
        with applied(), pytest.raises(InterventionError, match="padded on the right"):
            tiny.model.generate(input_ids=ids, max_new_tokens=1, **given)


def test_no_prompt_is_refused(tiny, applied):
    with applied(), pytest.raises(InterventionError, match="no prompt"):
        tiny.model.generate(max_new_tokens=1)


def test_a_pass_outside_generate_is_refused_and_leaves_the_model_usable(tiny, applied):
    inputs = tiny.encode(Prompt(TEXT))
    with applied():
        with pytest.raises(InterventionError, match=r"in model\.generate alone"):
            tiny.model(**inputs)
        with pytest.raises(InterventionError, match=r"in model\.generate alone"):
            tiny.generate(Prompt(TEXT))
    tiny.model(**inputs)


def test_interventions_do_not_nest(tiny, applied):
    with applied():
        with pytest.raises(InterventionError, match="do not nest"), applied():
            pass
        assert len(steering_hooks(tiny)) == 1
    assert steering_hooks(tiny) == []


def test_two_calls_at_once_are_refused(tiny, applied):
    begun, go_on, errors = threading.Event(), threading.Event(), []

    class Waiting:
        def put(self, value) -> None:  # noqa: ARG002
            begun.set()
            go_on.wait(60)

        def end(self) -> None:
            pass

    inputs = tiny.encode(Prompt(TEXT))
    with applied() as log:
        thread = threading.Thread(
            target=tiny.model.generate, kwargs={**inputs, "streamer": Waiting(), "max_new_tokens": 1}
        )
        thread.start()
        begun.wait(60)
        try:
            _generated(tiny, inputs)
        except InterventionError as error:
            errors.append(str(error))
        go_on.set()
        thread.join()
        assert _generated(tiny, inputs) and log.applications == 2
    assert errors and "in turn" in errors[0]


def test_a_model_that_the_artifact_was_not_fitted_on_is_refused(strong, tmp_path):
    other = load_model(save_tiny(tmp_path, seed=1))
    with pytest.raises(ArtifactError, match="this model has other weights"):
        strong.apply(other.model, modality="text")
    with pytest.raises(ModelError, match="fitted on other weights"):
        other.generate(Prompt(TEXT), steering=strong.mars())
    shallow = load_model(save_tiny(tmp_path / "shallow", layers=2))
    with pytest.raises(ArtifactError, match="other weights"):
        strong.apply(shallow.model, modality="text")


@pytest.mark.parametrize("gain", [-0.5, float("nan"), float("inf")])
def test_a_gain_that_would_steer_away_from_refusal_is_refused(tiny, strong, gain):
    for work in (lambda: strong.apply(tiny.model, modality="text", gain=gain), lambda: strong.mars(gain=gain)):
        with pytest.raises(ValueError, match="steers towards refusal only"):
            work()


def test_a_layer_a_modality_or_a_strategy_that_was_not_fitted_is_one_sentence(tiny, strong, picture):
    with pytest.raises(ArtifactError, match="layers 0 to 3"):
        strong.mars(layer=4)
    with pytest.raises(ArtifactError, match="no neutral mean for sound"):
        strong.apply(tiny.model, modality="sound")
    with pytest.raises(ValueError, match="Unknown strategy 'cure'"):
        strong.apply(tiny.model, modality="text", strategy="cure")
    only_text = replace(strong, bias={}, amplification={"text": strong.amplification["text"]})
    with pytest.raises(ModelError, match="modality image"):
        tiny.generate(Prompt(TEXT, image=picture), steering=only_text.mars())


def test_after_an_exception_the_model_is_as_before(tiny, applied):
    inputs = tiny.encode(Prompt(TEXT))
    plain = _generated(tiny, inputs)
    with pytest.raises(RuntimeError, match="on purpose"), applied():
        raise RuntimeError("on purpose")
    with pytest.raises(TypeError), applied():
        tiny.model.generate(**inputs, max_new_tokens="many")
    assert "generate" not in vars(tiny.model) and steering_hooks(tiny) == []
    assert _generated(tiny, inputs) == plain
    with applied():
        assert _generated(tiny, inputs) != plain


def test_another_generate_of_the_models_own_comes_back(tiny, applied):
    def own(*given, **options):
        return type(tiny.model).generate(tiny.model, *given, **options)

    tiny.model.generate = own
    try:
        with applied() as log:
            _generated(tiny, tiny.encode(Prompt(TEXT)))
        assert log.applications == 1 and tiny.model.generate is own
    finally:
        del tiny.model.generate
