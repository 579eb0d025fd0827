"""Fitting from the page: a model, on sets of the operator's own where they are named, to an artifact in a folder."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from app.results import RequestError
from app.workbench.opening import Opened, artifact_words
from app.workbench.watching import Report
from mars.artifact.artifact import Artifact
from mars.model.activation_cache import ActivationCache, default_folder
from mars.model.loading import load_model
from mars.pocket_vl.splits import own_clouds

FITTED = Path("out") / "artifacts"
"""Where artifacts of hub models go, below the folder the page was started from."""


@dataclass(frozen=True)
class FitPlan:
    """What an operator asked to fit, as it came from the browser."""

    source: str
    """Folder or hub id of the model."""
    folder: str = ""
    """Of the artifact; by default `artifact` in the model's folder, or one of its name below FITTED."""
    contrast: str = ""
    """File of a contrast set; by default the model's own, else the bundled one."""
    neutral: str = ""
    """Folder of meaningless pictures and clips; by default random colours."""

    @property
    def target(self) -> Path:
        """Folder that the artifact is written to."""
        if self.folder.strip():
            return Path(self.folder.strip())
        source = self.source.strip()
        return Path(source) / "artifact" if Path(source).is_dir() else FITTED / source.rsplit("/", 1)[-1].lower()


def fitted(plan: FitPlan, report: Report) -> Opened:
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
    artifact = Artifact.fit(
        model,
        plan.contrast.strip() or None,
        neutral=plan.neutral.strip() or None,
        clouds=own_clouds(source),
        cache=ActivationCache(default_folder(), model),
        progress=partial(_by_step, report),
    )
    artifact.save(plan.target)
    return Opened(model, artifact, artifact_words(plan.target, model, artifact), plan.target, source)


def _by_step(report: Report, step: str, done: int, total: int) -> None:
    report(done, total, step)
