"""The interface to a fitted model: fit, store, load, and steer with what was fitted."""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from mars.artifact import storage
from mars.bundled import ARTIFACT, MODELS, OWN_CONTRAST, REQUESTS
from mars.datasets.contrast import ContrastSet, read_contrast
from mars.distributed.executor import Cluster
from mars.fitted.fitted import ArtifactError, ChosenBy, Fitted
from mars.fitting.fit import fit, fit_on
from mars.media.neutral import NeutralMedia, read_neutral
from mars.model.hooks import InterventionLog
from mars.model.info import Load, same_weights
from mars.model.intervention import steering_generate
from mars.model.loaded_model import LoadedModel, decoder_layers
from mars.steering import STRATEGIES, Intervention, Steering
from mars.types import Modality


def contrast_of(folder: str | Path | None) -> Path:
    """The contrast set for a model: the file in its own folder where it has one, else the bundled one."""
    own = Path(folder or "") / OWN_CONTRAST
    return own if folder is not None and own.is_file() else REQUESTS


class Artifact(Fitted):
    """All that the engine learned about refusal in one model, and what can be done with it."""

    @classmethod
    def fit(
        cls,
        model: LoadedModel,
        contrast: ContrastSet | str | Path | None = None,
        *,
        neutral: NeutralMedia | str | Path | None = None,
        **options: Any,
    ) -> "Artifact":
        """Fit direction, re-centering, trust region and layer choice on text and neutral media alone.

        contrast: a set or its file; by default the model's own where its folder holds one, else the bundled one.
        neutral: images and videos that mean nothing, or their folder; by default random colours.
        options: `clouds`, `cache`, `with_umap`, `batch_size` and `progress` of `mars.fitting.fit.fit`, which says
        what is raised; bad files raise ContrastError or MediaError.
        """
        contrast = _contrast(contrast or contrast_of(model.folder))
        return cls.of(fit(model, contrast, neutral=_neutral(neutral), **options))

    @classmethod
    def fit_on(
        cls,
        cluster: Cluster,
        load: Load,
        contrast: ContrastSet | str | Path,
        *,
        neutral: NeutralMedia | str | Path | None = None,
        **options: Any,
    ) -> "Artifact":
        """As `fit`, by the workers of a cluster: `mars.fitting.fit.fit_on`."""
        return cls.of(fit_on(cluster, load, _contrast(contrast), neutral=_neutral(neutral), **options))

    @classmethod
    def of(cls, fitted: Fitted) -> "Artifact":
        """What was fitted, as an artifact."""
        return cls(**vars(fitted))

    @classmethod
    def read(cls, folder: str | Path) -> "Artifact":
        """Read an artifact whose model is not here yet; nothing steers by it before `check`. Raises ArtifactError."""
        bundled = MODELS.get(str(folder))
        return cls.of(storage.read(bundled / ARTIFACT if bundled else folder))

    @classmethod
    def load(cls, folder: str | Path, model: LoadedModel) -> "Artifact":
        """Read an artifact that was fitted on this model, from a folder or by a bundled model's name.

        Raises ArtifactError where it is missing, damaged, of another model, or points away from refusal.
        """
        artifact = cls.read(folder)
        artifact.check(model)
        return artifact

    def check(self, model: LoadedModel) -> None:
        """Raise ArtifactError where this was not fitted on the model, or points away from its refusal."""
        storage.check(self, model)

    def save(self, folder: str | Path) -> None:
        """Write it into a folder; one that is there stays as it is until the new one is complete."""
        storage.save(self, folder)

    def mars(self, gain: float | None = None, *, layer: int | None = None, by: ChosenBy = "scores") -> Intervention:
        """MARS for every modality fitted: what `lens.generate` takes as steering.

        Layer and gain, where not given, are those of the text-only scores at gain 1, or by "effect" those that the
        effect on validation text recommends. Raises ValueError for a gain that is negative or not finite,
        ArtifactError for a layer that does not exist and where nothing is recommended.
        """
        if layer is None or gain is None:
            chosen = self.choice(by)
            layer, gain = chosen[0] if layer is None else layer, chosen[1] if gain is None else gain
        layer = self._layer(layer)
        strategies = {name: self._strategy("mars", layer, name, gain) for name in self.amplification}
        return Intervention(layer, strategies, self.provenance.get("weights"))

    def apply(
        self, model: Any, *, modality: Modality, gain: float = 1.0, layer: int | None = None, strategy: str = "mars"
    ) -> AbstractContextManager[InterventionLog]:
        """Steer a plain transformers model inside its own `generate`: a context that yields a log.

        model: the one in memory (`lens.model`); modality: of the prompts in the batch. Works with greedy search,
        sampling, beams, left-padded batches, any KV cache, chunked prefill, streamers, device_map and quantization.
        Raises ArtifactError for another model, modality or layer, ValueError for a gain that is negative or not
        finite and for an unknown strategy, and as `mars.model.intervention.steering_generate`.
        """
        model = model.model if isinstance(model, LoadedModel) else model
        if len(decoder_layers(model)) != self.n_layers or not same_weights(self.provenance.get("weights"), model):
            raise ArtifactError(
                f"The artifact was fitted on {self.provenance.get('model')}, and this model has other weights. Fit "
                "one for it: Artifact.fit(load_model(...))."
            )
        layer = self._layer(layer)
        return steering_generate(model, layer, self._strategy(strategy, layer, modality, gain))

    def _layer(self, layer: int | None) -> int:
        if layer is None:
            return self.layer
        if not 0 <= layer < self.n_layers:
            raise ArtifactError(f"Layer {layer} does not exist: the model has layers 0 to {self.n_layers - 1}.")
        return layer

    def _strategy(self, name: str, layer: int, modality: Modality, gain: float) -> Steering:
        if name not in STRATEGIES:
            raise ValueError(f"Unknown strategy {name!r}. Known are: {', '.join(STRATEGIES)}.")
        return STRATEGIES[name](self.geometry(layer, modality), gain)


def _contrast(given: ContrastSet | str | Path) -> ContrastSet:
    return given if isinstance(given, ContrastSet) else read_contrast(given)


def _neutral(given: NeutralMedia | str | Path | None) -> NeutralMedia | None:
    return read_neutral(given) if isinstance(given, str | Path) else given
