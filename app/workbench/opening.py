"""Opening a model with its artifact, what the page says of it, and what it says where that fails."""

from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import torch

from app.results import ModelCard, RequestError
from mars.artifact.artifact import Artifact
from mars.model.load_checks import check_source
from mars.model.loaded_model import LoadedModel
from mars.model.loading import load_model, model_name
from mars.model.presets import read_presets

LARGE_FOR_CPU = 1_000_000_000
"""Parameters beyond which a CPU makes a person wait."""
POCKET = "pocket-vl"


@contextmanager
def one_sentence() -> Iterator[None]:
    """Turn what the engine says of bad input into RequestError; anything else passes, being a fault of ours."""
    try:
        yield
    except RequestError:
        raise
    except ValueError as error:
        raise RequestError(str(error)) from error


class Coming:
    """A model that is still to be opened: whoever asks it for more than its name waits until it is there."""

    def __init__(self, source: str | Path) -> None:
        self.name = model_name(source)
        self._source = source
        self._there: Future[LoadedModel] = Future()

    def open(self, artifact: Artifact) -> LoadedModel:
        """Open it, and check that the artifact is its own. Raises RequestError, as does all that waits for it."""
        try:
            with one_sentence():
                model = load_model(self._source)
                artifact.check(model)
        except BaseException as error:
            self._there.set_exception(error)
            raise
        self._there.set_result(model)
        return model

    def __getattr__(self, name: str) -> Any:
        return getattr(self._there.result(), name)


class Opened(NamedTuple):
    """A model that is ready to take the place of another."""

    model: LoadedModel | Coming
    artifact: Artifact
    words: str
    """Where the artifact comes from."""
    folder: Path
    """Of the artifact."""
    source: str
    """Folder or hub id of the model, as it was named."""


def presets() -> list[tuple[str, str]]:
    """Models worth trying, by the memory that they need: what is said of each, and its hub id."""
    found = []
    for preset in read_presets():
        tier = preset.tier()
        memory = f"{tier} GiB" if tier else f"{preset.bf16_gib:.0f} GiB and room to run"
        found.append((f"{memory}: {preset.id} ({', '.join(preset.modalities)})", preset.id))
    return found


def opened(source: str | Path, artifact: str | Path | None) -> Opened:
    """A model with its artifact. Raises RequestError."""
    coming = to_open(source, artifact)
    return coming._replace(model=coming.model.open(coming.artifact))


def to_open(source: str | Path, artifact: str | Path | None) -> Opened:
    """A model that is still to be opened, with its artifact, which its model has to check. Raises RequestError."""
    if not str(source).strip():
        raise RequestError("No model is named. Give a model's folder or its hub id.")
    with one_sentence():
        if not artifact and not Path(source).is_dir():
            # Said before anything is fetched.
            raise RequestError(
                f"There is no folder {source} with a model and its artifact. Give the model's folder; for a "
                f"hub id, fit an artifact here or with python -m mars fit --model {source} --out FOLDER, and name "
                "that folder too."
            )
        folder = Path(artifact) if artifact else Path(source) / "artifact"
        check_source(source)
        fitted = Artifact.read(folder)
    model = Coming(source)
    return Opened(model, fitted, artifact_words(folder, model, fitted), folder, str(source))


def model_card(model: LoadedModel, artifact: str) -> ModelCard:
    """What the top line says of a model and of where its artifact comes from."""
    device = "CPU" if model.device.type == "cpu" else str(model.device)
    return ModelCard(
        name=model.name,
        parameters=model.n_parameters,
        n_layers=model.n_layers,
        d_model=model.d_model,
        device=device,
        dtype=str(model.dtype).removeprefix("torch."),
        artifact=artifact,
        versions=_versions(),
        badges=_badges(model),
        note=_note(model.name),
    )


def coming_card(model: Coming, fitted: Artifact, artifact: str) -> ModelCard:
    """What the top line says of a model before it is there."""
    layers, width = fitted.mean_harmful.shape
    return ModelCard(model.name, None, layers, width, "", "", artifact, _versions(), note=_note(model.name))


def artifact_words(folder: Path, model: LoadedModel | Coming, artifact: Artifact) -> str:
    """Where an artifact comes from, in a few words."""
    where = "bundled" if model.name == POCKET and folder.name == "artifact" else folder.name
    requests = sum(artifact.provenance.get("counts", {}).values())
    return f"{where}, fitted on {requests} requests" if requests else where


def _versions() -> dict[str, str]:
    return {name: version(name) for name in ("torch", "transformers", "gradio", "plotly")}


def _badges(model: LoadedModel) -> tuple[str, ...]:
    found = {
        "A model of this size on a CPU: expect to wait for each token.": (
            model.device.type == "cpu" and model.n_parameters > LARGE_FOR_CPU
        ),
        "float16 has little headroom for large activations; bfloat16 or float32 is safer.": (
            model.dtype == torch.float16
        ),
        "This device is known to give wrong results for some models; compare with a CPU.": (
            model.device.type == "mps"
        ),
    }
    return tuple(sentence for sentence, applies in found.items() if applies)


def _note(name: str) -> str:
    if name != POCKET:
        return ""
    return "Pocket-VL is a model of a tiny world, real in its mechanics, not an assistant."
