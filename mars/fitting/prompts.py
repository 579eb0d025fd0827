"""The prompts of a fit, by the step that needs them, listed before anything is run.

So activations may be captured in any order and on any machine.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from mars.datasets.contrast import ContrastSet, Split
from mars.media.neutral import NeutralMedia, neutral_prompts
from mars.media.prompt import Prompt
from mars.media.typographic import typographic_prompt
from mars.types import Label, Modality

NEUTRAL_SEED = 0
"""Seed of the neutral media from which the neutral means are computed."""
HELD_OUT_SEED = 1
"""Seed of the neutral media shown as clouds."""
POINTS_A_CLOUD = 128
"""Points of one cloud at most."""


class CloudPrompt(NamedTuple):
    """An input to be shown as a point; no direction or bias is fitted on it."""

    prompt: Prompt
    label: Literal["harmful", "harmless", "neutral"]
    title: str


class FitPrompts(NamedTuple):
    """All prompts of a fit."""

    fitted: dict[str, list[Prompt]]
    """Prompts from which directions, layer and biases are computed, by step."""
    clouds: dict[tuple[Modality, Literal["harmful", "harmless", "neutral"]], list[CloudPrompt]]
    """Prompts of the layouts, and of the probes and numbers beside them."""

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
    """The prompts of a fit for a model that reads these modalities; neutral media and clouds as in `fit`."""

    def meaningless(texts: list[str], modality: Modality, held_out: bool) -> list[Prompt]:
        """Harmless requests with neutral media; those of training have media that no cloud shows."""
        if neutral is not None and neutral.of(modality):
            return neutral.prompts(texts, modality, held_out)
        return neutral_prompts(texts, modality, HELD_OUT_SEED if held_out else NEUTRAL_SEED)

    fitted = {
        text_step(label, split): [Prompt(text) for text in contrast.texts(label, split)]
        for split in ("train", "validation")
        for label in ("harmful", "harmless")
    }
    texts = contrast.texts("harmless", "train")
    fitted |= {neutral_step(modality): meaningless(texts, modality, held_out=False) for modality in modalities[1:]}

    points = list(default_clouds(modalities, contrast) if clouds is None else clouds)
    for modality in modalities[1:]:
        texts = cloud_texts(modality, modalities, "harmless", contrast)
        points += [
            CloudPrompt(prompt, "neutral", f"{prompt.text} + a meaningless {modality}")
            for prompt in meaningless(texts, modality, held_out=True)
        ]
    by_cloud = {
        (modality, label): [p for p in points if p.prompt.modality == modality and p.label == label][:POINTS_A_CLOUD]
        for modality in modalities
        for label in ("harmful", "harmless", "neutral")
    }
    return FitPrompts(fitted, {which: chosen for which, chosen in by_cloud.items() if chosen})


def default_clouds(modalities: Sequence[Modality], contrast: ContrastSet) -> list[CloudPrompt]:
    """The requests of `cloud_texts`: as text, and written on images and videos where the model reads those."""
    return [
        CloudPrompt(typographic_prompt(text, modality), label, text)
        for modality in modalities
        for label in ("harmful", "harmless")
        for text in cloud_texts(modality, modalities, label, contrast)
    ]


def cloud_texts(modality: Modality, modalities: Sequence[Modality], label: Label, contrast: ContrastSet) -> list[str]:
    """Requests of one cloud: of the split "test" the modality's own share, so that no two modalities ask the same.

    Pairs that stand at the same place of both labels stay together. A set without "test" gives every modality all
    validation requests (`NOT_HELD_OUT` in `mars/datasets/contrast.py` says what that means).
    """
    if not contrast.has_test:
        return contrast.texts(label, "validation")
    return contrast.texts(label, "test")[modalities.index(modality) :: len(modalities)]


def text_step(label: Label, split: Split) -> str:
    return f"{label} {'training' if split == 'train' else split} text"


def neutral_step(modality: Modality) -> str:
    return f"neutral {modality}"


def cloud_step(modality: Modality, label: str) -> str:
    return f"{label} {modality} cloud"
