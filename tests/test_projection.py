import numpy as np
import pytest
import torch

from mars.geometry.projection import (
    MOST_MEASURED,
    axis_plane,
    interpolate_points,
    pca_plane,
    refusal_coordinate,
    sampled,
    turned_alike,
    umap_view,
)

PLUS, MINUS = torch.tensor([[4.0, 1.0, 0.0]]), torch.tensor([[0.0, 1.0, 0.0]])


def test_the_refusal_coordinate_is_minus_one_at_harmless_and_plus_one_at_harmful_text():
    values = torch.stack([MINUS, PLUS, (PLUS + MINUS) / 2, PLUS + torch.tensor([[0.0, 9.0, -9.0]])])
    assert refusal_coordinate(values, PLUS, MINUS).flatten().tolist() == pytest.approx([-1, 1, 0, 1])


def test_the_axis_plane_shows_the_coordinate_and_what_is_orthogonal_to_it():
    before = torch.randn(40, 3)
    after = before + torch.tensor([2.0, 0.0, 0.0])
    plane = axis_plane(before, after, PLUS[0], MINUS[0])
    placed, moved = plane.place(before), plane.place(after)
    assert np.allclose(placed[:, 0], refusal_coordinate(before[:, None], PLUS, MINUS)[:, 0], atol=1e-5)
    assert np.allclose(moved[:, 0] - placed[:, 0], 1.0, atol=1e-5)
    assert np.allclose(moved[:, 1], placed[:, 1], atol=1e-5)


def test_pca_says_how_much_variance_its_axes_hold():
    before = torch.randn(60, 3) * torch.tensor([3.0, 1.0, 0.0])
    plane = pca_plane(before, before)
    assert plane.x.startswith("first principal component (")
    shares = [int(text.split("(")[1].split("%")[0]) for text in (plane.x, plane.y)]
    assert sum(shares) == 100
    assert plane.place(before).shape == (60, 2)


def test_planes_are_the_same_each_time():
    before, after = torch.randn(30, 8), torch.randn(30, 8)
    assert torch.equal(pca_plane(before, after).axes, pca_plane(before, after).axes)


def test_umap_keeps_the_order_of_points_and_pictures_two_far_clouds_apart():
    far = torch.cat([torch.randn(40, 10), torch.randn(40, 10) + 50])
    view = umap_view(far, far)
    again = umap_view(far, far)
    assert np.array_equal(view.before, again.before)
    left, right = view.before[:40], view.before[40:]
    between = np.linalg.norm(left.mean(axis=0) - right.mean(axis=0))
    assert between > 3 * max(left.std(axis=0).max(), right.std(axis=0).max())


def test_umap_leaves_torch_its_number_of_threads(monkeypatch):
    class Greedy:
        """As numba, which takes all cores at its first call in a process and not again."""

        def __init__(self, **settings):
            pass

        def fit_transform(self, values):
            torch.set_num_threads(threads + 1)
            return values[:, :2]

    threads = torch.get_num_threads()
    monkeypatch.setattr("umap.UMAP", Greedy)
    try:
        umap_view(torch.randn(40, 10), torch.randn(40, 10))
        assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(threads)


def test_new_points_are_placed_among_their_neighbours():
    cloud = torch.cat([torch.zeros(10, 4), torch.full((10, 4), 9.0)])
    picture = np.repeat([[0.0, 0.0], [5.0, 5.0]], 10, axis=0)
    new = torch.tensor([8.9, 0.2])[:, None].expand(-1, 4)
    assert interpolate_points(new, cloud, picture) == pytest.approx(np.array([[5.0, 5.0], [0.0, 0.0]]))
    assert interpolate_points(new[:0], cloud, picture).shape == (0, 2)


def test_axes_of_successive_layers_run_the_same_way():
    generator = torch.Generator().manual_seed(0)
    first = torch.randn(30, 4, generator=generator) * torch.tensor([4.0, 2.0, 1.0, 1.0])
    layers = [first, -first, first + 0.01]
    planes = turned_alike([pca_plane(values, values) for values in layers], layers)
    places = [plane.place(values) for plane, values in zip(planes, layers, strict=True)]
    assert np.allclose(places[0], places[1], atol=1e-4) and np.allclose(places[0], places[2], atol=1e-2)


def test_of_many_points_a_sample_by_the_seed_stands_for_all():
    assert sampled(7, 9).tolist() == list(range(7))
    rows = sampled(5000)
    assert len(set(rows.tolist())) == MOST_MEASURED and rows.tolist() == sorted(sampled(5000).tolist())
    assert rows.tolist() != sampled(5000, seed=1).tolist() and rows.max() > 4000


def test_a_point_of_a_cloud_far_from_the_origin_is_put_where_it_lies():
    torch.manual_seed(0)
    cloud = 600 + torch.randn(64, 256)
    layout = np.random.default_rng(0).normal(size=(64, 2)).astype(np.float32)
    assert np.allclose(interpolate_points(cloud, cloud, layout), layout, atol=1e-3)
