"""The connector's first lesson, on made-up pictures whose things can be told apart."""

import copy

import pytest
import torch
from safetensors.torch import save_file

from mars.icon_vl.model import Connector, IconVLConfig
from mars.icon_vl.training.alignment import (
    LAST,
    OTHERS,
    NameTokens,
    alignment_loss,
    compared_positions,
    name_tokens,
    share_right,
    train,
)
from mars.icon_vl.training.features import Pictures, joined, read_pictures
from mars.icon_vl.training.prototypes import set_prototypes
from mars.icon_vl.training.wordings import with_article
from tests.tiny import FAMILIES, _tokenizer

NAMES = 12


@pytest.fixture
def lesson():
    """A connector, pictures for training and others for a test of the same things, and the tokens of their names."""
    connector = Connector(
        IconVLConfig(
            vision_head=32, vision_classes=10, hidden_size=24, grid=2, connector_size=48, embedding_rms=0.02,
            known_things=NAMES, discriminants=10,
        )
    )  # fmt: skip
    looks = torch.randn(NAMES, 32)

    def pictures(count: int) -> Pictures:
        things = torch.arange(NAMES).repeat(count)
        pooled = looks[things][:, None] + 0.3 * torch.randn(len(things), 5, 32)
        return Pictures(pooled.half(), things)

    at = torch.zeros(NAMES, 5, dtype=torch.long)
    at[:, -2:] = torch.stack([torch.arange(NAMES) % 3 + 1, torch.arange(NAMES) // 3 + 4], dim=1)  # two tokens each
    tokens = NameTokens(0.05 * torch.randn(8, 24), at)
    return connector, pictures(20), pictures(5), tokens


def test_unseen_pictures_give_the_tokens_of_their_names_after_the_lesson_and_not_before(lesson):
    connector, seen, unseen, tokens = lesson
    classifier = torch.nn.Linear(32, 10)
    classifier.weight.data.zero_()  # it knows none of these things
    set_prototypes(connector.prototypes, seen, classifier)
    assert share_right(connector, unseen, tokens) < 0.4
    losses = []
    train(connector, seen, tokens, epochs=60, tell=lambda _, loss: losses.append(loss))
    assert share_right(connector, unseen, tokens) > 0.9
    assert len(losses) == 60 and losses[-1] < losses[0] / 2
    lengths = connector(unseen.pooled.float())[:, -2:].norm(dim=2).mean()
    assert float(lengths) == pytest.approx(float(tokens.embeddings[1:].norm(dim=1).mean()), rel=0.2)


def test_the_same_seed_gives_the_same_connector_and_another_gives_another(lesson):
    connector, seen, _, tokens = lesson
    found = []
    for seed in (0, 0, 1):
        one = copy.deepcopy(connector)
        train(one, seen, tokens, epochs=2, seed=seed)
        found.append(one.out.weight)
    assert torch.equal(found[0], found[1]) and not torch.equal(found[0], found[2])


def test_names_stand_at_the_last_positions_and_line_breaks_before_them():
    tokenizer = _tokenizer(FAMILIES["icon_vl"])
    embeddings = torch.randn(len(tokenizer), 8)
    names = ["kite", "how do i make a cake", "lamp"]
    found = name_tokens(embeddings, tokenizer, names, 40)
    filler = embeddings[tokenizer.encode("\n", add_special_tokens=False)[0]]
    for row, name in enumerate(names):
        ids = tokenizer.encode(f" {with_article(name)}", add_special_tokens=False)
        given = found.embeddings[found.at[row]]
        assert torch.equal(given[-len(ids) :], embeddings[ids])
        assert torch.equal(given[: -len(ids)], filler.expand(40 - len(ids), -1))
    short = name_tokens(embeddings, tokenizer, names, 2)
    assert short.at.shape == (3, 2) and (short.at > 0).all()


def test_the_loss_is_least_where_every_position_is_the_token_itself(lesson):
    tokens = lesson[3]
    itself = tokens.embeddings[tokens.at]
    best = alignment_loss(itself, tokens.at, tokens.embeddings)
    assert best < 0.3
    assert torch.isclose(alignment_loss(3 * itself, tokens.at, tokens.embeddings), best, atol=0.3)
    for worse in (itself.roll(1, 0), itself + 0.5, torch.cat([itself[:, :4], itself.roll(1, 0)[:, 4:]], dim=1)):
        assert alignment_loss(worse, tokens.at, tokens.embeddings) > best + 0.1


def test_a_step_compares_the_last_positions_and_others_by_lot():
    dice = torch.Generator().manual_seed(0)
    drawn = [compared_positions(17, dice).tolist() for _ in range(20)]
    assert all(one[-LAST:] == list(range(17 - LAST, 17)) and len(one) == LAST + OTHERS for one in drawn)
    assert len({tuple(one[:OTHERS]) for one in drawn}) > 5
    assert compared_positions(5, dice).tolist() == [0, 1, 2, 3, 4]


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
