"""The layer x gain map made of verdicts: what each edit of a prompt makes of the whole reply.

For models whose first token does not tell a refusal. Each cell is a reply, so this takes minutes where the map of
first tokens (`mars.effect.sweep`) takes seconds.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch

from mars.effect.sweep import Progress, cell_steering, distinct_edits
from mars.fitted.fitted import Fitted
from mars.media.prompt import Prompt
from mars.model.generation import Prefix, branch, prefill
from mars.model.loaded_model import LoadedModel
from mars.steering import Steering, Unsteered
from mars.verdict import Verdict, verdict

GAINS = (1, 2, 4, 8)


class VerdictMap(NamedTuple):
    """What steering at each layer with each gain makes of the reply to one prompt."""

    layers: tuple[int, ...]
    """Layers steered at, one per row of the map."""
    gains: tuple[float, ...]
    """Gains steered with, one per column."""
    verdicts: tuple[tuple[Verdict, ...], ...]
    """By layer and gain."""
    replies: tuple[tuple[str, ...], ...]
    """By layer and gain, without special tokens."""
    cuts: tuple[tuple[bool, ...], ...]
    """Whether each reply was ended by the length allowed."""
    unsteered: Verdict

    def as_json(self) -> dict[str, Any]:
        """Kinds and reasons as JSON values, without the replies."""
        return {
            "layers": list(self.layers),
            "gains": [float(gain) for gain in self.gains],
            "verdicts": [[one.kind for one in row] for row in self.verdicts],
            "reasons": [[one.reason for one in row] for row in self.verdicts],
            "unsteered": self.unsteered._asdict(),
        }


@torch.inference_mode()
def verdict_map(
    model: LoadedModel,
    artifact: Fitted,
    prompt: Prompt,
    *,
    gains: Sequence[float] = GAINS,
    layers: Sequence[int] | None = None,
    strategy: str = "mars",
    max_new_tokens: int | None = None,
    prefix: Prefix | None = None,
    progress: Progress = lambda done, total: None,  # noqa: ARG005
) -> VerdictMap:
    """The map of a prompt over layers (by default all) and gains, by one batch of replies a layer.

    Edits with equal results share a reply, and those that change nothing have the unsteered one. max_new_tokens: of a
    reply; by default the length measured at the fit. prefix: as in `sweep`. Raises as `mars.effect.sweep.sweep`.
    """
    layers, steering = cell_steering(model, artifact, prompt, gains, layers, strategy)
    length = max_new_tokens or artifact.reply_tokens
    total = len(layers) * len(gains)
    progress(0, total)
    prefix = prefix or prefill(model, prompt)

    def replies(edits: Sequence[Steering], layer: int) -> list[tuple[str, bool]]:
        steps = list(branch(model, prefix, edits, layer, max_new_tokens=length))
        ended = [any(step.tokens[row] in model.end_tokens for step in steps) for row in range(len(edits))]
        return [(text, not end) for text, end in zip(steps[-1].texts, ended, strict=True)]

    plain = next(branch(model, prefix, (Unsteered(),), 0, max_new_tokens=1))
    (unsteered,) = replies((Unsteered(),), 0)
    rows: list[list[tuple[str, bool]]] = []
    for layer in layers:
        hidden = plain.activations[:, layer].to(model.layer_device(layer), model.dtype)
        edits = distinct_edits(steering[layer], hidden)
        chosen = [steering[layer][edits.state_of.index(state)] for state in range(1, len(edits.states))]
        found = [unsteered, *(replies(chosen, layer) if chosen else ())]
        rows.append([found[state] for state in edits.state_of])
        progress(len(rows) * len(gains), total)

    def judged(reply: tuple[str, bool]) -> Verdict:
        return verdict(reply[0], cut=reply[1], request=prompt.text)

    return VerdictMap(
        layers,
        tuple(gains),
        tuple(tuple(map(judged, row)) for row in rows),
        tuple(tuple(text for text, _ in row) for row in rows),
        tuple(tuple(cut for _, cut in row) for row in rows),
        judged(unsteered),
    )
