"""Products of few rows, against torch's own."""

import pytest
import torch
from torch import nn

from mars.model.cpu_linear import FEWEST, MOST, SmallBatchLinear


@pytest.fixture
def layers() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(24, 40), nn.GELU(), nn.Linear(40, 16, bias=False))


@pytest.mark.parametrize("rows", range(1, MOST + 3))
@pytest.mark.parametrize("shape", [lambda rows: (rows, 24), lambda rows: (rows, 1, 24), lambda rows: (1, rows, 24)])
def test_any_number_of_rows_gives_what_torch_gives(layers, rows, shape):
    x = torch.randn(*shape(rows))
    plain = layers(x)
    with SmallBatchLinear(layers, FEWEST):
        swapped = layers(x)
    assert swapped.shape == plain.shape and swapped.is_contiguous()
    torch.testing.assert_close(swapped, plain)


def test_few_rows_are_taken_in_the_other_order_and_no_longer_after_leaving(layers):
    few_rows = SmallBatchLinear(layers, 2)
    for _ in range(2):
        with few_rows:
            assert [("forward" in vars(layer)) for layer in layers] == [True, False, True]
        assert not any("forward" in vars(layer) for layer in layers)


def test_an_error_within_leaves_the_layers_as_they_were(layers):
    with pytest.raises(RuntimeError, match="shapes"), SmallBatchLinear(layers, 2):
        layers(torch.randn(2, 25))
    assert not any("forward" in vars(layer) for layer in layers)


@pytest.mark.parametrize("rows", [1, MOST + 1])
def test_other_numbers_of_rows_touch_no_layer(layers, rows):
    with SmallBatchLinear(layers, rows):
        assert not any("forward" in vars(layer) for layer in layers)


def test_layers_that_are_not_plain_float32_ones_are_left_alone():
    class Own(nn.Linear):
        """Somebody's own, quantized perhaps."""

    replaced = nn.Linear(8, 8)
    replaced.forward = lambda x: x
    half = nn.Linear(8, 8).to(torch.bfloat16)
    module = nn.ModuleList([Own(8, 8), half, replaced])
    with SmallBatchLinear(module, 2):
        assert ["forward" in vars(layer) for layer in module] == [False, False, True]
        assert replaced(3) == 3
    assert "forward" in vars(replaced)
