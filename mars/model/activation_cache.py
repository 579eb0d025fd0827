"""Activations on disk by content: a prompt that a model has run once is not run again.

One file per prompt, named by two hashes: of everything in the model that its activations depend on, and of the
prompt, pixels included. Neither text nor images are stored.
"""

import hashlib
import os
import warnings
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from safetensors.torch import save as to_bytes
from torch import Tensor

from mars.atomic_file import atomic_write
from mars.bundled import cache_folder
from mars.media.prompt import Prompt
from mars.model.capture import Progress, capture
from mars.model.loaded_model import LoadedModel

LIMIT_BYTES = 4 * 2**30
"""Size of a folder at most, in bytes; beyond it, the files used least recently are deleted."""
SUFFIX = ".activations"
"""Suffix of the safetensors files; not the usual one, since files of this name are deleted to make room."""
TENSOR = "values"


def default_folder() -> Path:
    """Where activations are stored by default: in the user's cache folder."""
    return cache_folder() / "activations"


class ActivationCache:
    """Outputs of the decoder layers at the last prompt position, of prompts that one model has run.

    Several processes may use a folder at once: files are written atomically. A folder that cannot be written to is
    still read from, with one warning.
    """

    def __init__(self, folder: str | Path, model: LoadedModel, limit_bytes: int = LIMIT_BYTES) -> None:
        self._model = model
        self._root = Path(folder)
        self._folder = self._root / _model_hash(model)[:32]
        self._limit_bytes = limit_bytes
        self._writable = True

    def values(self, prompts: Sequence[Prompt], batch_size: int = 16, progress: Progress | None = None) -> Tensor:
        """As `capture(...).values`, running only prompts that are not stored yet: (prompt, layer, d_model), float32.

        Raises PromptError or ModelError as `capture` does.
        """
        keys = [prompt.hash for prompt in prompts]
        kept = {key: self._read(key) for key in dict.fromkeys(keys)}
        missing = {key: prompt for key, prompt in zip(keys, prompts, strict=True) if kept[key] is None}
        done = len(prompts) - len(missing)
        if progress:
            progress(done, len(prompts))
        if missing:
            found = capture(
                self._model,
                list(missing.values()),
                batch_size,
                (lambda more, _: progress(done + more, len(prompts))) if progress else None,
            ).values
            for key, values in zip(missing, found, strict=True):
                kept[key] = values
                self._write(key, values)
            with suppress(OSError):  # of a folder that cannot be looked into
                self._make_room()
        return torch.stack([kept[key] for key in keys])

    def _path(self, key: str) -> Path:
        return self._folder / f"{key}{SUFFIX}"

    def _read(self, key: str) -> Tensor | None:
        """The stored activations of a prompt, float32: (layer, d_model); None where missing or damaged."""
        path = self._path(key)
        try:
            values = load_file(path)[TENSOR].float()
        except (OSError, SafetensorError, KeyError):
            return None
        if values.shape != (self._model.n_layers, self._model.d_model) or not values.isfinite().all():
            return None
        with suppress(OSError):  # of a folder that cannot be written to, where nothing is deleted either
            os.utime(path)
        return values

    def _write(self, key: str, values: Tensor) -> None:
        if not self._writable:
            return
        small = values.to(self._model.dtype)
        content = to_bytes({TENSOR: (small if torch.equal(small.float(), values) else values).contiguous()})
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            atomic_write(self._path(key), content)
        except OSError as error:
            self._writable = False
            warnings.warn(
                f"Activations cannot be stored in {self._root} ({error.strerror}), so a further fit runs all prompts "
                "again. Name another folder with --cache.",
                stacklevel=2,
            )

    def _make_room(self) -> None:
        """Delete the files used least recently, of any model, until the folder is within its limit."""
        files = []
        for path in self._root.glob(f"*/*{SUFFIX}*"):
            try:
                files.append((path.stat().st_mtime_ns, path.stat().st_size, path))
            except OSError:
                continue  # deleted by another process meanwhile
        held = sum(size for _, size, _ in files)
        for _, size, path in sorted(files):
            if held <= self._limit_bytes:
                return
            try:
                path.unlink(missing_ok=True)
            except OSError:
                return
            held -= size


SAMPLES = 64
"""Numbers hashed of each tensor of the weights."""


def _model_hash(model: LoadedModel) -> str:
    """SHA-256 of what activations depend on besides the prompt: a sample of every weight tensor, chat template,
    dtype, processor and versions.

    Training or merging an adapter changes whole tensors, which a sample shows; a few rows changed by hand may be
    missed.
    """
    import transformers

    processor = model.processor.to_dict() if hasattr(model.processor, "to_dict") else model.name
    setup = (model.template_hash, str(model.dtype), processor, torch.__version__, transformers.__version__)
    digest = hashlib.sha256(repr(setup).encode())
    for name, tensor in model.model.state_dict().items():
        sample = tensor.reshape(-1)[:: max(1, tensor.numel() // SAMPLES)][:SAMPLES]
        digest.update(f"{name} {tuple(tensor.shape)}".encode() + sample.float().cpu().numpy().tobytes())
    return digest.hexdigest()
