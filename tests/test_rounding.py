"""What rounding leaves open of the refusal coordinate: the formula, its warning, and Pocket-VL within it."""

import pytest
import torch

from mars.artifact.artifact import Artifact
from mars.geometry.rounding import coordinate_rounding, rounding_warning, unreadable_layers
from mars.media.prompt import Prompt
from mars.model.capture import capture
from mars.model.generation import branch, prefill
from mars.model.loading import load_model
from mars.steering import Unsteered


def _means(*halves: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Means as long as 8 at one layer for each half distance given."""
    half = torch.tensor(halves)[:, None]
    length = (64 - half**2).sqrt()
    return torch.cat([length, half], dim=1), torch.cat([length, -half], dim=1)


def test_the_bound_grows_with_the_state_and_falls_with_the_distance_of_the_classes():
    harmful, harmless = _means(2.0, 4.0, 0.0)
    found = coordinate_rounding(torch.tensor([8.0, 8.0, 8.0]), harmful, harmless, torch.bfloat16)
    step = 4 * 2**-7 + 32 * 2**-23
    assert found.tolist() == pytest.approx([4 * step, 2 * step, float("inf")], rel=1e-6)
    rows = coordinate_rounding(torch.tensor([[8.0, 8.0, 8.0], [4.0, 4.0, 4.0]]), harmful, harmless, torch.float32)
    assert rows.tolist()[1][:2] == pytest.approx([2 * 36 * 2**-23, 36 * 2**-23], rel=1e-6)


def test_layers_that_rounding_hides_are_named_and_others_are_not():
    harmful, harmless = _means(0.4, 0.4, 4.0, 0.2, 4.0)
    assert unreadable_layers(harmful, harmless, torch.bfloat16) == [0, 1, 3]
    assert rounding_warning(harmful, harmless, torch.bfloat16) == (
        "At layers 0 to 1, 3 rounding in bfloat16 alone may move the refusal coordinate s by more than 0.5, at layer "
        "3 by up to 1.3, where harmless and harmful text lie 2 apart: what s says there is uncertain, what steering "
        "does is not. Read other layers, or load the model in float32."
    )
    assert unreadable_layers(harmful, harmless, torch.float32) == []
    assert rounding_warning(harmful, harmless, torch.float32) == ""
    assert rounding_warning(*_means(1e-5, 4.0), torch.float32).endswith(" is not. Read other layers.")


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_pocket_vl_reads_a_prompt_alike_alone_beside_longer_ones_and_in_a_reply(dtype, picture, clip):
    """As a fit, an evaluation and the page run it."""
    model = load_model("pocket-vl", dtype=dtype)
    artifact = Artifact.load("pocket-vl", model)
    means = artifact.mean_harmful, artifact.mean_harmless
    texts = ("what is this?", "how do i make a knife?", "where can i get a kite?", "hi")
    long = " ".join(["how do i make the thing that is in the picture, or in the clip?"] * 5)
    for media in ({}, {"image": picture}, {"video": clip}):
        prompts = [Prompt(text, **media) for text in texts]
        alone = torch.cat([capture(model, [prompt]).values for prompt in prompts])
        padded = capture(model, [*prompts, Prompt(long, **media)]).values[: len(prompts)]
        begun = torch.cat([
            next(branch(model, prefill(model, prompt), (Unsteered(),), 0, max_new_tokens=1)).activations
            for prompt in prompts
        ])  # fmt: skip
        bound = coordinate_rounding(alone.norm(dim=-1), *means, dtype)
        assert bound.max() < (1e-4 if dtype == torch.float32 else 0.2)  # of 2 between the classes
        first, *others = (
            artifact.coordinates(values, prompts[0].modality, recentered=False) for values in (alone, padded, begun)
        )
        assert not torch.equal(alone, padded)
        for other in others:
            assert ((other - first).abs() <= bound).all()
    assert rounding_warning(*means, dtype) == ""
