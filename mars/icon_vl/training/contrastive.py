"""The first lesson of the connector: an image's positions, and their mean, point where the embeddings of its name do.

    python -m mars.icon_vl.training.contrastive    # runs/icon/contrastive.safetensors, from runs/icon/features/

As CLIP is trained (Radford et al. 2103.00020), in one direction and against all names: it needs the word embeddings
alone and takes minutes, where learning through the language model takes hours.
"""

import sys
from collections.abc import Callable, Sequence
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize

from mars.atomic_file import atomic_write
from mars.icon_vl.model import Connector
from mars.icon_vl.training.features import WORK, Pictures
from mars.icon_vl.training.photographed import names_with_kinds, pictures_for_training

SCALE = 20.0
"""Of the cosines, before the softmax."""
EPOCHS = 4
BATCH = 128
LEARNING_RATE = 1e-3
NOISE = 0.05
"""Added to the features in training, as a standard deviation."""


def name_embeddings(embeddings: Tensor, tokenizer: Any, names: Sequence[str]) -> Tensor:
    """Each name among the word embeddings: the mean of its tokens, as within a sentence. (name, d_model).

    embeddings: (token, d_model).
    """
    tokens = (tokenizer(f" {name}", add_special_tokens=False).input_ids for name in names)
    return torch.stack([embeddings[ids].float().mean(0) for ids in tokens])


def alignment_loss(visual: Tensor, things: Tensor, names: Tensor) -> Tensor:
    """How far images point elsewhere than their names do, all seen from the mean of the names: cross-entropy of the
    images' mean positions, that of each position, and the distance of their mean from the names' in its own lengths.

    visual: (image, positions, d_model), the connector's; things: (image,), numbers of names; names: (name, d_model).
    """
    centre = names.mean(0)
    directions = normalize(names - centre, dim=1)
    of_images = cross_entropy(SCALE * from_their_mean(visual.mean(1)) @ directions.T, things)
    each = SCALE * normalize(visual - centre, dim=2) @ directions.T
    of_positions = cross_entropy(each.flatten(0, 1), things.repeat_interleave(visual.shape[1]))
    return of_images + of_positions + (visual.mean((0, 1)) - centre).pow(2).sum() / centre.pow(2).sum()


def from_their_mean(rows: Tensor) -> Tensor:
    """Directions of rows from their mean, of length one: (row, d_model)."""
    return normalize(rows - rows.mean(0), dim=1)


def train(
    connector: Connector,
    pictures: Pictures,
    names: Tensor,
    *,
    epochs: int = EPOCHS,
    seed: int = 0,
    tell: Callable[[int, float], None] = lambda *_: None,
) -> None:
    """Train a connector in place; the same seed gives the same. tell: is told each epoch and its mean loss.

    names: (name, d_model), as `name_embeddings` gives them, of which `pictures.things` are numbers.
    """
    dice = torch.Generator().manual_seed(seed)
    steps = -(-len(pictures.things) // BATCH)
    optimizer = torch.optim.AdamW(connector.parameters(), LEARNING_RATE, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, LEARNING_RATE, total_steps=epochs * steps, pct_start=0.1
    )
    for epoch in range(epochs):
        total = 0.0
        for picked in torch.randperm(len(pictures.things), generator=dice).split(BATCH):
            pooled = pictures.pooled[picked].float()
            pooled = pooled + NOISE * torch.randn(pooled.shape, generator=dice)
            loss = alignment_loss(connector(pooled), pictures.things[picked], names)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            schedule.step()
            total += float(loss.detach()) * len(picked)
        tell(epoch, total / len(pictures.things))


@torch.inference_mode()
def share_named(connector: Connector, pictures: Pictures, names: Tensor) -> float:
    """Share of pictures whose nearest name is their own, of all names."""
    means = torch.cat([connector(pooled.float()).mean(1) for pooled in pictures.pooled.split(BATCH)])
    nearest = (from_their_mean(means) @ from_their_mean(names).T).argmax(1)
    return float((nearest == pictures.things).float().mean())


def main() -> None:
    from mars.icon_vl.training.things import read_things
    from mars.model.loading import load_model

    things = read_things()
    names, _ = names_with_kinds(things)
    lens = load_model("icon-vl", dtype=torch.bfloat16)
    embedded = name_embeddings(lens.model.get_input_embeddings().weight, lens.tokenizer, names)
    torch.manual_seed(0)
    connector = Connector(lens.model.config)
    del lens
    pictures = pictures_for_training(WORK / "features", things)
    train(connector, pictures, embedded, tell=lambda epoch, loss: _say(f"epoch {epoch}: loss {loss:.3f}"))
    _say(f"the nearest of {len(names)} names is right for {share_named(connector, pictures, embedded):.1%}")
    atomic_write(WORK / "contrastive.safetensors", save(connector.state_dict()))


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
