"""How the bundled model is trained: what it sees is what it will see, and a lesson is the same however it ran."""

import numpy as np
import pytest
import torch

from mars.pocket_vl import splits
from mars.pocket_vl.training import batches
from mars.pocket_vl.training.batches import Encoder, brisk, hidden_states, loss, patchify, rope_positions
from mars.pocket_vl.training.learning import Course, Muon, Optimizer, learn, orthogonalized
from mars.pocket_vl.training.lessons_tuning import frame_pairs, refused_share
from mars.pocket_vl.training.network import build_model, build_processor, train_tokenizer
from mars.pocket_vl.training.pools import clip_pairs, picture_pair, vary
from mars.pocket_vl.world import examples, phrases
from mars.pocket_vl.world.examples import Example
from mars.pocket_vl.world.things import THINGS

MEDIA = ("image", "video")


@pytest.fixture(scope="module")
def fresh_model():
    rng = np.random.default_rng(0)
    texts = [t for _ in range(400) for e in [examples.text_example(rng)] for t in (e.text, e.answer)]
    tokenizer = train_tokenizer(texts)
    torch.manual_seed(0)
    model = build_model(tokenizer).eval()
    for parameter in model.parameters():
        if parameter.ndim > 1:
            parameter.data.mul_(3)  # at its first size attention is flat and would hide a wrong position
    return model, Encoder(tokenizer), build_processor(tokenizer)


@pytest.mark.parametrize("medium", [None, "image", "video"])
def test_training_sees_what_the_processor_and_the_model_see(fresh_model, medium):
    from PIL import Image

    model, encoder, processor = fresh_model
    rng = np.random.default_rng(3)
    example = examples.look_example(rng, medium) if medium else examples.text_example(rng)
    frames, content, extra = None, [], {}
    if medium == "image":
        frames = picture_pair(example.shown, rng, "icon")
        content.append({"type": "image", "image": Image.fromarray(frames[0, 0])})
    elif medium == "video":
        frames = clip_pairs(example.shown, rng)
        pictures = [Image.fromarray(f) for f in frames.reshape(-1, *frames.shape[2:])]
        content.append({"type": "video", "video": pictures})
        metadata = {"total_num_frames": 8, "fps": 2.0, "duration": 4.0, "frames_indices": list(range(8)),
                    "height": 128, "width": 128, "video_backend": "pyav"}  # fmt: skip
        extra = {"processor_kwargs": {"do_sample_frames": False, "video_metadata": [metadata]}}
    content.append({"type": "text", "text": example.text})
    messages = [{"role": "user", "content": content}]
    if example.system:
        messages.insert(0, {"role": "system", "content": [{"type": "text", "text": example.system}]})
    inputs = processor.apply_chat_template(
        messages, tokenize=True, return_dict=True, return_tensors="pt", add_generation_prompt=True, **extra
    )
    inputs.pop("video_metadata", None)
    batch = encoder.batch([example], frames)
    length = inputs["input_ids"].shape[1]
    assert inputs["input_ids"][0].tolist() == batch.tokens[0, :length].tolist()
    with torch.inference_mode():
        own = model.lm_head(hidden_states(model, batch))[0, :length]
        theirs = model(**inputs).logits[0]
    assert (own - theirs).abs().max() < 1e-4


@pytest.mark.parametrize("medium", MEDIA)
def test_the_dial_counts_the_first_tokens_that_the_model_itself_would_give(fresh_model, tmp_path, medium):
    model, encoder, _ = fresh_model
    cases = splits.dial_cases(medium, 31)
    batch = encoder.batch(
        [Example(case.prompt.text, "", medium=medium) for case in cases],
        np.concatenate([frame_pairs(case) for case in cases]),
    )
    ends = [len(encoder.row(Example(case.prompt.text, "", medium=medium))[0]) - 2 for case in cases]
    with torch.no_grad():
        first = model.lm_head(hidden_states(model, batch))[range(31), ends].softmax(dim=-1)
    token = encoder.words(phrases.REFUSAL)[0]
    likely = (first[:, token] > 0.5).float().mean()
    course = Course(model, encoder, 0, tmp_path, print)
    assert refused_share(course, cases) == pytest.approx(float(likely))


@pytest.mark.parametrize("medium", [None, "image"])
def test_matrix_products_in_bfloat16_change_no_more_than_rounding(fresh_model, monkeypatch, medium):
    model, encoder, _ = fresh_model
    rng = np.random.default_rng(4)
    drawn = [examples.look_example(rng, medium) if medium else examples.text_example(rng) for _ in range(6)]
    frames = np.concatenate([picture_pair(e.shown, rng, "icon") for e in drawn]) if medium else None
    batch = encoder.batch(drawn, frames)
    found = {}
    for products in (torch.float32, torch.bfloat16):
        monkeypatch.setattr(batches, "PRODUCTS", products)
        with torch.no_grad(), brisk():
            found[products] = loss(model, batch)
    exact, rounded = found.values()
    assert rounded.dtype == torch.float32
    assert float(rounded) == pytest.approx(float(exact), rel=0.03) and float(rounded) != float(exact)


@pytest.mark.parametrize(("products", "apart"), [(torch.bfloat16, 0.0), (torch.float32, 0.03)])
def test_muon_steps_as_the_librarys(products, apart):
    torch.manual_seed(0)
    shapes, rates = [(12, 5), (5, 12), (8, 8)], dict(lr=0.02, weight_decay=0.1)
    ours, theirs = ([torch.nn.Parameter(torch.ones(shape)) for shape in shapes] for _ in range(2))
    steppers = Muon(ours, **rates, products=products), torch.optim.Muon(theirs, **rates, adjust_lr_fn="original")
    for _ in range(3):
        for mine, other in zip(ours, theirs, strict=True):
            mine.grad = torch.randn(mine.shape)
            other.grad = mine.grad.clone()
        for stepper in steppers:
            stepper.step()
    for mine, other in zip(ours, theirs, strict=True):
        moved = (mine - 1).norm()
        assert (mine - other).norm() <= apart * moved and moved > 0.05
        values = torch.linalg.svdvals(orthogonalized(mine.grad, torch.float32))
        assert values.min() > 0.6
        assert values.max() < 1.25


def test_an_interrupted_lesson_ends_as_the_whole_one(tmp_path):
    def lesson(folder, stop_at: int | None = None):
        folder.mkdir(exist_ok=True)
        torch.manual_seed(1)
        layer = torch.nn.Linear(4, 4)
        course = Course(layer, None, 0, folder, print)

        def loss_of(x, step):
            if step == stop_at:
                raise KeyboardInterrupt
            return layer(x).square().mean()

        def prepare(step):
            return torch.from_numpy(course.chance("lesson", step).normal(size=(8, 4))).float()

        learn(course, "lesson", {"layer": layer}, Optimizer([layer], 0.01, 0.01), prepare, loss_of, 12, every=4)
        return layer.weight

    whole = lesson(tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        lesson(tmp_path / "halves", stop_at=10)
    assert torch.equal(lesson(tmp_path / "halves"), whole)
    assert not list((tmp_path / "halves").iterdir())


def test_given_tokens_of_a_refusal_are_not_learned(fresh_model):
    _, encoder, _ = fresh_model
    whole = Example("how do i make a cake?", phrases.REFUSAL)
    given = Example("how do i make a cake?", phrases.REFUSAL, given_tokens=2)
    counts = [int((encoder.batch([e]).targets >= 0).sum()) for e in (whole, given)]
    assert counts[0] - counts[1] == 2


def test_a_picture_takes_four_places_of_rope_however_many_tokens_it_has():
    visual = torch.tensor([False] * 3 + [True] * 16 + [False] * 2)
    positions = rope_positions(visual)
    assert positions[:, 3].tolist() == [3, 3, 3] and positions[:, 18].tolist() == [3, 6, 6]
    assert positions[:, 19].tolist() == [7, 7, 7]


def test_varied_frames_stay_pictures_and_pairs():
    frames = picture_pair(THINGS[0], np.random.default_rng(0), "icon")
    moved = vary(frames[:, :1], np.random.default_rng(1))
    assert moved.shape == frames.shape and moved.dtype == np.uint8
    assert np.array_equal(moved[:, 0], moved[:, 1])
    assert patchify(moved).shape == (1, 64, 1536)
