"""Open the page: python app.py [--model FOLDER_OR_HUB_ID] [--artifact FOLDER] [--host HOST] [--port PORT]."""

import argparse
import os
import sys
from pathlib import Path

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")  # read when gradio is imported

BUNDLED = Path(__file__).resolve().parent / "assets" / "pocket-vl"

LOOPBACK = ("127.0.0.1", "localhost", "::1")


def main(arguments: list[str] | None = None) -> int:
    """Load the model, build the page, serve it until interrupted."""
    options = _parser().parse_args(arguments)

    from app.examples import read_examples
    from app.results import RequestError
    from app.serving import serve
    from app.ui import create_app
    from app.workbench import Workbench

    try:
        workbench = Workbench.open(options.model, options.artifact, read_examples())
    except RequestError as error:
        print(error, file=sys.stderr)
        return 1
    host = options.host or os.environ.get("GRADIO_SERVER_NAME") or "127.0.0.1"
    page = create_app(workbench, for_operator=host in LOOPBACK)
    is_person = host in LOOPBACK and sys.stdout.isatty()
    try:
        url = serve(page, workbench, host, options.port, in_browser=is_person)
    except OSError as error:
        reason = str(error).split(". ")[0]
        print(f"The page cannot be served on {host}: {reason}. Choose another port with --port.", file=sys.stderr)
        return 1
    print(f"MARS Lens is open at {url}", flush=True)
    workbench.warm_up()
    page.block_thread()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="app.py", description="See how refusal travels from text to images and video, and steer it."
    )
    parser.add_argument("--model", default=BUNDLED, help="folder or hub id; the bundled Pocket-VL by default")
    parser.add_argument(
        "--artifact", help="folder of the fitted artifact; by default `artifact` in the model's folder"
    )
    parser.add_argument("--host", help="address to listen on; this machine alone (127.0.0.1) by default")
    parser.add_argument(
        "--port", type=int, help="port; GRADIO_SERVER_PORT or the first free one from 7860 by default"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
