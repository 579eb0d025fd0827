"""Nearest neighbours by cosine are those that a plain loop finds."""

import math

import pytest
import torch

from mars.geometry.nearest import nearest_by_cosine


def _naive(value, points, origin, count):
    def cosine(one, other):
        one, other = (one - origin).tolist(), (other - origin).tolist()
        dot = sum(a * b for a, b in zip(one, other, strict=True))
        return dot / math.sqrt(sum(a * a for a in one)) / math.sqrt(sum(b * b for b in other))

    found = [(cosine(value, point), row) for row, point in enumerate(points)]
    return sorted(found, key=lambda pair: (-pair[0], pair[1]))[:count]


@pytest.mark.parametrize("seed", range(5))
def test_they_are_those_of_a_plain_loop(seed):
    torch.manual_seed(seed)
    value, points, origin = torch.randn(16), torch.randn(40, 16), 3 * torch.randn(16)
    found, naive = nearest_by_cosine(value, points, origin, 8), _naive(value, points, origin, 8)
    assert found.rows.tolist() == [row for _, row in naive]
    assert found.cosines.tolist() == pytest.approx([cosine for cosine, _ in naive], abs=1e-6)


def test_length_does_not_count_and_the_origin_does():
    value, points = torch.tensor([1.0, 0.0]), torch.tensor([[0.1, 0.0], [9.0, 9.0], [0.0, 5.0]])
    assert nearest_by_cosine(value, points, torch.zeros(2), 3).rows.tolist() == [0, 1, 2]
    seen_from = torch.tensor([0.5, 0.0])
    found = nearest_by_cosine(value, points, seen_from, 3)
    assert found.rows.tolist() == [1, 2, 0] and found.cosines[2] == pytest.approx(-1)


def test_a_shift_of_everything_changes_nothing():
    torch.manual_seed(0)
    value, points, origin, shift = torch.randn(8), torch.randn(20, 8), torch.randn(8), torch.randn(8)
    here, there = (nearest_by_cosine(value + by, points + by, origin + by, 5) for by in (0 * shift, shift))
    assert here.rows.tolist() == there.rows.tolist()


def test_of_equal_ones_the_earlier_is_first_few_points_are_all_there_and_the_origin_has_no_direction():
    points = torch.tensor([[1.0, 0.0], [2.0, 0.0], [0.0, 0.0]])
    found = nearest_by_cosine(torch.tensor([1.0, 0.0]), points, torch.zeros(2), 8)
    assert found.rows.tolist() == [0, 1, 2] and found.cosines.tolist() == [1, 1, 0]


def test_no_neighbour_at_all_is_refused():
    with pytest.raises(ValueError, match="1 or more; got 0"):
        nearest_by_cosine(torch.ones(2), torch.ones(3, 2), torch.zeros(2), 0)
