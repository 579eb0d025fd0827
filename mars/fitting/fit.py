"""Fit: from a model and a contrast set to an artifact, step by step."""

import platform
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import Any, Protocol, get_args

import torch
from torch import Tensor

from mars.datasets.contrast import ContrastSet, Split
from mars.distributed.executor import Cluster
from mars.effect.by_layer import EFFECT_GAINS, EFFECT_TEXTS, steering_effect
from mars.effect.sweep import SweepMap, sweep
from mars.fitted.fitted import Cloud, Fitted
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
from mars.geometry.directions import amplification, distance_along, mean, text_centroids, unit
from mars.geometry.layer_selection import score_layers
from mars.geometry.projection import refusal_coordinate, umap_view
from mars.geometry.recentering import bias_along, modality_bias
from mars.media.neutral import NeutralMedia
from mars.media.prompt import Prompt
from mars.media.thumbnails import thumbnail
from mars.model.activation_cache import ActivationCache
from mars.model.answering import Answer, answers
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
Notice = Callable[[str], None]
"""Called with a sentence on what a person should know before the rest is done."""


def fit(
    model: LoadedModel,
    contrast: ContrastSet,
    *,
    neutral: NeutralMedia | None = None,
    clouds: Sequence[CloudPrompt] | None = None,
    cache: ActivationCache | None = None,
    with_effect: bool = True,
    with_umap: bool = False,
    batch_size: int = 16,
    progress: Progress = lambda step, done, total: None,  # noqa: ARG005
    notice: Notice = warnings.warn,
) -> Fitted:
    """Fit direction, re-centering, trust region and layer choice on text and meaningless media alone.

    neutral: meaningless images and videos, by default of random colours. clouds: held-out inputs for the layouts, on
    which neither direction nor bias is fitted; by default the test requests as text and written on images and
    videos. cache: activations found there are not computed again. with_effect: whether the effect of steering is
    measured on validation text. notice: called with a sentence on what a person should know at once. Raises
    PromptError or ModelError as `capture` does.
    """
    plan = fit_prompts(model.modalities, contrast, neutral, clouds)
    work = _Here(model, plan.steps, batch_size, cache, progress)
    return _fitted(work, model_info(model), contrast, neutral, plan, with_effect, with_umap, progress, notice)


def fit_on(
    cluster: Cluster,
    load: Load,
    contrast: ContrastSet,
    *,
    neutral: NeutralMedia | None = None,
    clouds: Sequence[CloudPrompt] | None = None,
    cache: str | Path | None = None,
    with_effect: bool = True,
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
    work = _OnCluster(cluster, load, info.name, plan.steps, batch_size, cache, progress)
    return _fitted(work, info, contrast, neutral, plan, with_effect, with_umap, progress, notice)


class _Work(Protocol):
    """What a fit wants of the model, wherever that is."""

    def read(self, step: str) -> Tensor:
        """Activations of the prompts of a step, in their order: (prompt, layer, d_model)."""

    def reply(self, step: str, texts: Sequence[str], lengths: Sequence[int]) -> list[Answer]:
        """Replies to texts at lengths in tokens, in their order."""

    def map(self, step: str, texts: Sequence[str], fitted: Fitted) -> list[SweepMap]:
        """What steering does to each text at every layer and EFFECT_GAINS."""


class _Here:
    """The model in this process."""

    def __init__(
        self,
        model: LoadedModel,
        steps: dict[str, list[Prompt]],
        batch_size: int,
        cache: ActivationCache | None,
        progress: Progress,
    ) -> None:
        self._model, self._steps, self._batch_size, self._progress = model, steps, batch_size, progress
        self._reader = ActivationReader(model, batch_size, cache)

    def read(self, step: str) -> Tensor:
        return self._reader(self._steps[step], partial(self._progress, step))

    def reply(self, step: str, texts: Sequence[str], lengths: Sequence[int]) -> list[Answer]:
        prompts = [Prompt(text) for text in texts]
        return answers(self._model, prompts, lengths, self._batch_size, partial(self._progress, step))

    def map(self, step: str, texts: Sequence[str], fitted: Fitted) -> list[SweepMap]:
        found = []
        for text in texts:
            found.append(sweep(self._model, fitted, Prompt(text), gains=EFFECT_GAINS))
            self._progress(step, len(found), len(texts))
        return found


class _OnCluster:
    """The model on the workers of a cluster."""

    def __init__(
        self,
        cluster: Cluster,
        load: Load,
        name: str,
        steps: dict[str, list[Prompt]],
        batch_size: int,
        cache: str | Path | None,
        progress: Progress,
    ) -> None:
        self._cluster, self._load, self._name, self._steps = cluster, load, name, steps
        self._batch_size, self._cache, self._progress = batch_size, cache, progress
        self._captured: dict[str, Tensor] = {}

    def read(self, step: str) -> Tensor:
        if not self._captured:
            self._capture()
        return self._captured.pop(step)

    def _capture(self) -> None:
        """The activations of all steps, in batches that any worker may take."""
        batches = [
            (step, batch, [prompts[index] for index in batch])
            for step, prompts in self._steps.items()
            for batch in batches_of(prompts, self._batch_size)
        ]
        make = partial(_loaded_reader, self._load, self._batch_size, self._cache)
        for number, found in self._run("prompts", [prompts for *_, prompts in batches], make):
            step, batch, _ = batches[number]
            if step not in self._captured:
                self._captured[step] = found.new_empty(len(self._steps[step]), *found.shape[1:])
            self._captured[step][batch] = found

    def reply(self, step: str, texts: Sequence[str], lengths: Sequence[int]) -> list[Answer]:
        prompts = [Prompt(text) for text in texts]
        size = 4 * self._batch_size  # enough for prompts of one length to meet
        batches = [list(range(start, min(start + size, len(texts)))) for start in range(0, len(texts), size)]
        make = partial(_loaded_answering, self._load, lengths, self._batch_size)
        found: dict[int, Answer] = {}
        for number, replies in self._run(step, [[prompts[index] for index in batch] for batch in batches], make):
            found.update(zip(batches[number], replies, strict=True))
        return [found[number] for number in range(len(texts))]

    def map(self, step: str, texts: Sequence[str], fitted: Fitted) -> list[SweepMap]:
        make = partial(_loaded_sweeping, self._load, replace(fitted, clouds=(), umap=None))
        found = dict(self._run(step, [[Prompt(text)] for text in texts], make))
        return [found[number] for number in range(len(texts))]

    def _run(
        self, step: str, batches: Sequence[list[Prompt]], make: Callable[[], Callable[[list[Prompt]], Any]]
    ) -> Iterator[tuple[int, Any]]:
        """Each batch's number and what a worker makes of it. Raises ModelError where none survives it."""
        done, total = 0, sum(map(len, batches))
        for number, found in self._cluster.execute(batches, list, make):
            if found is None:
                raise ModelError(
                    f"{self._name}: each worker that was given a certain batch died, perhaps because memory ran out. "
                    "Make --batch-size smaller, or give workers more memory."
                )
            done += len(batches[number])
            self._progress(step, done, total)
            yield number, found


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


def _loaded_answering(load: Load, lengths: Sequence[int], batch_size: int) -> Callable[[list[Prompt]], list[Answer]]:
    return partial(answers, load(), lengths=lengths, batch_size=batch_size)


def _loaded_sweeping(load: Load, fitted: Fitted) -> Callable[[list[Prompt]], SweepMap]:
    model = load()
    return lambda prompts: sweep(model, fitted, prompts[0], gains=EFFECT_GAINS)


def _fitted(
    work: _Work,
    info: ModelInfo,
    contrast: ContrastSet,
    neutral: NeutralMedia | None,
    plan: FitPrompts,
    with_effect: bool,
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
                read(cloud_step(modality, label)).half(),
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
    if with_effect:
        texts = {label: contrast.texts(label, "validation")[:EFFECT_TEXTS] for label in get_args(Label)}
        found = iter(
            work.map("steering effect", [text for of_label in texts.values() for text in of_label], artifact)
        )
        maps = {label: list(islice(found, len(of_label))) for label, of_label in texts.items()}
        artifact = replace(artifact, effect=steering_effect(maps, scores.eligible))

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
            for split in get_args(Split)
            if contrast.texts(label, split)
        },
        "system": None,
        "weights_hash": None,
        "neutral_seed": NEUTRAL_SEED,
        "neutral": "random colours" if neutral is None else neutral.hash,
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in ("torch", "transformers", "umap-learn", "scikit-learn")},
        },
    }
