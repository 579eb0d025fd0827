import math

import pytest
import torch

from mars.geometry.divergence import kl_divergence


def test_kl_has_its_closed_form_row_by_row():
    p, q = torch.tensor([0.5, 0.25, 0.25]), torch.tensor([0.25, 0.5, 0.25])
    found = kl_divergence(p.log(), torch.stack([q.log(), p.log() + 7]))
    assert found.tolist() == pytest.approx([0.25 * math.log(2), 0], abs=1e-9)
