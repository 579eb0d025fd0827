"""What a fit asks a model: every prompt, by the step that needs it, before anything is run.

So it does not matter who reads them, nor in which order.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from mars.datasets.contrast import ContrastSet, Split
from mars.media.neutral import NeutralMedia, neutral_prompts
from mars.media.prompt import Prompt
from mars.media.typographic import typographic_prompt
from mars.types import Label, Modality

NEUTRAL_SEED = 0
HELD_OUT_SEED = 1
"""Neutral media of the clouds; never those that the neutral mean came from."""
POINTS_A_CLOUD = 128


class CloudPrompt(NamedTuple):
    """A held-out input to be seen as a point."""

    prompt: Prompt
    label: Literal["harmful", "harmless", "neutral"]
    title: str


class FitPrompts(NamedTuple):
    """All prompts of a fit."""

    fitted: dict[str, list[Prompt]]
    """Of which directions, layer and biases are made, by step."""
    clouds: dict[tuple[Modality, Literal["harmful", "harmless", "neutral"]], list[CloudPrompt]]
    """Held out for the layouts."""

    @property
    def steps(self) -> dict[str, list[Prompt]]:
        """Every prompt by its step, in the order in which a fit needs them."""
        return self.fitted | {
            cloud_step(*which): [point.prompt for point in points] for which, points in self.clouds.items()
        }


def fit_prompts(
    modalities: Sequence[Modality],
    contrast: ContrastSet,
    neutral: NeutralMedia | None = None,
    clouds: Sequence[CloudPrompt] | None = None,
) -> FitPrompts:
    """The prompts of a fit of a model that reads the modalities; what is None is made from the contrast set."""

    def meaningless(split: Split, modality: Modality) -> list[Prompt]:
        """Harmless requests, those of training with media that no cloud shows."""
        texts, held_out = contrast.texts("harmless", split), split == "validation"
        if neutral is not None and neutral.of(modality):
            return neutral.prompts(texts, modality, held_out)
        return neutral_prompts(texts, modality, HELD_OUT_SEED if held_out else NEUTRAL_SEED)

    fitted = {
        text_step(label, split): [Prompt(text) for text in contrast.texts(label, split)]
        for split in ("train", "validation")
        for label in ("harmful", "harmless")
    }
    fitted |= {neutral_step(modality): meaningless("train", modality) for modality in modalities[1:]}

    points = list(default_clouds(modalities, contrast) if clouds is None else clouds)
    for modality in modalities[1:]:
        points += [
            CloudPrompt(prompt, "neutral", f"{prompt.text} + a meaningless {modality}")
            for prompt in meaningless("validation", modality)
        ]
    by_cloud = {
        (modality, label): [p for p in points if p.prompt.modality == modality and p.label == label][:POINTS_A_CLOUD]
        for modality in modalities
        for label in ("harmful", "harmless", "neutral")
    }
    return FitPrompts(fitted, {which: chosen for which, chosen in by_cloud.items() if chosen})


def default_clouds(modalities: Sequence[Modality], contrast: ContrastSet) -> list[CloudPrompt]:
    """The validation requests in words, and written on images and videos where the model reads those."""
    return [
        CloudPrompt(typographic_prompt(text, modality), label, text)
        for modality in modalities
        for label in ("harmful", "harmless")
        for text in contrast.texts(label, "validation")
    ]


def text_step(label: Label, split: Split) -> str:
    return f"{label} {'training' if split == 'train' else split} text"


def neutral_step(modality: Modality) -> str:
    return f"neutral {modality}"


def cloud_step(modality: Modality, label: str) -> str:
    return f"{label} {modality} cloud"
