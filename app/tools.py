"""The same for agents: the tools `compare` and `sweep` of a Model Context Protocol server, on the page's own port.

Gradio's server of the kind is not used: it offers every endpoint, answers in the notation of Python and keeps the
media that come with a call.
"""

import mimetypes
import tempfile
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from anyio import to_thread
from mcp.server.fastmcp import FastMCP
from mcp.server.fastmcp.exceptions import ToolError
from mcp.types import ToolAnnotations
from pydantic import Field

from . import answers
from .backend import Backend
from .faults import log_fault
from .results import RequestError
from .workbench import MAX_GAIN

PATH = "/mcp"
MAX_BODY = 32 * 2**20
"""Bytes of a call, its picture or clip included."""
SUFFIXES = {
    "image/heic": ".heic", "image/heif": ".heif", "image/avif": ".avif", "image/webp": ".webp", "image/apng": ".apng",
    "image/pjpeg": ".jpg", "video/x-matroska": ".mkv", "video/x-m4v": ".m4v", "video/avi": ".avi",
}  # fmt: skip
"""Kind -> ending, where the tables of Python or of the machine have none, or another one."""
READS = ToolAnnotations(readOnlyHint=True, idempotentHint=True, openWorldHint=False)

Text = Annotated[str, Field(description="What is asked; may be empty where there is an image or video.")]
Media = Annotated[
    str | None,
    Field(description="An image or a video as a data URL (data:image/png;base64,…), or none. Nothing is fetched."),
]
Layer = Annotated[int | None, Field(description="Decoder layer to steer, from 0; none for the chosen one.")]
Gain = Annotated[float, Field(description=f"Multiplies the strength of the edit, from 0 to {MAX_GAIN:g}.")]
System = Annotated[
    str, Field(description="A system message, which lies outside what was fitted; none for the model's own alone.")
]


def server(backend: Backend, host: str) -> FastMCP:
    """The tools, over streamable HTTP without sessions.

    host: address that the page listens on; on loopback, calls from pages of other names are turned away.
    """
    tools = FastMCP("MARS Lens", host=host, streamable_http_path=PATH, stateless_http=True, json_response=True,
                    max_request_body_size=MAX_BODY, log_level="WARNING")  # fmt: skip

    @tools.tool(annotations=READS)
    async def compare(
        text: Text = "", media: Media = None, layer: Layer = None, gain: Gain = 1.0, system: System = ""
    ) -> dict[str, Any]:
        """Answer a prompt without and with MARS steering, with its refusal coordinate at every layer."""
        return await _called(
            partial(answers.compare, backend.session, layer=layer, gain=gain, system=system), text, media
        )

    @tools.tool(annotations=READS)
    async def sweep(text: Text = "", media: Media = None, system: System = "") -> dict[str, Any]:
        """Map what MARS does to the first token of a prompt at every layer with nine gains."""
        return await _called(partial(answers.sweep, backend.session, system=system), text, media)

    return tools


async def _called(answer: Callable[[str, list[str]], dict[str, Any]], text: str, media: str | None) -> dict[str, Any]:
    """What the session says, from a thread of its own. Raises ToolError, one sentence."""

    def run() -> dict[str, Any]:
        with _written(media) as files:
            return answer(text, files)

    try:
        return await to_thread.run_sync(run)
    except RequestError as error:
        raise ToolError(str(error)) from error
    except Exception as error:  # its words may name a path of this machine
        log_fault("a tool failed", error)
        raise ToolError(f"The model failed on this prompt ({type(error).__name__}).") from error


@contextmanager
def _written(media: str | None) -> Iterator[list[str]]:
    """The medium of a data URL as a file that is gone after the call. Raises RequestError."""
    if not media:
        yield []
        return
    head, comma, body = media.partition(",")
    if not (head.startswith("data:") and head.endswith(";base64") and comma):
        raise RequestError("The medium is not a data URL. Give its bytes as data:image/png;base64,… or give none.")
    try:
        content = b64decode(body, validate=True)
    except ValueError as error:
        raise RequestError("The medium is not valid base64. Encode its bytes again.") from error
    kind = head.removeprefix("data:").split(";")[0]
    with tempfile.TemporaryDirectory(prefix="mars-lens-") as folder:
        path = Path(folder) / f"medium{SUFFIXES.get(kind) or mimetypes.guess_extension(kind, strict=False) or ''}"
        path.write_bytes(content)
        yield [str(path)]
