"""Searches a model's gallery for the example that its page opens on, and writes it beside the artifact."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from .opening import find
from .results import RequestError
from .workbench import LiveSession, write_recorded


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog=f"python -m {__spec__.name}", description=__doc__)
    parser.add_argument(
        "--model", default="pocket-vl", help="folder or bundled name of the model (default: %(default)s)"
    )
    parser.add_argument("--folder", type=Path, help="to write it into (default: the model's own)")
    options = parser.parse_args(arguments)
    try:
        live = LiveSession.to_load(options.model).load()
        path = write_recorded(options.folder or live.folder, live.artifact.hash, find(live))
    except (RequestError, OSError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    sys.stdout.write(f"Wrote {path}.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
