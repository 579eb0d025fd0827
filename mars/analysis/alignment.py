"""Numbers that can contradict a before/after layout.

Subtracting one mean per modality pulls clouds together by construction, so a layout alone proves nothing. All
numbers are computed on the clouds: requests of the split "test", which neither made the direction nor chose the
layer, other ones in each modality. So the probe is trained on text and tested on images and videos of requests that
it has not read. `Fitted.held_out_note` says where that is not so. Each number stands beside the band of chance, which
is what the same probe gives when the labels of the requests it is tested on are permuted.
"""

from dataclasses import replace
from typing import Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from mars.artifact.artifact import Artifact
from mars.geometry.projection import refusal_coordinate, sampled
from mars.types import Modality

NEIGHBORS = 15
PERMUTATIONS = 200
SEED = 0
CHANCE_BAND = (0.025, 0.975)


class Number(NamedTuple):
    """One number before and after re-centering, with its chance band."""

    name: str
    """Short name."""
    before: float
    after: float
    chance: tuple[float, float] | None
    """Central 95 % of the values under permuted labels; None where chance has no meaning."""
    meaning: str
    """What it tells, in a sentence."""
    better: Literal["higher", "lower"] | None
    """Which way it points where harmful and harmless lie apart; None where it says nothing of that."""
    quantity: Literal["bias", "AUC of s", "above", "probe AUC", "purity"]
    modality: str = ""
    """Which modality it is of; empty where it is of all together."""
    label: str = ""
    """Which inputs of these it is of; empty where it is of all."""


def alignment_numbers(artifact: Artifact, layer: int, seed: int = SEED) -> list[Number]:
    """Numbers on the artifact's clouds at one layer: bias; by modality, how well the refusal
    coordinate and a linear probe of text tell harmful from harmless; purity.

    A number whose clouds the artifact does not hold is left out; of more points than MOST_MEASURED a sample is
    measured (`mars.geometry.projection.sampled`). Deterministic for a seed.
    """
    rng = np.random.default_rng(seed)
    labels, modalities = _names(artifact, "label"), _names(artifact, "modality")
    rows = sampled(len(labels))
    labels, modalities = labels[rows], modalities[rows]
    before, after = (artifact.stacked_clouds(layer, recentered=moved).numpy()[rows] for moved in (False, True))
    numbers = []
    for modality in artifact.bias:
        here = (modalities == modality) & (labels == "neutral")
        if here.any():
            numbers.append(_bias(before[here], after[here], artifact, layer, modality))
    text, asked = modalities == "text", _asked(artifact, "text")
    for modality in artifact.bias:
        here = (modalities == modality) & (labels != "neutral")
        if len(set(labels[here])) == 2 and len(set(labels[text])) == 2:
            shown = f"{modality} inputs of {'the same' if _asked(artifact, modality) & asked else 'other'} requests"
            numbers += _along(before, after, labels, here, artifact, layer, modality, shown, rng)
            numbers.append(_probe(before, after, labels, text, here, modality, shown, rng))
    requests = labels != "neutral"
    if len(set(modalities[requests])) > 1:
        numbers.append(_purity(before[requests], after[requests], modalities[requests], rng))
    return numbers


def without_signal(artifact: Artifact, seed: int = SEED) -> Artifact:
    """The same clouds with the labels "harmful" and "harmless" randomly permuted among the requests of each modality.

    A control: whatever layouts and numbers still show is no signal. Points keep their titles, thumbnails and UMAP
    positions; neutral points stay. Deterministic for a seed.
    """
    rng = np.random.default_rng(seed)
    labels, modalities = _names(artifact, "label"), _names(artifact, "modality")
    order = np.arange(len(labels))
    for modality in dict.fromkeys(modalities):
        here = np.flatnonzero((modalities == modality) & (labels != "neutral"))
        order[here] = rng.permutation(here)
    values = torch.cat([cloud.values for cloud in artifact.clouds])[order]
    titles = [title for cloud in artifact.clouds for title in cloud.titles]
    thumbnails = artifact.thumbnails
    clouds, start = [], 0
    for cloud in artifact.clouds:
        rows = slice(start, start + len(cloud.values))
        start = rows.stop
        kept = {"titles": tuple(titles[row] for row in order[rows]),
                "thumbnails": tuple(thumbnails[row] for row in order[rows])}  # fmt: skip
        clouds.append(cloud._replace(values=values[rows], **kept))
    umap = None if artifact.umap is None else artifact.umap[:, :, order]
    return replace(artifact, clouds=tuple(clouds), umap=umap)


def _names(artifact: Artifact, which: str) -> NDArray:
    """Label or modality of every point of the clouds, in order: (point,)."""
    return np.concatenate([[getattr(cloud, which)] * len(cloud.values) for cloud in artifact.clouds])


def _asked(artifact: Artifact, modality: str) -> set[str]:
    """Titles of the harmful and harmless points of a modality; in clouds that the fit made they are the requests."""
    clouds = (cloud for cloud in artifact.clouds if cloud.modality == modality and cloud.label != "neutral")
    return {title for cloud in clouds for title in cloud.titles} - {""}


def _bias(before: NDArray, after: NDArray, artifact: Artifact, layer: int, modality: str) -> Number:
    """How far meaningless media, others than the bias's, move harmless requests along the refusal direction in s."""
    geometry = artifact.geometry(layer, "text")
    axis = (geometry.direction / (geometry.length / 2)).numpy()

    def along(values: NDArray) -> float:
        return float((values.mean(axis=0) - geometry.mean_harmless.numpy()) @ axis)

    bias = along(before)
    return Number(
        f"bias of {modality} along the refusal direction, in s",
        bias,
        along(after),
        None,
        f"A meaningless {modality} moves a harmless request {abs(bias):.2f} "
        f"{'towards' if bias > 0 else 'away from'} refusal; the text centroids are 2 apart.",
        None,
        "bias",
        modality,
    )


def _along(
    before: NDArray,
    after: NDArray,
    labels: NDArray,
    here: NDArray,
    artifact: Artifact,
    layer: int,
    modality: Modality,
    shown: str,
    rng: np.random.Generator,
) -> list[Number]:
    """How well the refusal coordinate s, along which MARS steers, tells the points of a modality apart.

    here: which points are of it: (point,). shown: what they are, in words.
    """
    means = artifact.mean_harmful[[layer]], artifact.mean_harmless[[layer]]
    truth = labels[here] == "harmful"

    def along(values: NDArray) -> NDArray:
        return refusal_coordinate(torch.from_numpy(values[here])[:, None], *means)[:, 0].numpy()

    old, new = along(before), along(after)
    found = [
        Number(
            f"AUC of s, {modality}",
            _auc(truth, old),
            _auc(truth, new),
            _chance(truth, new, rng),
            f"Whether harmful {shown} lie further along the refusal direction; a shift cannot change it.",
            "higher",
            "AUC of s",
            modality,
        )
    ]
    for label in ("harmful", "harmless"):
        shares = (float(np.mean(values[truth == (label == "harmful")] > 0)) for values in (old, new))
        found.append(
            Number(
                f"{label} {modality} with s above 0",
                *shares,
                None,
                f"Share of {label} {shown} that lie nearer to harmful text; re-centering can change it.",
                None,
                "above",
                modality,
                label,
            )
        )
    return found


def _probe(
    before: NDArray,
    after: NDArray,
    labels: NDArray,
    text: NDArray,
    here: NDArray,
    modality: str,
    shown: str,
    rng: np.random.Generator,
) -> Number:
    """The AUC of a linear probe for harmfulness, trained on text and tested on another modality.

    text, here: which points train and test it: (point,). shown: what those it is tested on are, in words.
    """
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    probe = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto").fit(before[text], labels[text] == "harmful")
    truth = labels[here] == "harmful"
    old, new = (probe.decision_function(values[here]) for values in (before, after))
    return Number(
        f"probe AUC, text to {modality}",
        _auc(truth, old),
        _auc(truth, new),
        _chance(truth, new, rng),
        f"Whether what best separates text, another direction, ranks harmful and harmless {shown} apart.",
        "higher",
        "probe AUC",
        modality,
    )


def _chance(harmful: NDArray, scores: NDArray, rng: np.random.Generator) -> tuple[float, float]:
    """Central 95 % of the AUC under permuted labels."""
    low, high = np.quantile([_auc(rng.permutation(harmful), scores) for _ in range(PERMUTATIONS)], CHANCE_BAND)
    return float(low), float(high)


def _auc(harmful: NDArray, scores: NDArray) -> float:
    """How often a harmful point scores above a harmless one, ties counting half. harmful, scores: (point,)."""
    above = np.sign(scores[harmful][:, None] - scores[~harmful])
    return float((above.mean() + 1) / 2)


def _purity(before: NDArray, after: NDArray, modalities: NDArray, rng) -> Number:
    """Share of the nearest neighbours that are of the same modality."""
    neighbors = min(NEIGHBORS, len(modalities) - 1)

    def nearest(values: NDArray) -> NDArray:
        from sklearn.neighbors import NearestNeighbors

        index = NearestNeighbors(n_neighbors=neighbors).fit(values)
        return index.kneighbors(return_distance=False)

    def purity(near: NDArray, names: NDArray) -> float:
        return float(np.mean(names[near] == names[:, None]))

    near_before, near_after = nearest(before), nearest(after)
    permuted = [purity(near_after, rng.permutation(modalities)) for _ in range(PERMUTATIONS)]
    low, high = np.quantile(permuted, CHANCE_BAND)
    return Number(
        f"modality purity of {neighbors} neighbours",
        purity(near_before, modalities),
        purity(near_after, modalities),
        (float(low), float(high)),
        "How much neighbours share their modality: 1 is apart, the chance band is mixed. "
        "Taking a mean away may lower it, signal or none.",
        None,
        "purity",
    )


def trustworthiness(values: NDArray, layout: NDArray) -> float:
    """How far neighbours in a layout are neighbours in the residual stream, 0 to 1 (scikit-learn).

    values: (point, d_model), layout: (point, 2). Of more points than MOST_MEASURED a sample is measured: neighbours
    are then those within it.
    """
    from sklearn.manifold import trustworthiness as measure

    rows = sampled(len(values))
    values, layout = values[rows], layout[rows]
    return float(measure(values, layout, n_neighbors=min(NEIGHBORS, (len(values) - 1) // 2)))
