"""The real page on a model, and a headless Chromium to look at it; shared by the scripts that do."""

import argparse
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")

WAIT = 120_000
"""Milliseconds after which something that should have come has not."""
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync"]  # fmt: skip


def parser(description: str) -> argparse.ArgumentParser:
    """What such a script takes: the model, its artifact, and the browser."""
    made = argparse.ArgumentParser(description=description)
    made.add_argument("--model", default="pocket-vl")
    made.add_argument("--artifact")
    made.add_argument("--browser", default="/usr/bin/chromium", help="the browser's executable")
    made.add_argument("--port", type=int, help="the first free one from 7860 by default")
    return made


@contextmanager
def served(options: argparse.Namespace, load_first: bool = False) -> Iterator[tuple[Any, str]]:
    """The workbench and the address of its page, served while the model loads, as app.py does it, or after that."""
    from app.serving import serve
    from app.ui import create_app
    from app.workbench import LiveSession, Workbench

    workbench = Workbench(LiveSession.to_load(options.model, options.artifact))
    loading = threading.Thread(target=lambda: workbench.session.load().warm_up(), name="loading")
    if load_first:
        loading.start()
        loading.join()
    page = create_app(workbench)
    url = serve(page, workbench, port=options.port)
    if not load_first:
        loading.start()
    yield workbench, url
    loading.join()
    page.close()


@contextmanager
def browser(options: argparse.Namespace) -> Iterator[Any]:
    """A Chromium without a window."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=options.browser, args=FLAGS)
        yield opened
        opened.close()
