"""Serving the page, with what is not shown: the tools for agents, and that nothing is kept or sent."""

from pathlib import Path
from typing import Any

import gradio as gr
from starlette.middleware import Middleware

from . import theme, tools
from .backend import Backend
from .guard import Access, Guard
from .plotly_panel import head

SCRIPTS = ("case_filters.js", "number_fields.js")
"""Of the page itself; those of components come with them."""
MAX_FILE_SIZE = "100mb"
MAX_WAITING = 64
"""Requests that wait for their turn; further ones are told how many do."""


def serve(
    page: gr.Blocks,
    backend: Backend,
    access: Access | None = None,
    port: int | None = None,
    in_browser: bool = False,
) -> str:
    """Serve the page in the background and return its address.

    access: this machine alone where it is None.
    port: GRADIO_SERVER_PORT or the first free one from 7860 where it is None. Raises OSError where it is taken.
    """
    access = access or Access()
    agents = tools.server(backend, access.host if access.is_local else "0.0.0.0")
    routes = agents.streamable_http_app().routes
    page.queue(max_size=MAX_WAITING)
    _, url, _ = page.launch(
        server_name=access.host,
        server_port=port,
        inbrowser=in_browser,
        prevent_thread_lock=True,
        quiet=True,
        app_kwargs={
            "routes": routes,
            "lifespan": lambda _: agents.session_manager.run(),
            "middleware": [Middleware(Guard, access=access)],
        },
        **launch_options(),
    )
    return url


def launch_options() -> dict[str, Any]:
    """What Gradio takes at launch: the look, and that nothing is kept or sent."""
    return {
        "theme": theme.base(),
        "css": theme.css(),
        "head": head() + "".join(map(_script, SCRIPTS)),
        "footer_links": ["api"],
        "run_history": False,
        "enable_monitoring": False,
        "max_file_size": MAX_FILE_SIZE,
        "show_error": False,
        "allowed_paths": [],
        "ssr_mode": False,
        "share": False,
        "mcp_server": False,
        "state_session_capacity": 200,
    }


def _script(name: str) -> str:
    """A file beside this one, as it stands in the page's head."""
    return f"<script>{Path(__file__).with_name(name).read_text(encoding='utf-8')}</script>"
