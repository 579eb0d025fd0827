"""Fit: from a model and a contrast set to an artifact, in five steps that read like the method."""

import platform
from collections.abc import Callable, Sequence
from functools import partial
from importlib.metadata import version
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from mars.activation_store import ActivationStore
from mars.artifacts import Artifact, Cloud, weights_mark
from mars.capture import capture
from mars.centering import bias_along, modality_bias
from mars.contrast import ContrastSet, Split, neutral_prompts
from mars.directions import amplification, distance_along, mean, text_centroids, unit
from mars.judges import refusal_token_ids
from mars.models import LoadedModel
from mars.neutral_media import NeutralMedia
from mars.projection import refusal_coordinate, umap_view
from mars.records import Label, Modality, Prompt
from mars.selection import score_layers
from mars.steering.controls import permuted_axes
from mars.written import written_prompt

NEUTRAL_SEED = 0
HELD_OUT_SEED = 1
"""Neutral media of the clouds; never those that the neutral mean came from."""
POINTS_A_CLOUD = 128
BAND = (0.05, 0.5, 0.95)

Progress = Callable[[str, int, int], None]
"""Called with the step's name, how much of it is done, and of how much."""


class CloudPrompt(NamedTuple):
    """A held-out input to be seen as a point."""

    prompt: Prompt
    label: Literal["harmful", "harmless", "neutral"]
    title: str


def fit(
    model: LoadedModel,
    contrast: ContrastSet,
    *,
    neutral: NeutralMedia | None = None,
    clouds: Sequence[CloudPrompt] | None = None,
    store: ActivationStore | None = None,
    with_umap: bool = True,
    batch_size: int = 16,
    progress: Progress = lambda step, done, total: None,  # noqa: ARG005
) -> Artifact:
    """Fit direction, re-centering, trust region and layer choice on text and meaningless media alone.

    `neutral` are meaningless media of one's own, by default random colours. `clouds` are held-out inputs for the
    pictures, of which nothing is fitted; by default the validation requests in words and written on pictures and
    clips. What is in the `store` is not read again. Raises PromptError or ModelError as `capture` does.
    """

    def read(step: str, prompts: list[Prompt]) -> Tensor:
        told = partial(progress, step)
        if store is not None:
            return store.values(prompts, batch_size, told)
        return capture(model, prompts, batch_size, told).values

    def meaningless(split: Split, modality: Modality) -> list[Prompt]:
        """Harmless requests, those of training with media that no cloud shows."""
        texts, held_out = contrast.texts("harmless", split), split == "validation"
        if neutral is not None and neutral.of(modality):
            return neutral.prompts(texts, modality, held_out)
        return neutral_prompts(texts, modality, HELD_OUT_SEED if held_out else NEUTRAL_SEED)

    def text(label: Label, split: str) -> list[Prompt]:
        return [Prompt(text) for text in contrast.texts(label, split)]

    # 1. The direction, from training text.
    harmful = read("harmful training text", text("harmful", "train"))
    harmless = read("harmless training text", text("harmless", "train"))
    centroids = text_centroids(harmful, harmless)

    # 2. The layer, from validation text.
    held_harmful = read("harmful validation text", text("harmful", "validation"))
    held_harmless = read("harmless validation text", text("harmless", "validation"))
    scores = score_layers(held_harmful, held_harmless, centroids.mean_harmful, centroids.mean_harmless)
    bands: dict[Label, Tensor] = {
        "harmful": _band(held_harmful, centroids.mean_harmful, centroids.mean_harmless),
        "harmless": _band(held_harmless, centroids.mean_harmful, centroids.mean_harmless),
    }

    # 3. The bias of each modality, from harmless training requests with meaningless media, and what they bear.
    difference = centroids.mean_harmful - centroids.mean_harmless
    direction = unit(difference)
    reaches = [distance_along(harmless, centroids.mean_harmless, direction)]
    bias: dict[Modality, Tensor] = {}
    along: dict[Modality, Tensor] = {}
    for modality in model.modalities[1:]:
        values = read(f"neutral {modality}", meaningless("train", modality))
        bias[modality] = modality_bias(mean(values), centroids.mean_harmless)
        along[modality] = bias_along(values, harmless, centroids.mean_harmful, centroids.mean_harmless)
        reaches.append(distance_along(values - bias[modality], centroids.mean_harmless, direction))

    # 4. Clouds for the eye, from inputs that nothing above has seen.
    artifact = Artifact(
        mean_harmful=centroids.mean_harmful,
        mean_harmless=centroids.mean_harmless,
        bias=bias,
        bias_along=along,
        radius=centroids.radius,
        margin=centroids.margin,
        amplification=amplification(reaches, difference.norm(dim=-1)),
        permuted=permuted_axes(harmful, harmless),
        scores=scores,
        bands=bands,
        refusal_ids=refusal_token_ids(model.tokenizer),
        clouds=_clouds(model, default_clouds(model, contrast) if clouds is None else clouds, meaningless, read),
        provenance=_provenance(model, contrast, neutral),
    )

    # 5. Their UMAP pictures, which take seconds and are therefore kept.
    if not with_umap:
        return artifact
    pictures = []
    for layer in range(model.n_layers):
        progress("UMAP", layer, model.n_layers)
        view = umap_view(artifact.stacked_clouds(layer, False), artifact.stacked_clouds(layer, True))
        pictures.append(torch.stack([torch.from_numpy(view.before), torch.from_numpy(view.after)]))
    progress("UMAP", model.n_layers, model.n_layers)
    fields = {**vars(artifact), "umap": torch.stack(pictures).half()}
    return Artifact(**fields)


def default_clouds(model: LoadedModel, contrast: ContrastSet) -> list[CloudPrompt]:
    """The validation requests in words, and written on pictures and clips where the model reads those."""
    return [
        CloudPrompt(written_prompt(text, modality), label, text)
        for modality in model.modalities
        for label in ("harmful", "harmless")
        for text in contrast.texts(label, "validation")
    ]


def _clouds(
    model: LoadedModel,
    given: Sequence[CloudPrompt],
    meaningless: Callable[[Split, Modality], list[Prompt]],
    read: Callable[[str, list[Prompt]], Tensor],
) -> tuple[Cloud, ...]:
    """Capture the points given, and neutral points of each modality that is not text."""
    points = list(given)
    for modality in model.modalities[1:]:
        prompts = meaningless("validation", modality)
        points += [CloudPrompt(p, "neutral", f"{p.text} + a meaningless {modality}") for p in prompts]
    clouds = []
    for modality in model.modalities:
        for label in ("harmful", "harmless", "neutral"):
            chosen = [p for p in points if p.prompt.modality == modality and p.label == label][:POINTS_A_CLOUD]
            if chosen:
                values = read(f"{label} {modality} cloud", [p.prompt for p in chosen])
                clouds.append(Cloud(modality, label, values.half(), tuple(p.title for p in chosen)))
    return tuple(clouds)


def _band(values: Tensor, mean_harmful: Tensor, mean_harmless: Tensor) -> Tensor:
    """Quantiles of s over prompts: (prompt, layer, d_model) -> (layer, 3)."""
    coordinates = refusal_coordinate(values, mean_harmful, mean_harmless)
    return torch.quantile(coordinates, torch.tensor(BAND), dim=0).T


def _provenance(model: LoadedModel, contrast: ContrastSet, neutral: NeutralMedia | None) -> dict:
    return {
        "model": model.name,
        "revision": model.revision,
        "weights": weights_mark(model),
        "template_hash": model.template_hash,
        "dtype": str(model.dtype),
        "position": "last prompt position",
        "contrast_hash": contrast.hash,
        "counts": {
            f"{label}.{split}": len(contrast.texts(label, split))
            for label in ("harmful", "harmless")
            for split in ("train", "validation")
        },
        "neutral_seed": NEUTRAL_SEED,
        "neutral": "random colours" if neutral is None else neutral.hash,
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in ("torch", "transformers", "umap-learn", "scikit-learn")},
        },
    }
