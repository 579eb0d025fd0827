"""The only door from the page to the engine."""

from mars.bundled import EXAMPLES
from mars.media.decode import modality_of

from .bench import Workbench
from .cards import presets
from .evaluating import MAX_PER_CELL, STRATEGIES, USUAL
from .pictures import VIEWS
from .prompts import MAX_GAIN, MAX_NEW_TOKENS, Upload, read_upload
from .session import LiveSession

__all__ = [
    "EXAMPLES",
    "MAX_GAIN",
    "MAX_NEW_TOKENS",
    "MAX_PER_CELL",
    "STRATEGIES",
    "USUAL",
    "VIEWS",
    "LiveSession",
    "Upload",
    "Workbench",
    "modality_of",
    "presets",
    "read_upload",
]
