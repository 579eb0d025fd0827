"""Sixteen visitors for half an hour: `make soak`. Prints requests, failures, and what the server held over time.

The server is a process of its own with a folder of temporary files of its own, so that what it keeps can be counted.
Needs Linux, whose /proc tells memory, threads and open files.
"""

# ruff: noqa: T201 - a command, which prints its findings

import argparse
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import NamedTuple

import httpx

from tests.crowd import Request, Tally, alone, crowd, mix

ROOT = Path(__file__).parent.parent
SAMPLES, PRINTED = 100, 20
"""Times that the server is looked at, and lines that are printed of them."""
GROWTH = {"memory": 0.10, "threads": 0.10, "files": 0.25}
"""By which share the least that is held may rise from the second third of the run to the last: the first is for
caches to fill, and threads of pools come and go, while what is never given back raises the least."""


class Held(NamedTuple):
    """What the server holds at a moment."""

    seconds: float
    memory: int
    """Resident, in MB."""
    threads: int
    files: int
    """Open file handles."""
    temporary: int
    """Files in its folder of temporary files."""
    requests: int


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--port", type=int, help="of the page; a free one by default")
    options = parser.parse_args()
    port = options.port or _free_port()
    with tempfile.TemporaryDirectory(prefix="mars-soak-") as folder:
        server = _served(port, Path(folder))
        try:
            url = f"http://127.0.0.1:{port}"
            _wait_for(url, server)
            (first,) = alone(url, [Request("compare", "hi")]).values()
            expected = alone(url, mix(options.seed, layers=len(first["coordinates_before"])))
            samples, tally = _soaked(server.pid, Path(folder), url, expected, options)
        finally:
            server.terminate()
            server.wait(30)
    return _report(samples, tally)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _served(port: int, folder: Path) -> subprocess.Popen:
    environment = os.environ | {
        "TMPDIR": str(folder), "GRADIO_TEMP_DIR": str(folder / "gradio"), "HF_HUB_OFFLINE": "1"
    }  # fmt: skip
    command = [sys.executable, "app.py", "--model", "pocket-vl", "--port", str(port)]
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)


def _wait_for(url: str, server: subprocess.Popen, seconds: float = 600) -> None:
    for _ in range(int(seconds)):
        try:
            httpx.get(url, timeout=5)
            return
        except httpx.HTTPError:
            if server.poll() is not None:
                raise SystemExit("The page did not start.") from None
            time.sleep(1)
    raise SystemExit(f"The page did not open in {seconds:.0f} seconds.")


def _soaked(
    pid: int, folder: Path, url: str, expected: dict, options: argparse.Namespace
) -> tuple[list[Held], Tally]:
    stop, done = threading.Event(), Tally()
    begun, length = time.monotonic(), 60 * options.minutes
    samples: list[Held] = []

    def watch() -> None:
        while not stop.is_set():
            samples.append(_held(pid, folder, time.monotonic() - begun, done.made))
            if len(samples) % (SAMPLES // PRINTED) == 1:
                print(_line(samples[-1]), flush=True)
            stop.wait(length / SAMPLES)

    watching = threading.Thread(target=watch)
    watching.start()
    ending = threading.Timer(length, stop.set)
    ending.start()
    crowd(url, expected, options.clients, 10**9, options.seed, stop, done)
    watching.join()
    samples.append(_held(pid, folder, time.monotonic() - begun, done.made))
    return samples, done


def _line(held: Held) -> str:
    return (
        f"{held.seconds:6.0f} s  {held.requests:6} requests  {held.memory:5} MB  {held.threads:4} threads  "
        f"{held.files:4} files open  {held.temporary:4} temporary files"
    )


def _held(pid: int, folder: Path, seconds: float, requests: int) -> Held:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    status = dict(line.split(":", 1) for line in lines)
    return Held(
        seconds,
        int(status["VmRSS"].split()[0]) // 1024,
        int(status["Threads"]),
        len(os.listdir(f"/proc/{pid}/fd")),
        sum(len(files) for _, _, files in os.walk(folder)),
        requests,
    )


def _report(samples: list[Held], tally: Tally) -> int:
    """Print the outcome; 1 where something failed or goes on growing."""
    end = samples[-1].seconds
    second = [held for held in samples if end / 3 <= held.seconds <= 2 * end / 3]
    last = [held for held in samples if held.seconds >= 2 * end / 3]
    growing = []
    for name, share in GROWTH.items():
        before, after = (min(getattr(held, name) for held in part) for part in (second, last))
        most = max(getattr(held, name) for held in samples)
        print(f"{name:10} at least {before} in the second third, at least {after} in the last, at most {most}")
        if after > (1 + share) * before + 4:
            growing.append(name)
    for fault in tally.faults[:20]:
        print(f"FAULT {fault}")
    print(
        f"{tally.made} requests in {samples[-1].seconds / 60:.1f} minutes: {tally.answered} answered as if alone, "
        f"{tally.left} cancelled or left, {len(tally.faults)} failures; "
        f"{'goes on growing: ' + ', '.join(growing) if growing else 'what the server holds levels off'}."
    )
    return 1 if tally.faults or growing else 0


if __name__ == "__main__":
    sys.exit(main())
