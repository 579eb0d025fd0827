"""A page on the tiny model and a browser that looks at it; skipped where there is no chromium."""

import re
from pathlib import Path

import pytest

from app.serving import serve
from app.ui import create_app
from app.workbench import LiveSession, Workbench, read_examples

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--use-fake-device-for-media-stream",
]  # fmt: skip


LEFT = re.compile(r"AbortError: signal is aborted|Connection errored out")
"""What Gradio says of the requests under way of a page that is left."""


@pytest.fixture(scope="session")
def chromium():
    if not CHROMIUM.exists():
        pytest.skip(f"no browser at {CHROMIUM}; install Debian's chromium to run this")
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def url(chromium, tiny, tiny_folder, tiny_artifact, tmp_path_factory):  # noqa: ARG001 - no server without a browser
    folder = tmp_path_factory.mktemp("page")
    tiny_artifact.save(folder / "artifact")
    session = LiveSession.of(
        tiny, tiny_artifact, examples=read_examples(), source=str(tiny_folder),
        artifact_folder=str(folder / "artifact"),
    )  # fmt: skip
    workbench = Workbench(session, runs=folder / "runs")
    session.warm_up()  # as app.py does: two threads that import scikit-learn at once find it half initialised
    page = create_app(workbench)
    url = serve(page, workbench)
    yield url
    page.close()


@pytest.fixture(params=[1440])
def width(request):
    return request.param


@pytest.fixture(params=["light"])
def theme(request):
    return request.param


@pytest.fixture
def page(chromium, url, width, theme):
    """The page as a person opens it. Afterwards: no request went elsewhere, and the console has none but LEFT."""
    context = chromium.new_context(viewport={"width": width, "height": 900})
    page = context.new_page()
    outside, errors, visited = [], [], []
    page.on(
        "request",
        lambda request: None if request.url.startswith((url, "data:", "blob:")) else outside.append(request.url),
    )
    page.on("console", lambda line: errors.append(line.text) if line.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("framenavigated", lambda frame: visited.append(frame.url))
    page.goto(f"{url}?__theme={theme}")
    page.wait_for_selector("#curves .main-svg", timeout=30_000)
    yield page
    context.close()
    assert outside == []
    assert [error for error in errors if len(visited) == 1 or not LEFT.search(error)] == []
