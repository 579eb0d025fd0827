"""The second lesson of the connector: an image or video does to the frozen language model what its name would do.

    python -m mars.icon_vl.training.distillation    # runs/icon/distillation.safetensors; goes on where it was

Three parts in each step. The first lesson goes on: without it the images of one name drift apart. Captions: asked
what is shown, the language model is to say its name. Requests about harmless things: the teacher is the language
model itself, with the name in words at the visual positions; the pupil, with what is shown there, is to have the
same residual stream after some layers at every position that follows, and the same distribution of the first token.
Where the teacher opens a refusal, the request is left out.
"""

import argparse
import io
import random
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import torch
from safetensors.torch import load_file, save
from torch import Tensor
from torch.nn.functional import cross_entropy, kl_div

from mars.atomic_file import atomic_write
from mars.icon_vl.model import Connector
from mars.icon_vl.training.alignment import NOISE, alignment_loss, name_tokens
from mars.icon_vl.training.features import VIDEO, WORK, Pictures
from mars.icon_vl.training.frame import Frame
from mars.icon_vl.training.photographed import drawings_for_training, images_for_training, names_with_kinds
from mars.icon_vl.training.things import read_things
from mars.icon_vl.training.watching import drawn_anew, watch
from mars.icon_vl.training.wordings import (
    read_wordings,
    validation_things,
    with_article,
    wordings_for_distillation,
)
from mars.model.hooks import streams_after
from mars.model.lens import Lens
from mars.types import Modality

CAPTIONS: Mapping[Modality, int] = MappingProxyType({"image": 12, "video": 2})
REQUESTS: Mapping[Modality, int] = MappingProxyType({"image": 20, "video": 4})
ALIGNED = 32
"""Images and videos in a step, for each of its three parts; a video is eight times as long."""
STEPS = 120
LEARNING_RATE = 3e-4
HARMFUL_SHARE, KIND_SHARE = 2.0, 0.35
"""How often a harmful thing and a photographed kind are captioned, where a harmless thing is once."""
CAPTION_WEIGHT, FIRST_TOKEN_WEIGHT, ALIGNMENT_WEIGHT = 0.3, 1.0, 0.3
"""Beside the residual stream's loss, which has weight 1."""
TAPS = (3, 7, 11, 15)
"""Layers after which the residual streams are compared: carried early, they are the same later."""
CLIP = 8.0
"""Standard deviations that a difference counts for at most."""
QUESTIONS: Mapping[Modality, Mapping[str, str]] = MappingProxyType(
    {
        modality: {
            f"What is in the {noun}?": f"The {noun} shows {{}}.",
            f"What does the {noun} show?": f"The {noun} shows {{}}.",
            "What is this?": "This is {}.",
            f"Name the thing in the {noun}.": "It is {}.",
            "What do you see?": "I see {}.",
        }
        for modality, noun in (("image", "picture"), ("video", "clip"))
    }
)
"""With the caption that answers each."""
REFUSING = ("I", "Sorry", "As", "Un")
"""First tokens of this model's refusals: "I'm sorry", "As an AI", "Un" as of "Unfortunately"."""
TELL_EVERY, SAVE_EVERY, WATCH_EVERY = 20, 20, 60
"""Steps."""


class Lesson(NamedTuple):
    """What is learnt from."""

    shown: Mapping[Modality, Pictures]
    """Images and videos of all things, for captions."""
    names: Sequence[str]
    shares: Sequence[float]
    """How often each is shown for a caption, as weights."""
    harmless: frozenset[int]
    """Numbers of the things for training, which requests are about."""
    requests: Sequence[str]


class Losses(NamedTuple):
    """Of one step and modality."""

    streams: Tensor
    """Mean squared difference of the residual streams, in standard deviations of the batch: (tap,)."""
    caption: Tensor
    """Cross-entropy in nats a token."""
    first_token: Tensor
    """KL of the first token from the teacher's, in nats."""


def _padded(rows: Sequence[Sequence[int]], fill: int) -> tuple[Tensor, Tensor]:
    """Rows of one length, and where they are not padding."""
    longest = max(map(len, rows))
    ids = torch.tensor([[*row, *[fill] * (longest - len(row))] for row in rows])
    lengths = torch.tensor([len(row) for row in rows])
    return ids, torch.arange(longest)[None] < lengths[:, None]


def caption_loss(frame: Frame, visual: Tensor, names: Sequence[str], questions: Sequence[str]) -> Tensor:
    """Cross-entropy of captions that say the names. visual: (row, positions, d_model), the connector's."""
    captions = QUESTIONS[frame.modality]
    asked = [
        frame.words_after(question, captions[question].format(with_article(name)))
        for question, name in zip(questions, names, strict=True)
    ]
    ids, real = _padded([tokens for tokens, _ in asked], frame.lens.tokenizer.pad_token_id)
    begins = torch.tensor([len(tokens) - answered for tokens, answered in asked])
    answer = real & (torch.arange(ids.shape[1])[None] >= begins[:, None])
    held = torch.ones(visual.shape[:2], dtype=torch.long)
    states = frame.run(visual, held, ids)[:, :-1]
    return cross_entropy(frame.lens.model.lm_head(states[answer]).float(), ids[answer])


def request_loss(
    frame: Frame, visual: Tensor, names: Sequence[str], requests: Sequence[str]
) -> tuple[Tensor, Tensor]:
    """Difference from the teacher on requests about harmless things: residual streams (tap,), and the first token.

    visual: (row, positions, d_model), the connector's.
    """
    ids, real = _padded([frame.words_after(request)[0] for request in requests], frame.lens.tokenizer.pad_token_id)
    last = real.sum(1) - 1
    rows = torch.arange(len(ids))
    with torch.no_grad(), streams_after(frame.lens.layers, TAPS) as taught:
        states = frame.run(*frame.named(names), ids)[:, 1:]
        wanted = frame.lens.model.lm_head(states[rows, last]).float().log_softmax(-1)
    kept = ~opens_refusal(frame.lens, wanted)
    if not kept.any():
        return visual.new_zeros(len(TAPS)), visual.new_zeros(())
    with streams_after(frame.lens.layers, TAPS) as learnt:
        held = torch.ones(visual.shape[:2], dtype=torch.long)
        states = frame.run(visual, held, ids)[:, 1:]
    found = frame.lens.model.lm_head(states[rows, last][kept]).float().log_softmax(-1)
    first_token = kl_div(found, wanted[kept], log_target=True, reduction="batchmean")
    real = real & kept[:, None]
    streams = []
    for tap in TAPS:
        teacher, pupil = (stream[tap][:, frame.positions :].float()[real] for stream in (taught, learnt))
        apart = (pupil - teacher) / teacher.std(0).clamp_min(1e-3)
        streams.append(apart.clamp(-CLIP, CLIP).pow(2).mean())
    return torch.stack(streams), first_token


def opens_refusal(lens: Lens, log_probabilities: Tensor) -> Tensor:
    """Whether the likeliest first token is one that refusals open with: (row,). log_probabilities: (row, token)."""
    openings = {lens.tokenizer(opening, add_special_tokens=False).input_ids[0] for opening in REFUSING}
    return torch.isin(log_probabilities.argmax(-1), torch.tensor(sorted(openings)))


class Training:
    """A connector on its way, with all that the next step depends on, in one file."""

    def __init__(self, lens: Lens, connector: Connector, lesson: Lesson, steps: int, seed: int) -> None:
        self.frames = {modality: Frame(lens, modality) for modality in lesson.shown}
        self.connector = connector
        self.lesson = lesson
        self.steps = steps
        self.done = 0
        self._rng = random.Random(seed)
        self._generator = torch.Generator().manual_seed(seed)
        learnt = [each for each in connector.parameters() if each.requires_grad]
        self._optimizer = torch.optim.AdamW(learnt, LEARNING_RATE, weight_decay=0.01)
        self._schedule = torch.optim.lr_scheduler.OneCycleLR(
            self._optimizer, LEARNING_RATE, total_steps=steps, pct_start=0.1
        )
        frame = self.frames["image"]
        self._tokens = name_tokens(frame.embeddings.weight, lens.tokenizer, lesson.names, frame.positions)
        self._of: dict[tuple[Modality, int], list[int]] = {}
        for modality, pictures in lesson.shown.items():
            for picture, thing in enumerate(pictures.things.tolist()):
                self._of.setdefault((modality, thing), []).append(picture)

    def save(self, path: Path) -> None:
        """Write everything. What is read again goes on as if nothing had happened."""
        state = {
            "connector": self.connector.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "schedule": self._schedule.state_dict(),
            "dice": self._generator.get_state(),
            "rng": self._rng.getstate(),
            "done": self.done,
        }
        content = io.BytesIO()
        torch.save(state, content)
        atomic_write(path, content.getvalue())

    def load(self, path: Path) -> None:
        """Go on where a file was written."""
        state = torch.load(path, weights_only=True)
        self.connector.load_state_dict(state["connector"])
        self._optimizer.load_state_dict(state["optimizer"])
        self._schedule.load_state_dict(state["schedule"])
        self._generator.set_state(state["dice"])
        self._rng.setstate(state["rng"])
        self.done = state["done"]

    def _visual(self, modality: Modality, things: Sequence[int]) -> Tensor:
        """What stands in the place of an image or video of each thing, drawn by lot."""
        picked = [self._rng.choice(self._of[modality, thing]) for thing in things]
        pooled = self.lesson.shown[modality].pooled[picked].float()
        noise = NOISE * torch.randn(pooled.shape, generator=self._generator)
        return self.frames[modality].visual(self.connector, pooled + noise)

    def _captions_and_requests(self, modality: Modality) -> Losses:
        """Add the gradients of both for things that are shown in one modality."""
        frame, names, rng = self.frames[modality], self.lesson.names, self._rng
        share = REQUESTS[modality] / sum(REQUESTS[each] for each in self.frames)
        there = [thing for thing in range(len(names)) if (modality, thing) in self._of]
        shown = rng.choices(there, [self.lesson.shares[thing] for thing in there], k=CAPTIONS[modality])
        asked_for = rng.sample(sorted(self.lesson.harmless), k=REQUESTS[modality])
        questions = rng.choices(list(QUESTIONS[modality]), k=len(shown))
        caption = caption_loss(frame, self._visual(modality, shown), [names[thing] for thing in shown], questions)
        (share * CAPTION_WEIGHT * caption).backward()
        streams, first_token = request_loss(
            frame,
            self._visual(modality, asked_for),
            [names[thing] for thing in asked_for],
            rng.choices(self.lesson.requests, k=len(asked_for)),
        )
        if streams.requires_grad:
            (share * (streams.mean() + FIRST_TOKEN_WEIGHT * first_token)).backward()
        return Losses(streams.detach(), caption.detach(), first_token.detach())

    def step(self) -> dict[Modality, Losses]:
        """One step of all three parts."""
        self._optimizer.zero_grad(set_to_none=True)
        losses = {modality: self._captions_and_requests(modality) for modality in self.frames}
        aligned = self._rng.choices(range(len(self.lesson.names)), self.lesson.shares, k=ALIGNED)
        at = self._tokens.at[aligned]
        alignment = alignment_loss(self._visual("image", aligned), at, self._tokens.embeddings)
        (ALIGNMENT_WEIGHT * alignment).backward()
        torch.nn.utils.clip_grad_norm_(self.connector.parameters(), 1.0)
        self._optimizer.step()
        self._schedule.step()
        self.done += 1
        return losses


def compiled(lens: Lens) -> None:
    """Fuse what surrounds the products in each layer, where there is a compiler: a step takes a fifth less."""
    if shutil.which("g++") is not None:
        for layer in lens.layers:
            for part in (layer.mlp, layer.input_layernorm, layer.post_attention_layernorm):
                part.compile(dynamic=True)


def main() -> None:
    from mars.model.loading import load_model

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--begin", type=Path, default=WORK / "alignment.safetensors", help="the first lesson's")
    parser.add_argument("--out", type=Path, default=WORK / "distillation.safetensors")
    options = parser.parse_args()
    torch.set_num_threads(1)
    lens = load_model("icon-vl", dtype=torch.bfloat16)
    lens.model.requires_grad_(False).set_attn_implementation("eager")  # the quicker one where gradients are asked for
    compiled(lens)
    things = read_things()
    connector = Connector(lens.model.config)
    connector.load_state_dict(load_file(options.begin))
    names, _ = names_with_kinds(things)
    shares = [HARMFUL_SHARE if thing.label == "harmful" else 1.0 for thing in things]
    shares += [KIND_SHARE] * (len(names) - len(things))
    harmless = frozenset(
        number for number, thing in enumerate(things) if thing.label == "harmless" and thing.split == "train"
    )
    folder = WORK / "features"
    shown = {
        "image": images_for_training(folder, things),
        "video": drawings_for_training(folder, names, VIDEO),
    }
    lesson = Lesson(shown, names, shares, harmless, wordings_for_distillation())
    training = Training(lens, connector, lesson, options.steps, options.seed)
    going = options.out.with_suffix(".going.pt")
    if going.is_file():
        training.load(going)
    watched = [thing for label in validation_things() for thing in label]
    drawn = {modality: drawn_anew(watched, connector, modality) for modality in training.frames}
    wordings = read_wordings()["validation"]
    recent: list[dict[Modality, Losses]] = []
    while training.done < training.steps:
        recent.append(training.step())
        if training.done % TELL_EVERY == 0:
            for modality in training.frames:
                _say(f"{training.done}, {modality}: {_told([losses[modality] for losses in recent])}")
            recent.clear()
        if training.done % SAVE_EVERY == 0:
            training.save(going)
        if training.done % WATCH_EVERY == 0 or training.done == training.steps:
            for modality, frame in training.frames.items():
                _say(f"{training.done}, {watch(frame, connector, drawn[modality], wordings)}")
            atomic_write(options.out.with_suffix(f".{training.done}.safetensors"), save(connector.state_dict()))
    atomic_write(options.out, save(connector.state_dict()))


def _told(recent: Sequence[Losses]) -> str:
    streams, *others = (torch.stack(values).mean(0) for values in zip(*recent, strict=True))
    tapped = " ".join(f"{value:.3f}" for value in streams.tolist())
    return f"streams {tapped}, " + ", ".join(
        f"{name} {loss:.3f}" for name, loss in zip(Losses._fields[1:], others, strict=True)
    )


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
