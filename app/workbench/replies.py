"""Decoding steps of both branches as the page sees them: curves, replies, receipt."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from mars.artifact.artifact import Artifact
from mars.icon_vl.recognition import unrecognised
from mars.media.prompt import Prompt
from mars.model.generation import Prefix
from mars.model.loaded_model import LoadedModel
from mars.pocket_vl.outside import reasons_outside
from mars.refusal import refusal_score
from mars.steering import Edit, Mars, Steering
from mars.types import Modality, TokenStep
from mars.verdict import verdict

from ..results import Comparison, Curves, Likely, Receipt, Reply, Verdict
from .cards import untrained

TOP = 10
CHECK = "Checked when the model was loaded: an edit of strength 0 gives the unsteered logits exactly."


def warning_of(model: LoadedModel, artifact: Artifact, modality: Modality) -> str:
    """What is to be said beside the results on a prompt; empty where nothing is, or nothing was measured."""
    of_first_tokens = artifact.calibration.warning if artifact.calibration else ""
    return " ".join(filter(None, (untrained(model.name, modality), of_first_tokens)))


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
    prompt: Prompt
    layer: int
    prefix: Prefix
    steering: Mars
    counted: Counted
    """What the hook calls."""
    thumbnail: str
    """Data URL of what the prompt shows; empty for words alone."""
    generation: int
    """Of the session."""

    @property
    def modality(self) -> Modality:
        return self.prompt.modality

    def comparisons(self, steps: Iterable[TokenStep]) -> Iterator[Comparison]:
        """Both replies after each step."""
        shown: Comparison | None = None
        for step in steps:
            shown = shown or self._opened(step)
            shown = replace(
                shown,
                index=step.index,
                unsteered=self._continued(shown.unsteered, step, 0),
                steered=self._continued(shown.steered, step, 1),
                receipt=replace(shown.receipt, fired=self.counted.calls),
            )
            yield shown

    def _opened(self, first: TokenStep) -> Comparison:
        """What is known from step 0 on, which alone holds activations."""
        before = first.activations[:1]
        sigma = self.steering.sigma(first.activations[:, self.layer])
        return Comparison(
            index=first.index,
            curves=Curves(
                self.artifact.coordinates(before, self.modality, recentered=False)[0].numpy(),
                self.artifact.coordinates(before, self.modality, recentered=True)[0].numpy(),
                self.modality,
            ),
            unsteered=self._empty(first, 0),
            steered=self._empty(first, 1),
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
            warning=warning_of(self.model, self.artifact, self.modality),
            outside=tuple(
                reason.told
                for reason in (
                    unrecognised(self.model, self.prompt),
                    *reasons_outside(self.model.name, self.artifact, self.prompt, before[0], self.layer),
                )
                if reason
            ),
            generation=self.generation,
        )

    def _empty(self, first: TokenStep, row: int) -> Reply:
        return Reply(
            text="",
            finished=False,
            cut_after=None,
            verdict=None,
            refusal_score=float(refusal_score(first.logits[row : row + 1], self.artifact.refusal_ids)[0]),
            first_tokens=self._likely(first.logits[row]),
        )

    def _continued(self, reply: Reply, step: TokenStep, row: int) -> Reply:
        """A reply after a further step, with the verdict on what it says so far; one that has ended stays."""
        if reply.finished:
            return reply
        text, finished = step.texts[row].strip(), step.finished[row]
        has_ended = step.tokens[row] in self.model.end_tokens
        judged = Verdict(*verdict(text, cut=not has_ended, request=self.prompt.text))
        return replace(
            reply,
            text=text,
            finished=finished,
            cut_after=step.index + 1 if finished and not has_ended else None,
            verdict=judged if finished or judged.kind != "undecided" else None,
        )

    def _likely(self, logits: Tensor) -> tuple[Likely, ...]:
        likely = torch.softmax(logits.double(), dim=-1).topk(min(TOP, len(logits)))
        refusing = set(self.artifact.refusal_ids)
        return tuple(
            Likely(self.model.tokenizer.decode([token]), share, token in refusing)
            for token, share in zip(likely.indices.tolist(), likely.values.tolist(), strict=True)
        )
