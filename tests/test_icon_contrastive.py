"""The connector's first lesson, on made-up pictures whose things can be told apart."""

import copy

import pytest
import torch
from safetensors.torch import save_file

from mars.icon_vl.model import Connector, IconVLConfig
from mars.icon_vl.training.contrastive import alignment_loss, from_their_mean, name_embeddings, share_named, train
from mars.icon_vl.training.features import Pictures, joined, read_pictures
from tests.tiny import FAMILIES, _tokenizer

NAMES = 12


@pytest.fixture
def lesson():
    """A connector, pictures for training and others for a test of the same things, and where the names are."""
    connector = Connector(IconVLConfig(vision_head=32, hidden_size=24, grid=2, connector_size=48, embedding_rms=0.02))
    looks = torch.randn(NAMES, 32)

    def pictures(count: int) -> Pictures:
        things = torch.arange(NAMES).repeat(count)
        pooled = looks[things][:, None] + 0.3 * torch.randn(len(things), 5, 32)
        return Pictures(pooled.half(), things)

    return connector, pictures(20), pictures(5), torch.nn.functional.normalize(torch.randn(NAMES, 24), dim=1)


def test_unseen_pictures_are_nearest_to_their_own_names_after_the_lesson_and_not_before(lesson):
    connector, seen, unseen, directions = lesson
    assert share_named(connector, unseen, directions) < 0.4
    losses = []
    train(connector, seen, directions, epochs=30, tell=lambda _, loss: losses.append(loss))
    assert share_named(connector, unseen, directions) > 0.9
    assert len(losses) == 30 and losses[-1] < losses[0] / 2


def test_the_same_seed_gives_the_same_connector_and_another_gives_another(lesson):
    connector, seen, _, directions = lesson
    found = []
    for seed in (0, 0, 1):
        one = copy.deepcopy(connector)
        train(one, seen, directions, epochs=2, seed=seed)
        found.append(one.out.weight)
    assert torch.equal(found[0], found[1]) and not torch.equal(found[0], found[2])


def test_a_name_is_the_mean_of_its_tokens():
    tokenizer = _tokenizer(FAMILIES["icon_vl"])
    embeddings = torch.randn(len(tokenizer), 8)
    names = ["kite", "how do i make a cake", "lamp"]
    means = [embeddings[tokenizer.encode(f" {name}", add_special_tokens=False)].mean(0) for name in names]
    assert torch.allclose(name_embeddings(embeddings, tokenizer, names), torch.stack(means), atol=1e-6)


def test_directions_do_not_depend_on_what_all_have_in_common():
    rows = torch.randn(6, 24)
    before = from_their_mean(rows)
    assert torch.allclose(before.norm(dim=1), torch.ones(6), atol=1e-5)
    assert torch.allclose(from_their_mean(rows + 5.0), before, atol=1e-5)


def test_the_loss_is_least_where_every_position_is_the_name_itself():
    names = torch.randn(NAMES, 24)
    things = torch.arange(NAMES)
    itself = names[:, None].expand(-1, 5, -1)
    best = alignment_loss(itself, things, names)
    assert best < 0.1
    for worse in (itself.roll(1, 0), itself + 2.0, torch.cat([itself[:, :4], itself.roll(1, 0)[:, 4:]], dim=1)):
        assert alignment_loss(worse, things, names) > best + 0.1


def test_pictures_are_read_with_the_numbers_of_their_things(tmp_path):
    for number, thing in enumerate(("lamp", "kite")):
        views = f'[["{thing}", "a drawing", 0]]'
        save_file(
            {"pooled": torch.full((1, 5, 4), float(number))},
            tmp_path / f"noto-00{number}.safetensors",
            {"views": views},
        )
    found = read_pictures(tmp_path, "noto", ["kite", "boat", "lamp"])
    assert found.things.tolist() == [2, 0] and found.pooled[:, 0, 0].tolist() == [0.0, 1.0]
    both = joined([found, found])
    assert both.things.tolist() == [2, 0, 2, 0] and both.pooled.shape == (4, 5, 4)
    with pytest.raises(
        ValueError, match=r"has no features of twemoji: python -m mars\.icon_vl\.training\.features first"
    ):
        read_pictures(tmp_path, "twemoji", ["kite"])
