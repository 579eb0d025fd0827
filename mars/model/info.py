"""What an artifact and a report say of a model: known once it was loaded, wherever that was."""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from mars.model.loaded_model import LoadedModel, decoder_layers
from mars.refusal import refusal_token_ids
from mars.types import Modality

FINGERPRINT_LENGTH = 16
FINGERPRINT_TOLERANCE = 0.01
"""How far, relative to their length, fingerprints of the same weights may differ between dtypes."""

Load = Callable[[], LoadedModel]
"""How a model is loaded where it is to run."""


class ModelInfo(NamedTuple):
    """A loaded model in a few words: what is left of it where the model itself is on another machine."""

    name: str
    revision: str | None
    modalities: tuple[Modality, ...]
    n_layers: int
    dtype: str
    weights: list[float]
    """A few weights, as `weights_fingerprint` picks them."""
    visual_weights: list[float]
    """A few weights of what reads images, as `visual_fingerprint` picks them."""
    template_hash: str
    system: str | None
    """The system message that stands in every prompt, where the processor says one."""
    refusal_ids: list[int]
    """First tokens of refusals, by the model's tokenizer."""


def model_info(model: LoadedModel) -> ModelInfo:
    """The facts of a model in memory."""
    return ModelInfo(
        name=model.name,
        revision=model.revision,
        modalities=model.modalities,
        n_layers=model.n_layers,
        dtype=str(model.dtype),
        weights=weights_fingerprint(model.model),
        visual_weights=visual_fingerprint(model.model),
        template_hash=model.template_hash,
        system=getattr(model.processor, "system", None),
        refusal_ids=refusal_token_ids(model.tokenizer),
    )


def weights_fingerprint(model: Any) -> list[float]:
    """A few weights of a transformers model's first and last matrices, by which its artifact knows it: cheap at any
    size."""
    embedding = model.get_input_embeddings().weight
    matrices = [parameter for parameter in decoder_layers(model)[-1].parameters() if parameter.dim() == 2]
    return _first_of_diagonals(embedding, matrices[0], matrices[-1])


def visual_fingerprint(model: Any) -> list[float]:
    """The same of the last matrix outside the language model, which a connector ends with; empty without one."""
    known = [*decoder_layers(model).parameters(), model.get_input_embeddings().weight]
    if (head := model.get_output_embeddings()) is not None:
        known.append(head.weight)
    of_words = {id(parameter) for parameter in known}
    matrices = [one for one in model.parameters() if one.dim() == 2 and id(one) not in of_words]
    return _first_of_diagonals(*matrices[-1:])


def _first_of_diagonals(*matrices: Tensor) -> list[float]:
    return [
        round(value, 6)
        for matrix in matrices
        for value in matrix.detach().diagonal()[:FINGERPRINT_LENGTH].float().cpu().tolist()
    ]


def same_weights(stored: Any, model: Any) -> bool:
    """Whether a stored fingerprint is a transformers model's, but for what rounding to another dtype changes."""
    return _agree(stored, weights_fingerprint(model))


def same_visual_weights(stored: Any, model: Any) -> bool:
    """The same of the visual fingerprint; an artifact that was fitted before there was one agrees with any."""
    return stored is None or _agree(stored, visual_fingerprint(model))


def _agree(stored: Any, now: list[float]) -> bool:
    if not isinstance(stored, list) or len(stored) != len(now):
        return False
    found = torch.tensor(now)
    return bool((torch.tensor(stored) - found).norm() <= FINGERPRINT_TOLERANCE * found.norm())
