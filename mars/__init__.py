"""MARS Lens, the engine: see and steer how refusal travels from text to images and video.

    from mars import Artifact, Prompt, load_model

The rooms, from the ground up: types, refusal, bundled; geometry, verdict; steering, media; model, datasets;
distributed; fitting; artifact; evaluation, analysis; pocket_vl, icon_vl; the command line.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mars.artifact.artifact import Artifact
    from mars.bundled import example
    from mars.media.prompt import Prompt
    from mars.model.lens import Lens
    from mars.model.loading import load_model
    from mars.types import Video

__all__ = ["Artifact", "Lens", "Prompt", "Video", "example", "load_model"]

_HOMES = {
    "Artifact": "mars.artifact.artifact",
    "Lens": "mars.model.lens",
    "Prompt": "mars.media.prompt",
    "Video": "mars.types",
    "example": "mars.bundled",
    "load_model": "mars.model.loading",
}


def __getattr__(name: str) -> Any:
    """What __all__ names, imported when it is first asked for: a part of the engine does not wait for all of it."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
