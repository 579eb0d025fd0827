"""The only door from the page to the engine."""

from app.workbench.bench import MAX_GAIN, MAX_NEW_TOKENS, Workbench
from app.workbench.pictures import VIEWS

__all__ = ["MAX_GAIN", "MAX_NEW_TOKENS", "VIEWS", "Workbench"]
