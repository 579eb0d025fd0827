"""A fitted model on disk: a folder with one safetensors and one json file, complete and strict.

Loading never runs code (no pickle) and refuses an artifact of another model, chat template or schema, one that is
damaged, and one whose direction points away from refusal.
"""

import hashlib
import json
import re
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load as from_bytes
from safetensors.torch import save as to_bytes
from torch import Tensor

from mars.artifact.direction_check import check_direction_sign
from mars.atomic_file import atomic_write
from mars.fitting.fitted import STEERING, ArtifactError, Cloud, Fitted
from mars.geometry.layer_selection import LayerScores
from mars.media.thumbnails import unpacked
from mars.model.info import same_weights
from mars.model.loaded_model import LoadedModel
from mars.types import MODALITIES

SCHEMA = 3
FACTS = "artifact.json"
TENSORS = "artifact.safetensors"
"""Where the facts name no file: written before they did."""
OWN_FILE = re.compile(r"artifact(-[0-9a-f]{16})?\.safetensors")
"""Files of tensors that are an artifact's: named by their content, so that old and new can stand side by side."""


def save(artifact: Fitted, folder: str | Path) -> None:
    """Write an artifact; one that is there stays as it is until the new one is complete, whenever this is killed.

    The tensors come under a name of their own, and the facts, which name them, take their place in one step. Other
    files in the folder stay.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    content = to_bytes(artifact.tensors)
    name = f"artifact-{hashlib.sha256(content).hexdigest()[:16]}.safetensors"
    facts = {
        "schema": SCHEMA,
        "tensors": name,
        "layer": artifact.layer,
        "refusal_ids": artifact.refusal_ids,
        "clouds": [{"modality": c.modality, "label": c.label, "titles": c.titles} for c in artifact.clouds],
        "provenance": artifact.provenance,
    }
    facts["digest"] = _digest(facts, content)
    atomic_write(folder / name, content)
    atomic_write(folder / FACTS, (json.dumps(facts, indent=1, ensure_ascii=False) + "\n").encode())
    for path in folder.iterdir():
        if OWN_FILE.fullmatch(path.name) and path.name != name:
            path.unlink()


def _digest(facts: dict[str, Any], content: bytes) -> str:
    """SHA-256 of the tensors as stored and of all other facts."""
    told = json.dumps({name: fact for name, fact in facts.items() if name != "digest"}, sort_keys=True)
    return hashlib.sha256(hashlib.sha256(content).digest() + told.encode()).hexdigest()


def load(folder: str | Path, model: LoadedModel) -> Fitted:
    """Read an artifact that was fitted on this model. Raises ArtifactError."""
    artifact = read(folder)
    check(artifact, model)
    return artifact


def check(artifact: Fitted, model: LoadedModel) -> None:
    """Raise ArtifactError where an artifact was not fitted on this model, or points away from its refusal."""
    _check_belongs(artifact, model)
    _check_direction(artifact, model)


def read(folder: str | Path) -> Fitted:
    """Read an artifact whose model is not here yet; nothing steers by it before `check`. Raises ArtifactError."""
    folder = Path(folder)
    again = "Fit it again with: python -m mars fit."
    try:
        facts = json.loads((folder / FACTS).read_text(encoding="utf-8"))
        if not isinstance(facts, dict) or facts.get("schema") != SCHEMA:
            raise ArtifactError(
                f"The artifact in {folder} has schema {facts.get('schema') if isinstance(facts, dict) else None}; "
                f"this version reads schema {SCHEMA}. {again}"
            )
        name = facts.get("tensors", TENSORS)
        if not isinstance(name, str) or not OWN_FILE.fullmatch(name):
            raise ArtifactError(f"The artifact in {folder} names a file that is not its own. {again}")
        content = (folder / name).read_bytes()
        if "digest" in facts and facts["digest"] != _digest(facts, content):
            raise ArtifactError(f"The artifact in {folder} was changed since it was written. {again}")
        tensors = from_bytes(content)
    except FileNotFoundError as error:
        raise ArtifactError(
            f"There is no artifact in {folder}: {Path(error.filename or FACTS).name} is missing. "
            "Make one with: python -m mars fit --model MODEL --out FOLDER."
        ) from error
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, SafetensorError) as error:
        raise ArtifactError(f"The artifact in {folder} is damaged. {again}") from error
    try:
        artifact = _assembled(facts, tensors)
    except (KeyError, TypeError, ValueError, RuntimeError, AttributeError) as error:
        raise ArtifactError(f"The artifact in {folder} is incomplete ({error}). {again}") from error
    _check_numbers(artifact, folder)
    return artifact


def _check_numbers(artifact: Fitted, folder: Path) -> None:
    """Shapes that fit together, and numbers that steer towards refusal or not at all."""
    layers, width = artifact.mean_harmful.shape
    expected = {
        "mean_harmless": (layers, width), "permuted": (layers, width), "bias": (layers, width),
        "radius": (layers,), "margin": (layers,), "amplification": (layers,), "scores": (layers,),
        "bias_along": (layers, 3), "bands": (layers, 3),
    }  # fmt: skip
    wrong = [
        name
        for name, tensor in artifact.tensors.items()
        if tensor.shape != expected.get(name.split(".")[0], tensor.shape)
        or (name.split(".")[0] in STEERING and not tensor.isfinite().all())
    ]
    wrong += [f"clouds.{cloud.name}" for cloud in artifact.clouds if cloud.values.shape[1:] != (layers, width)]
    wrong += [f"bias.{name}" for name in artifact.bias if name not in MODALITIES]
    if wrong:
        raise ArtifactError(
            f"The artifact in {folder} has wrong numbers in {', '.join(sorted(set(wrong)))}. "
            "Fit it again with: python -m mars fit."
        )
    if min(float(times.min()) for times in artifact.amplification.values()) < 0 or float(artifact.radius.min()) < 0:
        raise ArtifactError(
            f"The artifact in {folder} has a negative strength or radius, which would steer away from refusal. This "
            "project steers towards refusal only. Fit it again with: python -m mars fit."
        )


def _check_direction(artifact: Fitted, model: LoadedModel) -> None:
    """Held-out text is read again, to see which way the direction points."""
    texts = {cloud.label: cloud.titles for cloud in artifact.clouds if cloud.modality == "text"}
    if not texts.get("harmful") or not texts.get("harmless"):
        raise ArtifactError(
            "The artifact holds no held-out text, so it cannot be seen which way its direction points. Fit it again "
            "with: python -m mars fit."
        )
    reason = check_direction_sign(
        model,
        texts["harmful"],
        texts["harmless"],
        lambda values: artifact.coordinates(values, "text", recentered=False)[:, artifact.layer],
    )
    if reason is not None:
        raise ArtifactError(
            f"The direction of the artifact points away from refusal: {reason}. This project steers towards refusal "
            "only. Fit it again, with the right labels."
        )


def _check_belongs(artifact: Fitted, model: LoadedModel) -> None:
    """Same shape, same chat template, same name; what differs is named."""
    facts = artifact.provenance
    shape = (model.n_layers, model.d_model)
    differences = []
    if tuple(artifact.mean_harmful.shape) != shape:
        differences.append(f"it has {tuple(artifact.mean_harmful.shape)} layers and width, the model has {shape}")
    if facts.get("template_hash") != model.template_hash:
        differences.append("its chat template is another")
    if not same_weights(facts.get("weights"), model.model):
        differences.append("its weights are others")
    if differences:
        raise ArtifactError(
            f"The artifact was fitted on {facts.get('model')} and does not belong to {model.name}: "
            f"{'; '.join(differences)}. Fit one for this model with: python -m mars fit --model {model.name}."
        )


def _assembled(facts: dict[str, Any], tensors: dict[str, Tensor]) -> Fitted:
    def under(prefix: str) -> dict[Any, Tensor]:
        return {name.removeprefix(prefix): tensors[name] for name in sorted(tensors) if name.startswith(prefix)}

    def thumbnails(name: str) -> tuple[bytes, ...]:
        content = tensors.get(f"thumbnails.{name}")
        return () if content is None else unpacked(content, tensors[f"thumbnail_lengths.{name}"])

    clouds = tuple(
        Cloud(c["modality"], c["label"], tensors[f"clouds.{name}"], tuple(c["titles"]), thumbnails(name))
        for c in facts["clouds"]
        for name in [f"{c['modality']}.{c['label']}"]
    )
    for cloud in clouds:
        for what, found in (("titles", cloud.titles), ("thumbnails", cloud.thumbnails or cloud.titles)):
            if len(found) != len(cloud.values):
                raise ValueError(f"cloud {cloud.name} has {len(cloud.values)} points and {len(found)} {what}")
    return Fitted(
        mean_harmful=tensors["mean_harmful"],
        mean_harmless=tensors["mean_harmless"],
        bias=under("bias."),
        bias_along={modality: tensors[f"bias_along.{modality}"] for modality in under("bias.")},
        radius=tensors["radius"],
        harmless_q99=tensors["margin"],
        amplification={modality: tensors[f"amplification.{modality}"] for modality in ("text", *under("bias."))},
        permuted=tensors["permuted"],
        scores=LayerScores(**{name: tensors[f"scores.{name}"] for name in LayerScores._fields}),
        bands=under("bands."),
        refusal_ids=[int(token) for token in facts["refusal_ids"]],
        clouds=clouds,
        umap=tensors.get("umap"),
        provenance=facts["provenance"],
    )
