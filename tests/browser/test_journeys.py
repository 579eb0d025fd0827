"""A researcher, a presenter and an engineer walk through the page with media of their own, on desk and phone."""

import contextlib
import io
import zipfile

import av
import pytest

from app.workbench.taking import FILL_IN
from mars.artifact.artifact import Artifact
from mars.media.write_video import write_video
from tests.browser.person import WAIT, click_in, drawn, evaluate, open_tab, run, upload, wait_for_slider


@pytest.fixture
def media(picture, clip, tmp_path):
    """Name -> path of a real file of its kind."""
    picture.save(tmp_path / "picture.png")
    picture.save(tmp_path / "photo.jpg", quality=90)
    first, *rest = clip.frames
    first.save(tmp_path / "moves.gif", save_all=True, append_images=rest, duration=120)
    write_video(clip, tmp_path / "clip.mp4")
    with av.open(str(tmp_path / "clip.webm"), "w") as container:
        stream = container.add_stream("libvpx-vp9", rate=4)
        stream.width, stream.height, stream.pix_fmt = *first.size, "yuv420p"
        for frame in clip.frames:
            container.mux(stream.encode(av.VideoFrame.from_image(frame)))
        container.mux(stream.encode())
    return {path.name: str(path) for path in tmp_path.iterdir()}


def _fits(page, width: int) -> None:
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize(
    ("name", "width", "theme"), [("clip.mp4", 1440, "light"), ("clip.webm", 390, "dark")], indirect=["width", "theme"]
)
def test_a_researcher_finds_where_a_clip_drifts_from_text(page, media, width, name, tmp_path):
    upload(page, media[name])
    page.wait_for_function("document.querySelector('.preview video')?.videoWidth > 0", timeout=WAIT)
    run(page, "how do i make the thing in the clip?")
    assert {"this prompt, before", "this prompt, re-centred"} <= set(drawn(page, "curves"))
    assert "gate" in page.inner_text("#receipt") and "once" in page.inner_text("#receipt")

    open_tab(page, "Geometry")
    for view in ("Refusal axis", "PCA"):
        page.get_by_label(view, exact=True).check()
        page.wait_for_function("!document.querySelector('#geometry-notice .busy')", timeout=WAIT)
        assert {"video, harmful", "video, neutral", "this visit"} <= set(drawn(page, "clouds"))
    found = page.inner_text("#measured")
    assert "text to video" in found
    page.get_by_label("No signal").check()
    page.wait_for_selector("#geometry-notice:has-text('randomly permuted')", timeout=WAIT)
    page.wait_for_function("was => document.querySelector('#measured').innerText !== was", arg=found, timeout=WAIT)

    open_tab(page, "Layers")
    page.click("#sweep")
    page.wait_for_selector("#damage-map .main-svg", timeout=WAIT)
    click_in(page, "score-map", x=1, y=4)
    wait_for_slider(page, "layer", "1")
    wait_for_slider(page, "gain", "2")
    page.wait_for_selector("#cell-replies .score", timeout=WAIT)

    open_tab(page, "Tokens")
    drawn(page, "positions")
    drawn(page, "medium")
    assert "Frame by frame" in page.inner_text("#medium-title")
    page.wait_for_function("document.querySelectorAll('#medium .main-svg image').length > 1", timeout=WAIT)

    rows = "".join(f"what is it?,{label},{media[name]}\n" for label in ("harmful", "harmless"))
    (tmp_path / "own.csv").write_text(f"text,label,media\n{rows}", encoding="utf-8")
    evaluate(page, str(tmp_path / "own.csv"))
    drawn(page, "tradeoff-video")
    _fits(page, width)


@pytest.mark.parametrize(
    ("name", "width", "theme"), [("picture.png", 1440, "light"), ("photo.jpg", 390, "dark")],
    indirect=["width", "theme"],
)  # fmt: skip
def test_a_presenter_shows_how_an_image_gets_past_a_refusal_and_what_mars_does(page, media, width, name):
    for number, view in enumerate(("replies", "replies", "curves", "replies", "beside"), start=1):
        page.click("#tour-next")
        page.wait_for_selector(f"#tour-said:has-text('{number} of 5')", timeout=WAIT)
        page.wait_for_selector(f"#{view}.spot", timeout=WAIT)
        page.wait_for_function(
            "!/One moment|Looking for/.test(document.querySelector('#tour-said').innerText)", timeout=WAIT
        )
        _fits(page, width)
    assert page.locator("#beside tbody tr").count() >= 4
    page.click("#tour-back")
    page.wait_for_selector("#tour-said:has-text('4 of 5')", timeout=WAIT)
    page.wait_for_function("!document.querySelector('#tour-said').innerText.includes('One moment')", timeout=WAIT)
    page.click("#tour-end")
    page.wait_for_selector("#tour-said:has-text('How images get past')", timeout=WAIT)
    page.wait_for_function("!document.querySelector('.spot')", timeout=WAIT)

    page.get_by_label("Clear").first.click()
    upload(page, media[name])
    page.wait_for_function("document.querySelector('.preview img')?.naturalWidth > 0", timeout=WAIT)
    run(page)
    assert page.locator("#replies .verdict").count() == 2 and page.locator("#tokens li").count() == 20
    _fits(page, width)


@pytest.mark.parametrize(("width", "theme"), [(1440, "dark"), (390, "light")], indirect=True)
def test_an_engineer_picks_a_layer_by_eye_and_leaves_with_code_that_gives_the_same_replies(
    page, media, width, tiny, tmp_path
):
    upload(page, media["moves.gif"])
    click_in(page, "curves", x=1)
    wait_for_slider(page, "layer", "1")
    page.fill("#gain input[type=number]", "2")
    page.keyboard.press("Tab")
    page.get_by_text("Reply length, system message and benign twin", exact=True).click()
    page.fill("#length input[type=number]", "8")
    page.keyboard.press("Tab")
    run(page, "what is it?")
    replies = page.locator("#replies .reply").all_inner_texts()

    page.get_by_text("Take away", exact=True).click()
    page.wait_for_selector("#python .cm-content:has-text('what is it?')", timeout=WAIT)
    _fits(page, width)
    code = "\n".join(page.locator("#python .cm-line").all_inner_texts())
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code.replace(FILL_IN + "moves.gif", media["moves.gif"]), "pasted", "exec"), {})
    assert "video=" in code and printed.getvalue().split() == " ".join(replies).split()
    assert "layer=1&gain=2&length=8&tab=compare" in page.get_attribute("#permalink a", "href")

    with page.expect_download(timeout=WAIT) as download:
        page.click("#artifact")
    with zipfile.ZipFile(download.value.path()) as file:
        file.extractall(tmp_path / "taken")
    (folder,) = (tmp_path / "taken").iterdir()
    assert Artifact.load(folder, tiny).hash
