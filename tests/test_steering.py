"""The formulas, on hidden states built so that the answer is known."""

import math

import pytest
import torch

from mars.steering import STRATEGIES, Adaptive, Addition, GatedAddition, Mars, Rows, Shift, Unsteered
from mars.steering.controls import SubstituteDirection, permuted_axes, random_axis
from mars.types import Geometry

D = 6
AXIS = torch.eye(D)[0]
FORMS = ("amplification", "gap", "traversal")


@pytest.fixture
def geometry() -> Geometry:
    """Harmless text at the origin, harmful text 4 along the first axis, images shifted by -1 there."""
    return Geometry(4 * AXIS, torch.zeros(D), bias=-AXIS, radius=6.0, harmless_q99=0.5)


@pytest.fixture
def hidden() -> torch.Tensor:
    return 3 * torch.randn(200, D)


@pytest.mark.parametrize("form", FORMS)
def test_at_or_below_the_zero_the_hidden_state_comes_back_bit_for_bit(geometry, form):
    below = torch.randn(50, D)
    below[:, 0] = -1 - torch.rand(50)  # sigma = x + 1 <= 0
    below[0, 0] = -1.0
    edit = Mars(geometry, gain=9.0, form=form)(below)
    assert torch.equal(edit.hidden, below)
    assert not edit.strength.any()


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("gain", [0.25, 1.0, 9.0])
def test_strength_is_never_negative_and_no_step_leaves_the_trust_region(geometry, hidden, form, gain):
    mars = Mars(geometry, gain, form=form)
    edit = mars(hidden)
    assert (edit.strength >= 0).all()
    reached = mars.sigma(edit.hidden)
    assert (reached <= mars.sigma(hidden).clamp_min(geometry.radius) + 1e-5).all()


def test_without_the_trust_region_a_step_does_leave_it(geometry):
    far = 5.5 * AXIS[None]
    assert (
        Mars(geometry, 4.0, use_trust_region=False).sigma(Mars(geometry, 4.0, use_trust_region=False)(far).hidden)
        > 6.0
    )


@pytest.mark.parametrize("name", [name for name in STRATEGIES if name not in ("unsteered", "shift")])
def test_every_edit_is_parallel_to_the_direction_and_as_long_as_it_says(geometry, hidden, name):
    edit = STRATEGIES[name](geometry, 1.0)(hidden)
    moved = edit.hidden - hidden
    assert torch.allclose(moved, edit.strength[:, None] * AXIS, atol=1e-5)


def test_the_default_strength_follows_both_distances_to_the_text_centroids(geometry):
    state = torch.tensor([[1.0, 3.0, 0, 0, 0, 0]])  # re-centred: (2, 3), sigma 2
    to_harmless, to_harmful = math.sqrt(4 + 9), math.sqrt(4 + 9)
    wanted = 2 * to_harmless / (to_harmless + to_harmful) * 2
    assert Mars(geometry)(state).strength.item() == pytest.approx(wanted)
    near_harmful = torch.tensor([[2.0, 0.0, 0, 0, 0, 0]])  # re-centred: (3, 0): d- = 3, d+ = 1
    assert Mars(geometry)(near_harmful).strength.item() == pytest.approx(min(2 * 3 / 4 * 3, 6 - 3))


def test_gap_and_traversal_have_their_closed_forms(geometry):
    state = torch.tensor([[0.0, 1.0, 0, 0, 0, 0]])  # re-centred: (1, 1)
    assert Mars(geometry, 0.5, form="gap")(state).strength.item() == pytest.approx(0.5 * 3)
    traversal = 0.5 * (1 / math.sqrt(2)) * math.sqrt(9 + 1)
    assert Mars(geometry, 0.5, form="traversal")(state).strength.item() == pytest.approx(traversal)


def test_the_default_is_continuous_at_its_zero_and_gap_says_truly_that_it_jumps(geometry):
    just_over = (geometry.harmless_q99 - 1 + 1e-4) * AXIS[None]  # sigma a hair over the margin
    assert Mars(geometry, gate_threshold=geometry.harmless_q99)(just_over).strength.item() < 1e-3
    assert Mars(geometry, gate_threshold=geometry.harmless_q99, form="gap")(just_over).strength.item() > 1.0


@pytest.mark.parametrize("name", list(STRATEGIES))
def test_strategies_follow_a_rotation_of_the_space(geometry, hidden, name):
    rotation, _ = torch.linalg.qr(torch.randn(D, D))
    turned = geometry._replace(
        mean_harmful=geometry.mean_harmful @ rotation,
        mean_harmless=geometry.mean_harmless @ rotation,
        bias=geometry.bias @ rotation,
    )
    plain = STRATEGIES[name](geometry, 1.5)(hidden)
    rotated = STRATEGIES[name](turned, 1.5)(hidden @ rotation)
    assert torch.allclose(plain.strength, rotated.strength, atol=1e-4)
    assert torch.allclose(plain.hidden @ rotation, rotated.hidden, atol=1e-4)


def test_recentering_is_what_tells_mars_from_its_ablation(geometry):
    seen_as_harmless = -0.5 * AXIS[None]  # half before the harmless centroid, but beyond it once re-centred
    assert STRATEGIES["mars"](geometry, 1.0)(seen_as_harmless).strength > 0
    assert STRATEGIES["mars_no_recentering"](geometry, 1.0)(seen_as_harmless).strength == 0


def test_addition_moves_by_the_distance_between_the_centroids_whatever_the_input(geometry, hidden):
    assert torch.allclose(Addition(geometry)(hidden).strength, torch.full((len(hidden),), 4.0))


def test_gated_addition_moves_all_or_nothing_at_the_margin(geometry):
    states = torch.stack([0.4 * AXIS, 0.6 * AXIS])
    assert GatedAddition(geometry)(states).strength.tolist() == [0.0, 4.0]


def test_adaptive_needs_nothing_for_harmless_text_and_takes_the_whole_region_at_the_harmful_centroid(geometry):
    at = torch.tensor([-9.0, 0.0, 0.5, 2.25, 4.0, 9.0])[:, None] * AXIS  # margin 0.5, centroid 4, rho 6
    assert Adaptive(geometry)(at).strength.tolist() == pytest.approx([0, 0, 0, 3, 6, 6])
    assert Adaptive(geometry, 0.5)(at).strength.tolist() == pytest.approx([0, 0, 0, 1.5, 3, 3])
    elsewhere = geometry._replace(bias=5 * torch.randn(D))
    assert torch.equal(Adaptive(elsewhere)(at).strength, Adaptive(geometry)(at).strength)  # not re-centred


def test_adaptive_is_a_step_where_harmless_text_reaches_beyond_the_harmful_centroid(geometry):
    overlapping = geometry._replace(harmless_q99=5.0)
    assert Adaptive(overlapping)(torch.tensor([[5.0], [5.1]]) * AXIS).strength.tolist() == [0.0, 6.0]


def test_shift_moves_every_input_by_the_bias_and_by_nothing_else(geometry, hidden):
    askew = geometry._replace(bias=torch.randn(D))
    edit = Shift(askew)(hidden)
    assert torch.allclose(edit.hidden, hidden - askew.bias)
    assert not edit.strength.any()
    of_text = Shift(geometry._replace(bias=torch.zeros(D)))(hidden)
    assert torch.equal(of_text.hidden, hidden)


@pytest.mark.parametrize("draw", range(10))
def test_a_random_control_goes_as_far_as_mars_at_every_input_and_nowhere_along_its_direction(geometry, hidden, draw):
    mars = Mars(geometry)
    edit = SubstituteDirection(mars, random_axis(geometry.direction, draw))(hidden)
    assert torch.equal(edit.strength, mars(hidden).strength)
    moved = edit.hidden - hidden
    assert torch.allclose(moved.norm(dim=1), edit.strength, atol=1e-5)
    assert torch.allclose(moved @ geometry.direction, torch.zeros(len(hidden)), atol=1e-5)
    shut = edit.strength == 0
    assert shut.any()
    assert torch.equal(edit.hidden[shut], hidden[shut])


def test_draws_differ_and_the_same_seed_gives_them_again():
    axes = torch.stack([random_axis(AXIS, draw) for draw in range(10)])
    assert torch.linalg.matrix_rank(axes) == D - 1
    assert torch.equal(axes[3], random_axis(AXIS, 3))
    assert not torch.equal(axes[3], random_axis(AXIS, 3, seed=1))


def test_permuted_labels_cancel_what_tells_the_classes_apart():
    within = torch.randn(8, 2, D) * torch.tensor([0.0, 1, 1, 1, 1, 1])
    axes = permuted_axes(5 * AXIS + within, within)
    assert torch.allclose(axes @ AXIS, torch.zeros(2), atol=1e-6)
    assert torch.allclose(axes.norm(dim=1), torch.ones(2))
    with pytest.raises(ValueError, match="at least two"):
        permuted_axes(within[:1], within)


def test_rows_give_each_row_its_own_strategy(geometry):
    states = torch.ones(2, D)
    edit = Rows((Unsteered(), Addition(geometry)))(states)
    assert torch.equal(edit.hidden[0], states[0])
    assert edit.strength.tolist() == [0.0, 4.0]
    with pytest.raises(ValueError, match="2 rows for 1 strategies"):
        Rows((Unsteered(),))(states)


def test_half_precision_keeps_its_dtype_and_rows_with_a_shut_gate(geometry):
    states = torch.randn(20, D).bfloat16()
    edit = Mars(geometry)(states)
    assert edit.hidden.dtype == torch.bfloat16
    shut = edit.strength == 0
    assert torch.equal(edit.hidden[shut], states[shut])


@pytest.mark.parametrize("gain", [-0.5, float("nan"), float("inf")])
@pytest.mark.parametrize("name", ["addition", "gated_addition", "mars"])
def test_a_gain_that_would_steer_away_from_refusal_is_refused(geometry, name, gain):
    with pytest.raises(ValueError, match="towards refusal only"):
        STRATEGIES[name](geometry, gain)


def test_the_amplification_of_the_geometry_multiplies_the_gain(geometry):
    hidden = torch.tensor([-2.0, -0.5, 0.1, 0.3])[:, None] * AXIS
    doubled = Mars(geometry._replace(amplification=2.0), 0.75)(hidden).strength
    assert torch.allclose(doubled, Mars(geometry, 1.5)(hidden).strength) and doubled.max() > 0


@pytest.mark.parametrize("name", [*STRATEGIES, "random"])
def test_an_edit_is_made_where_the_hidden_state_is_though_the_artifact_is_on_the_cpu(monkeypatch, geometry, name):
    """On a stand-in for a GPU: tensors without content that refuse to meet those of another device."""
    from torch._subclasses.fake_tensor import FakeTensorMode

    monkeypatch.setattr(Geometry, "length", 4.0)  # a number, which tensors without content do not have
    strategy = STRATEGIES["mars" if name == "random" else name](geometry, 1.0)
    if name == "random":
        strategy = SubstituteDirection(strategy, random_axis(geometry.direction, 0))
    with FakeTensorMode(allow_non_fake_inputs=True):
        edit = strategy(torch.empty(2, D, device="cuda:0"))
    assert edit.hidden.device == edit.strength.device == torch.device("cuda:0")
