"""Files that come with the package, found from anywhere: models, contrast sets, ordinary questions, examples."""

import os
from pathlib import Path

ASSETS_AT = "MARS_LENS_ASSETS"
"""Environment variable with the folder of these files, where the code alone has travelled."""
_INSTALLED = Path(__file__).parent / "assets"
_BESIDE = Path(os.environ.get(ASSETS_AT) or Path(__file__).parent.parent / "assets")
ASSETS = _INSTALLED if _INSTALLED.is_dir() else _BESIDE
"""In the package where it was installed, beside it in a checkout."""


def cache_folder() -> Path:
    """Where what can be made or fetched again is kept: in the user's cache folder."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mars-lens"


MODELS = {"pocket-vl": ASSETS / "pocket-vl", "icon-vl": cache_folder() / "icon-vl"}
"""Name -> folder of a model with its artifact and contrast set. A folder of that name is given as "./pocket-vl".
Icon-VL's is there once it was fetched."""
LANGUAGE_MODEL = "language-model"
"""Folder of Icon-VL's language model in its own: what has to be fetched."""
CLASSES = {"icon_vl": "mars.icon_vl.folder"}
"""model_type of a config -> the module that makes transformers know its classes: by name, since it lies above the
one that loads models."""
ARTIFACT = "artifact"
"""Folder of the artifact, in a model's folder."""
OWN_CONTRAST = "contrast.jsonl"
"""A model folder that holds this file is fitted on it: a model of a tiny world knows only its own words."""
REQUESTS = ASSETS / "contrast" / "requests.jsonl"
"""Contrast set of 256 pairs, for models that read English."""
ORDINARY = ASSETS / "ordinary" / "questions.jsonl"
"""100 ordinary questions, written for MARS Lens."""
EXAMPLES = ASSETS / "examples"
"""Images and videos of the gallery, and `examples.json`."""


def shipped_recording(name: str) -> Path:
    """Folder of the recording of a bundled model, which may not be there."""
    return ASSETS / "recordings" / name


def model_source(source: str | Path) -> str | Path:
    """The folder of a bundled model where it is named, otherwise the source as it is."""
    return MODELS.get(str(source), source)


def is_icon_vl(source: str | Path) -> bool:
    """Whether a folder is Icon-VL's in the cache, whose parts are put together when it is loaded."""
    return Path(source).resolve() == MODELS["icon-vl"].resolve()


def example(name: str) -> Path:
    """An image or video of the gallery. Raises FileNotFoundError, naming all there are."""
    path = EXAMPLES / name
    if not path.is_file():
        known = ", ".join(sorted(file.name for file in EXAMPLES.iterdir() if file.suffix != ".json"))
        raise FileNotFoundError(f"There is no example {name}. There are: {known}.")
    return path
