import math

import pytest
import torch

from mars.refusal import refusal_score, refusal_token_ids


def test_the_score_is_the_log_odds_of_the_refusal_tokens():
    probabilities = torch.tensor([[0.1, 0.2, 0.3, 0.4], [0.25, 0.25, 0.25, 0.25]])
    scores = refusal_score(probabilities.log(), [1, 3])
    assert scores.tolist() == pytest.approx([math.log(0.6 / 0.4), 0.0], abs=1e-6)


def test_the_score_stays_finite_where_a_probability_rounds_to_one():
    assert refusal_score(torch.tensor([[200.0, 0.0]]), [0]).item() == pytest.approx(200.0)


def test_refusal_tokens_are_those_the_models_own_tokenizer_would_begin_with(tiny):
    ids = refusal_token_ids(tiny.tokenizer)
    assert tiny.tokenizer.encode("sorry", add_special_tokens=False)[0] in ids
