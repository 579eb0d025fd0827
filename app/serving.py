"""Serving the page, with what is not shown: the tools for agents, and that nothing is kept or sent."""

from pathlib import Path
from typing import Any

import gradio as gr

from app import theme, tools
from app.plotly_panel import head
from app.workbench import Workbench

FILTERS = Path(__file__).with_name("case_filters.js")
MAX_FILE_SIZE = "100mb"


def serve(
    page: gr.Blocks, workbench: Workbench, host: str = "127.0.0.1", port: int | None = None, in_browser: bool = False
) -> str:
    """Serve the page in the background and return its address.

    port: GRADIO_SERVER_PORT or the first free one from 7860 where it is None. Raises OSError where it is taken.
    """
    agents = tools.server(workbench, host)
    routes = agents.streamable_http_app().routes
    _, url, _ = page.launch(
        server_name=host,
        server_port=port,
        inbrowser=in_browser,
        prevent_thread_lock=True,
        quiet=True,
        app_kwargs={"routes": routes, "lifespan": lambda _: agents.session_manager.run()},
        **launch_options(),
    )
    return url


def launch_options() -> dict[str, Any]:
    """What Gradio takes at launch: the look, and that nothing is kept or sent."""
    return {
        "theme": theme.base(),
        "css": theme.css(),
        "head": f"{head()}<script>{FILTERS.read_text(encoding='utf-8')}</script>",
        "footer_links": ["api"],
        "run_history": False,
        "enable_monitoring": False,
        "max_file_size": MAX_FILE_SIZE,
        "show_error": False,
        "allowed_paths": [],
        "ssr_mode": False,
        "state_session_capacity": 200,
    }
