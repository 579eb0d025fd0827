"""What an artifact and a report say of a model: known once it was loaded, wherever that was."""

from collections.abc import Callable
from typing import NamedTuple

from mars.artifacts import weights_mark
from mars.judges import refusal_token_ids
from mars.models import LoadedModel
from mars.records import Modality

Load = Callable[[], LoadedModel]
"""How a model is loaded where it is to run."""


class Facts(NamedTuple):
    """A loaded model in a few words: what is left of it where the model itself is on another machine."""

    name: str
    revision: str | None
    modalities: tuple[Modality, ...]
    n_layers: int
    dtype: str
    weights: list[float]
    """A few weights, as `weights_mark` picks them."""
    template_hash: str
    refusal_ids: list[int]
    """First tokens of refusals, by the model's tokenizer."""


def facts_of(model: LoadedModel) -> Facts:
    """The facts of a model in memory."""
    return Facts(
        name=model.name,
        revision=model.revision,
        modalities=model.modalities,
        n_layers=model.n_layers,
        dtype=str(model.dtype),
        weights=weights_mark(model),
        template_hash=model.template_hash,
        refusal_ids=refusal_token_ids(model.tokenizer),
    )
