"""What a part of a fit adds to it. The whole, with its memory, is measured in `memory`."""

from benchmarks.measured import Measured, spreads
from benchmarks.timing import Spread, ratios, take_turns
from mars.datasets.contrast import ContrastSet
from mars.fitting.fit import fit
from mars.model.loaded_model import LoadedModel


def effect_in_fit(model: LoadedModel, contrast: ContrastSet, repetitions: int) -> Measured:
    """What the effect of steering by layer and gain adds to a fit."""
    rivals = {
        "fit with effect": lambda: fit(model, contrast, effect="scores"),
        "fit": lambda: fit(model, contrast, effect="none"),
    }
    times = take_turns(rivals, repetitions)
    ratio = ratios(times["fit with effect"], times["fit"])
    return Measured(
        {"fit.effect": Spread(*(part - 1 for part in ratio))},
        spreads(times),
        [],
        f"A fit of {model.name} on {len(contrast.requests)} requests, without UMAP.",
    )
