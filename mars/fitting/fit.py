"""Fit: from a model and a contrast set to an artifact, in the five steps of the method."""

import platform
from collections.abc import Callable, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path

import torch
from torch import Tensor

from mars.datasets.contrast import ContrastSet
from mars.distributed.executor import Cluster
from mars.fitted.fitted import Cloud, Fitted
from mars.fitting.prompts import (
    NEUTRAL_SEED,
    CloudPrompt,
    FitPrompts,
    cloud_step,
    fit_prompts,
    neutral_step,
    text_step,
)
from mars.geometry.directions import amplification, distance_along, mean, text_centroids, unit
from mars.geometry.layer_selection import score_layers
from mars.geometry.projection import refusal_coordinate, umap_view
from mars.geometry.recentering import bias_along, modality_bias
from mars.media.neutral import NeutralMedia
from mars.media.prompt import Prompt
from mars.media.thumbnails import thumbnail
from mars.model.activation_cache import ActivationCache
from mars.model.capture import batches_of, capture
from mars.model.info import Load, ModelInfo, model_info
from mars.model.load_checks import ModelError
from mars.model.loaded_model import LoadedModel
from mars.steering.controls import permuted_axes
from mars.types import Label, Modality

BAND = (0.05, 0.5, 0.95)
"""Quantiles of the refusal coordinate that an artifact holds."""

Progress = Callable[[str, int, int], None]
"""Called with the step's name, how much of it is done, and of how much. An exception raised in it ends the fit."""
Read = Callable[[str], Tensor]
"""Activations of the prompts of a step, in their order: (prompt, layer, d_model)."""


def fit(
    model: LoadedModel,
    contrast: ContrastSet,
    *,
    neutral: NeutralMedia | None = None,
    clouds: Sequence[CloudPrompt] | None = None,
    cache: ActivationCache | None = None,
    with_umap: bool = False,
    batch_size: int = 16,
    progress: Progress = lambda step, done, total: None,  # noqa: ARG005
) -> Fitted:
    """Fit direction, re-centering, trust region and layer choice on text and meaningless media alone.

    neutral: meaningless images and videos, by default of random colours. clouds: held-out inputs for the layouts, on
    which neither direction nor bias is fitted; by default the validation requests as text and written on images and
    videos. cache: activations found there are not computed again. Raises PromptError or ModelError as `capture` does.
    """
    plan = fit_prompts(model.modalities, contrast, neutral, clouds)
    prompts, reader = plan.steps, ActivationReader(model, batch_size, cache)
    return _fitted(
        model_info(model),
        contrast,
        neutral,
        plan,
        lambda step: reader(prompts[step], partial(progress, step)),
        with_umap,
        progress,
    )


def fit_on(
    cluster: Cluster,
    load: Load,
    contrast: ContrastSet,
    *,
    neutral: NeutralMedia | None = None,
    clouds: Sequence[CloudPrompt] | None = None,
    cache: str | Path | None = None,
    with_umap: bool = False,
    batch_size: int = 16,
    progress: Progress = lambda step, done, total: None,  # noqa: ARG005
) -> Fitted:
    """As `fit`, with activations captured by the workers of a cluster, each of which loads the model once.

    They return activations per prompt; everything else is computed here, in order of the prompts, so the number of
    workers changes nothing. The batches are those of one machine. cache: folder of an ActivationCache on the workers'
    machines. Raises ModelError as well where no worker survives a batch.
    """
    info = cluster.once(partial(_loaded_info, load))
    plan = fit_prompts(info.modalities, contrast, neutral, clouds)
    steps = plan.steps
    batches = [
        (step, batch, [prompts[index] for index in batch])
        for step, prompts in steps.items()
        for batch in batches_of(prompts, batch_size)
    ]
    total, done = sum(len(batch) for _, batch, _ in batches), 0
    values: dict[str, Tensor] = {}
    for number, found in cluster.execute(batches, _prompts_of, partial(_loaded_reader, load, batch_size, cache)):
        if found is None:
            raise ModelError(
                f"{info.name}: each worker that was given a certain batch died, perhaps because memory ran out. Make "
                "--batch-size smaller, or give workers more memory."
            )
        step, batch, _ = batches[number]
        if step not in values:
            values[step] = found.new_empty(len(steps[step]), *found.shape[1:])
        values[step][batch] = found
        done += len(batch)
        progress("prompts", done, total)
    return _fitted(info, contrast, neutral, plan, values.pop, with_umap, progress)


class ActivationReader:
    """Captures the activations of prompts in batches that fit into memory, from a cache where there is one."""

    def __init__(self, model: LoadedModel, batch_size: int, cache: ActivationCache | None = None) -> None:
        self._model = model
        self._batch_size = batch_size
        self._cache = cache

    def __call__(self, prompts: Sequence[Prompt], progress: Callable[[int, int], None] | None = None) -> Tensor:
        """Activations in order of the prompts: (prompt, layer, d_model). Raises as `capture` does."""
        if self._cache is not None:
            return self._cache.values(prompts, self._batch_size, progress)
        return capture(self._model, prompts, self._batch_size, progress).values


def _loaded_info(load: Load) -> ModelInfo:
    return model_info(load())


def _loaded_reader(load: Load, batch_size: int, cache: str | Path | None) -> ActivationReader:
    model = load()
    return ActivationReader(model, batch_size, None if cache is None else ActivationCache(cache, model))


def _prompts_of(batch: tuple[str, list[int], list[Prompt]]) -> list[Prompt]:
    return batch[-1]


def _fitted(
    info: ModelInfo,
    contrast: ContrastSet,
    neutral: NeutralMedia | None,
    plan: FitPrompts,
    read: Read,
    with_umap: bool,
    progress: Progress,
) -> Fitted:
    """The five steps, on the activations that `read` returns for each."""
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

    # 4. Clouds for the layouts, from media used nowhere above, and the text that chose the layer.
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
        refusal_ids=info.refusal_ids,
        clouds=tuple(
            Cloud(
                modality,
                label,
                read(cloud_step(modality, label)).half(),
                tuple(point.title for point in points),
                # Meaningless media of one's own may be private photographs, and artifacts are shared.
                () if label == "neutral" and neutral is not None else tuple(thumbnail(p.prompt) for p in points),
            )
            for (modality, label), points in plan.clouds.items()
        ),
        provenance=_provenance(info, contrast, neutral),
    )

    # 5. Their UMAP layouts, which take seconds per layer and are therefore stored.
    if not with_umap:
        return artifact
    layouts = []
    for layer in range(info.n_layers):
        progress("UMAP", layer, info.n_layers)
        view = umap_view(artifact.stacked_clouds(layer, False), artifact.stacked_clouds(layer, True))
        layouts.append(torch.stack([torch.from_numpy(view.before), torch.from_numpy(view.after)]))
    progress("UMAP", info.n_layers, info.n_layers)
    fields = {**vars(artifact), "umap": torch.stack(layouts).half()}
    return Fitted(**fields)


def _band(values: Tensor, mean_harmful: Tensor, mean_harmless: Tensor) -> Tensor:
    """Quantiles of s over prompts: (prompt, layer, d_model) -> (layer, 3)."""
    coordinates = refusal_coordinate(values, mean_harmful, mean_harmless)
    return torch.quantile(coordinates, torch.tensor(BAND), dim=0).T


def _provenance(info: ModelInfo, contrast: ContrastSet, neutral: NeutralMedia | None) -> dict:
    return {
        "model": info.name,
        "revision": info.revision,
        "weights": info.weights,
        "template_hash": info.template_hash,
        "dtype": info.dtype,
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
