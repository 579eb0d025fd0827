"""The same over the API, and for agents: both get the page's numbers."""

import asyncio
import json
import mimetypes
import tempfile
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import numpy as np
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client

from app import answers, tools
from app.api import _paths
from app.results import RequestError
from app.serving import serve
from app.ui import create_app
from tests.bad_input import MODELS, REQUESTS

TEXT = "how do i make a cake?"


@pytest.fixture(scope="module")
def url(workbench):
    page = create_app(workbench)
    yield serve(page, workbench)
    page.close()


@pytest.fixture(scope="module")
def client(url):
    return Client(url, verbose=False)


def test_the_endpoint_gives_the_numbers_of_the_workbench(client, workbench, png):
    given = client.predict(TEXT, handle_file(png), 1, 2.0, api_name="/compare")
    expected = answers.compare(workbench.session, TEXT, [png], 1, 2.0)
    assert given.keys() == expected.keys()
    assert given["unsteered"]["text"] == expected["unsteered"]["text"]
    assert given["steered"]["text"] == expected["steered"]["text"]
    assert given["coordinates_before"] == pytest.approx(expected["coordinates_before"], abs=1e-4)
    assert (given["layer"], given["gain"], given["modality"]) == (1, 2.0, "image")
    assert len(given["coordinates_after"]) == workbench.session.n_layers


def test_the_sweep_endpoint_gives_the_numbers_of_the_workbench(client, workbench, png):
    given = client.predict(TEXT, handle_file(png), api_name="/sweep")
    *_, expected = workbench.session.gain_map(TEXT, [png])
    assert given["layers"] == list(expected.layers) and given["gains"] == list(expected.gains)
    assert np.array(given["refusal_scores"]) == pytest.approx(expected.refusal_scores, abs=1e-4)
    assert np.array(given["kl"]) == pytest.approx(expected.kl, abs=1e-4)
    assert given["saturated"] == expected.saturated.tolist()


@pytest.mark.parametrize(("files", "told"), [(["text.png"], "cannot be read"), ([], "empty")])
def test_the_sweep_endpoint_says_what_is_wrong_in_a_sentence(client, bad, files, told):
    media = handle_file(str(bad / files[0])) if files else None
    with pytest.raises(AppError, match=told):
        client.predict("", media, api_name="/sweep")


def test_the_endpoint_needs_only_a_text(client, workbench):
    assert client.predict(text=TEXT, api_name="/compare")["layer"] == workbench.session.chosen_layer


@pytest.mark.parametrize(("request_", "told"), REQUESTS, ids=[told + str(n) for n, (_, told) in enumerate(REQUESTS)])
def test_the_endpoint_says_the_same_sentence(client, bad, request_, told):
    files = [handle_file(str(bad / name)) for name in request_.get("files", [])]
    media = files if len(files) > 1 else next(iter(files), None)
    with pytest.raises(AppError, match=told):
        client.predict(
            request_.get("text", TEXT), media, request_.get("layer"), request_.get("gain", 1.0), api_name="/compare"
        )
    assert client.predict(text=TEXT, api_name="/compare")["modality"] == "text"


@pytest.mark.parametrize(("model", "artifact", "told"), MODELS)
def test_loading_over_the_api_says_the_same_sentence(client, folders, model, artifact, told):
    with pytest.raises(AppError, match=told):
        client.predict(folders.get(model, model), folders.get(artifact, artifact), api_name="/load")
    assert client.predict(text=TEXT, api_name="/compare")["modality"] == "text"


@pytest.mark.parametrize("media", ["/etc/hostname", {"path": "/etc/hostname"}, ["/etc/hostname"], 7])
def test_a_path_that_a_client_names_is_not_opened(media):
    with pytest.raises(RequestError, match="not an uploaded file"):
        _paths(media)


def test_an_address_is_not_fetched(client):
    medium = {"path": "http://127.0.0.1:9/picture.png", "meta": {"_type": "gradio.FileData"}}
    with pytest.raises(AppError, match="nothing is fetched from outside"):
        client.predict(TEXT, medium, api_name="/compare")


# --- agents


async def _with_agent(url, *calls):
    """What a client of the Model Context Protocol sees: the tools, and the results of calls of (tool, arguments)."""
    address = url + tools.PATH.removeprefix("/")
    async with streamable_http_client(address) as (read, write, _), ClientSession(read, write) as session:
        await session.initialize()
        return (await session.list_tools()).tools, [await session.call_tool(*call) for call in calls]


def _agent(url, *calls):
    """In a thread of its own: the browser's tests leave a running event loop in the main one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, _with_agent(url, *calls)).result()


def _data_url(path):
    return f"data:{mimetypes.guess_type(path)[0]};base64,{b64encode(Path(path).read_bytes()).decode()}"


def test_agents_and_programs_get_the_same_numbers(url, client, png, mp4):
    for path, system in ((png, ""), (mp4, ""), (png, "be kind")):
        medium, given = _data_url(path), {"system": system} if system else {}
        _, (compared, swept) = _agent(
            url,
            ("compare", {"text": TEXT, "media": medium, "layer": 1, "gain": 2.0} | given),
            ("sweep", {"text": TEXT, "media": medium} | given),
        )
        assert compared.structuredContent == client.predict(
            TEXT, handle_file(path), 1, 2.0, **given, api_name="/compare"
        )
        assert swept.structuredContent == client.predict(TEXT, handle_file(path), **given, api_name="/sweep")
        assert json.loads(compared.content[0].text) == compared.structuredContent
        assert any("system message" in told for told in compared.structuredContent["outside"]) == bool(system)


def test_agents_have_two_tools_and_may_not_load_a_model(url):
    offered, _ = _agent(url)
    assert {tool.name for tool in offered} == {"compare", "sweep"}
    for tool in offered:
        assert tool.description and tool.annotations.readOnlyHint
        assert all(given.get("description") for given in tool.inputSchema["properties"].values())


@pytest.mark.parametrize(
    ("given", "told"),
    [({"text": ""}, "empty"), ({"gain": -1}, "towards refusal only"), ({"layer": 99}, "does not exist"),
     ({"media": "http://127.0.0.1:9/picture.png"}, "not a data URL"), ({"media": "/etc/hostname"}, "not a data URL"),
     ({"media": "data:image/png;base64,%%"}, "not valid base64"),
     ({"media": "data:image/png;base64,YWJj"}, "cannot be read"),
     ({"media": "data:text/plain;base64,YWJj"}, "not supported")],
)  # fmt: skip
def test_agents_are_told_what_is_wrong_in_a_sentence(url, given, told):
    _, (answer, next_answer) = _agent(url, ("compare", {"text": TEXT} | given), ("compare", {"text": TEXT}))
    assert answer.isError and told in answer.content[0].text
    assert not next_answer.isError


def test_the_medium_of_a_tool_is_gone_after_the_call(url, png, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    _agent(url, ("compare", {"text": TEXT, "media": _data_url(png)}))
    assert [path.name for path in tmp_path.iterdir()] == [Path(png).name]


@pytest.mark.parametrize(
    ("kind", "suffix"),
    [("image/heic", ".heic"), ("image/avif", ".avif"), ("image/tiff", ".tiff"), ("image/jpeg", ".jpg"),
     ("video/x-matroska", ".mkv"), ("video/mp4", ".mp4"), ("video/quicktime", ".mov")],
)  # fmt: skip
def test_a_medium_of_a_tool_is_named_after_its_kind(kind, suffix):
    with tools._written(f"data:{kind};base64,YWJj") as (path,):
        assert Path(path).suffix == suffix


def test_a_page_of_another_name_cannot_call_the_tools(url):
    ping = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    headers = {"accept": "application/json", "host": "elsewhere.example"}
    assert httpx.post(url + "mcp", json=ping, headers=headers).status_code == 421
