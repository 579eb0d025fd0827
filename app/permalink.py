"""A link that carries the configuration of the page, and no prompt and no medium: what it says is checked again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from .results import Example

TABS = ("compare", "geometry", "layers", "tokens", "evaluate")


@dataclass(frozen=True)
class Configuration:
    """What a link may say; None where it says nothing, or nothing that makes sense."""

    layer: int | None = None
    gain: float | None = None
    length: int | None = None
    example: int | None = None
    """Number of one of the gallery, which a link names by its title."""
    tab: str | None = None
    missing: str = ""
    """What the link names and is not here, in sentences."""


def link(model: str, layer: int, gain: float, length: int, example: Example | None, tab: str = TABS[0]) -> str:
    """The query of a link to this configuration; a prompt of the gallery is named, any other is left out."""
    told = {"model": model, "layer": str(layer), "gain": f"{gain:g}", "length": str(length), "tab": tab}
    if example is not None:
        told["example"] = example.title
    return "?" + urlencode(told)


def read(
    query: Mapping[str, str],
    model: str,
    n_layers: int,
    max_gain: float,
    lengths: tuple[int, int],
    examples: Sequence[Example],
) -> Configuration:
    """What a link says; anyone can write one, so whatever is out of bounds counts as not said.

    model: the one that answers here.
    """
    layer = _number(query.get("layer"), 0, n_layers - 1)
    length = _number(query.get("length"), *lengths)
    titles = [example.title for example in examples]
    title, tab = query.get("example"), query.get("tab")
    missing = []
    if (meant := query.get("model", model)) != model:
        missing.append(f"This link was made with {meant[:60]}, and {model} answers here: its layers are others.")
    if title is not None and title not in titles:
        missing.append(f"The example “{title[:60]}” that this link names is not in this gallery.")
    return Configuration(
        layer=None if layer is None else int(layer),
        gain=_number(query.get("gain"), 0, max_gain),
        length=None if length is None else int(length),
        example=titles.index(title) if title in titles else None,
        tab=tab if tab in TABS else None,
        missing=" ".join(missing),
    )


def _number(value: str | None, low: float, high: float) -> float | None:
    try:
        number = float(value or "")
    except ValueError:
        return None
    return number if low <= number <= high else None
