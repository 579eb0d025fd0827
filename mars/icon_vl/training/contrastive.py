"""The first lesson of the connector: the mean of an image's positions points where the embeddings of its name do.

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
EPOCHS = 6
BATCH = 128
LEARNING_RATE = 1e-3
NOISE = 0.05
"""Added to the features in training, as a standard deviation."""


def name_directions(embeddings: Tensor, tokenizer: Any, names: Sequence[str]) -> Tensor:
    """Where each name is among the word embeddings, from the mean of all names: (name, d_model), of length one.

    embeddings: (token, d_model). A name is the mean of its tokens, as within a sentence.
    """
    tokens = (tokenizer(f" {name}", add_special_tokens=False).input_ids for name in names)
    means = torch.stack([embeddings[ids].float().mean(0) for ids in tokens])
    return normalize(means - means.mean(0), dim=1)


def image_directions(connector: Connector, pooled: Tensor) -> Tensor:
    """The same of images, from the mean of those given: (image, d_model), of length one."""
    means = connector(pooled).mean(1)
    return normalize(means - means.mean(0), dim=1)


def train(
    connector: Connector,
    pictures: Pictures,
    directions: Tensor,
    *,
    epochs: int = EPOCHS,
    seed: int = 0,
    tell: Callable[[int, float], None] = lambda *_: None,
) -> None:
    """Train a connector in place; the same seed gives the same. tell: is told each epoch and its mean loss.

    directions: (name, d_model), of which `pictures.things` are numbers.
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
            cosines = image_directions(connector, pooled) @ directions.T
            loss = cross_entropy(SCALE * cosines, pictures.things[picked])
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            schedule.step()
            total += float(loss.detach()) * len(picked)
        tell(epoch, total / len(pictures.things))


@torch.inference_mode()
def share_named(connector: Connector, pictures: Pictures, directions: Tensor) -> float:
    """Share of pictures whose nearest name is their own, of all names."""
    nearest = (image_directions(connector, pictures.pooled.float()) @ directions.T).argmax(1)
    return float((nearest == pictures.things).float().mean())


def main() -> None:
    from mars.icon_vl.training.things import read_things
    from mars.model.loading import load_model

    torch.set_num_threads(1)
    things = read_things()
    names, _ = names_with_kinds(things)
    lens = load_model("icon-vl", dtype=torch.bfloat16)
    directions = name_directions(lens.model.get_input_embeddings().weight, lens.tokenizer, names)
    torch.manual_seed(0)
    connector = Connector(lens.model.config)
    del lens
    pictures = pictures_for_training(WORK / "features", things)
    train(connector, pictures, directions, tell=lambda epoch, loss: _say(f"epoch {epoch}: loss {loss:.3f}"))
    _say(f"the nearest of {len(names)} names is right for {share_named(connector, pictures, directions):.1%}")
    atomic_write(WORK / "contrastive.safetensors", save(connector.state_dict()))


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
