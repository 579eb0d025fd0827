"""What a question is answered with: figures, the times behind them, and peers. Each question checks that both sides
agree before it times them."""

from typing import NamedTuple

from benchmarks.timing import Spread, ratios, spread
from mars.media.prompt import Prompt
from mars.model.inputs import encode
from mars.model.loaded_model import LoadedModel

TOLERANCE = 1e-4
"""Greatest difference of scores, logits and activations from the naive path, in float32."""


class Peer(NamedTuple):
    """The same work done otherwise."""

    name: str
    seconds: Spread | None
    """None where it did not run."""
    times_ours: Spread | None
    """Its time divided by ours."""
    error: str | None = None

    @classmethod
    def of(cls, name: str, its: list[float], ours: list[float]) -> "Peer":
        """One that ran, beside ours."""
        return cls(name, spread(its), ratios(its, ours))


class Measured(NamedTuple):
    """The answer to one question."""

    figures: dict[str, Spread]
    """By the name that the figure has in results."""
    seconds: dict[str, Spread]
    """Wall times behind the figures."""
    peers: list[Peer]
    note: str
    """What was run, in a sentence."""


def spreads(times: dict[str, list[float]]) -> dict[str, Spread]:
    return {name: spread(values) for name, values in times.items()}


def described(model: LoadedModel, prompt: Prompt) -> str:
    """How long a prompt is, in a few words."""
    beside = "" if prompt.modality == "text" else f" with {'an image' if prompt.modality == 'image' else 'a video'}"
    return f"{encode(model, [prompt])['input_ids'].shape[1]} prompt tokens{beside}"


def dtype_name(model: LoadedModel) -> str:
    return str(model.dtype).removeprefix("torch.")


def check(holds: bool, otherwise: str) -> None:
    """Raise AssertionError: the time of a wrong result means nothing."""
    if not holds:
        raise AssertionError(f"The benchmark is void: {otherwise}.")
