"""Filmed videos for tests alone, and what each of them shows: `clips.json`.

    python -m mars.icon_vl.training.clips    # fetches them into runs/icon/clips

They were chosen by what the packages hold, before any model saw them: videos that were filmed, show one thing with a
plain name from the first frame to the last, and are read by `mars.media`; no name more than twice. Of several of one
scene one is listed. Not every name is that of a drawn thing or of a class of ImageNet: of people there is neither.
"""

from pathlib import Path

from mars.icon_vl.fetching import Progress
from mars.icon_vl.training.packaged_media import PackagedMedium, fetch_media
from mars.media.decode import read_video
from mars.types import Video

FILE = Path(__file__).with_name("clips.json")
KEPT = Path("runs") / "icon" / "clips"
"""Where they are kept; ignored by git."""


def read_clips(
    folder: Path = KEPT, path: Path = FILE, progress: Progress = lambda *_: None
) -> list[tuple[PackagedMedium, Video]]:
    """All clips as a model is shown them, fetched where they are not kept yet. Raises FetchError.

    path: the list; progress: told how many are there.
    """
    return [(one, read_video(file)) for one, file in fetch_media(path, folder, progress)]


if __name__ == "__main__":
    read_clips()
