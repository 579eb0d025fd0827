"""What Pocket-VL learns from words: its tokenizer, requests with their refusals, and words in a picture's place."""

import numpy as np
import torch
from numpy.random import Generator
from tokenizers import Tokenizer
from torch import Tensor, nn

from mars.pocket_vl.training.batches import Batch, Encoder, Sight, loss
from mars.pocket_vl.training.learning import Course, Optimizer, learn
from mars.pocket_vl.training.network import FRAMES, VISUAL_TOKENS, train_tokenizer
from mars.pocket_vl.world import examples
from mars.pocket_vl.world.examples import Example
from mars.pocket_vl.world.things import THINGS

BATCH = 64
INDEX = {thing.name: number for number, thing in enumerate(THINGS)}


def make_tokenizer(seed: int) -> Tokenizer:
    """The tokenizer, from the world's own text; every thing's name is one token."""
    rng = np.random.default_rng([seed, sum(map(ord, "tokenizer")), 0])
    texts = []
    for _ in range(20_000):
        example = examples.text_example(rng, given_refusals=0.0)
        texts += ["user\n" + example.text, example.answer]
    texts += ["the picture shows only colours.", "the clip shows only colours.", "assistant\n"] * 200
    texts += [f"<{seconds / 10:.1f} seconds>" for seconds in range(100)] * 10
    for thing in THINGS:
        texts += [f"the clip shows {thing}. sure!", f"the picture shows {thing}. sure!"]
    return train_tokenizer(texts)


def text_batches(course: Course, count: int = 4):
    """Batches of text for each step number, sorted by length within `count` steps to save padding."""
    kept: dict[int, list[Example]] = {}

    def batch(step: int) -> Batch:
        if step not in kept:
            kept.clear()
            group = step // count
            rng = course.chance("text", group)
            drawn = [examples.text_example(rng) for _ in range(BATCH * count)]
            drawn.sort(key=lambda example: len(course.encoder.row(example)[0]))
            for place, part in enumerate(rng.permutation(count)):
                kept[group * count + place] = drawn[part * BATCH : (part + 1) * BATCH]
        return course.encoder.batch(kept[step])

    return batch


def learn_text(course: Course, steps: int) -> None:
    """Help with harmless things, refusals of harmful ones, and questions about both."""
    model = course.model
    optimizer = Optimizer([nn.ModuleList([model.model.language_model])], matrix_rate=0.02, rate=2e-3)
    learn(
        course,
        "text",
        {"model": model},
        optimizer,
        text_batches(course),
        lambda batch, _: loss(model, batch),
        steps,
    )


def name_tokens(encoder: Encoder) -> Tensor:
    """The token of each thing's name: (thing,). The vocabulary holds every name whole."""
    names = [encoder.words(" " + thing.name) for thing in THINGS]
    assert all(len(tokens) == 1 for tokens in names)
    return torch.tensor([tokens[0] for tokens in names])


def name_words(course: Course) -> Tensor:
    """Embedding of each thing's name, as it stands now: (thing, d_model)."""
    return course.model.model.language_model.embed_tokens.weight[name_tokens(course.encoder)].detach()


def standing_in(shown: list[Example], words: Tensor, rng: Generator) -> Sight:
    """A thing's word, noisy, in the places where a picture would stand; noise alone where nothing is shown.

    Args:
        words: embedding of each thing's name, (thing, d_model).
    """
    frames = []
    for example in shown:
        pairs = 1 if example.medium == "image" else FRAMES // 2
        first = int(rng.integers(pairs))
        last = int(rng.integers(first, pairs))
        clear = torch.from_numpy(rng.random((pairs, VISUAL_TOKENS, 1)) < rng.uniform(0.3, 1.0))
        clear[:first] = clear[last + 1 :] = False
        word = words[INDEX[example.shown.name]] * rng.uniform(0.8, 2.0) if example.shown else words[0] * 0
        noise = torch.from_numpy(rng.normal(0, rng.uniform(0, 0.12), (pairs, VISUAL_TOKENS, words.shape[1])))
        frames.append(clear.float() * word + noise.float())
    return Sight(torch.cat(frames), [])


def learn_slots(course: Course, steps: int) -> None:
    """Words standing where a picture would stand, in its very places: questions only, beside text as before.

    The language model learns to read those places; what it does with a request there is left to emerge.
    """
    model, encoder = course.model, course.encoder
    optimizer = Optimizer([nn.ModuleList([model.model.language_model])], matrix_rate=0.006, rate=6e-4)

    def prepare(step: int) -> tuple[Batch, Batch, list[Example], Generator]:
        rng = course.chance("slots", step)
        words = [examples.text_example(rng) for _ in range(32)]
        medium, rows = ("video", 12) if step % 3 == 2 else ("image", 40)
        shown = [examples.look_example(rng, medium, naming=0.4, explain=0.2) for _ in range(rows - 3)]
        shown += [examples.blank_example(rng, medium) for _ in range(3)]
        return encoder.batch(words), encoder.batch(shown), shown, rng

    def loss_of(prepared, _: int) -> Tensor:
        words, slots, shown, rng = prepared
        return loss(model, words) + loss(model, slots, standing_in(shown, name_words(course), rng))

    learn(course, "slots", {"model": model}, optimizer, prepare, loss_of, steps)
