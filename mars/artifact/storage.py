"""A fitted model on disk: a folder with one safetensors and one json file, complete and strict.

Loading never runs code (no pickle) and refuses an artifact of another model, chat template or schema, one that is
damaged or changed, and one whose direction points away from refusal.
"""

import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load as from_bytes
from safetensors.torch import save as to_bytes
from torch import Tensor

from mars.artifact.direction_check import check_direction_sign
from mars.atomic_file import atomic_write
from mars.fitted.calibration import REPLY_LENGTHS, Calibration, without_refusal
from mars.fitted.effect import Recommendation, SteeringEffect
from mars.fitted.fitted import STEERING, ArtifactError, Cloud, Fitted
from mars.geometry.layer_selection import LayerScores
from mars.intervals import Interval
from mars.media.thumbnails import unpacked
from mars.model.info import same_visual_weights, same_weights
from mars.model.loaded_model import LoadedModel
from mars.types import MODALITIES

SCHEMA = 4
READABLE = (3, SCHEMA)
"""Schemas that are read; an artifact of schema 3 has neither calibration nor effect (`Fitted.notes` says so)."""
METADATA = "artifact.json"
TENSOR_FILE = re.compile(r"artifact-[0-9a-f]{16}\.safetensors")
"""Files of an artifact's tensors, named by their content, so that old and new can stand side by side."""
FIT_AGAIN = "Fit it again with: python -m mars fit."


def save(artifact: Fitted, folder: str | Path) -> None:
    """Write an artifact; one that is there stays as it is until the new one is complete, even if this is killed.

    The tensors get a name of their own, and the metadata, which names them, is replaced in one step. Other files in
    the folder stay. Raises OSError where there is no room or no permission.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    content = to_bytes(artifact.tensors)
    name = f"artifact-{hashlib.sha256(content).hexdigest()[:16]}.safetensors"
    metadata = {
        "schema": SCHEMA,
        "tensors": name,
        "layer": artifact.layer,
        "refusal_ids": artifact.refusal_ids,
        "clouds": [{"modality": c.modality, "label": c.label, "titles": c.titles} for c in artifact.clouds],
        "calibration": artifact.calibration and artifact.calibration._asdict(),
        "effect": artifact.effect and {name: getattr(artifact.effect, name) for name in EFFECT_METADATA},
        "provenance": artifact.provenance,
    }
    metadata["digest"] = digest_of(metadata, content)
    atomic_write(folder / name, content)
    atomic_write(folder / METADATA, (json.dumps(metadata, indent=1, ensure_ascii=False) + "\n").encode())
    for path in folder.iterdir():
        if TENSOR_FILE.fullmatch(path.name) and path.name != name:
            path.unlink()


def digest_of(metadata: dict[str, Any], content: bytes) -> str:
    """SHA-256, in hex, of the tensors as stored and of all metadata but the digest itself."""
    described = json.dumps({name: value for name, value in metadata.items() if name != "digest"}, sort_keys=True)
    return hashlib.sha256(hashlib.sha256(content).digest() + described.encode()).hexdigest()


def check(artifact: Fitted, model: LoadedModel) -> None:
    """Raise ArtifactError where an artifact was not fitted on this model, or points away from its refusal."""
    _check_belongs(artifact, model)
    _check_direction(artifact, model)


def read(folder: str | Path) -> Fitted:
    """Read an artifact whose model is not here yet; nothing steers by it before `check`. Raises ArtifactError."""
    folder = Path(folder)
    try:
        metadata = json.loads((folder / METADATA).read_text(encoding="utf-8"))
        schema = metadata.get("schema") if isinstance(metadata, dict) else None
        if schema not in READABLE:
            raise ArtifactError(
                f"The artifact in {folder} has schema {schema}; this version reads schemas "
                f"{' and '.join(map(str, READABLE))}. {FIT_AGAIN}"
            )
        if not {"tensors", "digest"} <= metadata.keys():
            raise ArtifactError(
                f"The artifact in {folder} has no digest to show that it is unchanged: an older version wrote it, or "
                f"somebody took it out. {FIT_AGAIN}"
            )
        name = metadata["tensors"]
        if not isinstance(name, str) or not TENSOR_FILE.fullmatch(name):
            raise ArtifactError(f"The artifact in {folder} names a file that is not its own. {FIT_AGAIN}")
        content = (folder / name).read_bytes()
        if metadata["digest"] != digest_of(metadata, content):
            raise ArtifactError(f"The artifact in {folder} was changed since it was written. {FIT_AGAIN}")
        tensors = from_bytes(content)
    except FileNotFoundError as error:
        raise ArtifactError(
            f"There is no artifact in {folder}: {Path(error.filename or METADATA).name} is missing. "
            "Make one with: python -m mars fit --model MODEL --out FOLDER."
        ) from error
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, SafetensorError) as error:
        raise ArtifactError(f"The artifact in {folder} is damaged. {FIT_AGAIN}") from error
    try:
        artifact = _assembled(metadata, tensors)
    except (KeyError, TypeError, ValueError, RuntimeError, AttributeError) as error:
        raise ArtifactError(f"The artifact in {folder} is incomplete ({error}). {FIT_AGAIN}") from error
    _check_numbers(artifact, folder)
    return artifact


def _check_numbers(artifact: Fitted, folder: Path) -> None:
    """Raise ArtifactError unless shapes agree, steering tensors are finite, and no strength is negative."""
    layers, width = artifact.mean_harmful.shape
    expected = {
        "mean_harmless": (layers, width), "permuted": (layers, width), "bias": (layers, width),
        "radius": (layers,), "margin": (layers,), "amplification": (layers,), "scores": (layers,),
        "bias_along": (layers, 3), "bands": (layers, 3), "effect_refusals": (layers, 3),
    }  # fmt: skip
    if artifact.effect is not None:
        expected["effect"] = (layers, len(artifact.effect.gains), 3)
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
            f"The artifact in {folder} has wrong numbers in {', '.join(sorted(set(wrong)))}. {FIT_AGAIN}"
        )
    if min(float(times.min()) for times in artifact.amplification.values()) < 0 or float(artifact.radius.min()) < 0:
        raise ArtifactError(
            f"The artifact in {folder} has a negative strength or radius, which would steer away from refusal. This "
            f"project steers towards refusal only. {FIT_AGAIN}"
        )


def _check_direction(artifact: Fitted, model: LoadedModel) -> None:
    """Raise ArtifactError where held-out text, captured again, shows that the direction points away from refusal."""
    texts = {cloud.label: cloud.titles for cloud in artifact.clouds if cloud.modality == "text"}
    if not texts.get("harmful") or not texts.get("harmless"):
        raise ArtifactError(
            f"The artifact holds no held-out text, so the sign of its direction cannot be checked. {FIT_AGAIN}"
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
    """Raise ArtifactError unless shape, chat template and weights are those of the model; what differs is named.

    The model's name is not compared: the same weights may lie in a folder of another name.
    """
    fitted_on = artifact.provenance
    shape = (model.n_layers, model.d_model)
    differences = []
    if tuple(artifact.mean_harmful.shape) != shape:
        differences.append(f"it has {tuple(artifact.mean_harmful.shape)} layers and width, the model has {shape}")
    if fitted_on.get("template_hash") != model.template_hash:
        differences.append("its chat template differs")
    system = getattr(model.processor, "system", None)
    if fitted_on.get("system") != system:
        differences.append(f"its system message is {fitted_on.get('system')!r}, the model's {system!r}")
    if not same_weights(fitted_on.get("weights"), model.model):
        differences.append("its weights differ")
    elif not same_visual_weights(fitted_on.get("visual_weights"), model.model):
        differences.append("its vision encoder or connector differs")
    if differences:
        raise ArtifactError(
            f"The artifact was fitted on {fitted_on.get('model')} and does not belong to {model.name}: "
            f"{'; '.join(differences)}. Fit one for this model with: python -m mars fit --model {model.name}."
        )


def _assembled(metadata: dict[str, Any], tensors: dict[str, Tensor]) -> Fitted:
    def under(prefix: str) -> dict[Any, Tensor]:
        return {name.removeprefix(prefix): tensors[name] for name in sorted(tensors) if name.startswith(prefix)}

    def thumbnails(name: str) -> tuple[bytes, ...]:
        content = tensors.get(f"thumbnails.{name}")
        return () if content is None else unpacked(content, tensors[f"thumbnail_lengths.{name}"])

    clouds = tuple(
        Cloud(c["modality"], c["label"], tensors[f"clouds.{name}"], tuple(c["titles"]), thumbnails(name))
        for c in metadata["clouds"]
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
        refusal_ids=[int(token) for token in metadata["refusal_ids"]],
        clouds=clouds,
        umap=tensors.get("umap"),
        calibration=_calibration(metadata.get("calibration")),
        effect=_effect(metadata.get("effect"), under),
        provenance=metadata["provenance"],
    )


EFFECT_METADATA = ("gains", "texts", "unsteered", "unsteered_refusals", "recommended")
"""Fields of the effect that are not tensors."""


def _calibration(stored: dict[str, Any] | None) -> Calibration | None:
    if stored is None:
        return None
    found = Calibration(**stored)
    without_refusal(found.verdicts)  # raises where counts are missing
    if found.reply_tokens not in REPLY_LENGTHS:
        raise ValueError(f"replies of {found.reply_tokens} tokens")
    return found._replace(
        guessed_ids=tuple(found.guessed_ids),
        learnt_ids=tuple(found.learnt_ids),
        auc=found.auc and Interval(*found.auc),
        auc_guessed=found.auc_guessed and Interval(*found.auc_guessed),
    )


def _effect(stored: dict[str, Any] | None, under: Callable[[str], dict[Any, Tensor]]) -> SteeringEffect | None:
    if stored is None:
        return None
    gains, recommended = tuple(stored["gains"]), stored["recommended"]
    rise = under("effect.rise.")
    if recommended and not (0 <= recommended[0] < len(rise["harmful"]) and recommended[1] in gains):
        raise ValueError(f"it recommends layer {recommended[0]} at gain {recommended[1]}")
    return SteeringEffect(
        **{"unsteered_refusals": {}}
        | stored
        | {"gains": gains, "recommended": recommended and Recommendation(*recommended)},
        score=under("effect.score."),
        rise=rise,
        refusals=under("effect_refusals."),
    )
