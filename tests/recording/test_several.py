"""Several recordings: a page each, with links between them, for strangers too."""

import re

import httpx
import pytest
from gradio_client import Client

from app import serving, switch
from app.guard import Access
from app.ui import create_app
from app.workbench import RecordedSession, Workbench
from mars.bundled import shipped_recording
from tests.recording.samples import with_results


@pytest.fixture(scope="module")
def every(tmp_path_factory):
    folder = shipped_recording("pocket-vl")
    evaluated = with_results(folder, tmp_path_factory.mktemp("recordings") / "evaluated")
    return [Workbench(RecordedSession.open(one)) for one in (folder, evaluated)]


def _ids(page, path):
    """Ids of what stands on the page at a path."""
    shown = set(page.config["page"][path]["components"])
    return {block.elem_id for number, block in page.blocks.items() if number in shown and block.elem_id}


def test_each_recording_has_a_page_and_the_evaluation_that_is_in_it(every):
    page = create_app(every[0], for_operator=False, keeps_history=False, others=every[1:])
    assert list(page.config["page"]) == ["", "recording-2"]
    first, second = (_ids(page, path) for path in page.config["page"])
    assert second - first == {"evaluate-charts", "evaluate-tables", "evaluate-cases", "tradeoff-text",
                              "tradeoff-image", "tradeoff-video", "download-csv", "download-json",
                              "download-html"}  # fmt: skip
    assert first < second and {"switch", "clouds", "gallery", "permalink"} <= first  # nobody may evaluate
    mine = create_app(every[0], others=every[1:])
    assert {"evaluate", "picker", "recording"} <= _ids(mine, "")
    assert not {"evaluate", "picker", "recording"} & _ids(mine, "recording-2")


def test_links_tell_recordings_of_one_model_apart_and_say_which_is_shown(every):
    shown = switch.links(every, 1)
    links = re.findall(r'<a href="(.*?)" title="(.*?)"(.*?)>(.*?)</a>', shown)
    assert [(href, name) for href, _, _, name in links] == [
        ("./", "pocket-vl (1)"),
        ("./recording-2", "pocket-vl (2)"),
    ]
    assert [current for _, _, current, _ in links] == ["", ' aria-current="page"']
    assert all(title.startswith("recorded 20") for _, title, _, _ in links)
    assert switch.links(every[:1], 0) == ""


def test_strangers_go_from_page_to_page_and_programs_ask_each(every):
    page = create_app(every[0], for_operator=False, keeps_history=False, others=every[1:])
    url = serving.serve(page, every[0], Access("127.0.0.1", is_public=True))
    try:
        for path in ("", "recording-2"):
            assert httpx.get(url + path).status_code == 200
        assert httpx.get(f"{url}recording-3").status_code == 404
        client = Client(url, verbose=False)
        text = every[0].session.examples[0].text
        answers = [client.predict(text=text, api_name=name) for name in ("/compare", "/compare_1")]
        assert answers[0]["steered"] == answers[1]["steered"]
    finally:
        page.close()
