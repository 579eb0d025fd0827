"""The only door from the page to the engine."""

from app.workbench.bench import Workbench
from app.workbench.evaluating import MAX_PER_CELL, STRATEGIES, USUAL, Plan
from app.workbench.fitting import FitPlan
from app.workbench.opening import presets
from app.workbench.pictures import VIEWS
from app.workbench.prompts import MAX_GAIN, MAX_NEW_TOKENS
from mars.media.decode import modality_of

__all__ = [
    "MAX_GAIN",
    "MAX_NEW_TOKENS",
    "MAX_PER_CELL",
    "STRATEGIES",
    "USUAL",
    "VIEWS",
    "FitPlan",
    "Plan",
    "Workbench",
    "modality_of",
    "presets",
]
