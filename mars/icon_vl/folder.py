"""Icon-VL's folder in the user's cache, as `save_pretrained` lays one out, and what makes transformers know it.

The language model lies in it as it was fetched; what comes with the package is copied beside it, and copied again
where another version of the package brings another.
"""

import hashlib
import json
import shutil
import tempfile
import warnings
from functools import cache
from pathlib import Path

from mars.bundled import ARTIFACT, ASSETS, MODELS, is_icon_vl
from mars.icon_vl.fetching import UNFINISHED, Progress
from mars.icon_vl.language_model import get_language_model, language_model_folder

SHIPPED = ASSETS / "icon-vl"
"""What comes with the package: vision encoder, connector, artifact."""
CONNECTOR = "connector.safetensors"
INDEX = "model.safetensors.index.json"
WEIGHTS = "*.safetensors"


def is_complete() -> bool:
    """Whether the package holds all that makes Icon-VL of its language model: connector and artifact."""
    return (SHIPPED / CONNECTOR).is_file() and (SHIPPED / ARTIFACT).is_dir()


def is_fetched() -> bool:
    """Whether Icon-VL's language model is in the cache."""
    return language_model_folder().is_dir()


def get_icon_vl(progress: Progress = lambda *_: None) -> Path:
    """The folder of Icon-VL, fetched and put together where it is not there yet. Raises as `get_language_model`."""
    get_language_model(progress)
    ready(MODELS["icon-vl"])
    return MODELS["icon-vl"]


@cache
def register() -> None:
    """Let transformers' Auto classes know Icon-VL's."""
    from mars.icon_vl.model import IconVLConfig, IconVLForConditionalGeneration
    from mars.icon_vl.processor import IconVLProcessor

    from transformers import AutoConfig, AutoModelForImageTextToText, AutoProcessor  # isort: skip

    AutoConfig.register("icon_vl", IconVLConfig)
    AutoModelForImageTextToText.register(IconVLConfig, IconVLForConditionalGeneration)
    AutoProcessor.register(IconVLConfig, IconVLProcessor)


def ready(folder: Path) -> None:
    """Make a folder of Icon-VL loadable: its classes are known and, in the cache, what is shipped is up to date."""
    register()
    if is_icon_vl(folder) and not (SHIPPED / CONNECTOR).is_file():
        warnings.warn(
            "Icon-VL's connector is not trained yet: it reads words, and an image or a video is noise to it.",
            stacklevel=2,
        )
    if not is_icon_vl(folder) or not is_fetched():
        return
    home, shipped = MODELS["icon-vl"], _fingerprint()
    if not (home / INDEX).is_file() or json.loads((home / INDEX).read_text())["metadata"]["of"] != shipped:
        _put_together(home, shipped)


def _fingerprint() -> str:
    """SHA-256 of all that is shipped, and of the code that says how it is laid out."""
    digest = hashlib.sha256()
    code = [Path(__file__).with_name(name) for name in ("model.py", "processor.py", "folder.py")]
    for path in [*code, *sorted(file for file in SHIPPED.rglob("*") if file.is_file())]:
        digest.update(path.name.encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _put_together(folder: Path, shipped: str) -> None:
    """Write config, processor, index and what is shipped; the index comes last, and says that all of it is there."""
    from safetensors import safe_open
    from transformers import AutoTokenizer, GenerationConfig

    from mars.icon_vl.model import IconVLConfig
    from mars.icon_vl.processor import build_processor

    language_model = language_model_folder()
    with tempfile.TemporaryDirectory(dir=folder, prefix=UNFINISHED) as work:
        made = Path(work)
        shutil.copytree(SHIPPED, made, dirs_exist_ok=True)
        of_words = json.loads((language_model / "config.json").read_text(encoding="utf-8"))
        given = {name: value for name, value in of_words.items() if name not in ("model_type", "architectures")}
        config = IconVLConfig(**given, embedding_rms=_embedding_rms(language_model))
        config.architectures = ["IconVLForConditionalGeneration"]
        config.save_pretrained(made)
        GenerationConfig.from_pretrained(language_model).save_pretrained(made)
        build_processor(AutoTokenizer.from_pretrained(language_model), config.positions).save_pretrained(made)
        weights: dict[str, str] = {}
        for file in (*language_model.glob(WEIGHTS), *made.glob(WEIGHTS)):
            base = folder if file.is_relative_to(language_model) else made
            with safe_open(file, "pt") as tensors:
                weights |= dict.fromkeys(tensors.keys(), str(file.relative_to(base)))
        index = {"metadata": {"of": shipped}, "weight_map": weights}
        (made / INDEX).write_text(json.dumps(index, indent=1), encoding="utf-8")
        for name in sorted((entry.name for entry in made.iterdir()), key=lambda name: name == INDEX):
            if (folder / name).is_dir():
                shutil.rmtree(folder / name)
            (made / name).replace(folder / name)


def _embedding_rms(language_model: Path) -> float:
    """Root mean square of the word embeddings."""
    from safetensors import safe_open

    name = "model.embed_tokens.weight"
    with safe_open(next(language_model.glob(WEIGHTS)), "pt") as tensors:
        return float(tensors.get_tensor(name).float().pow(2).mean().sqrt())
