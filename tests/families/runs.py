"""How a model of any family is asked, with and without an edit, and what its own `generate` says."""

import torch

from mars.media.prompt import Prompt
from mars.model.capture import capture
from mars.model.generation import branch, prefill
from mars.model.hooks import editing
from mars.model.inputs import encode
from mars.model.loaded_model import LoadedModel
from mars.steering import Addition, Unsteered
from mars.types import Geometry

LENGTH = 6
LAYER = 1


def edit_of(model: LoadedModel) -> Addition:
    """A step in a random direction, as long as the residual stream is."""
    torch.manual_seed(1)
    zeros = torch.zeros(model.d_model)
    length = capture(model, [Prompt("hi")]).values[0, LAYER].norm()
    direction = torch.randn(model.d_model)
    return Addition(Geometry(length * direction / direction.norm(), zeros, zeros, 9, 0))


def steps_of(model: LoadedModel, prefix, *strategies):
    return list(branch(model, prefix, strategies, LAYER, max_new_tokens=LENGTH))


@torch.inference_mode()
def generated(model: LoadedModel, prompt: Prompt) -> list[int]:
    """What transformers' own generate says, greedily."""
    inputs = encode(model, [prompt])
    tokens = model.model.generate(**inputs, max_new_tokens=LENGTH, do_sample=False)[0]
    return tokens[inputs["input_ids"].shape[1] :].tolist()


@torch.inference_mode()
def recomputed(model: LoadedModel, prompt: Prompt, steering) -> torch.Tensor:
    """Greedy logits with every position recomputed at each step, no cache, edited at the last prompt position."""
    inputs = encode(model, [prompt])
    shape = inputs["input_ids"].shape
    position = shape[1] - 1
    steps: list[torch.Tensor] = []
    for _ in range(LENGTH):
        with editing(model.layers, LAYER, steering, position):
            steps.append(model.model(**inputs, use_cache=False).logits[0, -1])
        token = int(steps[-1].argmax())
        if token in model.end_tokens:
            break
        grown = {name: value for name, value in inputs.items() if getattr(value, "shape", None) == shape}
        for name, value in grown.items():
            fill = {"input_ids": token, "attention_mask": 1}.get(name, 0)
            inputs[name] = torch.cat([value, value.new_full((1, 1), fill)], dim=1)
        shape = inputs["input_ids"].shape
    return torch.stack(steps)


def check_unsteered(model: LoadedModel, prompt: Prompt) -> None:
    steps = steps_of(model, prefill(model, prompt), Unsteered(), edit_of(model))
    ended = next((step.index for step in steps if step.finished[0]), LENGTH)
    assert [step.tokens[0] for step in steps[: ended + 1]] == generated(model, prompt)


def check_steered(model: LoadedModel, prompt: Prompt) -> None:
    steering = edit_of(model)
    steps = steps_of(model, prefill(model, prompt), Unsteered(), steering)
    expected = recomputed(model, prompt, steering)
    found = torch.stack([step.logits[1] for step in steps[: len(expected)]])
    assert torch.allclose(found, expected, atol=2e-4)
    assert not torch.allclose(steps[0].logits[0], steps[0].logits[1], atol=1e-2)
