"""What leaves the page: the artifact as one file, and the lines of Python that do what the page did."""

import shutil
import tempfile
from pathlib import Path

from mars.artifact.artifact import Artifact
from mars.bundled import EXAMPLES
from mars.media.decode import modality_of

from ..results import Request

SNIPPET = """\
from mars import Artifact, Prompt, {imports}load_model

lens = load_model({source!r})
artifact = Artifact.load({artifact!r}, lens)
prompt = Prompt({prompt})
for steering in (None, artifact.mars(gain={gain:g}, layer={layer})):
    print(lens.generate(prompt, steering=steering, max_new_tokens={length}).text)
"""
FILL_IN = "PATH OF "
"""Stands before the name of an upload, whose path on the visitor's own machine the page does not know."""


def snippet(source: str, artifact: str, request: Request, layer: int, gain: float) -> str:
    """Python that gives both replies as the page does; an upload's path is left to fill in."""
    parts, imports = [repr(request.text)], ""
    if request.files:
        path = Path(request.files[0])
        shown = _from_here(path)
        medium = repr(FILL_IN + path.name if shown.is_absolute() else shown.as_posix())
        if path.parent == EXAMPLES:  # comes with the package
            medium, imports = f"example({path.name!r})", "example, "
        parts.append(f"{modality_of(path)}={medium}")
    if request.system:
        parts.append(f"system={request.system!r}")
    return SNIPPET.format(
        source=_from_here(Path(source)).as_posix() if Path(source).exists() else source,
        artifact=_from_here(Path(artifact)).as_posix(),
        prompt=", ".join(parts),
        imports=imports,
        layer=layer,
        gain=gain,
        length=request.length,
    )


def archive(artifact: Artifact, path: Path) -> None:
    """Write the artifact as a zip file, in a folder that has the file's name."""
    with tempfile.TemporaryDirectory(prefix="mars-lens-") as folder:
        artifact.save(Path(folder) / path.stem)
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.make_archive(str(path.with_suffix("")), "zip", folder, path.stem)


def _from_here(path: Path) -> Path:
    """A path as one would type it in the folder that the page was started from, absolute where it lies elsewhere."""
    path = path.absolute()
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
