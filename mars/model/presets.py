"""Models worth trying, by the memory that they take: `presets.json`, which says what its figures come from."""

import json
from pathlib import Path
from typing import NamedTuple, get_args

from mars.model.load_checks import Quantization
from mars.types import Modality

FILE = Path(__file__).with_name("presets.json")
TIERS_GIB = (4, 8, 16, 24, 48, 80, 160)
"""Memory that machines and GPUs commonly have."""
WEIGHTS_SHARE = 0.8
"""Largest part of the memory that weights may take: prompts, activations and the cache need the rest."""


class Preset(NamedTuple):
    """One model."""

    id: str
    """Hub id, or the name of one that comes with the package."""
    parameters: int
    """As transformers loads it."""
    bf16_gib: float
    """Memory of the weights in bfloat16, in GiB."""
    four_bit_gib: float
    """Memory of the weights quantized to 4 bits, in GiB."""
    modalities: tuple[Modality, ...]

    def gib(self, quantization: Quantization | None = None) -> float:
        """Memory of the weights, in GiB."""
        return self.bf16_gib if quantization is None else self.four_bit_gib

    def tier(self, quantization: Quantization | None = None) -> int | None:
        """The smallest of TIERS_GIB that holds the model with room to run; None where none does."""
        return next((tier for tier in TIERS_GIB if self.gib(quantization) <= WEIGHTS_SHARE * tier), None)


def read_presets() -> list[Preset]:
    """All presets, from the smallest model to the largest."""
    rows = json.loads(FILE.read_text(encoding="utf-8"))["models"]
    return [
        Preset(row["id"], row["parameters"], row["bf16_gib"], row["4bit_gib"], tuple(row["modalities"]))
        for row in rows
    ]


def as_table(presets: list[Preset]) -> str:
    """A line a model: the memory it needs with room to run, its weights in both forms, what it reads."""
    (four_bit,) = get_args(Quantization)
    lines = [f"{'model':45} {'bf16':>9} {'in':>7} {'4 bits':>9} {'in':>7}  reads"]
    for preset in presets:
        cells = []
        for quantization in (None, four_bit):
            tier = preset.tier(quantization)
            cells += [f"{preset.gib(quantization):5.1f} GiB", f"{tier} GiB" if tier else "more"]
        lines.append("{:45} {:>9} {:>7} {:>9} {:>7}  ".format(preset.id, *cells) + ", ".join(preset.modalities))
    return "\n".join(lines)
