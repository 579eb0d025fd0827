"""What a visitor can get wrong, each with words of the sentence that says so."""

from pathlib import Path

from PIL import Image

from mars.media.write_video import write_video
from mars.types import Video


def write_bad_files(folder: Path) -> Path:
    """Files that look like pictures or clips and cannot be used."""
    (folder / "text.png").write_text("not a picture")
    (folder / "empty.mp4").write_bytes(b"")
    (folder / "broken.mp4").write_bytes(b"\x00\x00\x00\x18ftypmp42" + bytes(200))
    Image.new("RGB", (1, 1)).save(folder / "dot.png")
    Image.new("1", (20_000, 20_000)).save(folder / "huge.png")
    (folder / "words.txt").write_text("words")
    write_video(Video((Image.new("RGB", (64, 64), "teal"),), (0.0,)), folder / "one.mp4")
    return folder


REQUESTS = [
    ({"files": ["text.png"]}, "cannot be read"),
    ({"files": ["empty.mp4"]}, "cannot be read"),
    ({"files": ["broken.mp4"]}, "cannot be read"),
    ({"files": ["dot.png"]}, "1 x 1"),
    ({"files": ["huge.png"]}, "megapixels"),
    ({"files": ["words.txt"]}, "not supported"),
    ({"files": ["one.mp4"]}, "single frame"),
    ({"files": ["dot.png", "huge.png"]}, "one image or one video"),
    ({"text": ""}, "empty"),
    ({"text": "a" * 100_000}, "Shorten it"),
    ({"layer": 99}, "does not exist"),
    ({"layer": -1}, "does not exist"),
    ({"layer": 1.5}, "does not exist"),
    ({"layer": "one"}, "does not exist"),
    ({"gain": -1}, "towards refusal only"),
    ({"gain": "much"}, "from 0 to 8"),
]
"""Changes to a good request, and what the page says."""

MODELS = [
    ("bare", None, "processor"),
    ("good", "other", "does not belong"),
    ("other", None, "config.json"),
    ("/no/such/model", None, "no folder /no/such/model"),
    ("some/hub-id", None, "python -m mars fit"),
    ("", None, "No model is named"),
]
"""Model, artifact (of the fixture `folders` where they are names of it), and what the page says."""
