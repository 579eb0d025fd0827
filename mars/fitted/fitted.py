"""The result of a fit: refusal direction, re-centering, trust region and layer choice of one model."""

import hashlib
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import torch
from safetensors.torch import save as to_bytes
from torch import Tensor

from mars.datasets.contrast import NOT_HELD_OUT
from mars.fitted.calibration import DEFAULT_REPLY_TOKENS, Calibration, without_refusal
from mars.fitted.effect import SteeringEffect
from mars.geometry.layer_selection import LayerScores
from mars.geometry.outlyingness import FEWEST_POINTS, outlyingness
from mars.geometry.projection import refusal_coordinate
from mars.geometry.recentering import recenter
from mars.geometry.rounding import rounding_warning
from mars.media.thumbnails import packed
from mars.types import Geometry, Label, Modality

STEERING = ("mean_harmful", "mean_harmless", "radius", "margin", "amplification", "permuted", "bias")
"""The tensors that an edit depends on, by the name under which they are stored, up to the first dot."""

ChosenBy = Literal["scores", "effect"]
"""What chooses layer and gain: the paper's scores of text, or the effect of steering on validation text."""


class ArtifactError(ValueError):
    """An artifact that cannot be used; the message says what differs and what to do."""


def in_half(values: Tensor) -> Tensor:
    """Activations in half precision, or as they are where one is beyond its range, as some models' are."""
    half = values.half()
    return half if half.isfinite().all() else values


class Cloud(NamedTuple):
    """Held-out inputs of one modality and label, for the layouts; no direction or bias is fitted on them."""

    modality: Modality
    label: Literal["harmful", "harmless", "neutral"]
    values: Tensor
    """(point, layer, d_model), as `in_half` keeps them."""
    titles: tuple[str, ...]
    """A short line on each point."""
    thumbnails: tuple[bytes, ...] = ()
    """Image of each point (`mars.media.thumbnails`), in order, empty bytes for text; empty where none is stored."""

    @property
    def name(self) -> str:
        return f"{self.modality}.{self.label}"


@dataclass(frozen=True)
class Fitted:
    """Everything fitted on one model."""

    mean_harmful: Tensor
    """mu+: (layer, d_model), float32."""
    mean_harmless: Tensor
    """mu-: (layer, d_model), float32."""
    bias: dict[Modality, Tensor]
    """b = neutral mean - mu-, by modality that is not text: (layer, d_model)."""
    radius: Tensor
    """rho, the trust region: (layer,)."""
    harmless_q99: Tensor
    """0.99 quantile of sigma over harmless training text: (layer,)."""
    amplification: dict[Modality, Tensor]
    """Factor by which sigma is multiplied at gain 1, by modality, 1 for text: (layer,)."""
    permuted: Tensor
    """Unit direction from randomly permuted labels, a control: (layer, d_model), float32."""
    scores: LayerScores
    """The three text-only scores, and the layer they choose."""
    bands: dict[Label, Tensor]
    """5, 50 and 95 % quantiles of s over validation text: (layer, 3)."""
    refusal_ids: list[int]
    """First tokens of refusals, by the model's tokenizer."""
    clouds: tuple[Cloud, ...] = ()
    """Held-out inputs for the layouts."""
    bias_along: dict[Modality, Tensor] = field(default_factory=dict)
    """Bias along the refusal direction in units of s, and its 95 % bootstrap interval: (layer, 3)."""
    umap: Tensor | None = None
    """UMAP of all clouds, in their order: (layer, before | after, point, 2)."""
    calibration: Calibration | None = None
    """How the model answers text, and whether its first token tells; None in artifacts of schema 3."""
    effect: SteeringEffect | None = None
    """What steering does to text by layer and gain; None where it was not measured."""
    provenance: dict[str, Any] = field(default_factory=dict)
    """Model, revision, template hash, dtype, hashes of the sets, seed, counts and versions."""

    def __repr__(self) -> str:
        """One line: the tensors would fill screens."""
        model, modalities = self.provenance.get("model"), ", ".join(self.amplification)
        chosen = f"layer {self.layer} of 0 to {self.n_layers - 1}"
        return f"<{type(self).__name__} of {model!r}: {chosen}, for {modalities}>"

    @property
    def layer(self) -> int:
        """The layer that the text-only scores chose."""
        return self.scores.layer

    @property
    def notes(self) -> tuple[str, ...]:
        """What is to be said beside results of this artifact, in sentences."""
        if self.calibration is None:
            return (
                "This artifact was fitted by an older version: it lacks the calibration of the first-token score, "
                "the rates of refusal, the effect of steering by layer, and clouds of a third split. Fit it again "
                "to have them.",
            )
        notes = (
            without_refusal(self.calibration.verdicts),
            self.calibration.warning,
            self.advice,
            self.rounding_note,
            self.held_out_note,
        )
        return tuple(filter(None, notes))

    @property
    def held_out_note(self) -> str:
        """What is not held out of clouds and numbers, in a sentence; empty after a fit on a set with a test split."""
        return "" if self.provenance.get("counts", {}).get("harmful.test") else NOT_HELD_OUT

    @property
    def rounding_note(self) -> str:
        """At which layers the refusal coordinate cannot be read for rounding, in sentences; empty where at none."""
        dtype = getattr(torch, str(self.provenance.get("dtype")).removeprefix("torch."), torch.float32)
        return rounding_warning(self.mean_harmful, self.mean_harmless, dtype)

    @property
    def advice(self) -> str:
        """Which layer and gain the text-only scores and the effect on text choose; empty where none was measured."""
        return "" if self.effect is None else self.effect.told(self.layer)

    @property
    def reply_tokens(self) -> int:
        """Length at which replies are judged: measured at the fit, or the usual one."""
        return self.calibration.reply_tokens if self.calibration else DEFAULT_REPLY_TOKENS

    def choice(self, by: ChosenBy = "scores") -> tuple[int, float]:
        """Layer and gain: of the text-only scores, at gain 1, or those that the effect on text recommends.

        Raises ArtifactError where nothing is recommended.
        """
        if by == "scores":
            return self.layer, 1.0
        if self.effect is None:
            raise ArtifactError("The effect of steering was not measured at the fit. Fit again, or name a layer.")
        if self.effect.recommended is None:
            raise ArtifactError(f"Nothing can be chosen by effect. {self.advice}")
        return self.effect.recommended.layer, self.effect.recommended.gain

    @property
    def n_layers(self) -> int:
        return self.mean_harmful.shape[0]

    @property
    def thumbnails(self) -> tuple[bytes, ...]:
        """The thumbnail of every point of all clouds, in order; empty bytes where there is none."""
        return tuple(one for cloud in self.clouds for one in cloud.thumbnails or (b"",) * len(cloud.values))

    @property
    def tensors(self) -> dict[str, Tensor]:
        """All tensors by the name under which they are stored, contiguous."""
        tensors = {
            "mean_harmful": self.mean_harmful,
            "mean_harmless": self.mean_harmless,
            "radius": self.radius,
            "margin": self.harmless_q99,
            "permuted": self.permuted,
            **{f"scores.{name}": getattr(self.scores, name) for name in self.scores._fields},
            **{f"bias.{modality}": bias for modality, bias in self.bias.items()},
            **{f"amplification.{modality}": times for modality, times in self.amplification.items()},
            **{f"bias_along.{modality}": along for modality, along in self.bias_along.items()},
            **{f"bands.{label}": band for label, band in self.bands.items()},
            **{f"clouds.{cloud.name}": cloud.values for cloud in self.clouds},
        }
        if self.effect is not None:
            tensors |= {f"effect.score.{label}": change for label, change in self.effect.score.items()}
            tensors |= {f"effect.rise.{label}": change for label, change in self.effect.rise.items()}
            tensors |= {f"effect_refusals.{label}": share for label, share in self.effect.refusals.items()}
        for cloud in self.clouds:
            if any(cloud.thumbnails):
                content, lengths = packed(cloud.thumbnails)
                tensors |= {f"thumbnails.{cloud.name}": content, f"thumbnail_lengths.{cloud.name}": lengths}
        if self.umap is not None:
            tensors["umap"] = self.umap
        return {name: tensor.contiguous() for name, tensor in tensors.items()}

    @property
    def hash(self) -> str:
        """SHA-256 of the tensors that an edit depends on (STEERING)."""
        steering = {name: tensor for name, tensor in self.tensors.items() if name.split(".")[0] in STEERING}
        return hashlib.sha256(to_bytes(steering)).hexdigest()

    def bias_of(self, modality: Modality) -> Tensor:
        """Bias of a modality at every layer, zeros for text: (layer, d_model). Raises ArtifactError if not fitted."""
        if modality == "text":
            return torch.zeros_like(self.mean_harmless)
        if modality not in self.bias:
            raise ArtifactError(
                f"This artifact has no neutral mean for {modality}; it was fitted for text"
                f"{''.join(' and ' + name for name in self.bias)}. Fit it again on a model that reads {modality}."
            )
        return self.bias[modality]

    def geometry(self, layer: int, modality: Modality) -> Geometry:
        """What steering at one layer needs for inputs of one modality. Raises ArtifactError if it was not fitted."""
        return Geometry(
            self.mean_harmful[layer],
            self.mean_harmless[layer],
            self.bias_of(modality)[layer],
            float(self.radius[layer]),
            float(self.harmless_q99[layer]),
            float(self.amplification[modality][layer]),
        )

    def coordinates(self, values: Tensor, modality: Modality, recentered: bool) -> Tensor:
        """Refusal coordinate s at every layer, dimensionless: (prompt, layer, d_model) -> (prompt, layer).

        Raises ArtifactError if the modality was not fitted.
        """
        values = values.float()
        if recentered:
            values = recenter(values, self.bias_of(modality))
        return refusal_coordinate(values, self.mean_harmful, self.mean_harmless)

    def outlyingness(self, values: Tensor, modality: Modality, layer: int | None = None) -> Tensor | None:
        """How far prompts lie from the clouds of their modality, as the share of held-out prompts that lie less far.

        values: the residual stream at the last prompt position, (prompt, layer, d_model) -> (prompt,), 0 to 1; None
        where the artifact holds too few points of the modality. Read at `layers_around` the layer, by default the
        chosen one.
        """
        clouds = [cloud.values for cloud in self.clouds if cloud.modality == modality]
        if sum(map(len, clouds)) < FEWEST_POINTS:
            return None
        at = self.layers_around(layer)
        return outlyingness(values[:, at].float(), torch.cat(clouds)[:, at].float())

    def layers_around(self, layer: int | None = None) -> list[int]:
        """A layer, by default the chosen one, and the layers beside it."""
        middle = self.layer if layer is None else layer
        return list(range(max(0, middle - 1), min(self.n_layers, middle + 2)))

    def stacked_clouds(self, layer: int, recentered: bool) -> Tensor:
        """All clouds at one layer, in order: (point, d_model), float32."""
        parts = []
        for cloud in self.clouds:
            values = cloud.values[:, layer].float()
            parts.append(recenter(values, self.bias_of(cloud.modality)[layer]) if recentered else values)
        return torch.cat(parts)
