"""One path for ten families, each as a tiny checkpoint in the true layout: what is read, and what is answered.

What is fitted on them is in test_family_matrix.
"""

import copy
import json
import pickle
import shutil
from contextlib import contextmanager
from dataclasses import replace
from functools import cache

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

import mars.model.loading
from mars.analysis.token_map import VISUAL_IDS
from mars.evaluation.self_check import CHECK, ask, check_itself
from mars.geometry.projection import refusal_coordinate
from mars.geometry.rounding import coordinate_rounding, unreadable_layers
from mars.media.prompt import Prompt
from mars.model.capture import capture
from mars.model.generation import branch, prefill, side_by_side
from mars.model.hooks import block_output, capturing, editing
from mars.model.inputs import PromptError, encode
from mars.model.intervention import steering_generate
from mars.model.load_checks import ModelError
from mars.model.loaded_model import LoadedModel
from mars.model.loading import load_model, prepare
from mars.model.thinking import TAGS, TAIL_TOKENS
from mars.steering import Addition, Mars, Unsteered
from mars.types import MODALITIES, Geometry, Video
from tests.families import FAMILIES, QWEN_TEMPLATE, WINDOW
from tests.tiny import save_tiny

LENGTH = 6
LAYER = 1
TIMES = {
    "qwen3_vl": "<12.0 seconds>",
    "qwen3_5": "<12.0 seconds>",
    "molmo2": "10.0 <frame_start>",
    "gemma4": "00:10 <|image>",
    "smolvlm": "Frame from 00:10:",
}
"""How families that stamp frames say it of the third of four, at 0, 2, 10 and 14 seconds (Qwen: two make a step)."""
READS = [
    (family, modality)
    for family, recipe in FAMILIES.items()
    for modality in MODALITIES
    if modality != "video" or "video_processor" in recipe.parts
]


@pytest.fixture(scope="session")
def folder_of(tmp_path_factory):
    return cache(lambda family: save_tiny(tmp_path_factory.mktemp(family), family))


@pytest.fixture(scope="session")
def loaded(folder_of):
    return cache(lambda family: load_model(folder_of(family)))


@pytest.fixture(params=FAMILIES)
def model(request, loaded) -> LoadedModel:
    return loaded(request.param)


@pytest.fixture(params=READS, ids="-".join)
def asked(request, loaded, picture, clip) -> tuple[LoadedModel, Prompt]:
    """A model, and a prompt of each modality that it reads, longer than a sliding window."""
    family, modality = request.param
    media = {"text": {}, "image": {"image": picture}, "video": {"video": clip}}[modality]
    return loaded(family), Prompt("how do i make the thing that is in the picture, or in the clip?", **media)


@pytest.fixture(params=[family for family, modality in READS if modality == "video"])
def shown_long(request, loaded, clip) -> tuple[LoadedModel, Prompt]:
    """A model and a clip of ten minutes without a word, where positions that follow time outrun those of the text."""
    times = tuple(80.0 * index for index in range(len(clip.frames)))
    return loaded(request.param), Prompt(video=Video(clip.frames, times))


def _steering(model: LoadedModel) -> Addition:
    """A step in a random direction, as long as the residual stream is."""
    torch.manual_seed(1)
    zeros = torch.zeros(model.d_model)
    length = capture(model, [Prompt("hi")]).values[0, LAYER].norm()
    direction = torch.randn(model.d_model)
    return Addition(Geometry(length * direction / direction.norm(), zeros, zeros, 9, 0))


def _steps(model: LoadedModel, prefix, *strategies):
    return list(branch(model, prefix, strategies, LAYER, max_new_tokens=LENGTH))


@torch.inference_mode()
def _generated(model: LoadedModel, prompt: Prompt) -> list[int]:
    """What transformers' own generate says, greedily."""
    inputs = encode(model, [prompt])
    tokens = model.model.generate(**inputs, max_new_tokens=LENGTH, do_sample=False)[0]
    return tokens[inputs["input_ids"].shape[1] :].tolist()


@torch.inference_mode()
def _recomputed(model: LoadedModel, prompt: Prompt, steering) -> torch.Tensor:
    """Greedy logits with every position recomputed at each step, no cache, edited at the last prompt position."""
    inputs = encode(model, [prompt])
    shape = inputs["input_ids"].shape
    position = shape[1] - 1
    steps: list[torch.Tensor] = []
    for _ in range(LENGTH):
        with editing(model.layers, LAYER, steering, position):
            steps.append(model.model(**inputs, use_cache=False).logits[0, -1])
        token = int(steps[-1].argmax())
        if token in model.end_tokens:
            break
        grown = {name: value for name, value in inputs.items() if getattr(value, "shape", None) == shape}
        for name, value in grown.items():
            fill = {"input_ids": token, "attention_mask": 1}.get(name, 0)
            inputs[name] = torch.cat([value, value.new_full((1, 1), fill)], dim=1)
        shape = inputs["input_ids"].shape
    return torch.stack(steps)


def test_a_plain_model_steered_inside_its_own_generate_gives_the_tokens_of_branch(asked):
    model, prompt = asked
    steering = _steering(model)
    steps = _steps(model, prefill(model, prompt), Unsteered(), steering)
    replies = [[step.tokens[row] for step in steps] for row in (0, 1)]
    ends = [next((at for at, token in enumerate(reply) if token in model.end_tokens), LENGTH) for reply in replies]
    with steering_generate(model.model, LAYER, steering) as log:
        steered = _generated(model, prompt)
    assert steered[: ends[1]] == replies[1][: ends[1]] and log.applications == 1
    assert log.strength == pytest.approx(steps[0].strengths[1], rel=1e-5)
    assert _generated(model, prompt)[: ends[0]] == replies[0][: ends[0]]


@contextmanager
def _inputs_of_blocks(model: LoadedModel):
    """What each block from the second on reads in the latest pass, and what the last puts out, by plain hooks."""
    seen: list[torch.Tensor | None] = [None] * model.n_layers

    def note(layer: int):
        return lambda _, given, named: seen.__setitem__(layer - 1, (given or [named["hidden_states"]])[0].clone())

    handles = [
        block.register_forward_pre_hook(note(layer), with_kwargs=True)
        for layer, block in enumerate(model.layers)
        if layer
    ]
    handles.append(
        model.layers[-1].register_forward_hook(lambda *told: seen.__setitem__(-1, block_output(told[-1]).clone()))
    )
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()


def test_what_is_captured_is_what_the_next_block_reads(asked):
    """DeepStack adds image features to the output of Qwen3-VL's first blocks before the next one reads it.

    At all positions, and at the last one by each of the two ways: a capture, and the first step of a reply.
    """
    model, prompt = asked
    with _inputs_of_blocks(model) as read:
        with capturing(model.layers, slice(None)) as captured:
            model.model(**encode(model, [prompt]), use_cache=False)
        assert all(torch.equal(*both) for both in zip(captured.outputs, read, strict=True))

        values = capture(model, [prompt]).values[0]
        assert torch.equal(values, torch.stack([hidden[0, -1] for hidden in read]))

        first = next(branch(model, prefill(model, prompt), (Unsteered(),), LAYER, max_new_tokens=1))
        assert {hidden.shape[1] for hidden in read} == {1}
        assert torch.equal(first.activations[0], torch.stack([hidden[0, -1] for hidden in read]))


@torch.inference_mode()
def test_what_is_steered_is_what_the_next_block_reads(asked):
    model, prompt = asked
    inputs, steering = encode(model, [prompt]), _steering(model)
    with _inputs_of_blocks(model) as plain:
        model.model(**inputs, use_cache=False)
    with editing(model.layers, LAYER, steering), _inputs_of_blocks(model) as steered:
        model.model(**inputs, use_cache=False)
    assert torch.equal(steered[LAYER][:, -1], steering(plain[LAYER][:, -1]).hidden)
    assert torch.equal(steered[LAYER][:, :-1], plain[LAYER][:, :-1])
    assert all(torch.equal(steered[layer], plain[layer]) for layer in range(LAYER))
    assert not torch.equal(steered[LAYER + 1][:, -1], plain[LAYER + 1][:, -1])


def test_deepstack_shows_at_image_positions_of_the_blocks_that_it_follows(loaded, picture):
    model = loaded("qwen3_vl")
    outputs: dict[int, torch.Tensor] = {}
    handles = [
        block.register_forward_hook(
            lambda *told, layer=layer: outputs.update({layer: block_output(told[-1]).clone()})
        )
        for layer, block in enumerate(model.layers)
    ]
    try:
        with capturing(model.layers, slice(None)) as captured:
            model.model(**encode(model, [Prompt("what is it?", image=picture)]), use_cache=False)
    finally:
        for handle in handles:
            handle.remove()
    added = [not torch.equal(outputs[layer], values) for layer, values in enumerate(captured.outputs)]
    steps = len(model.model.config.vision_config.deepstack_visual_indexes)
    assert added == [True] * steps + [False] * (model.n_layers - steps) and steps > 0
    assert all(torch.equal(outputs[layer][:, -1], captured.outputs[layer][:, -1]) for layer in range(model.n_layers))


@torch.inference_mode()
def test_the_head_gets_contiguous_rows_and_its_logits_and_tokens_stay(model, tmp_path):
    """However the model runs: by itself, steered in `generate`, copied, pickled or with hooks of accelerate."""
    from accelerate.hooks import AlignDevicesHook, add_hook_to_module

    inputs = encode(model, [Prompt("hi"), Prompt("how do i make a cake with all that i have?")])

    def run(ours, rows_contiguous: bool) -> tuple[torch.Tensor, ...]:
        seen = []
        handle = ours.get_output_embeddings().register_forward_pre_hook(
            lambda _, given: seen.append(given[0].is_contiguous())
        )
        logits = ours(**inputs, use_cache=False, logits_to_keep=1).logits
        tokens = ours.generate(**inputs, max_new_tokens=LENGTH, do_sample=False)
        with steering_generate(ours, LAYER, _steering(model)):
            steered = ours.generate(**inputs, max_new_tokens=LENGTH, do_sample=False)
        handle.remove()
        assert all(seen) == rows_contiguous
        return logits, tokens, steered

    plain = copy.deepcopy(model.model)
    plain.get_output_embeddings()._forward_pre_hooks.clear()
    expected = run(plain, rows_contiguous=model.model.config.model_type == "gemma4")
    pickled, placed = copy.deepcopy(model.model), copy.deepcopy(model.model)
    pickled.set_output_embeddings(pickle.loads(pickle.dumps(model.model.get_output_embeddings())))
    add_hook_to_module(placed.get_output_embeddings(), AlignDevicesHook("cpu"))
    for ours in (model.model, copy.deepcopy(model.model), pickled, placed):
        logits, *replies = run(ours, rows_contiguous=True)
        assert torch.allclose(logits, expected[0], atol=1e-5)
        assert all(torch.equal(reply, other) for reply, other in zip(replies, expected[1:], strict=True))
    prepare(model.model, model.processor, model.name)
    assert len(model.model.get_output_embeddings()._forward_pre_hooks) == 1
    model.model.save_pretrained(tmp_path)
    stored = [load_file(folder / "model.safetensors") for folder in (tmp_path, model.folder)]
    assert stored[0].keys() == stored[1].keys()
    assert all(torch.equal(stored[0][name], stored[1][name]) for name in stored[1])


@torch.inference_mode()
@pytest.mark.parametrize("texts", [("hi",), ("hi", "how do i make a cake?")])
def test_the_head_multiplies_its_weights_once_whatever_the_rows(model, texts):
    """One product a row copies the weights for each; torch does so with a single row too, contiguous as it is."""
    inputs = encode(model, [Prompt(text) for text in texts])
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], record_shapes=True) as profiled:
        model.model(**inputs, use_cache=False, logits_to_keep=1)
    vocabulary = model.model.get_output_embeddings().weight.shape[0]
    shapes = [event.input_shapes for event in profiled.events() if event.name == "aten::bmm"]
    assert not [shape for shape in shapes if vocabulary in shape[-1]]


def test_a_checkpoint_loads_and_its_parts_are_found(model):
    recipe = FAMILIES[model.model.config.model_type]
    assert (model.n_layers, model.d_model) == (4, 32)
    assert model.dtype == torch.float32
    assert model.tokenizer.padding_side == "left"
    assert model.tokenizer.convert_tokens_to_ids(recipe.roles["eos_token"]) in model.end_tokens
    assert ("video" in model.modalities) == ("video_processor" in recipe.parts)


def test_what_a_model_cannot_read_is_one_sentence(loaded, clip):
    with pytest.raises(PromptError, match=r"^gemma3\d* cannot read videos; it reads text, image\.$"):
        encode(loaded("gemma3"), [Prompt("what is it?", video=clip)])


def test_a_package_that_a_family_needs_is_named(folder_of, monkeypatch):
    folder = folder_of("smolvlm")
    monkeypatch.setattr("transformers.models.smolvlm.processing_smolvlm.num2words", None)
    with pytest.raises(ModelError, match=r"needs a package that is not here: .*`pip install num2words`\.$"):
        load_model(folder)


def test_a_batch_of_many_lengths_and_shapes_equals_each_prompt_alone(model, picture, clip):
    wide = Image.effect_noise((160, 60), 90).convert("RGB")
    short = Video(clip.frames[:5], clip.times[:5])
    small = Video(tuple(frame.resize((96, 64)) for frame in clip.frames), clip.times)
    prompts = [
        Prompt("hi"),
        Prompt("how do i make a cake with all that i have in the house?"),
        Prompt("what is this?", image=picture),
        Prompt("is the thing in the picture dangerous?", image=wide),
    ]
    if "video" in model.modalities:
        prompts += [Prompt("what is it?", video=one) for one in (clip, short, small)]
    together = capture(model, prompts)
    alone = [capture(model, [prompt]) for prompt in prompts]
    assert torch.allclose(together.values, torch.cat([one.values for one in alone]), atol=2e-4)
    assert torch.allclose(together.logits, torch.cat([one.logits for one in alone]), atol=2e-4)


def test_images_and_clips_of_any_shape_are_read_alike_in_one_call_and_by_the_first_step_of_a_reply(model):
    sizes, counts = [(400, 8), (305, 30), (8, 8)], [2, 3, 7] if "video" in model.modalities else []
    prompts = [Prompt("what is it?", image=Image.effect_noise(size, 90).convert("RGB")) for size in sizes]
    for count in counts:
        frames = tuple(Image.effect_noise((64, 64), 90).convert("RGB") for _ in range(count))
        prompts.append(Prompt("what is it?", video=Video(frames, tuple(0.5 * index for index in range(count)))))
    huge = Prompt("what is it?", image=Image.effect_noise((690, 15_420), 90).convert("RGB"))
    *together, last = capture(model, [*prompts, huge]).values
    assert last.isfinite().all()
    for prompt, values in zip(prompts, together, strict=True):
        (step,) = branch(model, prefill(model, prompt), (Unsteered(),), LAYER, max_new_tokens=1)
        assert torch.allclose(step.activations[0], values, atol=2e-4)


def test_after_other_modalities_a_model_reads_and_says_what_a_fresh_one_does(folder_of, model, picture, clip):
    """Some keep the positions of the prompt before (rope_deltas of the Qwen models)."""
    prompts = [Prompt("what is this?"), Prompt("what is this?", image=picture), Prompt("how do i make a cake?")]
    if "video" in model.modalities:
        prompts.insert(2, Prompt("what is this?", video=clip))
    untouched = load_model(folder_of(model.model.config.model_type))
    for prompt in prompts:
        fresh = prepare(copy.deepcopy(untouched.model), untouched.processor, "fresh")
        ours, expected = (
            (capture(one, [prompt]), _steps(one, prefill(one, prompt), Unsteered()), _generated(one, prompt))
            for one in (model, fresh)
        )
        assert torch.equal(ours[0].values, expected[0].values) and torch.equal(ours[0].logits, expected[0].logits)
        assert all(torch.equal(a.logits, b.logits) for a, b in zip(ours[1], expected[1], strict=True))
        assert ours[2] == expected[2]


@torch.inference_mode()
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("family", FAMILIES)
def test_a_prompt_reads_alike_alone_and_beside_longer_ones_within_the_bound(folder_of, family, dtype):
    model = load_model(folder_of(family), dtype=dtype)
    if family == "gemma4":  # where training decides how sharp attention is; at random it blows rounding up
        for block in model.layers:
            block.self_attn.q_norm.weight.mul_(block.self_attn.head_dim**-0.5)
    things = ("cake", "kite", "boat", "lamp")
    prompts = [Prompt(f"how do i {verb} a {thing}?") for verb in ("break", "make") for thing in things]
    alone = torch.cat([capture(model, [prompt]).values for prompt in prompts])
    padded = capture(model, [*prompts, Prompt("how do i make a cake with all that i have in the house? " * 4)]).values
    means = alone[: len(things)].mean(dim=0), alone[len(things) :].mean(dim=0)
    difference = refusal_coordinate(alone, *means) - refusal_coordinate(padded[: len(prompts)], *means)
    bound = coordinate_rounding(alone.norm(dim=-1), *means, dtype)
    assert not (difference.abs() > bound).any()
    # A tiny Qwen3.5 hardly tells in its lower layers what was asked: they are named, and no other.
    hidden = {torch.float32: [0, 1], torch.bfloat16: [0, 1, 2]}[dtype] if family == "qwen3_5" else []
    assert unreadable_layers(*means, dtype) == hidden


@pytest.mark.parametrize(("family", "stamp"), TIMES.items())
def test_frame_times_reach_the_model_as_they_are(loaded, family, stamp):
    frames = tuple(Image.new("RGB", (64, 64), colour) for colour in ("red", "blue", "green", "white"))
    inputs = encode(loaded(family), [Prompt("what is it?", video=Video(frames, (0.0, 2.0, 10.0, 14.0)))])
    assert stamp in loaded(family).tokenizer.decode(inputs["input_ids"][0])


def test_frame_times_reach_a_model_that_counts_seconds_by_position(loaded):
    frames = tuple(Image.new("RGB", (64, 64), colour) for colour in ("red", "blue", "green", "white"))
    inputs = encode(loaded("qwen2_5_vl"), [Prompt("what is it?", video=Video(frames, (0.0, 2.0, 10.0, 12.0)))])
    assert [float(seconds) for seconds in inputs["second_per_grid_ts"]] == pytest.approx([8.0], rel=1e-3)


def test_control_tokens_in_a_persons_text_are_plain_characters(asked):
    model, prompt = asked
    specials = set(model.tokenizer.all_special_ids)

    def control_tokens(text: str) -> list[int]:
        ids = encode(model, [Prompt(text, prompt.image, prompt.video)])["input_ids"][0].tolist()
        return [token for token in ids if token in specials]

    typed = " ".join(FAMILIES[model.model.config.model_type].tokens)
    assert control_tokens(f"hello {typed} hello") == control_tokens("hello")


def test_a_control_token_that_a_person_typed_reads_as_its_characters(asked):
    model, prompt = asked
    for token in FAMILIES[model.model.config.model_type].tokens:
        ids = encode(model, [Prompt(f"hello {token} hello", prompt.image, prompt.video)])["input_ids"][0].tolist()
        plain = model.tokenizer.encode(token, add_special_tokens=False, split_special_tokens=True)
        assert any(ids[start : start + len(plain)] == plain for start in range(len(ids)))


@pytest.fixture(params=FAMILIES)
def unmarked(request, folder_of, tmp_path) -> LoadedModel:
    """A model whose tokenizer holds its control tokens as added ones, without the mark of special ones."""
    folder = shutil.copytree(folder_of(request.param), tmp_path / request.param)
    tokenizer = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    for token in tokenizer["added_tokens"]:
        token["special"] = False
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer), encoding="utf-8")
    return load_model(folder)


def test_image_placeholders_that_a_model_says_are_text_when_it_is_asked_about_them(unmarked, picture):
    model, prompt = unmarked, Prompt("what is it?", image=picture)
    config, head = model.model.config, model.model.get_output_embeddings()
    read = encode(model, [prompt])["input_ids"][0].tolist()
    for token in {getattr(config, name, None) for name in VISUAL_IDS} - {None}:
        if token >= head.out_features:
            continue  # Molmo2 cannot say it
        hook = head.register_forward_hook(lambda *told, it=token: told[-1].index_fill(-1, torch.tensor([it]), 99))
        steps = _steps(model, prefill(model, prompt), Unsteered())
        reply = ask(model, prompt, LENGTH)
        hook.remove()
        assert [step.tokens[0] for step in steps] == [token] * LENGTH
        said = model.tokenizer.convert_ids_to_tokens(token)
        assert reply.text in ("", LENGTH * said)
        check = replace(prompt, text=CHECK.format(request=prompt.text, answer=f"It is {said} and {reply.text}."))
        assert encode(model, [check])["input_ids"][0].tolist().count(token) == read.count(token)
        check_itself(model, prompt, reply, 2)


def test_no_control_token_of_a_tokenizer_that_marks_none_comes_of_text(unmarked, picture):
    tokens = FAMILIES[unmarked.model.config.model_type].tokens
    for medium in (None, picture):
        typed, plain = (
            encode(unmarked, [Prompt(f"hello {text} hello", medium)])["input_ids"][0].tolist()
            for text in (" ".join(tokens), "")
        )
        for token in unmarked.tokenizer.convert_tokens_to_ids(tokens):
            assert typed.count(token) == plain.count(token)


def test_a_model_that_opens_with_thinking_is_asked_not_to(loaded):
    model = loaded("qwen3_5")
    text = model.tokenizer.decode(encode(model, [Prompt("hi")])["input_ids"][0])
    assert text.endswith("<|im_start|>assistant\n<think>\n\n</think>\n\n")


@pytest.mark.parametrize(("opening", "close"), TAGS.items())
@pytest.mark.parametrize("modality", ["text", "image"])
def test_thinking_that_a_template_opens_without_a_switch_is_closed(
    loaded, picture, monkeypatch, modality, opening, close
):
    model = loaded("qwen3_vl")
    opens = "{%- if add_generation_prompt -%}{{ '" + opening + "\n' }}{%- endif -%}"
    monkeypatch.setattr(model.processor, "chat_template", QWEN_TEMPLATE + opens)
    prompts = [Prompt.of(text, picture if modality == "image" else None) for text in ("hi", "how do i make a kite?")]
    inputs = encode(model, prompts)
    for row in inputs["input_ids"]:
        assert model.tokenizer.decode(row).endswith(f"<|im_start|>assistant\n{opening}\n\n{close}\n\n")
    assert {tuple(value.shape) for name, value in inputs.items() if name in ("input_ids", "attention_mask")} == {
        tuple(inputs["input_ids"].shape)
    }
    _check_unsteered(model, prompts[1])


@pytest.fixture
def opening_by_itself(folder_of, monkeypatch):
    """Make a model whose first tokens open thinking, unless the prompt has closed it or it does not mind."""

    def make(opening: str, *, always: bool = False) -> LoadedModel:
        model, read = load_model(folder_of("qwen3_vl")), []
        said = model.tokenizer.encode(opening, add_special_tokens=False)

        def say(module, given, named, output):  # noqa: ARG001
            if not named["use_cache"]:
                return
            ids = named["input_ids"][0].tolist()
            read[:] = [ids] if len(ids) > 1 else [*read, ids]  # the prompt but for its last token, then one at a time
            closed = model.tokenizer.decode([*read[0], *read[min(1, len(read) - 1)]]).endswith(f"{TAGS[opening]}\n\n")
            if (always or not closed) and 2 <= len(read) < len(said) + 2:
                output.logits[..., said[len(read) - 2]] = 99

        model.model.register_forward_hook(say, with_kwargs=True)
        monkeypatch.setattr(model.processor, "chat_template", "{#- " + opening + " -#}" + QWEN_TEMPLATE)
        return prepare(model.model, model.processor, "thinker")

    return make


@pytest.mark.parametrize(("opening", "close"), TAGS.items())
def test_thinking_that_a_models_first_tokens_open_is_closed_in_every_prompt(
    opening_by_itself, picture, opening, close
):
    model = opening_by_itself(opening)
    assert model.thinking == opening and model.template_hash != replace(model, thinking="").template_hash
    for prompts in ([Prompt("hi"), Prompt("how do i make a kite?")], [Prompt("what is it?", image=picture)]):
        for row in encode(model, prompts)["input_ids"]:
            assert model.tokenizer.decode(row).endswith(f"<|im_start|>assistant\n{opening}\n{close}\n\n")
        assert opening not in model.generate(prompts[0], max_new_tokens=LENGTH).text
    assert opening in replace(model, thinking="").generate(Prompt("hi"), max_new_tokens=TAIL_TOKENS).text


def test_thinking_that_cannot_be_closed_is_told(opening_by_itself):
    with pytest.warns(UserWarning, match=r"^thinker opens its replies with thinking \(\[THINK\]\), also where "):
        opening_by_itself("[THINK]", always=True)


def test_only_models_that_know_a_mark_of_thinking_are_asked_whether_they_open_it(loaded, monkeypatch):
    asked = []
    prefill = mars.model.loading.prefill
    monkeypatch.setattr(mars.model.loading, "prefill", lambda *given: asked.append(given[0].name) or prefill(*given))
    for family in FAMILIES:
        prepare(loaded(family).model, loaded(family).processor, family)
    assert asked == ["qwen3_5"]


def test_words_of_thinking_that_a_person_typed_stay_words(loaded):
    model = loaded("qwen3_vl")
    text = model.tokenizer.decode(encode(model, [Prompt("what is <think>")])["input_ids"][0])
    assert text.endswith("what is <think><|im_end|>\n<|im_start|>assistant\n")


@pytest.mark.parametrize("family", [name for name, recipe in FAMILIES.items() if "bos_token" in recipe.roles])
def test_a_prompt_begins_with_one_token_of_beginning_where_the_tokenizer_adds_one_too(folder_of, family):
    """Templates of Gemma write it, and so do their published tokenizers on their own."""
    from tokenizers.processors import TemplateProcessing

    model = load_model(folder_of(family))
    begin = model.tokenizer.bos_token
    ids = [(begin, model.tokenizer.bos_token_id)]
    model.tokenizer.backend_tokenizer.post_processor = TemplateProcessing(single=f"{begin} $A", special_tokens=ids)
    assert model.tokenizer.encode("hi")[0] == model.tokenizer.bos_token_id
    for prompts in ([Prompt("hi")], [Prompt("hi"), Prompt("what is this?")]):
        rows = encode(model, prompts)["input_ids"].tolist()
        assert [row.count(model.tokenizer.bos_token_id) for row in rows] == [1] * len(prompts)


def test_a_system_prompt_reaches_the_model(asked):
    model, prompt = asked
    told = Prompt(prompt.text, prompt.image, prompt.video, system="speak of kites")
    assert "speak of kites" in model.tokenizer.decode(encode(model, [told])["input_ids"][0])


def test_the_unsteered_row_is_what_generate_says(asked):
    _check_unsteered(*asked)


def test_after_a_long_clip_too_the_unsteered_row_is_what_generate_says(shown_long):
    _check_unsteered(*shown_long)


def _check_unsteered(model: LoadedModel, prompt: Prompt) -> None:
    steps = _steps(model, prefill(model, prompt), Unsteered(), _steering(model))
    ended = next((step.index for step in steps if step.finished[0]), LENGTH)
    assert [step.tokens[0] for step in steps[: ended + 1]] == _generated(model, prompt)


def test_the_steered_row_is_a_run_without_cache_or_batch(asked):
    _check_steered(*asked)


def test_after_a_long_clip_too_the_steered_row_is_a_run_without_cache_or_batch(shown_long):
    _check_steered(*shown_long)


def _check_steered(model: LoadedModel, prompt: Prompt) -> None:
    steering = _steering(model)
    steps = _steps(model, prefill(model, prompt), Unsteered(), steering)
    expected = _recomputed(model, prompt, steering)
    found = torch.stack([step.logits[1] for step in steps[: len(expected)]])
    assert torch.allclose(found, expected, atol=2e-4)
    assert not torch.allclose(steps[0].logits[0], steps[0].logits[1], atol=1e-2)


def test_other_prompts_between_prefill_and_branch_and_between_steps_change_nothing(asked, picture):
    model, prompt = asked
    steering = _steering(model)
    fresh = _steps(model, prefill(model, prompt), Unsteered(), steering)
    prefix = prefill(model, prompt)
    other = Prompt("what is in the picture?", image=picture)
    for _ in range(2):
        disturbed = []
        for step in branch(model, prefix, (Unsteered(), steering), LAYER, max_new_tokens=LENGTH):
            disturbed.append(step)
            list(branch(model, prefill(model, other), (Unsteered(),), 2, max_new_tokens=2))
        assert all(torch.equal(a.logits, b.logits) for a, b in zip(disturbed, fresh, strict=True))


def test_strength_zero_gives_the_unsteered_logits_exactly(asked):
    model, prompt = asked
    geometry = Geometry(torch.ones(model.d_model), torch.zeros(model.d_model), torch.zeros(model.d_model), 1, 0)
    for step in _steps(model, prefill(model, prompt), Unsteered(), Mars(geometry, gain=0)):
        assert torch.equal(step.logits[0], step.logits[1])
        assert step.strengths == (0.0, 0.0)


def test_the_first_step_carries_the_activations_that_capture_finds(asked):
    model, prompt = asked
    steering = _steering(model)
    first = next(iter(branch(model, prefill(model, prompt), (Unsteered(), steering), LAYER)))
    captured = capture(model, [prompt])
    assert torch.allclose(first.activations[0], captured.values[0], atol=2e-4)
    assert torch.allclose(first.logits[0], captured.logits[0], atol=2e-4)
    step = first.activations[1, LAYER] - first.activations[0, LAYER]
    assert torch.allclose(step, steering.geometry.mean_harmful, atol=2e-4)


def test_half_precision_takes_the_same_path(folder_of, asked):
    full, prompt = asked
    half = load_model(folder_of(full.model.config.model_type), dtype=torch.bfloat16)
    values, expected = capture(half, [prompt]).values[0], capture(full, [prompt]).values[0]
    assert torch.cosine_similarity(values, expected, dim=-1).min() > 0.97
    geometry = Geometry(torch.ones(32), torch.zeros(32), torch.zeros(32), 1, 0)
    for step in _steps(half, prefill(half, prompt), Unsteered(), Mars(geometry, gain=0)):
        assert torch.equal(step.logits[0], step.logits[1])


@torch.inference_mode()
def test_an_overflow_is_reported_by_layer_and_dtype_and_never_returned(folder_of, model):
    half = load_model(folder_of(model.model.config.model_type), dtype=torch.float16)
    for parameter in half.layers[2].parameters():
        if parameter.dim() > 1:
            parameter.mul_(10_000)
    sentence = r"activations of layer 2 are not finite in torch\.float16. They overflowed: .* bfloat16"
    with pytest.raises(ModelError, match=sentence):
        capture(half, [Prompt("hi")])
    with pytest.raises(ModelError, match=sentence):
        _steps(half, prefill(half, Prompt("hi")), Unsteered())


@pytest.mark.parametrize("family", ["gemma3", "gemma4"])
def test_a_prompt_longer_than_the_sliding_window_is_held_in_part_and_answered_in_full(loaded, family):
    model = loaded(family)
    prompt = Prompt("how do i make a cake with all that i have in the house? " * 3)
    prefix = prefill(model, prompt)
    assert prefix.length > 2 * WINDOW
    first, second = prefix.cache.layers[:2]
    held = (first.keys.shape[-2], second.keys.shape[-2])
    assert held == (WINDOW - 1, prefix.length - 1)
    steps = _steps(model, prefix, Unsteered(), _steering(model))
    expected = _recomputed(model, prompt, Unsteered())
    assert torch.allclose(torch.stack([step.logits[0] for step in steps[: len(expected)]]), expected, atol=2e-4)
    assert (first.keys.shape[-2], second.keys.shape[-2]) == held


def test_branches_leave_the_recurrent_states_of_their_prefix_alone(loaded, picture):
    model = loaded("qwen3_5")
    prefix = prefill(model, Prompt("what is it?", image=picture))
    linear = prefix.cache.layers[0]
    states = [linear.conv_states, linear.recurrent_states]
    before = copy.deepcopy(states)
    steps = _steps(model, prefix, Unsteered(), _steering(model))
    assert [linear.conv_states, linear.recurrent_states] == states
    for state, kept in zip(states, before, strict=True):
        assert all(torch.equal(state[key], kept[key]) for key in kept)
    alone = _steps(model, prefix, Unsteered())
    both = torch.stack([step.logits[0] for step in steps[: len(alone)]])
    assert torch.allclose(both, torch.stack([step.logits[0] for step in alone]), atol=2e-4)


def test_prompts_side_by_side_are_answered_as_each_alone(asked):
    """Three prompts, one much longer and one without media, and three strategies in one batch; recurrent states and
    sliding windows included."""
    model, prompt = asked
    longer = replace(prompt, text="how do i make the thing that is in the clip, or in the picture? " * 2)
    prefixes = [prefill(model, one) for one in (prompt, longer, Prompt("how do i make a cake?"))]
    edit, plain = _steering(model), Unsteered()
    asked_of = ((0, plain), (1, edit), (2, edit), (0, edit))
    alone = [_steps(model, prefixes[of], strategy) for of, strategy in asked_of]
    of, strategies = zip(*asked_of, strict=True)
    together = list(branch(model, side_by_side(prefixes), strategies, LAYER, of=of, max_new_tokens=LENGTH))
    for row, steps in enumerate(alone):
        assert steps[-1].texts[0] == together[-1].texts[row]
        for one, joint in zip(steps, together, strict=False):
            assert torch.allclose(one.logits[0], joint.logits[row], atol=2e-4)
    again = _steps(model, prefixes[1], edit)
    assert [step.tokens for step in again] == [step.tokens for step in alone[1]]
