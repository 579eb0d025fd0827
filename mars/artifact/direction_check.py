"""Which way a direction points, found out on text: an artifact that steers away from refusal is not used.

Two answers, since either can be forged alone: where held-out text lies along the direction by the labels that the
artifact gives it, and which of these labels the model itself refuses, whatever the artifact says.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from mars.media.prompt import Prompt
from mars.model.capture import capture
from mars.model.loaded_model import LoadedModel
from mars.refusal import refusal_score, refusal_token_ids

TEXTS = 8
"""How many held-out texts of each label are read."""
CLEARLY = 0.5
"""By how much the share of refusals must differ before the model's own answers count: random weights tell nothing."""


def check_direction_sign(
    model: LoadedModel, harmful: Sequence[str], harmless: Sequence[str], coordinate: Callable[[Tensor], Tensor]
) -> str | None:
    """Why a direction points away from refusal, in half a sentence; None where it points towards it.

    coordinate: activations (prompt, layer, d_model) -> refusal coordinate s at the layer that steers, (prompt,).
    Raises PromptError or ModelError as `capture` does.
    """
    count = min(len(harmful), len(harmless), TEXTS)
    read = capture(model, [Prompt(text) for text in (*harmful[:count], *harmless[:count])])
    above, below = (float(side.mean()) for side in coordinate(read.values).split(count))
    if above <= below:
        return f"held-out harmful text lies at {above:+.2f} on it and harmless text at {below:+.2f}"
    odds = refusal_score(read.logits, refusal_token_ids(model.tokenizer))
    refused, answered = (float(side.mean()) for side in torch.sigmoid(odds).split(count))
    if answered - refused > CLEARLY:
        return (
            f"{model.name} refuses what the artifact calls harmless ({answered:.0%}) and not what it calls harmful "
            f"({refused:.0%})"
        )
    return None
