"""Closed by default: who is let in, what is shut, how much is read, and what a log holds."""

import logging
from base64 import b64encode

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from app import guard
from app.guard import Access, AccessError, Guard, access_of, read_users

USERS = {"ada": "a long password"}


def client_of(access: Access, host: str = "127.0.0.1:7860") -> TestClient:
    async def echo(request: Request) -> PlainTextResponse:
        if request.url.path == "/fails":
            raise RuntimeError(request.headers["prompt"])
        return PlainTextResponse(str(len(await request.body())))

    routes = [Route("/{path:path}", echo, methods=["GET", "POST"])]
    app = Starlette(routes=routes, middleware=[Middleware(Guard, access=access)])
    return TestClient(app, base_url=f"http://{host}", raise_server_exceptions=False)


@pytest.fixture
def local():
    return client_of(Access())


# --- where it listens


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.7", "::", "example.org"])
def test_listening_beyond_this_machine_needs_a_word_from_the_operator(host):
    with pytest.raises(AccessError, match=r"Give --auth FILE .* or --public"):
        access_of(host, None, False, {})
    with pytest.raises(AccessError, match="--auth FILE"):
        access_of(None, None, False, {"GRADIO_SERVER_NAME": host})
    assert access_of(host, None, True, {}).is_public


def test_by_default_it_listens_on_this_machine_and_the_visitor_is_the_operator():
    assert access_of(None, None, False, {}) == Access("127.0.0.1") and Access().is_local


def test_a_hosted_space_is_public_and_its_visitors_are_not_the_operator():
    access = access_of(None, None, False, {"GRADIO_SERVER_NAME": "0.0.0.0", "SPACE_ID": "someone/mars-lens"})
    assert (access.is_public, access.is_space, access.is_local) == (True, True, False)


@pytest.mark.parametrize("access", [Access(is_public=True), Access(users=USERS)])
def test_whoever_comes_through_a_proxy_or_a_login_is_not_the_operator(access):
    assert not access.is_local


def test_users_come_from_a_file_and_a_bad_one_is_refused_with_its_line(tmp_path):
    (tmp_path / "users").write_text("ada:a long password\n\nbob:with:colon\n")
    assert read_users(tmp_path / "users") == USERS | {"bob": "with:colon"}
    for content, told in (("", "names nobody"), ("ada\n", "Line 1 .* is not name:password"), ("ada:\n", "Line 1")):
        (tmp_path / "users").write_text(content)
        with pytest.raises(AccessError, match=told):
            read_users(tmp_path / "users")
    with pytest.raises(AccessError, match="cannot be read"):
        read_users(tmp_path / "nobody")


def test_passwords_are_not_shown_with_the_rest():
    assert "a long password" not in repr(Access(users=USERS))


# --- who is let in


@pytest.mark.parametrize("host", ["evil.example", "evil.example:7860", "127.0.0.1.evil.example", "10.0.0.1"])
def test_a_name_that_leads_here_by_a_trick_is_turned_away(host):
    assert client_of(Access(), host).get("/").status_code == 421


@pytest.mark.parametrize("host", ["127.0.0.1:7860", "localhost", "localhost:7861", "[::1]:7860"])
def test_this_machine_is_let_in_by_all_its_names(host):
    assert client_of(Access(), host).get("/").status_code == 200


def test_a_page_of_another_site_may_not_ask(local):
    assert local.post("/ask", headers={"origin": "http://evil.example"}).status_code == 403
    assert local.get("/ask", headers={"origin": "http://evil.example"}).status_code == 403
    assert local.post("/ask", headers={"origin": "null"}).status_code == 403
    assert local.post("/ask", headers={"sec-fetch-site": "cross-site"}).status_code == 403
    assert local.post("/ask", headers={"origin": "http://127.0.0.1:7860"}).status_code == 200
    assert local.get("/", headers={"sec-fetch-site": "cross-site"}).status_code == 200  # a link that is followed


def _basic(name: str, password: str) -> dict[str, str]:
    return {"authorization": "Basic " + b64encode(f"{name}:{password}".encode()).decode()}


def test_with_auth_every_way_in_asks_for_name_and_password(monkeypatch):
    monkeypatch.setattr(guard, "WRONG_PASSWORD_SECONDS", 0.0)
    client = client_of(Access("0.0.0.0", USERS), "lens.example")
    for path in ("/", "/config", "/gradio_api/info", "/gradio_api/upload", "/mcp", "/assets/x.js"):
        told = client.get(path)
        assert told.status_code == 401 and "Basic" in told.headers["www-authenticate"]
        assert client.get(path, headers=_basic("ada", "a long password")).status_code == 200
    for headers in (
        _basic("ada", "wrong"), _basic("eve", "a long password"), _basic("eve", ""), {"authorization": "Basic ?"},
        {"authorization": "Bearer " + b64encode(b"ada:a long password").decode()}, {"authorization": ""},
    ):  # fmt: skip
        assert client.get("/", headers=headers).status_code == 401


def test_the_public_comes_in_by_any_name():
    assert client_of(Access("0.0.0.0", is_public=True), "lens.example").get("/").status_code == 200


# --- what is shut


@pytest.mark.parametrize(
    "path",
    ["/monitoring", "/monitoring/summary", "/gradio_api/runs", "/gradio_api/run-history/buckets",
     "/gradio_api/deep_link", "/gradio_api/dev/reload", "/gradio_api/profiling/traces", "/gradio_api/vibe-code",
     "/gradio_api/undo-vibe-edit", "/gradio_api/proxy=http://127.0.0.1/", "/gradio_api/file=http://127.0.0.1/",
     "/gradio_api/file=https:/example.org", "/gradio_api/component_server", "/gradio_api/process_recording"],
)  # fmt: skip
def test_what_keeps_watches_or_fetches_is_shut(local, path):
    assert local.get(path).status_code == local.post(path).status_code == 404


# --- how much is read


def test_requests_are_bounded_by_what_they_say_and_by_what_they_send(local):
    def endless():
        for _ in range(guard.MAX_REQUEST // 65_536 + 2):
            yield bytes(65_536)

    assert local.post("/ask", content=bytes(guard.MAX_REQUEST)).text == str(guard.MAX_REQUEST)
    assert local.post("/ask", content=bytes(guard.MAX_REQUEST + 1)).status_code == 413
    assert local.post("/ask", content=endless()).status_code == 413
    assert local.post("/ask", content=b"x", headers={"content-length": "-1"}).status_code == 413
    assert local.post("/gradio_api/upload", content=bytes(guard.MAX_REQUEST + 1)).status_code == 200


# --- what a browser may do


def test_every_answer_carries_the_headers_that_keep_a_browser_in(local):
    for told in (local.get("/"), local.get("/monitoring"), local.post("/", headers={"origin": "http://a.example"})):
        assert told.headers["x-content-type-options"] == "nosniff"
        assert told.headers["x-frame-options"] == "SAMEORIGIN"
        assert "frame-ancestors 'self'" in told.headers["content-security-policy"]
        assert "http" not in told.headers["content-security-policy"]
        assert told.headers["permissions-policy"].startswith("camera=(self), ")


def test_a_hosted_space_is_framed_by_its_host_alone():
    told = client_of(Access("0.0.0.0", is_public=True, is_space=True), "lens.hf.space").get("/")
    assert "frame-ancestors 'self' https://huggingface.co" in told.headers["content-security-policy"]
    assert "x-frame-options" not in told.headers
    assert told.headers["permissions-policy"].startswith("camera=(), ")


def test_an_uploaded_page_can_run_nothing(local):
    assert local.get("/gradio_api/file=/tmp/page.html").headers["content-security-policy"].endswith("sandbox")


# --- what a log holds


def test_a_log_says_where_a_request_failed_and_never_its_words(local, caplog):
    with caplog.at_level(logging.ERROR):
        told = local.get("/fails", headers={"prompt": "what nobody else may read"})
    assert told.status_code == 500
    assert "RuntimeError" in caplog.text and "test_guard.py" in caplog.text
    assert "nobody else" not in caplog.text + told.text
