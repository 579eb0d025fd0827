"""Thousands of hostile inputs through the engine, and a sample through the running page: `make hostile`."""

# ruff: noqa: T201 - a command, which prints its findings

import argparse
import os
import resource
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")

import av
import httpx

from app import answers
from app.serving import serve
from app.ui import create_app
from app.workbench import LiveSession, Workbench
from tests.hostile.archives import archives
from tests.hostile.crafted import crafted
from tests.hostile.inputs import Input
from tests.hostile.mutated import mutated
from tests.hostile.texts import texts
from tests.hostile.trial import Verdict, offer, offer_archive, offer_over_http
from tests.hostile.visitor import Visitor

TEXTS = 400
SOUND = "how is a chair made by hand?"


def inputs_of(seed: int, count: int, tokens: list[str]) -> list[Input]:
    """All crafted files, TEXTS texts and as many spoiled files as make `count`."""
    fixed = [*crafted(), *texts(seed, min(TEXTS, count // 4), tokens)]
    return [*fixed, *(mutated(seed, number) for number in range(max(0, count - len(fixed))))]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.hostile", description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--count", type=int, default=2400, help="inputs for the engine")
    parser.add_argument("--served", type=int, default=200, help="inputs for the running page, spread over all kinds")
    parser.add_argument("--port", type=int, help="of the page; the first free one by default")
    options = parser.parse_args()
    av.logging.set_level(None)

    session = LiveSession.to_load("pocket-vl").load()
    given = inputs_of(options.seed, options.count, session.model.tokenizer.all_special_tokens)
    answers.compare(session, SOUND)
    with tempfile.TemporaryDirectory() as own:
        tempfile.tempdir = own  # whatever makes a temporary file from here on makes it there
        with tempfile.TemporaryDirectory() as folder:
            faults = _report("engine", _counted(offer(session, one, Path(folder)) for one in given))
        with tempfile.TemporaryDirectory() as folder:
            faults += _report("sets of one's own", _counted(offer_archive(one, Path(folder)) for one in archives()))
        left = os.listdir(own)
        tempfile.tempdir = None
    faults += len(left)
    print(f"{'temporary files left':28} {len(left)} {' '.join(left)}")
    print(f"{'most memory':28} {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")

    workbench = Workbench(session)
    page = create_app(workbench)
    url = serve(page, workbench, port=options.port)
    visitor = Visitor(url)
    sample = given[:: max(1, len(given) // options.served)][: options.served]
    sound = visitor.call("compare", SOUND, None, None, 1.0, "")
    faults += _report("page", _counted(offer_over_http(visitor, session, one) for one in sample))
    if visitor.call("compare", SOUND, None, None, 1.0, "") != sound:
        faults += 1
        print("The page answers another than before.")
    page.close(verbose=False)
    print(f"{len(given)} inputs through the engine, {len(sample)} through the page, {faults} failures.")
    sys.stdout.flush()
    os._exit(1 if faults else 0)  # threads of the server would hold the process


def _counted(verdicts: Iterable[Verdict]) -> Iterator[Verdict]:
    """Print each fault as it comes."""
    for number, verdict in enumerate(verdicts):
        if verdict.fault:
            name = verdict.given.name[:40]
            print(f"FAULT {number} {verdict.given.kind} {name!r}: {verdict.fault}", flush=True)
        yield verdict


def _report(where: str, verdicts: Iterable[Verdict]) -> int:
    """Print a line for each group of kinds, and return how many faults there were."""
    counts: Counter[tuple[str, str]] = Counter()
    slowest, faults = 0.0, 0
    for verdict in verdicts:
        counts[verdict.given.group, verdict.outcome] += 1
        slowest, faults = max(slowest, verdict.seconds), faults + bool(verdict.fault)
    print(f"{where:28} {'inputs':>8} {'refused':>8} {'answered':>9} {'crashed':>8}")
    for group in sorted({group for group, _ in counts}):
        refused, answered, crashed = (counts[group, outcome] for outcome in ("refused", "answered", "crashed"))
        print(f"  {group:26} {refused + answered + crashed:8} {refused:8} {answered:9} {crashed:8}")
    print(f"  {'slowest':26} {slowest:8.1f} seconds")
    return faults


if __name__ == "__main__":
    try:
        sys.exit(main())
    except httpx.HTTPError as error:
        sys.exit(f"The page went away: {error}")
