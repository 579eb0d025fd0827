"""The operator records what the model answers, stops, goes on, and opens it as the page says."""

import pytest

from app.serving import serve
from app.ui import create_app
from app.workbench import LiveSession, RecordedSession, Workbench, read_examples
from tests.browser.person import WAIT


@pytest.fixture(scope="module")
def url(chromium, tiny, tiny_folder, tiny_artifact):  # noqa: ARG001 - no server without a browser
    session = LiveSession.of(tiny, tiny_artifact, examples=read_examples()[:2], source=str(tiny_folder))
    session.warm_up()
    workbench = Workbench(session)
    blocks = create_app(workbench)
    yield serve(blocks, workbench)
    blocks.close(verbose=False)


def test_the_operator_records_the_examples_and_is_told_how_they_are_opened(page, tmp_path):
    page.get_by_role("button", name="Record for where the model cannot run").click()
    page.fill("#recording-folder :is(input, textarea)", str(tmp_path / "kept"))
    page.click("#recording-run")
    page.click("#recording-stop:not([disabled])", timeout=WAIT)
    page.wait_for_selector("#recording-notice:has-text('goes on from there')", timeout=WAIT)
    page.click("#recording-run:not([disabled])", timeout=WAIT)
    page.wait_for_selector(
        f"#recording-notice:has-text('python app.py --recording {tmp_path / 'kept'}')", timeout=WAIT
    )
    found = RecordedSession.open(tmp_path / "kept")
    assert [one.title for one in found.examples] == [one.title for one in read_examples()[:2]]
