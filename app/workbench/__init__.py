"""The only package of the page that imports the engine."""

from mars.media.decode import modality_of

from .bench import Workbench
from .cards import presets
from .evaluating import MAX_PER_CELL, STRATEGIES, USUAL
from .examples import read_examples
from .icon_vl import ICON_VL, POCKET_VL, usual_model, usual_recordings
from .own_set import Draft
from .pictures import VIEWS
from .prompts import MAX_GAIN, MAX_NEW_TOKENS, MEDIA_SUFFIXES, Upload, check_names, read_upload
from .recorded import Recorded, write_recorded
from .recording.session import RecordedSession
from .session import LiveSession

__all__ = [
    "ICON_VL",
    "MAX_GAIN",
    "MAX_NEW_TOKENS",
    "MAX_PER_CELL",
    "MEDIA_SUFFIXES",
    "POCKET_VL",
    "STRATEGIES",
    "USUAL",
    "VIEWS",
    "Draft",
    "LiveSession",
    "Recorded",
    "RecordedSession",
    "Upload",
    "Workbench",
    "check_names",
    "modality_of",
    "presets",
    "read_examples",
    "read_upload",
    "usual_model",
    "usual_recordings",
    "write_recorded",
]
