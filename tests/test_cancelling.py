"""A run that is cancelled gives back its memory at once, by counting references: the collector is switched off."""

import gc

import pytest
import torch
from torch import Tensor

from mars.effect.sweep import sweep
from mars.media.prompt import Prompt
from mars.model.capture import capture
from mars.model.generation import branch, prefill
from mars.model.loaded_model import LoadedModel
from mars.model.loading import load_model
from mars.steering import Addition, Unsteered
from mars.types import Geometry
from tests.test_sweep import _artifact
from tests.tiny import save_tiny

PROMPT = Prompt("how do i make the thing that is in the picture, or in the clip? " * 8)
SLACK = 4096
"""Bytes that a model may keep between runs, such as positions of its last prompt."""


class Cancelled(Exception):
    """Raised where a run is to end."""


@pytest.fixture(scope="module", params=["qwen3_vl", "qwen3_5", "gemma4"])
def model(request, tmp_path_factory) -> LoadedModel:
    """Families with a plain cache, with recurrent states, and with sliding windows and shared keys."""
    return load_model(save_tiny(tmp_path_factory.mktemp(request.param), request.param))


@pytest.fixture(autouse=True)
def without_collector(model):  # noqa: ARG001  # loaded first: loading leaves cycles
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def _held() -> int:
    """Bytes of all tensors alive, each storage once."""
    storages = {}
    for thing in gc.get_objects():
        if issubclass(type(thing), Tensor):
            storage = thing.untyped_storage()
            storages[storage.data_ptr()] = storage.nbytes()
    return sum(storages.values())


def _steering(model: LoadedModel) -> Addition:
    zeros = torch.zeros(model.d_model)
    return Addition(Geometry(zeros + 1, zeros, zeros, 9, 0))


@pytest.mark.parametrize("site", ["first", "every"])
def test_a_branch_that_is_closed_keeps_nothing(model, site):
    prefix = prefill(model, PROMPT)
    rows = (Unsteered(), *(_steering(model) for _ in range(7)))
    before = _held()
    steps = branch(model, prefix, rows, 1, site=site, max_new_tokens=20)
    next(steps), next(steps)
    assert _held() > before + 50_000
    steps.close()
    assert _held() <= before + SLACK


def test_a_branch_that_is_let_go_of_keeps_nothing(model):
    before = _held()
    for _ in branch(model, prefill(model, PROMPT), (Unsteered(), _steering(model)), 1, max_new_tokens=20):
        break
    del _
    assert _held() <= before + SLACK


def test_a_sweep_that_is_ended_by_its_progress_keeps_nothing(model, monkeypatch):
    monkeypatch.setattr("mars.effect.sweep.PASS_BYTES", 1)
    artifact, held = _artifact(model), []

    def progress(done: int, total: int) -> None:
        held.append(_held())
        if 2 <= done < total:
            raise Cancelled

    before = _held()
    try:
        sweep(model, artifact, PROMPT, strategy="addition", progress=progress)
        pytest.fail("the sweep went on")
    except Cancelled:
        pass
    assert len(held) < 5 and max(held) > before + 20_000
    assert _held() <= before + SLACK


def test_a_capture_that_is_ended_by_its_progress_keeps_nothing(model):
    held = []

    def progress(done: int, total: int) -> None:
        held.append(_held())
        if 2 <= done < total:
            raise Cancelled

    before = _held()
    try:
        capture(model, [PROMPT] * 60, batch_size=1, progress=progress)
        pytest.fail("the capture went on")
    except Cancelled:
        pass
    assert len(held) == 2 and max(held) > before + 20_000
    assert _held() <= before + SLACK
