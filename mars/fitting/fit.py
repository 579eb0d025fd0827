"""Fit: from a model and a contrast set to an artifact, step by step."""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Literal, get_args

import torch
from torch import Tensor

from mars.datasets.contrast import ContrastSet, Split
from mars.distributed.executor import Cluster
from mars.effect.by_layer import EFFECT_GAINS, EFFECT_TEXTS, steering_effect
from mars.effect.sweep import SweepMap, sweep
from mars.effect.verdict_map import VerdictMap, verdict_map
from mars.fitted.effect import SteeringEffect
from mars.fitted.fitted import Cloud, Fitted, in_half
from mars.fitting.calibration import calibrate
from mars.fitting.prompts import (
    NEUTRAL_SEED,
    CloudPrompt,
    FitPrompts,
    cloud_step,
    fit_prompts,
    neutral_step,
    text_step,
)
from mars.fitting.work import ClusterWork, FitWork, LocalWork, Progress, T
from mars.geometry.directions import amplification, distance_along, mean, text_centroids, unit
from mars.geometry.layer_selection import score_layers
from mars.geometry.projection import refusal_coordinate, umap_view
from mars.geometry.recentering import bias_along, modality_bias
from mars.media.neutral import NeutralMedia
from mars.media.prompt import Prompt
from mars.media.thumbnails import thumbnail
from mars.model.activation_cache import ActivationCache
from mars.model.generation import Prefix
from mars.model.info import Load, ModelInfo, model_info
from mars.model.loaded_model import LoadedModel
from mars.steering.controls import permuted_axes
from mars.types import Label, Modality
from mars.versions import versions_here

BAND = (0.05, 0.5, 0.95)
"""Quantiles of the refusal coordinate that an artifact holds."""

EffectOf = Literal["none", "scores", "verdicts"]
Notice = Callable[[str], None]
"""Called with a sentence on what a person should know before the rest is done."""


def fit(
    model: LoadedModel,
    contrast: ContrastSet,
    *,
    neutral: NeutralMedia | None = None,
    clouds: Sequence[CloudPrompt] | None = None,
    cache: ActivationCache | None = None,
    effect: EffectOf = "scores",
    with_umap: bool = False,
    batch_size: int = 16,
    progress: Progress = lambda step, done, total: None,  # noqa: ARG005
    notice: Notice = warnings.warn,
) -> Fitted:
    """Fit direction, re-centering, trust region and layer choice on text and meaningless media alone.

    neutral: meaningless images and videos, by default of random colours. clouds: held-out inputs for the layouts, on
    which neither direction nor bias is fitted; by default the test requests as text and written on images and
    videos. cache: activations found there are not computed again. effect: what of steering's effect on validation
    text is measured by layer: that on first tokens, on whole replies too (which takes minutes), or nothing. notice:
    called with a sentence on what a person should know at once. Raises PromptError or ModelError as `capture` does.
    """
    plan = fit_prompts(model.modalities, contrast, neutral, clouds)
    work = LocalWork(model, plan.steps, batch_size, cache, progress)
    return _fitted(work, model_info(model), contrast, neutral, plan, effect, with_umap, progress, notice)


def fit_on(
    cluster: Cluster,
    load: Load,
    contrast: ContrastSet,
    *,
    neutral: NeutralMedia | None = None,
    clouds: Sequence[CloudPrompt] | None = None,
    cache: str | Path | None = None,
    effect: EffectOf = "scores",
    with_umap: bool = False,
    batch_size: int = 16,
    progress: Progress = lambda step, done, total: None,  # noqa: ARG005
    notice: Notice = warnings.warn,
) -> Fitted:
    """As `fit`, with the model run by the workers of a cluster, each of which loads it once a step.

    They return activations, replies and maps per prompt; everything else is computed here, in order of the prompts,
    so the number of workers changes nothing. The batches of activations are those of one machine. cache: folder of
    an ActivationCache on the workers' machines. Raises ModelError as well where no worker survives a batch.
    """
    info = cluster.once(partial(_loaded_info, load))
    plan = fit_prompts(info.modalities, contrast, neutral, clouds)
    work = ClusterWork(cluster, load, info.name, plan.steps, batch_size, cache, progress)
    return _fitted(work, info, contrast, neutral, plan, effect, with_umap, progress, notice)


def _loaded_info(load: Load) -> ModelInfo:
    return model_info(load())


def _fitted(
    work: FitWork,
    info: ModelInfo,
    contrast: ContrastSet,
    neutral: NeutralMedia | None,
    plan: FitPrompts,
    effect: EffectOf,
    with_umap: bool,
    progress: Progress,
    notice: Notice,
) -> Fitted:
    """The steps, on what the model shows in each."""
    read = work.read
    # 0. How the model answers text without steering: whoever waits learns first whether it refuses at all.
    calibration, refusal_ids = calibrate(contrast, info.refusal_ids, work.reply, notice)

    # 1. The direction, from training text.
    harmful = read(text_step("harmful", "train"))
    harmless = read(text_step("harmless", "train"))
    centroids = text_centroids(harmful, harmless)

    # 2. The layer, from validation text.
    held_harmful = read(text_step("harmful", "validation"))
    held_harmless = read(text_step("harmless", "validation"))
    scores = score_layers(held_harmful, held_harmless, centroids.mean_harmful, centroids.mean_harmless)
    bands: dict[Label, Tensor] = {
        "harmful": _band(held_harmful, centroids.mean_harmful, centroids.mean_harmless),
        "harmless": _band(held_harmless, centroids.mean_harmful, centroids.mean_harmless),
    }

    # 3. The bias of each modality, from harmless training requests with meaningless media, and its amplification.
    difference = centroids.mean_harmful - centroids.mean_harmless
    direction = unit(difference)
    length = difference.norm(dim=-1)
    times: dict[Modality, Tensor] = {"text": torch.ones_like(length)}
    bias: dict[Modality, Tensor] = {}
    along: dict[Modality, Tensor] = {}
    for modality in info.modalities[1:]:
        values = read(neutral_step(modality))
        bias[modality] = modality_bias(mean(values), centroids.mean_harmless)
        along[modality] = bias_along(values, harmless, centroids.mean_harmful, centroids.mean_harmless)
        reach = distance_along(values - bias[modality], centroids.mean_harmless, direction)
        times[modality] = amplification(reach, length)

    # 4. Clouds for the layouts, from text and media used nowhere above.
    artifact = Fitted(
        mean_harmful=centroids.mean_harmful,
        mean_harmless=centroids.mean_harmless,
        bias=bias,
        bias_along=along,
        radius=centroids.radius,
        harmless_q99=centroids.harmless_q99,
        amplification=times,
        permuted=permuted_axes(harmful, harmless),
        scores=scores,
        bands=bands,
        refusal_ids=refusal_ids,
        clouds=tuple(
            Cloud(
                modality,
                label,
                in_half(read(cloud_step(modality, label))),
                tuple(point.title for point in points),
                # Meaningless media of one's own may be private photographs, and artifacts are shared.
                () if label == "neutral" and neutral is not None else tuple(thumbnail(p.prompt) for p in points),
            )
            for (modality, label), points in plan.clouds.items()
        ),
        calibration=calibration,
        provenance=_provenance(info, contrast, neutral),
    )

    # 5. What steering does to validation text, by layer and gain.
    if effect != "none":
        artifact = replace(artifact, effect=_effect(work, contrast, artifact, effect == "verdicts"))

    # 6. The UMAP layouts of the clouds, which take seconds per layer and are therefore stored.
    if not with_umap:
        return artifact
    layouts = []
    for layer in range(info.n_layers):
        progress("UMAP", layer, info.n_layers)
        view = umap_view(artifact.stacked_clouds(layer, False), artifact.stacked_clouds(layer, True))
        layouts.append(torch.stack([torch.from_numpy(view.before), torch.from_numpy(view.after)]))
    progress("UMAP", info.n_layers, info.n_layers)
    return replace(artifact, umap=torch.stack(layouts).half())


def _effect(work: FitWork, contrast: ContrastSet, fitted: Fitted, with_verdicts: bool) -> SteeringEffect:
    texts = {label: contrast.texts(label, "validation")[:EFFECT_TEXTS] for label in get_args(Label)}
    both = [text for of_label in texts.values() for text in of_label]

    def by_label(found: Sequence[T]) -> dict[Label, list[T]]:
        rest = iter(found)
        return {label: list(islice(rest, len(of_label))) for label, of_label in texts.items()}

    bare = replace(fitted, clouds=(), umap=None)
    scores = by_label(work.each("steering effect", both, partial(_sweep, bare)))
    verdicts = None
    if with_verdicts:
        verdicts = by_label(work.each("steering effect on verdicts", both, partial(_verdicts, bare)))
    return steering_effect(scores, fitted.scores.eligible, verdicts)


def _sweep(fitted: Fitted, model: LoadedModel, prompt: Prompt, prefix: Prefix) -> SweepMap:
    return sweep(model, fitted, prompt, gains=EFFECT_GAINS, prefix=prefix)


def _verdicts(fitted: Fitted, model: LoadedModel, prompt: Prompt, prefix: Prefix) -> VerdictMap:
    return verdict_map(model, fitted, prompt, gains=(1,), prefix=prefix)


def _band(values: Tensor, mean_harmful: Tensor, mean_harmless: Tensor) -> Tensor:
    """Quantiles of s over prompts: (prompt, layer, d_model) -> (layer, 3)."""
    coordinates = refusal_coordinate(values, mean_harmful, mean_harmless)
    return torch.quantile(coordinates, torch.tensor(BAND), dim=0).T


def _provenance(info: ModelInfo, contrast: ContrastSet, neutral: NeutralMedia | None) -> dict:
    return {
        "model": info.name,
        "revision": info.revision,
        "weights": info.weights,
        "visual_weights": info.visual_weights,
        "template_hash": info.template_hash,
        "dtype": info.dtype,
        "position": "last prompt position",
        "contrast_hash": contrast.hash,
        "counts": {
            f"{label}.{split}": len(contrast.texts(label, split))
            for label in ("harmful", "harmless")
            for split in get_args(Split)
            if contrast.texts(label, split)
        },
        "system": info.system,
        "neutral_seed": NEUTRAL_SEED,
        "neutral": "random colours" if neutral is None else neutral.hash,
        "versions": versions_here("umap-learn", "scikit-learn"),
    }
