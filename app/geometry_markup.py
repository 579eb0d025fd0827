"""What the clouds' numbers say, as sentences made from them. Pure and escaped."""

from collections.abc import Mapping, Sequence
from html import escape

from numpy.typing import NDArray

from .markup import signed
from .results import CloudMean, Measured

PLURAL = {"text": "text", "image": "images", "video": "videos"}
ALIKE = 0.02
"""AUCs that differ by no more are told as equal."""
STILL = 0.005
"""A shift of s below which nothing is said to move."""


def story(
    layer: int, numbers: Sequence[Measured], means: Sequence[CloudMean], bands: Mapping[str, NDArray], view: str
) -> str:
    """What re-centering does to each modality at a layer, and what to conclude where plot and numbers disagree.

    bands: 5, 50 and 95 % of s of harmful and harmless text, (layer, 3); view: "axis", "umap" or "pca".
    """
    found = {(number.quantity, number.modality): number for number in numbers}
    modalities = [modality for quantity, modality in found if quantity == "AUC"]
    told = [_of_modality(modality, found, means) for modality in modalities]
    if purity := found.get(("purity", "")):
        told.append(_purity(purity, view))
    medians = " and ".join(
        f"{signed(float(bands[label][layer][1]))} for {label}" for label in ("harmless", "harmful")
    )
    told.append(f"s is −1 and +1 at the means of training text; the medians of validation text are {medians} text.")
    told[0] = f"Layer {layer}. {told[0]}"
    return "".join(f'<p class="reading">{escape(one)}</p>' for one in told)


def _of_modality(modality: str, found: Mapping, means: Sequence[CloudMean]) -> str:
    shift = next(mean.after - mean.before for mean in means if mean.modality == modality)
    name, auc = PLURAL[modality], found["AUC", modality]
    told = (
        f"Re-centering leaves {name} where they are along the refusal direction"
        if abs(shift) < STILL
        else f"Re-centering moves {name} {abs(shift):.2f} towards {'harmful' if shift > 0 else 'harmless'} text"
    )
    if auc.is_chance:
        return (
            f"{told}; what separates harmful from harmless text does not separate {name} here (AUC {auc.after:.2f})."
        )
    if auc.before is None or abs(auc.after - auc.before) > ALIKE:
        return f"{told}; harmful and harmless {name} are ranked apart with AUC {auc.after:.2f}."
    detected = f"; harmful and harmless {name} are told apart equally well before and after (AUC {auc.after:.2f})"
    if abs(shift) < STILL:
        return f"{told}{detected}."
    if accuracy := found.get(("accuracy", modality)):
        cuts = f"; text's own threshold sorts {accuracy.before:.0%} of them before and {accuracy.after:.0%} after"
        detected += cuts.replace("%", " %")
    changes = "missed refusals" if shift > 0 else "false refusals"
    return f"{told}{detected}, so it changes where the threshold cuts ({changes}), not detection."


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
