"""What a fit wants of a model, here or by the workers of a cluster: activations, replies, work on each text."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Protocol, TypeVar

from torch import Tensor

from mars.distributed.executor import Cluster
from mars.media.prompt import Prompt
from mars.model.activation_cache import ActivationCache
from mars.model.answering import Answer, answers
from mars.model.capture import batches_of, capture
from mars.model.generation import Prefix, prefill, prefill_each
from mars.model.info import Load
from mars.model.load_checks import ModelError
from mars.model.loaded_model import LoadedModel

Progress = Callable[[str, int, int], None]
"""Called with the step's name, how much of it is done, and of how much. An exception raised in it ends the fit."""
T = TypeVar("T")
OnPrefix = Callable[[LoadedModel, Prompt, Prefix], T]


class FitWork(Protocol):
    """What a fit wants of the model, wherever that is."""

    def read(self, step: str) -> Tensor:
        """Activations of the prompts of a step, in their order: (prompt, layer, d_model)."""

    def reply(self, step: str, texts: Sequence[str], lengths: Sequence[int]) -> list[Answer]:
        """Replies to texts at lengths in tokens, in their order."""

    def each(self, step: str, texts: Sequence[str], work: OnPrefix[T]) -> list[T]:
        """What a function of model, prompt and prefix makes of each text, in their order."""


class LocalWork:
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

    def each(self, step: str, texts: Sequence[str], work: OnPrefix[T]) -> list[T]:
        prompts = [Prompt(text) for text in texts]
        found: dict[int, T] = {}
        for number, prefix in prefill_each(self._model, prompts, self._batch_size):
            found[number] = work(self._model, prompts[number], prefix)
            self._progress(step, len(found), len(texts))
        return [found[number] for number in range(len(texts))]


class ClusterWork:
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

    def each(self, step: str, texts: Sequence[str], work: OnPrefix[T]) -> list[T]:
        make = partial(_loaded_each, self._load, work)
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


def _loaded_reader(load: Load, batch_size: int, cache: str | Path | None) -> ActivationReader:
    model = load()
    return ActivationReader(model, batch_size, None if cache is None else ActivationCache(cache, model))


def _loaded_answering(load: Load, lengths: Sequence[int], batch_size: int) -> Callable[[list[Prompt]], list[Answer]]:
    return partial(answers, load(), lengths=lengths, batch_size=batch_size)


def _loaded_each(load: Load, work: OnPrefix[T]) -> Callable[[list[Prompt]], T]:
    model = load()
    return lambda prompts: work(model, prompts[0], prefill(model, prompts[0]))
