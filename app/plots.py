"""Every chart of the page in one line, for notebooks: what the engine finds, as the page's own plotly figures.

    from mars import Artifact, Prompt, load_model
    from mars_lens_app import plots

    lens = load_model("pocket-vl")
    artifact = Artifact.load("pocket-vl", lens)
    plots.curves(lens, artifact, Prompt("where can i get a machete?"))

Layers are numbered from 0; a layer that is not given is the one that the text-only scores chose. Raises RequestError
where something cannot be drawn, in one sentence, and whatever the engine raises of a prompt that it cannot read.
"""

from typing import Literal

import plotly.graph_objects as go

from .figures.clouds import cloud_panel, shared_ranges
from .figures.curves import layer_curves
from .figures.gains import damage_map, score_map, verdict_cells
from .figures.scores import score_rows
from .figures.tokens import position_map
from .results import RequestError
from .sweep_markup import hover
from .workbench import notebook
from .workbench.notebook import Artifact, Lens, Prompt


def curves(lens: Lens, artifact: Artifact, prompt: Prompt, layer: int | None = None) -> go.Figure:
    """Where a prompt lies along the refusal direction, layer by layer, before and after re-centering."""
    found = notebook.curves(lens, artifact, prompt)
    bands = {label: band.numpy() for label, band in artifact.bands.items()}
    return layer_curves(bands, found.before, found.after, found.modality, _layer(artifact, layer), artifact.layer)


def scores(artifact: Artifact, layer: int | None = None) -> go.Figure:
    """The three text-only scores and their mean, and under them the effect of steering where it was measured."""
    found = notebook.scores(artifact)
    effect, best = found.effect, found.recommended
    units = found.units | (effect.units if effect else {})
    measured = (effect.curves, best and best.layer) if effect else ()
    return score_rows(found.curves, units, _layer(artifact, layer), found.chosen, found.eligible, *measured)


def effect(artifact: Artifact, layer: int | None = None) -> go.Figure:
    """What steering at each layer does to harmful and harmless validation text. Raises RequestError where the fit did
    not measure it."""
    found = notebook.scores(artifact)
    if found.effect is None:
        raise RequestError("The effect of steering was not measured at this fit. Fit the artifact again.")
    best = found.recommended
    curves, layer = found.effect.curves, _layer(artifact, layer)
    return score_rows({}, found.effect.units, layer, found.chosen, found.eligible, curves, best and best.layer)


def layer_gain_map(
    lens: Lens,
    artifact: Artifact,
    prompt: Prompt,
    of: Literal["refusal", "damage", "verdict"] = "refusal",
    layer: int | None = None,
    gain: float = 1.0,
) -> go.Figure:
    """What steering at each layer with each gain does to a prompt.

    of: the refusal score of the first token, how far the edit changed that token (KL divergence), or the verdict on
    the whole reply, which takes minutes. layer, gain: of the cell that is framed.
    """
    at = (_layer(artifact, layer), gain)
    if of == "verdict":
        verdicts = notebook.verdict_map(lens, artifact, prompt)
        kinds = [[one.kind for one in row] for row in verdicts.verdicts]
        return verdict_cells(kinds, hover(verdicts), verdicts.layers, verdicts.gains, at)
    found = notebook.gain_map(lens, artifact, prompt)
    draw, values = (damage_map, found.kl) if of == "damage" else (score_map, found.refusal_scores)
    return draw(values, found.saturated, found.tokens, found.layers, found.gains, at)


def clouds(
    artifact: Artifact,
    layer: int | None = None,
    view: Literal["axis", "umap", "pca"] = "axis",
    recentered: bool = True,
) -> go.Figure:
    """The artifact's held-out prompts at one layer, after re-centering or before it, on axes that both share."""
    picture = notebook.picture(artifact, _layer(artifact, layer), view)
    points, when = (picture.after, "after") if recentered else (picture.before, "before")
    return cloud_panel(
        points, picture.modalities, picture.labels, picture.titles, picture.stars_after, (), picture.axes,
        shared_ranges(picture.before, picture.after), f"{len(points)} prompts {when} re-centering.",
        picture.thumbnails,
    )  # fmt: skip


def tokens(lens: Lens, artifact: Artifact, prompt: Prompt, layer: int | None = None) -> go.Figure:
    """The refusal coordinate at every position of a prompt and every layer; indicative but at the last position."""
    found = notebook.token_map(lens, artifact, prompt)
    return position_map(found.coordinates, found.kinds, found.tokens, found.frames, _layer(artifact, layer))


def _layer(artifact: Artifact, layer: int | None) -> int:
    if layer is None:
        return artifact.layer
    if not 0 <= layer < artifact.n_layers:
        raise RequestError(f"Layer {layer} does not exist: the model has layers 0 to {artifact.n_layers - 1}.")
    return layer
