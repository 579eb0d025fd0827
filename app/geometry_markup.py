"""What the clouds' numbers say, as sentences made from them. Pure and escaped."""

from collections.abc import Mapping, Sequence
from html import escape

from numpy.typing import NDArray

from .markup import signed
from .results import CloudMean, Measured

PLURAL = {"text": "text", "image": "images", "video": "videos"}
STILL = 0.005
"""A shift of s below which nothing is said to move."""


def story(
    layer: int, numbers: Sequence[Measured], means: Sequence[CloudMean], bands: Mapping[str, NDArray], view: str
) -> str:
    """What re-centering does to each modality at a layer, and what to conclude where plot and numbers disagree.

    bands: 5, 50 and 95 % of s of harmful and harmless text, (layer, 3); view: "axis", "umap" or "pca".
    """
    found = {(number.quantity, number.modality, number.label): number for number in numbers}
    modalities = [modality for quantity, modality, _ in found if quantity == "AUC of s"]
    told = [_of_modality(modality, found, means) for modality in modalities]
    if purity := found.get(("purity", "", "")):
        told.append(_purity(purity, view))
    medians = " and ".join(
        f"{signed(float(bands[label][layer][1]))} for {label}" for label in ("harmless", "harmful")
    )
    told.append(f"s is −1 and +1 at the means of training text; the medians of validation text are {medians} text.")
    told[0] = f"Layer {layer}. {told[0]}"
    return "".join(f'<p class="reading">{escape(one)}</p>' for one in told)


def _of_modality(modality: str, found: Mapping, means: Sequence[CloudMean]) -> str:
    shift = next(mean.after - mean.before for mean in means if mean.modality == modality)
    name, auc = PLURAL[modality], found["AUC of s", modality, ""]
    told = (
        f"Re-centering leaves {name} where they are along the refusal direction"
        if abs(shift) < STILL
        else f"Re-centering moves {name} {abs(shift):.2f} towards {'harmful' if shift > 0 else 'harmless'} text"
    )
    if auc.is_chance:
        told += f"; the refusal direction does not tell harmful from harmless {name} here (AUC of s {auc.after:.2f})"
        probe = found.get(("probe AUC", modality, ""))
        return f"{told}{_elsewhere(probe) if probe else ''}."
    told += f"; along it harmful and harmless {name} are told apart with AUC {auc.after:.2f}"
    above = [found.get(("above", modality, label)) for label in ("harmful", "harmless")]
    if abs(shift) < STILL or None in above:
        return f"{told}."
    (harmful, harmful_after), (harmless, harmless_after) = (
        [f"{100 * share:.0f} %" for share in (one.before, one.after)] for one in above
    )
    return (
        f"{told}, before and after. s is above 0 for {harmful} of harmful and {harmless} of harmless {name} before, "
        f"{harmful_after} and {harmless_after} after: re-centering changes which are taken for harmful, not how well "
        "they are told apart."
    )


def _elsewhere(probe: Measured) -> str:
    """What another direction of text does where the refusal direction does not."""
    return "" if probe.is_chance else f", though another direction of text does (probe AUC {probe.after:.2f})"


def _purity(purity: Measured, view: str) -> str:
    """How far the modalities mix, and what that means for what is seen."""
    before, after = (0.0 if value is None else value for value in (purity.before, purity.after))
    low, high = purity.chance or (0.0, 0.0)
    told = f"The share of neighbours of the same modality goes from {before:.2f} to {after:.2f}"
    told += f" (mixed: {low:.2f} to {high:.2f})"
    if after <= high:
        return f"{told}: the modalities mix."
    seen = {
        "umap": "UMAP is right to draw the clouds apart: only their means along the bias come together",
        "pca": "clouds that overlap in this plane are still apart in the residual stream",
        "axis": "clouds that overlap here, in 2 dimensions, are still apart in the others",
    }[view]
    return f"{told}: {seen}. Conclude from the numbers, not from how close the clouds look."
