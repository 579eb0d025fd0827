"""What leaves the page: the artifact as one file, and the lines of Python that do what the page did."""

import shutil
import tempfile
from pathlib import Path

from app.results import Request
from mars import artifacts
from mars.fitted import Artifact
from mars.media import modality_of

SNIPPET = """\
from mars import artifacts
from mars.generation import branch, prefill
{imports}from mars.models import load_model
from mars.records import Prompt
from mars.steering import STRATEGIES, Unsteered

model = load_model({source!r})
artifact = artifacts.load({artifact!r}, model)
prompt = Prompt({prompt})
geometry = artifact.geometry({layer}, prompt.modality).to(model.layer_device({layer}))
strategies = (Unsteered(), STRATEGIES["mars"](geometry, {gain:g}))
steps = branch(model, prefill(model, prompt), strategies, {layer}, max_new_tokens={length})
for reply in list(steps)[-1].texts:
    print(reply)
"""
FILL_IN = "PATH OF "
"""Stands before the name of an upload, whose path on the visitor's own machine the page does not know."""


def snippet(source: str, artifact: str, request: Request, layer: int, gain: float) -> str:
    """Python that gives both replies as the page does; an upload's path is left to fill in."""
    parts = [repr(request.text)]
    if request.files:
        path = Path(request.files[0])
        shown = _from_here(path)
        medium = repr(FILL_IN + path.name if shown.is_absolute() else shown.as_posix())
        kind = "clip" if modality_of(path) == "video" else "image"
        parts.append(f"{kind}=read_media({medium})")
    return SNIPPET.format(
        imports="from mars.media import read_media\n" if request.files else "",
        source=_from_here(Path(source)).as_posix() if Path(source).exists() else source,
        artifact=_from_here(Path(artifact)).as_posix(),
        prompt=", ".join(parts),
        layer=layer,
        gain=gain,
        length=request.length,
    )


def archive(artifact: Artifact, name: str) -> Path:
    """The artifact as a zip file, in a temporary folder of its own."""
    folder = Path(tempfile.mkdtemp(prefix="mars-lens-"))
    artifacts.save(artifact, folder / name)
    made = shutil.make_archive(str(folder / name), "zip", folder, name)
    shutil.rmtree(folder / name)
    return Path(made)


def _from_here(path: Path) -> Path:
    """A path as one would type it in the folder that the page was started from, absolute where it lies elsewhere."""
    path = path.absolute()
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
