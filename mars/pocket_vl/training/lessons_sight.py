"""How Pocket-VL learns to see: the tower alone first, then questions through the frozen language model."""

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor, nn
from torch.nn import functional

from mars.pocket_vl.training import pools
from mars.pocket_vl.training.batches import Batch, look, loss, patchify
from mars.pocket_vl.training.learning import Course, Optimizer, learn
from mars.pocket_vl.training.lessons_text import INDEX, name_words
from mars.pocket_vl.training.network import VISUAL_TOKENS
from mars.pocket_vl.world import examples
from mars.pocket_vl.world.examples import Example
from mars.pocket_vl.world.pictures import EASE
from mars.pocket_vl.world.things import THINGS

PICTURES = 96
"""In one step of the tower's own lessons."""
WRITTEN = 0.65
"""Share of them that are words, which take longer to read than drawings."""
WIDENING = 0.45
"""Share of that lesson after which pictures use the full ranges of the world."""
POINTING = (0.3, 0.5)
"""Between these shares of it, pointing at words comes in."""
LONGEST_NAME = max(len(thing.name) for thing in THINGS)
LETTERS = torch.tensor([[ord(letter) - 96 for letter in thing.name.ljust(LONGEST_NAME, "`")] for thing in THINGS])


class Reader(nn.Module):
    """Names the thing of a picture and the letter at each place of its name: only for the tower's own lesson."""

    def __init__(self, width: int):
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.head_thing = nn.Linear(width, len(THINGS))
        self.head_letters = nn.Linear(width, LONGEST_NAME * 27)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """(picture, visual token, d_model) -> scores of things (picture, thing), of letters (picture, place, 27)."""
        pooled = self.norm(features.mean(dim=1))
        letters = self.head_letters(pooled).view(len(pooled), LONGEST_NAME, 27)
        return self.head_thing(pooled).float(), letters.float()


def pointing_loss(features: Tensor, words: Tensor, things: Tensor) -> Tensor:
    """How far each visual token of a picture is from pointing along the word of what is shown, in nats.

    Args:
        features: (picture, visual token, d_model).
        words: embedding of each thing's name, (thing, d_model).
        things: what each picture shows, (picture,).
    """
    length = words.norm(dim=1).mean()
    directions = functional.normalize(words - words.mean(dim=0), dim=1)
    along = functional.normalize(features, dim=2) @ directions.T
    naming = functional.cross_entropy(20 * along.flatten(0, 1).float(), things.repeat_interleave(VISUAL_TOKENS))
    return naming + 0.2 * (features.norm(dim=2) / length).log().square().mean()


def learn_eyes(course: Course, steps: int) -> None:
    """The tower learns to tell things apart, to spell, and to point every visual token at the word of what it sees.

    Pictures begin easy and widen to the ranges of the world.
    """
    tower = course.model.model.visual
    for merger in tower.deepstack_merger_list:  # what is added deeper begins at nothing
        nn.init.zeros_(merger.linear_fc2.weight)
        nn.init.zeros_(merger.linear_fc2.bias)
    words = name_words(course)
    reader = Reader(tower.config.out_hidden_size)
    optimizer = Optimizer([tower, reader], matrix_rate=0.02, rate=1.5e-3)
    pool: list[pools.Pool] = []

    def prepare(step: int) -> tuple[Tensor, Tensor, Tensor]:
        rng = course.chance("eyes", step)
        wide = min(1.0, step / (WIDENING * steps))
        if not pool:
            pool.append(pools.Pool(course.chance("eyes pool", step), depth=8, ease=EASE * wide))
        pool[0].refresh(rng, 32, EASE * wide)
        things = rng.integers(len(THINGS), size=PICTURES)
        written = rng.random(PICTURES) < WRITTEN
        drawn = [pool[0].draw(THINGS[t], rng, int(w)) for t, w in zip(things, written, strict=True)]
        frames = np.concatenate([pools.vary(frame, rng, round(8 * wide)) for frame in drawn])
        return patchify(frames), torch.from_numpy(things), torch.from_numpy(written)

    def loss_of(prepared: tuple[Tensor, Tensor, Tensor], step: int) -> Tensor:
        patches, things, written = prepared
        features = look(tower, patches).features
        named, spelled = reader(features)
        naming = functional.cross_entropy(named, things, label_smoothing=0.02)
        spelling = functional.cross_entropy(spelled[written].flatten(0, 1), LETTERS[things[written]].flatten())
        begin, end = POINTING
        share = min(1.0, max(0.0, (step / steps - begin) / (end - begin)))
        return naming + spelling + share * pointing_loss(features, words, things)

    learn(course, "eyes", {"tower": tower, "reader": reader}, optimizer, prepare, loss_of, steps)


def learn_point(course: Course, steps: int) -> None:
    """Every visual token becomes the word of what it sees, as near as it can, so that words are read from it at once.

    Telling things apart is learned by then; what is left is to say it in the language model's own terms.
    """
    tower = course.model.model.visual
    words = name_words(course)
    optimizer = Optimizer([tower], matrix_rate=0.01, rate=1e-3)
    sights = Sights(course, "point")

    def prepare(step: int) -> tuple[Tensor, Tensor]:
        rng = course.chance("point", step)
        things = rng.integers(len(THINGS), size=PICTURES)
        written = rng.random(PICTURES) < WRITTEN
        sights.pictures.refresh(rng, 40, EASE)
        drawn = [sights.pictures.draw(THINGS[t], rng, int(w)) for t, w in zip(things, written, strict=True)]
        return patchify(np.concatenate([pools.vary(frame, rng) for frame in drawn])), torch.from_numpy(things)

    def loss_of(prepared: tuple[Tensor, Tensor], _: int) -> Tensor:
        patches, things = prepared
        features = look(tower, patches).features
        along = functional.cosine_similarity(features, words[things][:, None], dim=2)
        return pointing_loss(features, words, things) + 4 * (1 - along).mean()

    learn(course, "point", {"tower": tower}, optimizer, prepare, loss_of, steps)


class Sights:
    """Pools of pictures and clips, freshened a little at each step."""

    def __init__(self, course: Course, lesson: str):
        rng = course.chance(lesson + " pool")
        self.pictures = pools.Pool(rng, depth=8, ease=EASE)
        self.clips = pools.Pool(rng, depth=3, ease=EASE, clips=True)

    def frames(self, shown: list[Example], rng: Generator) -> np.ndarray:
        """Frame pairs of all media of one kind, in the order of the examples."""
        pool, fresh = (self.pictures, 12) if shown[0].medium == "image" else (self.clips, 6)
        pool.refresh(rng, fresh, EASE)
        drawn = []
        for example in shown:
            if example.shown is None:
                blank = pools.picture_pair if example.medium == "image" else pools.clip_pairs
                drawn.append(blank(None, rng, "icon"))
            else:
                drawn.append(pools.vary(pool.draw(example.shown, rng), rng))
        return np.concatenate(drawn)


def learn_look(course: Course, steps: int) -> None:
    """Questions about what is shown; only the eyes learn, the language model is what text made it."""
    model, encoder = course.model, course.encoder
    tower = model.model.visual
    model.model.language_model.requires_grad_(False)
    words = name_words(course)
    optimizer = Optimizer([tower], matrix_rate=0.005, rate=6e-4)
    sights = Sights(course, "look")

    def prepare(step: int) -> tuple[Batch, Tensor | None]:
        rng = course.chance("look", step)
        medium, rows = ("video", 14) if step % 3 == 2 else ("image", 48)
        drawn = [examples.look_example(rng, medium) for _ in range(rows)]
        things = torch.tensor([INDEX[example.shown.name] for example in drawn]) if medium == "image" else None
        return encoder.batch(drawn, sights.frames(drawn, rng)), things

    def loss_of(prepared: tuple[Batch, Tensor | None], _: int) -> Tensor:
        batch, things = prepared
        sight = look(tower, batch.patches)
        told = loss(model, batch, sight)
        return told if things is None else told + 0.3 * pointing_loss(sight.features, words, things)

    learn(course, "look", {"tower": tower}, optimizer, prepare, loss_of, steps)
    model.model.language_model.requires_grad_(True)
