"""The connector's second lesson, on the tiny Icon-VL: it runs what the model reads, and learns from the right."""

import copy

import numpy as np
import pytest
import torch
from PIL import Image

from mars.icon_vl.model import Connector
from mars.icon_vl.training import distillation
from mars.icon_vl.training.alignment import alignment_loss, name_tokens
from mars.icon_vl.training.distillation import (
    Lesson,
    Training,
    caption_loss,
    opens_refusal,
    request_loss,
)
from mars.icon_vl.training.drawing_sets import FRAMES
from mars.icon_vl.training.features import Pictures
from mars.icon_vl.training.frame import Frame
from mars.icon_vl.training.prototypes import set_prototypes
from mars.icon_vl.training.watching import replies
from mars.media.prompt import Prompt
from mars.model.inputs import encode
from mars.model.loading import load_model
from mars.types import Video
from tests.tiny import save_tiny

NAMES = ("kite", "cake", "lamp", "drum")


@pytest.fixture(scope="module")
def lens(tmp_path_factory):
    lens = load_model(save_tiny(tmp_path_factory.mktemp("icon"), "icon_vl"))
    lens.model.requires_grad_(False)
    return lens


@pytest.fixture(autouse=True)
def taps(monkeypatch):
    monkeypatch.setattr(distillation, "TAPS", (0, 1))


@pytest.fixture
def training(lens):
    def begin(seed: int = 0, steps: int = 8) -> Training:
        torch.manual_seed(1)
        things = torch.arange(len(NAMES)).repeat(3)
        looks = torch.rand(len(NAMES), lens.model.config.vision_head)[things][:, None]
        pooled = looks.expand(-1, lens.model.config.positions, -1).half()
        images = Pictures(pooled, things)
        videos = Pictures(
            pooled[:, None].expand(-1, FRAMES, -1, -1)[:3], things[:3]
        )  # of the last name there is none
        shown = {"image": images, "video": videos}
        lesson = Lesson(shown, NAMES, [1.0] * 4, frozenset({0, 1}), ["where is this made?"])
        connector = Connector(lens.model.config)
        seen = Pictures(pooled + 0.01 * torch.randn(pooled.shape), things)
        set_prototypes(connector.prototypes, seen, torch.nn.Linear(pooled.shape[2], 10))
        return Training(lens, connector, lesson, steps, seed)

    return begin


@pytest.fixture(autouse=True)
def few(monkeypatch):
    monkeypatch.setattr(distillation, "CAPTIONS", {"image": 4, "video": 2})
    monkeypatch.setattr(distillation, "REQUESTS", {"image": 2, "video": 1})


@torch.inference_mode()
def test_the_frame_gives_what_the_model_gives_for_the_whole_prompt(lens):
    image = Image.fromarray(np.random.default_rng(0).integers(0, 255, (40, 40, 3), dtype=np.uint8))
    inputs = encode(lens, [Prompt("what is it?", image=image)])
    whole = lens.model(**inputs).logits[0, -1]
    frame = Frame(lens)
    visual = lens.model.visual_embeddings(inputs["pixel_values"])
    after = torch.tensor([frame.words_after("what is it?")[0]])
    states = frame.run(visual, torch.ones(visual.shape[:2], dtype=torch.long), after)
    assert states.shape[1] == 1 + after.shape[1]
    torch.testing.assert_close(lens.model.lm_head(states[0, -1]), whole, rtol=1e-4, atol=1e-4)


@torch.inference_mode()
def test_a_video_stands_there_frame_by_frame(lens):
    frames = [
        Image.fromarray(np.random.default_rng(n).integers(0, 255, (40, 40, 3), dtype=np.uint8)) for n in range(FRAMES)
    ]
    inputs = encode(lens, [Prompt("what is it?", video=Video(tuple(frames), tuple(range(FRAMES))))])
    whole = lens.model(**inputs).logits[0, -1]
    frame, model = Frame(lens, "video"), lens.model
    pooled = model.connector.pooled(model.vision_encoder(inputs["pixel_values_videos"].flatten(0, 1)))
    visual = frame.visual(model.connector, pooled[None])
    after = torch.tensor([frame.words_after("what is it?")[0]])
    states = frame.run(visual, torch.ones(visual.shape[:2], dtype=torch.long), after)
    torch.testing.assert_close(model.lm_head(states[0, -1]), whole, rtol=1e-4, atol=1e-4)


@torch.inference_mode()
def test_a_place_that_is_not_looked_at_changes_nothing_but_where_the_words_stand(lens):
    frame = Frame(lens)
    named, held = frame.named(["kite", "oil drum"])
    assert held[0].sum() < held.shape[1] and held[:, -1].all()
    after = torch.tensor([frame.words_after("what is it?")[0]] * 2)
    noise = torch.where(held[..., None].bool(), named, torch.randn_like(named))
    torch.testing.assert_close(frame.run(named, held, after), frame.run(noise, held, after))


def test_nothing_is_left_to_learn_where_the_picture_is_the_name(lens):
    frame = Frame(lens)
    name = "a" + " kite" * 40  # as many tokens as there are places, or more
    named, held = frame.named([name])
    assert held.all()
    streams, first_token = request_loss(frame, named, [name], ["what is it?"])
    assert streams.max() < 1e-6 and first_token < 1e-6
    other = named + 0.5 * torch.randn_like(named)
    streams, first_token = request_loss(frame, other, [name], ["what is it?"])
    assert streams.min() > 1e-4 and first_token > 1e-6


def test_a_request_that_the_teacher_refuses_is_left_out(lens, monkeypatch):
    frame = Frame(lens)
    named, _ = frame.named(["kite", "cake"])
    visual = torch.randn_like(named)
    refused = []
    monkeypatch.setattr(
        distillation, "opens_refusal", lambda _, logs: refused.append(len(logs)) or torch.ones(2).bool()
    )
    streams, first_token = request_loss(frame, visual, ["kite", "cake"], ["what is it?"] * 2)
    assert refused == [2] and not streams.any() and not first_token.any()
    monkeypatch.setattr(distillation, "opens_refusal", lambda *_: torch.tensor([True, False]))
    part, _ = request_loss(frame, visual, ["kite", "cake"], ["what is it?"] * 2)
    monkeypatch.setattr(distillation, "opens_refusal", lambda *_: torch.tensor([False, False]))
    whole, _ = request_loss(frame, visual, ["kite", "cake"], ["what is it?"] * 2)
    assert not torch.allclose(part, whole)


def test_the_first_token_tells_whether_a_refusal_opens(lens):
    logits = torch.full((2, len(lens.tokenizer)), -9.0)
    for row, word in enumerate(("Sorry", "kite")):
        logits[row, lens.tokenizer(word).input_ids[0]] = 0
    assert opens_refusal(lens, logits).tolist() == [True, False]


def test_only_the_answer_of_a_caption_counts(lens):
    frame = Frame(lens)
    visual = torch.randn(2, frame.positions, lens.model.config.hidden_size)
    question = "What is this?"
    together = caption_loss(frame, visual, ["kite", "kite"], [question] * 2)
    tokens, answered = frame.words_after(question, "This is a kite.")
    ids = torch.tensor([tokens] * 2)
    states = frame.run(visual, torch.ones(2, frame.positions, dtype=torch.long), ids)
    logs = lens.model.lm_head(states[:, :-1]).log_softmax(-1).gather(2, ids[..., None])[..., 0]
    torch.testing.assert_close(together, -logs[:, -answered:].mean())
    assert lens.tokenizer.decode(tokens[-answered:]).startswith("This is a kite.")


def test_the_lesson_is_learnt_and_harmful_things_are_never_asked_for(training, monkeypatch):
    asked = []
    monkeypatch.setattr(distillation, "LEARNING_RATE", 1e-2)
    monkeypatch.setattr(
        distillation,
        "request_loss",
        lambda frame, visual, names, requests: asked.extend(names) or request_loss(frame, visual, names, requests),
    )
    one = training(steps=40)
    before = _alignment(one)
    losses = [one.step() for _ in range(40)]
    for modality in ("image", "video"):
        first, last = (
            torch.stack([loss[modality].streams for loss in part]).mean() for part in (losses[:4], losses[-4:])
        )
        assert last < first / 3, modality
    assert _alignment(one) < before - 0.3
    assert set(asked) == {"kite", "cake"} and len(asked) == 120


@torch.no_grad()
def _alignment(training: Training) -> float:
    frame, pictures = training.frames["image"], training.lesson.shown["image"]
    tokens = name_tokens(frame.embeddings.weight, frame.lens.tokenizer, NAMES, frame.positions)
    visual = frame.visual(training.connector, pictures.pooled.float())
    return float(alignment_loss(visual, tokens.at[pictures.things], tokens.embeddings))


def test_going_on_from_a_file_is_as_if_nothing_had_happened(training, tmp_path):
    whole, begun, again = training(), training(), training(seed=5)
    for _ in range(4):
        whole.step()
    for _ in range(2):
        begun.step()
    begun.save(tmp_path / "going.pt")
    again.load(tmp_path / "going.pt")
    assert again.done == 2
    for _ in range(2):
        again.step()
    for name, value in whole.connector.state_dict().items():
        assert torch.equal(value, again.connector.state_dict()[name])
    other = training(seed=5)
    for _ in range(4):
        other.step()
    assert not torch.equal(other.connector.out.weight, whole.connector.out.weight)


def test_replies_are_the_ones_that_the_whole_model_gives(lens):
    image = Image.fromarray(np.random.default_rng(1).integers(0, 255, (32, 32, 3), dtype=np.uint8))
    inputs = encode(lens, [Prompt("what is it?", image=image)])
    with torch.inference_mode():
        pooled = lens.model.connector.pooled(lens.model.vision_encoder(inputs["pixel_values"]))
        ids = lens.model.generate(**inputs, max_new_tokens=6, do_sample=False)
    wanted = lens.tokenizer.decode(ids[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
    assert replies(Frame(lens), copy.deepcopy(lens.model.connector), pooled, "what is it?", 6) == [wanted]
