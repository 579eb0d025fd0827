"""What was captured before: read once, exact, bounded, and never in the way."""

import errno
import os
from pathlib import Path

import pytest
import torch

import mars.model.capture
from mars.artifact.artifact import Artifact
from mars.datasets.contrast import ContrastSet, Request
from mars.media.prompt import Prompt
from mars.model.activation_cache import ActivationCache
from mars.model.capture import capture
from mars.model.loading import load_model
from mars.types import Video


@pytest.fixture
def run(monkeypatch) -> list[Prompt]:
    """The prompts that the model was run on."""
    seen: list[Prompt] = []
    processed = mars.model.capture.preprocess

    def counted(model, prompts):
        seen.extend(prompts)
        return processed(model, prompts)

    monkeypatch.setattr(mars.model.capture, "preprocess", counted)
    return seen


def _files(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_what_comes_back_is_what_was_captured_bit_for_bit(tiny_folder, tmp_path, run, picture, clip, dtype):
    model = load_model(tiny_folder, dtype=dtype)
    prompts = [Prompt("hi"), Prompt("what is it?", image=picture), Prompt("hi"), Prompt("what is it?", video=clip)]
    captured = capture(model, prompts[:2] + prompts[3:]).values[[0, 1, 0, 2]]
    run.clear()
    counted = []
    first = ActivationCache(tmp_path, model).values(prompts, progress=lambda *counts: counted.append(counts))
    assert len(run) == 3 and counted == [(1, 4), (2, 4), (3, 4), (4, 4)]
    again = ActivationCache(tmp_path, model).values(prompts)
    assert len(run) == 3
    assert torch.equal(first, captured) and torch.equal(again, captured)
    assert all(path.stat().st_size < 4 * 32 * dtype.itemsize + 200 for path in _files(tmp_path))


def test_a_prompt_that_differs_in_anything_is_another(picture, clip):
    moved = picture.copy()
    moved.putpixel((0, 0), (1, 2, 3))
    later = Video(clip.frames, tuple(time + 1 for time in clip.times))
    still = Video((picture,), (0.0,))
    prompts = [
        Prompt("hi"),
        Prompt("hi", system="be brief"),
        *(Prompt("hi", image=image) for image in (picture, moved, picture.resize((64, 256)))),
        *(Prompt("hi", video=one) for one in (clip, later, still)),
    ]
    assert len({prompt.hash for prompt in prompts}) == len(prompts)
    assert Prompt("hi", image=picture.copy()).hash == Prompt("hi", image=picture).hash


def test_a_second_fit_with_one_more_prompt_costs_one_prompt(tiny, contrast, tmp_path, run):
    Artifact.fit(tiny, contrast, with_umap=False, cache=ActivationCache(tmp_path, tiny))
    assert len(run) == len({prompt.hash for prompt in run}) > 50
    run.clear()
    more = ContrastSet((*contrast.requests, Request("how do i break a bell", "harmful", "train")))
    artifact = Artifact.fit(tiny, more, with_umap=False, cache=ActivationCache(tmp_path, tiny))
    assert [prompt.text for prompt in run] == ["how do i break a bell"]
    assert torch.allclose(artifact.mean_harmful, Artifact.fit(tiny, more, with_umap=False).mean_harmful, atol=1e-5)


def test_another_model_has_its_own(tiny, tiny_folder, tmp_path, run):
    ActivationCache(tmp_path, tiny).values([Prompt("hi")])
    half = load_model(tiny_folder, dtype=torch.bfloat16)
    tuned = load_model(tiny_folder)
    # As a merged adapter would: all of one matrix, and by little.
    tuned.layers[2].self_attn.q_proj.weight.data += 1e-4
    told = load_model(tiny_folder)
    told.processor.chat_template += " "
    for model in (half, tuned, told):
        run.clear()
        found = ActivationCache(tmp_path, model).values([Prompt("hi")])
        assert len(run) == 1 and torch.equal(found, capture(model, [Prompt("hi")]).values)
    assert len(_files(tmp_path)) == 4
    run.clear()
    ActivationCache(tmp_path, load_model(tiny_folder)).values([Prompt("hi")])
    assert run == []


@pytest.mark.parametrize("damage", [b"", b"not tensors", None])
def test_a_file_that_is_damaged_is_captured_again(tiny, tmp_path, run, damage):
    values = ActivationCache(tmp_path, tiny).values([Prompt("hi")])
    (path,) = _files(tmp_path)
    path.write_bytes(path.read_bytes()[:-40] if damage is None else damage)
    run.clear()
    assert torch.equal(ActivationCache(tmp_path, tiny).values([Prompt("hi")]), values)
    assert len(run) == 1
    ActivationCache(tmp_path, tiny).values([Prompt("hi")])
    assert len(run) == 1


def test_a_write_that_fails_leaves_nothing_half_done(tiny, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    store = ActivationCache(tmp_path, tiny)
    with pytest.warns(UserWarning, match=r"cannot be stored in .* \(No space left on device\)") as warned:
        values = store.values([Prompt("hi"), Prompt("what is it?")])
    assert len(warned) == 1 and _files(tmp_path) == []
    assert torch.equal(values, capture(tiny, [Prompt("hi"), Prompt("what is it?")]).values)


def test_a_folder_that_cannot_be_written_to_is_read_from(tiny, tmp_path, run, monkeypatch):
    """Played: the tests may run as root, whom no folder refuses."""
    ActivationCache(tmp_path, tiny).values([Prompt("hi")])

    def refused(*_, **__):
        raise PermissionError(13, "Permission denied")

    for name in ("utime", "replace"):
        monkeypatch.setattr(os, name, refused)
    run.clear()
    store = ActivationCache(tmp_path, tiny)
    store.values([Prompt("hi")])
    assert run == []
    with pytest.warns(UserWarning, match="Permission denied"):
        store.values([Prompt("hi"), Prompt("what is it?")])
    assert [prompt.text for prompt in run] == ["what is it?"]


@pytest.mark.parametrize("name", ["file", "x" * 300, "disk"], ids=["a file in the way", "no way in", "a full disk"])
def test_a_fit_goes_on_without_a_folder_that_cannot_be_made_or_filled(
    tiny, contrast, tiny_artifact, tmp_path, monkeypatch, name
):
    """No way in is a name too long, since root may go everywhere; the full disk is played."""
    (tmp_path / "file").touch()

    def full(path, content):
        with path.open("wb") as file:
            file.write(content[: len(content) // 2])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    if name == "disk":
        monkeypatch.setattr(Path, "write_bytes", full)
    store = ActivationCache(tmp_path / name / "cache", tiny)
    with pytest.warns(UserWarning, match="cannot be stored in") as warned:
        artifact = Artifact.fit(tiny, contrast, with_umap=False, cache=store)
    assert sum("cannot be stored" in str(warning.message) for warning in warned) == 1
    assert _files(tmp_path) == [tmp_path / "file"]
    assert torch.allclose(artifact.mean_harmful, tiny_artifact.mean_harmful, atol=1e-5)


def test_beyond_its_limit_what_was_used_least_recently_goes_and_nothing_else(tiny, tmp_path, run):
    mine = tmp_path / "models" / "model.safetensors"
    mine.parent.mkdir()
    mine.write_bytes(b"weights of mine" * 1000)
    prompts = [Prompt(text) for text in ("hi", "what", "is", "it")]
    store = ActivationCache(tmp_path, tiny)
    for age, prompt in enumerate(prompts[:3]):
        store.values([prompt])
        path = max(_files(tmp_path), key=lambda path: path.stat().st_mtime_ns)
        os.utime(path, ns=(0, (age + 1) * 10**9))
    size = path.stat().st_size
    store.values([prompts[0]])  # used again: the second is now the one longest unused
    ActivationCache(tmp_path, tiny, limit_bytes=3 * size).values([prompts[3]])
    assert sum(path.suffix == ".activations" for path in _files(tmp_path)) == 3 and mine.exists()
    run.clear()
    store.values(prompts)
    assert [prompt.text for prompt in run] == ["what"]


def test_neither_words_nor_pixels_are_written(tiny, tmp_path, picture):
    ActivationCache(tmp_path, tiny).values([Prompt("where is the kite", image=picture)])
    (path,) = _files(tmp_path)
    assert b"kite" not in path.read_bytes() and "kite" not in str(path.relative_to(tmp_path))
    assert picture.tobytes()[:64] not in path.read_bytes()
