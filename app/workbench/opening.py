"""Opening a model with its artifact, what the page says of it, and what it says where that fails."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import torch

from app.results import ModelCard, RequestError
from mars import artifacts
from mars.artifacts import Artifact
from mars.models import LoadedModel, load_model
from mars.presets import read_presets

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


class Opened(NamedTuple):
    """A model that is ready to take the place of another."""

    model: LoadedModel
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
        model = load_model(source)
        fitted = artifacts.load(folder, model)
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
        versions={name: version(name) for name in ("torch", "transformers", "gradio", "plotly")},
        badges=_badges(model),
        note=_note(model),
    )


def artifact_words(folder: Path, model: LoadedModel, artifact: Artifact) -> str:
    """Where an artifact comes from, in a few words."""
    where = "bundled" if model.name == POCKET and folder.name == "artifact" else folder.name
    requests = sum(artifact.provenance.get("counts", {}).values())
    return f"{where}, fitted on {requests} requests" if requests else where


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


def _note(model: LoadedModel) -> str:
    if model.name != POCKET:
        return ""
    return (
        f"Pocket-VL is a {model.n_parameters / 1e6:.0f}-million-parameter model of a tiny world, real in "
        "its mechanics, not an assistant."
    )
