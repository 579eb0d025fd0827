"""Access control: who may send what, to which addresses, how much of it, and what a browser may do with the answers.

Everything passes here before it reaches Gradio or the tools for agents, so nothing is open that they add.
"""

import asyncio
import base64
import binascii
import hmac
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .faults import log_fault

LOOPBACK = ("127.0.0.1", "localhost", "::1")
MAX_UPLOAD = 101 * 10**6
"""Bytes of a request that uploads; Gradio measures each file by itself."""
MAX_CALL = 33 * 2**20
"""Bytes of a call of an agent, its medium included."""
MAX_REQUEST = 4 * 10**6
"""Bytes of any other request."""
WRONG_PASSWORD_SECONDS = 1.0
CLOSED = re.compile(
    r"^/(gradio_api/)?(monitoring|runs|run-history|deep_link|dev/|profiling|process_recording|component_server|"
    r"(undo-)?vibe-|proxy=|file=\w{2,}:)"
)
"""Ways of Gradio that keep, watch, fetch from outside or change the page; none is used here."""
ALWAYS_OPEN = "/gradio_api/startup-events"
"""Gradio calls it itself when it starts; it says nothing and takes nothing."""
UPLOADED = re.compile(r"^/(gradio_api/)?file")
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
SPACE = "https://huggingface.co https://*.hf.space"
"""Who may show a hosted Space in a frame."""


class AccessError(ValueError):
    """A way of serving that would let strangers in unasked; the message says what to do."""


@dataclass(frozen=True)
class Access:
    """Where the page listens, and who may come in."""

    host: str = "127.0.0.1"
    users: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Name -> password; empty where nobody is asked."""
    is_public: bool = False
    """Whether strangers are let in on purpose."""
    is_space: bool = False
    """Whether the page runs as a hosted Space, which is shown in a frame."""

    def __post_init__(self) -> None:
        if self.host not in LOOPBACK and not self.users and not self.is_public:
            raise AccessError(
                f"Listening on {self.host} lets everyone in who reaches this machine. Give --auth FILE with names "
                "and passwords, or --public if strangers are meant to come in."
            )
        if self.users and self.is_public:
            raise AccessError("--auth and --public exclude each other: give one of them.")

    @property
    def is_local(self) -> bool:
        """Whether whoever comes in is the operator."""
        return self.host in LOOPBACK and not self.users and not self.is_public


def access_of(
    host: str | None, users_file: str | None, is_public: bool, environment: Mapping[str, str] = os.environ
) -> Access:
    """What a command line and its environment ask for. A hosted Space is public by its owner's choice.

    Raises AccessError.
    """
    is_space = "SPACE_ID" in environment
    return Access(
        host=host or environment.get("GRADIO_SERVER_NAME") or LOOPBACK[0],
        users=read_users(users_file) if users_file else {},
        is_public=is_public or (is_space and not users_file),
        is_space=is_space,
    )


def read_users(path: str | Path) -> dict[str, str]:
    """Names and passwords from a file of `name:password` lines. Raises AccessError."""
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise AccessError(f"The file of users {path} cannot be read. Write one name:password a line.") from error
    users = {}
    for number, line in enumerate(lines, start=1):
        name, colon, password = line.strip().partition(":")
        if not line.strip():
            continue
        if not (name and colon and password):
            raise AccessError(f"Line {number} of {path} is not name:password.")
        users[name] = password
    if not users:
        raise AccessError(f"The file of users {path} names nobody. Write one name:password a line.")
    return users


class Guard:
    """ASGI middleware around everything that the page serves."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self.app = app
        self.access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
        elif scope["type"] == "http":
            await self._answer(scope, receive, self._with_headers(scope["path"], send))

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = await self._refusal(scope)
        if refusal is not None:
            await refusal(scope, receive, send)
            return
        begun = False

        async def noting(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self.app(scope, _bounded(receive, _most(scope["path"])), noting)
        except _TooLargeError:
            if not begun:
                await _too_large(scope["path"])(scope, receive, send)
        except ClientDisconnect:
            pass  # nobody is left to be told
        except Exception as error:
            log_fault("a request failed", error)
            if not begun:
                await PlainTextResponse("The request cannot be answered.", 500)(scope, receive, send)

    async def _refusal(self, scope: Scope) -> Response | None:
        """Why a request is turned away before anything reads it, or None."""
        headers, path = Headers(scope=scope), scope["path"]
        if CLOSED.match(path):
            return PlainTextResponse("There is nothing here.", 404)
        if self.access.is_local and _name(headers.get("host", "")) not in LOOPBACK:
            return PlainTextResponse("This page answers on this machine alone.", 421)
        if not self.access.is_public and not _from_itself(headers, scope["method"]):
            return PlainTextResponse("A page of another site may not ask here.", 403)
        if self.access.users and path != ALWAYS_OPEN and not self._is_known(headers.get("authorization", "")):
            if "authorization" in headers:
                await asyncio.sleep(WRONG_PASSWORD_SECONDS)
            challenge = {"WWW-Authenticate": 'Basic realm="MARS Lens", charset="UTF-8"'}
            return PlainTextResponse("Name and password, please.", 401, challenge)
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > _most(path):
            return _too_large(path)
        return None

    def _is_known(self, authorization: str) -> bool:
        kind, _, token = authorization.partition(" ")
        try:
            name, colon, password = base64.b64decode(token, validate=True).decode("utf-8").partition(":")
        except (binascii.Error, UnicodeDecodeError, ValueError):
            return False
        known = self.access.users.get(name, "")
        same = hmac.compare_digest(password.encode(), known.encode())
        return kind.lower() == "basic" and bool(colon) and bool(known) and same

    def _with_headers(self, path: str, send: Send) -> Send:
        own = self._headers(path)

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in own.items():
                    headers[name] = value
            await send(message)

        return sending

    def _headers(self, path: str) -> dict[str, str]:
        framing = f"'self' {SPACE}" if self.access.is_space else "'self'"
        headers = {
            "Content-Security-Policy": (
                "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; "
                "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; media-src 'self' data: blob:; "
                "font-src 'self' data:; "
                "connect-src 'self' data: blob:; worker-src 'self' blob:; object-src 'none'; base-uri 'self'; "
                f"form-action 'self'; frame-ancestors {framing}"
            ),
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "same-origin",
            "Permissions-Policy": f"camera=({'self' if self.access.is_local else ''}), geolocation=(), microphone=()",
            "Cross-Origin-Resource-Policy": "same-origin",
        }
        if not self.access.is_space:
            headers["X-Frame-Options"] = "SAMEORIGIN"
        if UPLOADED.match(path):
            headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
        return headers


class _TooLargeError(Exception):
    """Raised where a request is read, once it is longer than it may be."""


def _bounded(receive: Receive, most: int) -> Receive:
    taken = 0

    async def receiving() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > most:
            raise _TooLargeError
        return message

    return receiving


def _most(path: str) -> int:
    if path.rstrip("/").endswith("/upload"):
        return MAX_UPLOAD
    return MAX_CALL if path.startswith("/mcp") else MAX_REQUEST


def _too_large(path: str) -> Response:
    return PlainTextResponse(f"The request is too large; at most {_most(path) // 10**6} MB are read.", 413)


def _name(host: str) -> str:
    """A host without its port: `[::1]:7860` -> `::1`."""
    return host.rsplit("]", 1)[0].lstrip("[") if host.startswith("[") else host.rsplit(":", 1)[0]


def _from_itself(headers: Headers, method: str) -> bool:
    """Whether a request comes from the page itself, from a program, which names no origin, or follows a link."""
    origin = headers.get("origin")
    if origin is not None:
        return origin.partition("://")[2] in (headers.get("host"), headers.get("x-forwarded-host"))
    return method in SAFE_METHODS or headers.get("sec-fetch-site", "none") in ("none", "same-origin")
