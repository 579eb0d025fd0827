"""A loaded model with what most people want of it: inputs of a prompt, and a reply, steered or not."""

from typing import Any, NamedTuple

from mars.media.prompt import Prompt
from mars.model.generation import branch, prefill
from mars.model.hooks import InterventionLog
from mars.model.info import same_weights
from mars.model.inputs import encode
from mars.model.load_checks import ModelError
from mars.model.loaded_model import LoadedModel
from mars.steering import Intervention, Unsteered

MAX_NEW_TOKENS = 48


class Reply(NamedTuple):
    """One reply to a prompt."""

    text: str
    """Without special tokens."""
    is_complete: bool
    """Whether it ended by itself, and not by the length allowed."""
    intervention: InterventionLog
    """What steering did; strength 0 where none was asked for."""


class Lens(LoadedModel):
    """A model, its processor, and the way into the engine: `load_model` returns one.

    `prefill` and `branch` (`mars.model.generation`) are the layer below: several strategies side by side, a step a
    token, with the activations of all layers.
    """

    def encode(self, prompt: Prompt) -> dict[str, Any]:
        """Inputs of one prompt as `model.generate` takes them, on the model's device. Raises PromptError."""
        return encode(self, [prompt])

    def generate(
        self, prompt: Prompt, *, steering: Intervention | None = None, max_new_tokens: int = MAX_NEW_TOKENS
    ) -> Reply:
        """Greedy reply to a prompt, edited at the last prompt position as `artifact.mars(gain=...)` says.

        Raises PromptError for a prompt that the model cannot read, ModelError for an intervention that was fitted on
        another model and for one without a strategy for the prompt's modality.
        """
        layer, strategy = 0, Unsteered()
        if steering is not None:
            if steering.weights is not None and not same_weights(list(steering.weights), self.model):
                raise ModelError(f"The intervention was fitted on other weights than those of {self.name}.")
            if prompt.modality not in steering.strategies:
                raise ModelError(
                    f"The intervention was fitted for {', '.join(steering.strategies)}, and the prompt is of "
                    f"modality {prompt.modality}."
                )
            layer, strategy = steering.layer, steering.strategies[prompt.modality]
        prefix = prefill(self, prompt)
        *_, last = steps = list(branch(self, prefix, (strategy,), layer, max_new_tokens=max_new_tokens))
        log = InterventionLog(layer, prefix.length - 1, int(steering is not None), steps[0].strengths)
        return Reply(last.texts[0].strip(), last.tokens[0] in self.end_tokens, log)
