import math

import pytest
import torch

from mars.geometry.divergence import kl_divergence


def test_kl_has_its_closed_form_row_by_row():
    p, q = torch.tensor([0.5, 0.25, 0.25]), torch.tensor([0.25, 0.5, 0.25])
    found = kl_divergence(p.log(), torch.stack([q.log(), p.log() + 7]))
    assert found.tolist() == pytest.approx([0.25 * math.log(2), 0], abs=1e-9)


def test_tokens_that_are_ruled_out_count_nothing_unless_the_reference_allows_them():
    reference = torch.tensor([0.5, 0.5, 0.0]).log()
    rows = torch.tensor([[0.25, 0.75, 0.0], [0.5, 0.25, 0.25], [1.0, 0.0, 0.0]]).log()
    q = 0.5 * math.log(0.5 / 0.25)
    assert kl_divergence(reference, rows).tolist() == pytest.approx(
        [q + 0.5 * math.log(0.5 / 0.75), 0.5 * math.log(2), math.inf], abs=1e-6
    )
