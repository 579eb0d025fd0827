"""What the charts of `plots` show, straight from a model and an artifact in memory: no session, no lock, no page."""

from mars.artifact.artifact import Artifact
from mars.media.prompt import Prompt
from mars.model.capture import capture
from mars.model.lens import Lens

from ..results import Curves, GainMap, Picture, RequestError, Scores, TokenMap, VerdictMap
from . import scores as of_scores
from . import sweeping, tokens
from .pictures import Pictures

__all__ = ["Artifact", "Lens", "Prompt", "curves", "gain_map", "picture", "scores", "token_map", "verdict_map"]


def curves(lens: Lens, artifact: Artifact, prompt: Prompt) -> Curves:
    values = capture(lens, [prompt]).values
    before, after = (artifact.coordinates(values, prompt.modality, moved)[0].numpy() for moved in (False, True))
    return Curves(before, after, prompt.modality)


def scores(artifact: Artifact) -> Scores:
    return of_scores.told(artifact.scores, artifact.effect)


def gain_map(lens: Lens, artifact: Artifact, prompt: Prompt) -> GainMap:
    return sweeping.gain_map(lens, artifact, prompt, _silent)


def verdict_map(lens: Lens, artifact: Artifact, prompt: Prompt) -> VerdictMap:
    return sweeping.verdict_map(lens, artifact, prompt, _silent)


def token_map(lens: Lens, artifact: Artifact, prompt: Prompt) -> TokenMap:
    return tokens.token_map(lens, artifact, prompt, generation=0)


def picture(artifact: Artifact, layer: int, view: str) -> Picture:
    """Raises RequestError for a view that is not known or not at hand: UMAP is drawn where the artifact holds it."""
    if view == "umap" and artifact.umap is None:
        raise RequestError("This artifact holds no UMAP. Fit it with with_umap=True, or draw another view.")
    return Pictures(artifact, follows=False).draw(view, layer, ())  # a thread may not outlive a script


def _silent(*_: object) -> None:
    """Of a map that is made in one go."""
