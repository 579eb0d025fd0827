"""Open the page: python app.py [--model FOLDER_OR_HUB_ID] [--artifact FOLDER] [--host HOST] [--port PORT].

It listens on this machine alone. Elsewhere it needs --auth FILE, or --public where strangers are meant to come in.
"""

import argparse
import os
import sys
from pathlib import Path

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")  # read when gradio is imported

BUNDLED = Path(__file__).resolve().parent / "assets" / "pocket-vl"


def main(arguments: list[str] | None = None) -> int:
    """Build the page and serve it until interrupted; the model is opened while browsers load the page."""
    options = _parser().parse_args(arguments)

    from app.examples import read_examples
    from app.guard import AccessError, access_of
    from app.results import RequestError
    from app.serving import serve
    from app.ui import create_app
    from app.workbench import Workbench

    try:
        access = access_of(options.host, options.auth, options.public)
        workbench = Workbench.to_open(options.model, options.artifact, read_examples())
        workbench.ray = options.ray
    except (AccessError, RequestError) as error:
        print(error, file=sys.stderr)
        return 1
    page = create_app(workbench, for_operator=access.is_local)
    is_person = access.is_local and sys.stdout.isatty()
    try:
        url = serve(page, workbench, access, options.port, in_browser=is_person)
    except OSError as error:
        reason = str(error).split(". ")[0]
        told = f"The page cannot be served on {access.host}: {reason}. Choose another port with --port."
        print(told, file=sys.stderr)
        return 1
    print(f"MARS Lens is open at {url}", flush=True)
    try:
        workbench.open_model()
    except RequestError as error:
        page.close(verbose=False)
        print(error, file=sys.stderr)
        return 1
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
    parser.add_argument(
        "--ray",
        nargs="?",
        const="local",
        metavar="ADDRESS",
        help="let evaluations run on the Ray at HOST:PORT, or without an address on a Ray of this machine's own",
    )
    strangers = parser.add_mutually_exclusive_group()
    strangers.add_argument("--auth", help="file of name:password lines; whoever comes in must know one of them")
    strangers.add_argument("--public", action="store_true", help="let strangers in, who may only ask")
    return parser


if __name__ == "__main__":
    sys.exit(main())
