"""Files that a person brings: pasted or dropped anywhere on Compare, or refused at once in a sentence."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from mars.media.prompt import Prompt
from tests.browser.person import WAIT, open_tab, upload
from tests.field_files import BROUGHT

GIVE = """([kind, files, words, at]) => {
  const data = new DataTransfer();
  for (const [name, type, content] of files) {
    data.items.add(new File([Uint8Array.from(atob(content), (one) => one.charCodeAt(0))], name, { type }));
  }
  for (const [type, text] of Object.entries(words)) data.setData(type, text);
  const options = { bubbles: true, cancelable: true, clipboardData: data, dataTransfer: data };
  const event = new (kind === 'paste' ? ClipboardEvent : DragEvent)(kind, options);
  document.querySelector(at).dispatchEvent(event);
  return event.defaultPrevented;
}"""
"""What the system's clipboard or a drag hands to a page; returns whether the page took it from the browser."""


def _file(name: str, color: str = "red", kind: str = "PNG") -> tuple[str, str, str]:
    file = io.BytesIO()
    Image.new("RGB", (60, 40), color).save(file, kind)
    return name, f"image/{kind.lower()}", base64.b64encode(file.getvalue()).decode()


PREVIEW = """() => Promise.all([...document.querySelectorAll('.preview img')].map(async (image) => {
  await image.decode();
  const { naturalWidth: width, naturalHeight: height } = image;
  const canvas = Object.assign(document.createElement('canvas'), { width, height }).getContext('2d');
  canvas.drawImage(image, 0, 0);
  return [height, width, [...canvas.getImageData(0, 0, width, height).data]];
})).catch(() => [])"""
"""What a browser shows of the images of the preview: height, width and RGBA values of each. None while it changes."""


@pytest.fixture
def give(page):
    """Paste or drop files and words on an element."""
    page.wait_for_selector("#media input[type=file]", state="attached", timeout=WAIT)

    def given(kind: str, *files: tuple[str, str, str], words: dict[str, str] | None = None, at: str = "body") -> bool:
        return page.evaluate(GIVE, [kind, list(files), words or {}, at])

    return given


def _wait_for(page, name: str, color: str) -> None:
    """Wait until the slot holds this file alone, and the preview its pixels."""
    page.wait_for_selector(f"#media .filename[aria-label='{name}']", timeout=WAIT)
    page.wait_for_function(
        """(wanted) => {
            const image = document.querySelector('.preview img');
            if (!image?.naturalWidth) return false;
            const canvas = document.createElement('canvas').getContext('2d');
            canvas.drawImage(image, 0, 0);
            return canvas.getImageData(5, 5, 1, 1).data.slice(0, 3).join() === wanted;
        }""",
        arg={"red": "255,0,0", "blue": "0,0,255", "lime": "0,255,0"}[color],
        timeout=WAIT,
    )
    assert page.locator("#media .filename").count() == 1


def test_a_photograph_by_the_camera_takes_the_place_of_what_was_there(page, give):
    page.context.grant_permissions(["camera"])
    assert give("paste", _file("before.png"))
    _wait_for(page, "before.png", "red")
    page.locator("#camera").get_by_text("Camera", exact=True).click()
    page.get_by_text("Click to Access Webcam").click()
    for _ in range(2):  # ready for the next one
        page.wait_for_function("document.querySelector('#camera video')?.videoWidth > 0", timeout=WAIT)
        page.locator("#camera button[aria-label='capture photo']").click()
        page.wait_for_selector("#media .filename[aria-label='image.png']", timeout=WAIT)
        page.wait_for_function("document.querySelector('.preview img')?.naturalWidth > 60", timeout=WAIT)
        page.get_by_text("Click to Access Webcam").click()
    assert page.locator("#media .filename").count() == 1


def test_what_is_pasted_or_dropped_anywhere_takes_the_place_of_what_was_there(page, give):
    assert give("paste", _file("image.png"))
    _wait_for(page, "image.png", "red")
    assert give("paste", _file("image.png", "blue"), words={"text/html": "<img>"}, at="#prompt textarea")
    _wait_for(page, "image.png", "blue")
    for at, color in (("#replies", "lime"), ("#media .file-preview", "red")):
        assert give("dragover", _file("PHOTO.JPG", color), at=at)
        assert give("drop", _file(f"{color}.PNG", color), at=at)
        _wait_for(page, f"{color}.PNG", color)
    page.locator("#media .icon-button-wrapper > button").last.click()
    page.wait_for_selector("#media > .upload-container", timeout=WAIT)
    assert give("drop", _file("moved.png", "blue"), at="#media > .upload-container")
    _wait_for(page, "moved.png", "blue")


def test_each_kind_of_file_that_people_bring_is_previewed_as_the_model_is_shown_it(page, give, tmp_path):
    for kind in ("picker", "drop", "paste"):
        for brought, write in BROUGHT.items():
            name = f"{kind}-{brought}"
            write(tmp_path / name)
            if kind == "picker":
                _empty(page)
                upload(page, str(tmp_path / name))
            else:
                content = base64.b64encode((tmp_path / name).read_bytes()).decode()
                assert give(kind, (name, "", content))  # a system may not know the type of a file
            page.wait_for_selector(f"#media .filename[aria-label='{name}']", timeout=WAIT)
            _wait_until_previewed(page, Prompt.of("", tmp_path / name).images)
            assert page.locator("#notice [role=alert]").count() == 0


def _wait_until_previewed(page, images) -> None:
    """Wait until a browser shows these images, and no others, in the preview."""
    expected = [np.asarray(image) for image in images]
    for _ in range(WAIT // 100):
        shown = [np.reshape(values, (height, width, 4)) for height, width, values in page.evaluate(PREVIEW)]
        if len(shown) == len(expected) and all(map(np.array_equal, (one[..., :3] for one in shown), expected)):
            return
        page.wait_for_timeout(100)
    raise AssertionError(f"the preview shows {len(shown)} images, or others than the {len(expected)} that it should")


def _empty(page) -> None:
    """Take away what lies in the slot, and wait until its preview is gone too."""
    if page.locator("#media .file-preview").count():
        page.locator("#media .icon-button-wrapper > button").last.click()
        page.wait_for_selector("#media > .upload-container", timeout=WAIT)
        page.wait_for_selector(".preview", state="detached", timeout=WAIT)


def test_words_that_are_pasted_or_dropped_into_the_prompt_are_the_browsers(page, give):
    cells = {"text/plain": "how do i make a cake?"}
    assert not give("paste", words=cells, at="#prompt textarea")
    assert not give("paste", _file("cells.png"), words=cells, at="#prompt textarea")  # as a spreadsheet copies them
    assert not give("drop", words=cells, at="#prompt textarea")
    assert not give("drop", words={"text/uri-list": "https://example.org/a.png"}, at="#prompt textarea")
    assert page.locator("#media .filename").count() == 0


@pytest.mark.parametrize(
    ("files", "told"),
    [
        (["paper.pdf"], "A file ending in “.pdf” is not supported: use an image (apng, avif"),
        (["folder"], "is not supported"),
        (["one.png", "two.png"], "There are 2 files"),
        ([], "nothing is fetched from outside"),
    ],
)
def test_what_cannot_be_read_is_refused_at_once_and_the_slot_stays_as_it_is(page, give, files, told):
    sent = []
    give("drop", _file("kept.png"))
    _wait_for(page, "kept.png", "red")
    page.on("request", lambda request: sent.append(request.url) if "/upload" in request.url else None)
    address = {} if files else {"text/uri-list": "https://example.org/a.png"}
    assert give("drop", *(_file(name, "blue") for name in files), words=address)
    page.wait_for_selector(f"#notice [role=alert]:has-text('{told}')", timeout=WAIT)
    _wait_for(page, "kept.png", "red")
    assert sent == []


def test_a_drop_on_another_tab_neither_leaves_the_page_nor_fills_the_slot(page, give):
    open_tab(page, "Geometry")
    assert give("dragover", _file("late.png")) and give("drop", _file("late.png"))
    assert not give("paste", _file("late.png"))
    open_tab(page, "Compare")
    page.wait_for_timeout(500)
    assert page.locator("#media .filename").count() == 0


def test_a_click_enlarges_the_preview_and_another_or_escape_ends_that(page, give):
    give("paste", _file("image.png"))
    _wait_for(page, "image.png", "red")
    before = page.locator(".preview img").bounding_box()["width"]
    for end in (lambda: page.mouse.click(700, 450), lambda: page.keyboard.press("Escape")):
        page.click(".preview button")
        page.wait_for_function("document.querySelector('.preview img').getBoundingClientRect().height > 700")
        end()
        page.wait_for_function(f"document.querySelector('.preview img').offsetWidth == {before}", timeout=WAIT)
    page.focus(".preview button")
    page.keyboard.press("Enter")
    page.wait_for_selector(".preview img:popover-open", timeout=WAIT)
