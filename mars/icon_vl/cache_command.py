"""`mars-lens cache`: what lies in the user's cache folder, fetching Icon-VL into it, and clearing it."""

import argparse
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from filelock import FileLock, Timeout

from mars.bundled import MODELS, cache_folder
from mars.icon_vl.fetching import FetchError, Progress, bytes_under
from mars.icon_vl.folder import get_icon_vl, is_fetched
from mars.icon_vl.language_model import LOCK
from mars.model.activation_cache import SUFFIX, default_folder

PARTS = ("activations", "icon-vl")


class Part(NamedTuple):
    """One part of the cache."""

    name: str
    folder: Path
    size: int
    """In bytes."""
    told: str
    """What it is, in a few words."""


def parts() -> list[Part]:
    """What lies in the cache."""
    activations, icon_vl = default_folder(), MODELS["icon-vl"]
    prompts = sum(1 for _ in activations.glob(f"*/*{SUFFIX}"))
    if is_fetched():
        state = "fetched"
    else:
        state = "fetched in part" if icon_vl.is_dir() and bytes_under(icon_vl) else "not fetched"
    return [
        Part("activations", activations, bytes_under(activations), f"of {prompts} prompt{'s' * (prompts != 1)}"),
        Part("icon-vl", icon_vl, bytes_under(icon_vl), state),
    ]


def clear(names: tuple[str, ...] = PARTS) -> None:
    """Delete parts of the cache. Raises FetchError while another process is fetching what is to be deleted."""
    for part in parts():
        if part.name in names and part.folder.is_dir():
            try:
                with FileLock(part.folder / LOCK, timeout=0):
                    shutil.rmtree(part.folder)
            except Timeout as error:
                raise FetchError("Icon-VL is being fetched by another process. Stop that first.") from error


def add_cache(commands: argparse._SubParsersAction, bar: Callable[[], Progress]) -> None:
    """Add the command. bar: makes what shows the progress of a download."""
    parser = commands.add_parser("cache", help="what lies in the cache; fetch Icon-VL, or clear")
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--get", choices=["icon-vl"], help="fetch a model: 491 MB, 1.8 GB on disk meanwhile and 1.3 GB then"
    )
    what.add_argument("--clear", nargs="?", const="all", choices=["all", *PARTS], help="delete all of it, or a part")
    parser.set_defaults(run=lambda options: _run(options, bar))


def _run(options: argparse.Namespace, bar: Callable[[], Progress]) -> None:
    if options.clear:
        clear(PARTS if options.clear == "all" else (options.clear,))
    if options.get:
        shown = bar()
        try:
            get_icon_vl(lambda step, done, total: shown(f"{step}, in MB", done // 10**6, total // 10**6))
        except KeyboardInterrupt as stop:
            raise FetchError("Stopped. What was fetched is kept, and the same command goes on after it.") from stop
    print(cache_folder())
    for part in parts():
        print(f"  {part.name:12} {part.size / 1e6:8,.0f} MB  {part.told}")
