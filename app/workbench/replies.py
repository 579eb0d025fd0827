"""Decoding steps of both branches as the page sees them: curves, replies, receipt."""

from dataclasses import dataclass

import torch
from torch import Tensor

from mars.artifact.artifact import Artifact
from mars.model.generation import Prefix
from mars.model.loaded_model import LoadedModel
from mars.refusal import refusal_score, refused
from mars.steering import Edit, Mars, Steering
from mars.types import Modality, TokenStep

from ..results import Comparison, Curves, Likely, Receipt, Reply

TOP = 10
SURE_AFTER = 24
"""Characters after which a reply that has not begun to refuse counts as an answer."""
CHECK = "Checked when the model was loaded: an edit of strength 0 gives the unsteered logits exactly."


@dataclass
class Counted:
    """A strategy that counts how often the hook called it."""

    strategy: Steering
    calls: int = 0

    def __call__(self, hidden: Tensor) -> Edit:
        self.calls += 1
        return self.strategy(hidden)


@dataclass(frozen=True)
class Reader:
    """Reads the steps of one prompt, whose rows are the unsteered and the steered reply."""

    model: LoadedModel
    artifact: Artifact
    modality: Modality
    layer: int
    prefix: Prefix
    steering: Mars
    counted: Counted
    """What the hook calls."""
    thumbnail: str
    """Data URL of what the prompt shows; empty for words alone."""
    generation: int
    """Of the session."""

    def comparison(self, first: TokenStep, step: TokenStep) -> Comparison:
        """Both replies after a step; first: step 0, which alone holds activations."""
        before = first.activations[:1]
        sigma = self.steering.sigma(first.activations[:, self.layer])
        return Comparison(
            index=step.index,
            curves=Curves(
                self.artifact.coordinates(before, self.modality, recentered=False)[0].numpy(),
                self.artifact.coordinates(before, self.modality, recentered=True)[0].numpy(),
                self.modality,
            ),
            unsteered=self._reply(first, step, 0),
            steered=self._reply(first, step, 1),
            receipt=Receipt(
                layer=self.layer,
                position=self.prefix.length - 1,
                gain=self.steering.gain,
                gate_open=bool(sigma[0] > self.steering.gate_threshold),
                sigma_before=float(sigma[0]),
                sigma_after=float(sigma[1]),
                strength=first.strengths[1],
                length=self.steering.geometry.length,
                radius=self.steering.geometry.radius,
                fired=self.counted.calls,
                check=CHECK,
            ),
            activations=before[0].numpy(),
            thumbnail=self.thumbnail,
            generation=self.generation,
        )

    def _reply(self, first: TokenStep, step: TokenStep, row: int) -> Reply:
        text, finished = step.texts[row].strip(), step.finished[row]
        refusing = refused(text)
        return Reply(
            text=text,
            finished=finished,
            refused=refusing if refusing or finished or len(text) >= SURE_AFTER else None,
            refusal_score=float(refusal_score(first.logits[row : row + 1], self.artifact.refusal_ids)[0]),
            first_tokens=self._likely(first.logits[row]),
        )

    def _likely(self, logits: Tensor) -> tuple[Likely, ...]:
        likely = torch.softmax(logits.double(), dim=-1).topk(min(TOP, len(logits)))
        refusing = set(self.artifact.refusal_ids)
        return tuple(
            Likely(self.model.tokenizer.decode([token]), share, token in refusing)
            for token, share in zip(likely.indices.tolist(), likely.values.tolist(), strict=True)
        )
