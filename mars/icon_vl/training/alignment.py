"""The first lesson of the connector: at an image's positions it gives what the words of the image's name would be.

    python -m mars.icon_vl.training.alignment    # runs/icon/alignment.safetensors, from runs/icon/features/

The target is the residual stream before the first layer with the name in words at the visual positions, right-aligned
as the teacher of the second lesson has it, and line breaks before it. It needs the word embeddings alone and takes
minutes, where learning through the language model takes hours.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors.torch import save
from torch import Tensor
from torch.nn.functional import cosine_similarity, cross_entropy, normalize

from mars.atomic_file import atomic_write
from mars.icon_vl.model import Connector
from mars.icon_vl.training.features import WORK, Pictures, shipped_encoder
from mars.icon_vl.training.photographed import drawings_for_training, images_for_training, names_with_kinds
from mars.icon_vl.training.prototypes import set_prototypes
from mars.icon_vl.training.wordings import with_article

FILLER = "\n"
"""At the positions before the name."""
SCALE = 20.0
"""Of the cosines, before the softmax over tokens."""
COSINE_WEIGHT, TOKEN_WEIGHT = 5.0, 0.2
LAST, OTHERS = 6, 2
"""Positions that a step compares: the last, where names stand, and as many of the others, by lot."""
EPOCHS = 5
BATCH = 128
LEARNING_RATE = 2e-3
NOISE = 0.05
"""Added to the features in training, as a standard deviation."""


class NameTokens(NamedTuple):
    """What stands at the visual positions where a name does: tokens, by their places in a table."""

    embeddings: Tensor
    """Of every token of a name, and of the filler, which comes first: (token, d_model)."""
    at: Tensor
    """Of each name, places in the table: (name, positions)."""


def name_tokens(embeddings: Tensor, tokenizer: Any, names: Sequence[str], positions: int) -> NameTokens:
    """The tokens of names with their articles, right-aligned. embeddings: (vocabulary, d_model)."""

    def ids(text: str) -> list[int]:
        return tokenizer(text, add_special_tokens=False).input_ids

    tokens = [ids(f" {with_article(name)}")[-positions:] for name in names]
    table = list(dict.fromkeys((ids(FILLER)[0], *(token for of_name in tokens for token in of_name))))
    place = {token: number for number, token in enumerate(table)}
    at = torch.zeros(len(names), positions, dtype=torch.long)
    for row, of_name in enumerate(tokens):
        at[row, positions - len(of_name) :] = torch.tensor([place[token] for token in of_name])
    return NameTokens(embeddings[table].float(), at)


def alignment_loss(visual: Tensor, at: Tensor, embeddings: Tensor) -> Tensor:
    """How far visual positions are from the word embeddings that belong there: one less the cosine, and the
    cross-entropy of the token among all, both seen as directions.

    visual: (image, positions, d_model), the connector's; at: (image, positions), places in embeddings: (token,
    d_model).
    """
    centre = embeddings.mean(0)
    logits = SCALE * normalize(visual - centre, dim=2) @ normalize(embeddings - centre, dim=1).T
    apart = 1 - cosine_similarity(visual, embeddings[at], dim=2).mean()
    return COSINE_WEIGHT * apart + TOKEN_WEIGHT * cross_entropy(logits.flatten(0, 1), at.flatten())


def compared_positions(positions: int, generator: torch.Generator) -> Tensor:
    """Which visual positions a step compares: numbers, in order."""
    first = max(positions - LAST, 0)
    others = torch.randperm(first, generator=generator)[:OTHERS].sort().values
    return torch.cat([others, torch.arange(first, positions)])


def train(
    connector: Connector,
    pictures: Pictures,
    tokens: NameTokens,
    *,
    epochs: int = EPOCHS,
    seed: int = 0,
    tell: Callable[[int, float], None] = lambda *_: None,
) -> None:
    """Train a connector in place; the same seed gives the same. tell: is told each epoch and its mean loss.

    tokens: of all names, whose numbers `pictures.things` are.
    """
    generator = torch.Generator().manual_seed(seed)
    length = tokens.embeddings[1:].pow(2).mean().sqrt() / connector.embedding_rms
    connector.scale.data.fill_(float(length))  # only directions are compared
    steps = -(-len(pictures.things) // BATCH)
    learnt = [each for each in connector.parameters() if each.requires_grad]
    optimizer = torch.optim.AdamW(learnt, LEARNING_RATE, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, LEARNING_RATE, total_steps=epochs * steps, pct_start=0.1
    )
    for epoch in range(epochs):
        total = 0.0
        for picked in torch.randperm(len(pictures.things), generator=generator).split(BATCH):
            pooled = pictures.pooled[picked].float()
            pooled = pooled + NOISE * torch.randn(pooled.shape, generator=generator)
            which = compared_positions(pooled.shape[1], generator)
            at = tokens.at[pictures.things[picked]][:, which]
            loss = alignment_loss(connector(pooled, which), at, tokens.embeddings)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            schedule.step()
            total += float(loss.detach()) * len(picked)
        tell(epoch, total / len(pictures.things))


@torch.inference_mode()
def share_right(connector: Connector, pictures: Pictures, tokens: NameTokens) -> float:
    """Share of the tokens of names for which a picture's visual position is nearest to the right one of all."""
    right = of = 0
    centre = tokens.embeddings.mean(0)
    directions = normalize(tokens.embeddings - centre, dim=1)
    for pooled, things in zip(pictures.pooled.split(BATCH), pictures.things.split(BATCH), strict=True):
        at = tokens.at[things]
        nearest = ((connector(pooled.float()) - centre) @ directions.T).argmax(2)
        right += int((nearest == at)[at > 0].sum())
        of += int((at > 0).sum())
    return right / of


def main() -> None:
    from mars.icon_vl.training.things import read_things
    from mars.model.loading import load_model

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=WORK / "alignment.safetensors")
    options = parser.parse_args()
    torch.set_num_threads(1)
    things = read_things()
    names, _ = names_with_kinds(things)
    lens = load_model("icon-vl", dtype=torch.bfloat16)
    config = lens.model.config
    tokens = name_tokens(lens.model.get_input_embeddings().weight, lens.tokenizer, names, config.positions)
    del lens
    torch.manual_seed(options.seed)
    connector = Connector(config)
    drawings = drawings_for_training(WORK / "features", names)
    set_prototypes(connector.prototypes, drawings, shipped_encoder().classifier)
    pictures = images_for_training(WORK / "features", things)
    train(
        connector,
        pictures,
        tokens,
        seed=options.seed,
        tell=lambda epoch, loss: _say(f"epoch {epoch}: loss {loss:.3f}"),
    )
    _say(
        f"of {len(tokens.embeddings)} tokens the nearest is right for {share_right(connector, pictures, tokens):.1%}"
    )
    atomic_write(options.out, save(connector.state_dict()))


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
