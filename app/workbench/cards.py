"""What the page says of a model and of its artifact before anything is asked."""

from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from mars.artifact.artifact import Artifact
from mars.bundled import ARTIFACT, MODELS
from mars.icon_vl.folder import is_complete
from mars.model.loaded_model import LoadedModel
from mars.model.presets import read_presets
from mars.pocket_vl.world.things import THINGS
from mars.types import Modality

from ..results import ModelCard
from .icon_vl import ICON_VL, POCKET_VL

KINDS = {POCKET_VL: "toy model", ICON_VL: "small real model"}
NOTES = {
    POCKET_VL: (
        f"Pocket-VL is a model of a tiny world of {len(THINGS)} things, real in its mechanics, not an assistant. It "
        "knows short questions about these things, and sees them drawn as icons or written as a word. It cannot read "
        "ordinary English or photographs: what it says of them means nothing."
    ),
    ICON_VL: (
        "Icon-VL is a small model, made for code, with a connector trained here: it is often wrong. It reads English "
        "and names most drawings, about half of the photographs of one thing, and neither scenes nor filmed videos."
    ),
}
"""Model -> what a reader must know before trusting its answers: what it can see, and what it cannot."""
UNTRAINED = {
    (ICON_VL, "video"): "Icon-VL learnt drawings that come into sight: filmed videos it does not understand."
}
"""Model and modality -> what is to be said of such a prompt."""
LARGE_FOR_CPU = 1_000_000_000
"""Parameters beyond which a CPU makes a person wait."""


def presets() -> list[tuple[str, str]]:
    """Models worth trying, by the memory that they need: what is said of each, and its hub id or name."""
    found = []
    for preset in read_presets():
        if preset.id == ICON_VL and not is_complete():
            continue
        tier = preset.tier()
        memory = f"{tier} GiB" if tier else f"{preset.bf16_gib:.0f} GiB and room to run"
        found.append((f"{memory}: {preset.id} ({', '.join(preset.modalities)})", preset.id))
    return found


def model_card(model: LoadedModel, fitted: Artifact, artifact: str) -> ModelCard:
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
        badges=_badges(model) + _doubts(fitted),
        **_said(model.name, fitted),
    )


def coming_card(name: str, fitted: Artifact, artifact: str) -> ModelCard:
    """What the top line says of a model before it is there."""
    layers, width = fitted.mean_harmful.shape
    return ModelCard(name, None, layers, width, "", "", artifact, _versions(), _doubts(fitted), **_said(name, fitted))


def artifact_words(folder: Path, artifact: Artifact) -> str:
    """Where an artifact comes from, in a few words."""
    bundled = {(model / ARTIFACT).resolve() for model in MODELS.values()}
    where = "bundled" if folder.resolve() in bundled else folder.name
    counts = artifact.provenance.get("counts", {})
    requests = sum(count for name, count in counts.items() if not name.endswith(".test"))
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


def _doubts(fitted: Artifact) -> tuple[str, ...]:
    """What an artifact says of itself, but for what stands beside the scores, the layers and the clouds."""
    elsewhere = {fitted.advice, fitted.rounding_note, fitted.held_out_note}
    elsewhere.add(fitted.calibration and fitted.calibration.warning)
    return tuple(note for note in fitted.notes if note not in elsewhere)


def _said(name: str, fitted: Artifact) -> dict[str, Any]:
    """What is known of a model from its name and its artifact."""
    return {
        "kind": KINDS.get(name, ""),
        "note": NOTES.get(name, ""),
        "modalities": ("text", *fitted.bias),
        "system": fitted.provenance.get("system") or "",
    }


def untrained(name: str, modality: Modality) -> str:
    """What is to be said of a prompt of a modality that a model was never trained on; empty elsewhere."""
    return UNTRAINED.get((name, modality), "")
