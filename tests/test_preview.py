"""What the page shows of an upload: the pixels that the model is shown, and what sampling a video leaves out."""

import io
import re
from base64 import b64decode

import av
import gradio as gr
import numpy as np
import pytest
from PIL import Image

from app import markup
from app.media_markup import sampled
from app.media_slot import of_file, previewed
from app.workbench import Upload
from mars.media.prompt import Prompt


def _shown(html: str) -> list[Image.Image]:
    """The images in the addresses of a page."""
    return [
        Image.open(io.BytesIO(b64decode(data))) for data in re.findall(r'src="data:image/png;base64,(.*?)"', html)
    ]


@pytest.fixture
def uploads(tmp_path):
    """Files that a browser shows otherwise than the model, by name."""
    noise = np.random.default_rng(0).integers(0, 255, (40, 60, 3), dtype=np.uint8)
    turned = Image.Exif()
    turned[0x0112] = 6
    Image.fromarray(np.linspace(300, 363, 2400).astype(np.uint16).reshape(40, 60)).save(tmp_path / "dark.png")
    Image.fromarray(noise).save(tmp_path / "turned.jpg", exif=turned)
    Image.fromarray(noise).resize((2000, 1500)).save(tmp_path / "large.webp")
    Image.fromarray(np.dstack([noise, noise[..., 0]])).save(tmp_path / "clear.png")
    Image.fromarray(noise).save(tmp_path / "scan.tif")
    frames = [Image.fromarray(np.roll(noise, 5 * number, axis=1)) for number in range(20)]
    frames[0].save(tmp_path / "moves.webp", save_all=True, append_images=frames[1:], duration=100, lossless=True)
    with av.open(str(tmp_path / "clip.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 60, 40, "yuv420p"
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_image(frame)))
        container.mux(stream.encode())
    return {path.name: str(path) for path in tmp_path.iterdir()}


@pytest.mark.parametrize(
    "name", ["dark.png", "turned.jpg", "large.webp", "clear.png", "scan.tif", "moves.webp", "clip.mp4"]
)
def test_the_preview_is_what_the_model_is_shown_pixel_for_pixel(uploads, name):
    html, said = previewed([uploads[name]], of_file("The one before cannot be read."))
    expected = Prompt.of("", uploads[name]).images
    found = _shown(html)
    assert said == "" and len(found) == len(expected) == (8 if name in ("moves.webp", "clip.mp4") else 1)
    for one, other in zip(found, expected, strict=True):
        assert one.mode == other.mode == "RGB" and np.array_equal(np.asarray(one), np.asarray(other))
    assert ("<video" in html) == (name == "clip.mp4")


def test_a_clip_says_which_of_its_frames_the_model_is_shown(uploads):
    html, _ = previewed([uploads["moves.webp"]])
    assert "The model is shown 8 of 20 frames, 0.27 s apart." in html


@pytest.mark.parametrize(
    ("times", "frames", "said"),
    [
        ((0.0, 1.3, 2.6, 3.9), 412, "4 of 412 frames, 1.3 s apart"),
        ((0.0, 0.5, 1.0), 3, "all 3 frames, 0.50 s apart"),
        ((0.0, 0.1, 10.0), 500, "3 of 500 frames, up to 9.9 s apart"),
        ((0.0, 85.0, 170.0), 9000, "3 of 9000 frames, 85 s apart"),
    ],
)
def test_what_sampling_leaves_out_is_said(times, frames, said):
    assert sampled(Upload(("",) * len(times), times, frames)) == f"The model is shown {said}."


def test_a_file_that_cannot_be_used_is_told_at_once_and_none_shows_nothing(tmp_path, uploads):
    (tmp_path / "page.html").write_text("hi")
    shown, said = previewed([str(tmp_path / "page.html")])
    assert shown == "" and "not supported" in said and 'role="alert"' in said
    assert "one image or one video" in previewed([uploads["dark.png"], uploads["clip.mp4"]])[1]
    assert previewed([], said) == ("", "")


def test_what_is_said_of_something_else_stays_where_another_file_is_set(uploads):
    """As that a layer was not recorded, which an example that sets a file gets."""
    assert previewed([uploads["dark.png"]], markup.notice("Layer 3 was not recorded."))[1] == gr.skip()
