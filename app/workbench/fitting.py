"""Fitting from the page: a model, on sets of the operator's own where they are named, to an artifact in a folder."""

from mars.artifact.artifact import Artifact
from mars.model.activation_cache import ActivationCache, default_folder
from mars.model.loading import load_model
from mars.pocket_vl.splits import own_clouds

from ..backend import FitPlan
from ..results import RequestError
from .cards import artifact_words
from .examples import examples_of
from .session import LiveSession
from .watching import Report


def fitted(plan: FitPlan, report: Report) -> LiveSession:
    """Load the model, fit it, write the artifact. What was read before is not read again, so a fit that was stopped
    goes on where it was. UMAP is left to the page.

    Raises RequestError, and ValueError for a model or a set that cannot be used.
    """
    source = plan.source.strip()
    if not source:
        raise RequestError("No model is named. Give a model's folder or its hub id.")
    if plan.target.exists():
        raise RequestError(
            f"There is something at {plan.target} already. Load it, or name another folder to fit into."
        )
    report(0, 1, "loading the model")
    model = load_model(source)
    notes: list[str] = []
    artifact = Artifact.fit(
        model,
        plan.contrast.strip() or None,
        neutral=plan.neutral.strip() or None,
        clouds=own_clouds(source),
        cache=ActivationCache(default_folder(), model),
        progress=lambda step, done, total: report(done, total, " ".join([step, *notes])),
        notice=notes.append,
    )
    artifact.save(plan.target)
    return LiveSession.of(
        model,
        artifact,
        artifact_name=artifact_words(plan.target, artifact),
        source=source,
        artifact_folder=str(plan.target),
        examples=examples_of(source),
    )
