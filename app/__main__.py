"""The command `mars-lens`: the page, and the commands of the engine. `python app.py` is `mars-lens page`."""

import argparse
import os
import sys
from collections.abc import Sequence

COMMANDS = {
    "page": "open the page, on which refusal is seen and steered",
    "fit": "fit direction, re-centering and layer choice of a model; write an artifact",
    "eval": "refusal, false refusal and utility of strategies on a set",
    "sweep": "the layer x gain map of one prompt's first token",
    "record": "what a model answers, into a folder that the page opens where the model cannot run",
    "compare": "two recordings side by side, as one HTML file",
    "presets": "models worth trying, by the memory that they take",
    "cache": "what lies in the cache; fetch Icon-VL, or clear",
}
RAY = "An evaluation on Ray is begun with `mars-lens eval --ray` or `python -m mars eval --ray`, not from the page."


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out one command with what follows it; gradio is imported for the page alone."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    parser = argparse.ArgumentParser(
        prog="mars-lens",
        description="See how refusal travels from text to images and video, and steer it.",
        epilog="mars-lens COMMAND --help lists the options of a command.",
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, told in COMMANDS.items():
        commands.add_parser(name, help=told, add_help=False)
    command = parser.parse_args(given[:1]).command
    if command == "page":
        return page(given[1:])

    if command == "record":
        from .workbench.recording.command import main as record

        return record(given[1:])
    if command == "compare":
        from .compared import main as compare

        return compare(given[1:])

    from .workbench.engine import command as engine

    return engine(given)


def page(arguments: Sequence[str] | None = None, prog: str = "mars-lens page") -> int:
    """Build the page and serve it until interrupted; the model is loaded while browsers load the page.

    It listens on this machine alone. Elsewhere it needs --auth FILE, or --public where strangers are to come in.
    """
    options = _page_parser(prog).parse_args(arguments)
    if options.ray:
        print(RAY, file=sys.stderr)
        return 1
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")  # read when gradio is imported

    from .guard import AccessError, access_of
    from .results import RequestError
    from .serving import serve
    from .ui import create_app
    from .workbench import ICON_VL, LiveSession, RecordedSession, Workbench, usual_model, usual_recordings
    from .workbench.engine import command as engine

    try:
        access = access_of(options.host, options.auth, options.public)
        if options.yes and options.model == ICON_VL and (failed := engine(["cache", "--get", ICON_VL])):
            return failed
        recordings = tuple(options.recording or (() if options.model else usual_recordings()))
        if recordings:
            session, *others = map(RecordedSession.open, recordings)
        else:
            session = LiveSession.to_load(usual_model() if options.model is None else options.model, options.artifact)
            others = []
    except (AccessError, RequestError) as error:
        print(error, file=sys.stderr)
        return 1
    workbench = Workbench(session, recordings)
    blocks = create_app(workbench, access.is_local, not access.is_public, [Workbench(other) for other in others])
    is_person = access.is_local and sys.stdout.isatty()
    try:
        url = serve(blocks, workbench, access, options.port, in_browser=is_person)
    except OSError as error:
        reason = str(error).split(". ")[0]
        told = f"The page cannot be served on {access.host}: {reason}. Choose another port with --port."
        print(told, file=sys.stderr)
        return 1
    print(f"MARS Lens is open at {url}", flush=True)
    try:
        if not recordings:
            session.load().warm_up()
    except RequestError as error:
        blocks.close(verbose=False)
        print(error, file=sys.stderr)
        return 1
    blocks.block_thread()
    return 0


def _page_parser(prog: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=prog, description="See how refusal travels from text to images and video, and steer it."
    )
    parser.add_argument(
        "--model",
        help="folder, hub id, icon-vl or pocket-vl (default: icon-vl where it was fetched, else its recording, which "
        "loads no model; pocket-vl answers any question)",
    )
    parser.add_argument(
        "--yes", action="store_true", help="with --model icon-vl: fetch it first (491 MB) where it is not there"
    )
    parser.add_argument(
        "--artifact", help="folder of the fitted artifact; by default `artifact` in the model's folder"
    )
    parser.add_argument(
        "--recording", nargs="+", metavar="FOLDER", help="open on recordings, a page each; no model is loaded"
    )
    parser.add_argument("--host", help="address to listen on; this machine alone (127.0.0.1) by default")
    parser.add_argument(
        "--port", type=int, help="port; GRADIO_SERVER_PORT or the first free one from 7860 by default"
    )
    parser.add_argument(
        "--ray", nargs="?", const="local", metavar="ADDRESS", help="says how an evaluation on Ray is begun"
    )
    strangers = parser.add_mutually_exclusive_group()
    strangers.add_argument("--auth", help="file of name:password lines; whoever comes in must know one of them")
    strangers.add_argument("--public", action="store_true", help="let strangers in, who may only ask")
    return parser


if __name__ == "__main__":
    sys.exit(main())
