"""The same questions to a real model with its artifact: replies and map on an image of its gallery, an evaluation, a
whole fit, and the page's memory."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from benchmarks import evaluating, maps, memory, replies
from benchmarks.measured import Measured, dtype_name
from benchmarks.models import gallery_prompt
from benchmarks.results import as_results, machine, say
from mars.artifact.artifact import Artifact
from mars.bundled import ARTIFACT, model_source
from mars.datasets.case import Case
from mars.media.prompt import Prompt
from mars.model.loaded_model import LoadedModel
from mars.model.loading import load_model
from mars.pocket_vl.splits import test_cases

OTHER = {torch.bfloat16: torch.float32, torch.float32: torch.bfloat16}
CASES, QUICK_CASES = 400, 40
NEW = 48
"""Tokens of a reply, as on the page."""


def measure(source: str, dtype: torch.dtype | None, quick: bool, keep: Callable[[dict[str, Any]], None]) -> None:
    """All questions in `dtype`, or where it is None in the one that the model chooses at load, and then replies and
    map in the other as well. What was found so far is kept after each question, by dtype, the chosen one first.

    Raises ModelError, ArtifactError, and ValueError for a gallery without an image.
    """
    text, media = gallery_prompt(source)
    prompt, repetitions = Prompt.of(text, media), 3 if quick else 7
    found: dict[str, list[Measured]] = {}

    def tell(name: str, measured: Measured) -> None:
        found.setdefault(name, []).append(say(measured))
        keep({"dtypes": {name: as_results(answers) for name, answers in found.items()}})

    def replies_and_map(model: LoadedModel, artifact: Artifact) -> None:
        print(f"{model.name} in {dtype_name(model)}")
        tell(dtype_name(model), replies.side_by_side(model, artifact, prompt, NEW, repetitions))
        tell(dtype_name(model), maps.gain_map(model, artifact, prompt, repetitions, sampled=True))

    model, artifact = _loaded(source, dtype)
    keep({"model": source, "machine": machine(model)})
    used, name = model.dtype, dtype_name(model)
    replies_and_map(model, artifact)
    tell(name, evaluating.throughput(model, artifact, _cases(QUICK_CASES if quick else CASES)))
    del model  # one at a time lies in memory
    if dtype is None:
        replies_and_map(*_loaded(source, OTHER[used]))
    tell(name, memory.whole_fit(source, name))
    tell(name, memory.page_memory(source))


def _loaded(source: str, dtype: torch.dtype | None) -> tuple[LoadedModel, Artifact]:
    model = load_model(source, dtype=dtype)
    return model, Artifact.load(Path(model_source(source)) / ARTIFACT, model)


def _cases(count: int) -> list[Case]:
    """Requests of the bundled test split, of every kind."""
    cases = test_cases(-(-CASES // 11) + 1, questions=0)  # eleven a request and cell, or a few less
    return cases[:: len(cases) // count][:count]
