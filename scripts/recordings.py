"""What recordings take: to open the shipped one, and to make one of a large model, worked out from it."""

import argparse
import resource
import time
import urllib.request
from pathlib import Path

from mars.model.presets import read_presets
from mars.recording.plan import Settings, Shape, estimate
from mars.recording.prompts import Line

MODELS = {
    "Qwen/Qwen3-VL-8B-Instruct": (36, 4096),
    "google/gemma-3-12b-it": (48, 3840),
    "allenai/Molmo2-8B": (36, 4096),
}
"""Hub id -> decoder layers and width, as the published configs have them."""
GPUS = {
    "H100 (3,350 GB/s)": (80, 3350e9),
    "A100 (2,039 GB/s)": (80, 2039e9),
    "RTX 4090 (1,008 GB/s)": (24, 1008e9),
}
"""GiB of memory and its bandwidth, as data sheets have them."""
PROMPTS = tuple(Line(str(number), "words", None, "harmful") for number in range(100))
SETTINGS = {
    "replies at one layer and gain": Settings(),
    "that, and the map of verdicts": Settings(verdicts=True),
}
REPLY_TOKENS, POINTS, POINT_BYTES = 24, 384, 300_000
"""Of Icon-VL's artifact, which is fitted on the sets that come with the package."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--open", type=Path, metavar="FOLDER", help="open this recording and say what that takes")
    options = parser.parse_args()
    print(opened(options.open) if options.open else table())


def opened(folder: Path) -> str:
    """Seconds from the end of the imports until the page is given out, and the memory of the process."""
    from app.serving import serve
    from app.ui import create_app
    from app.workbench import RecordedSession, Workbench

    began, computed = time.monotonic(), time.process_time()
    session = RecordedSession.open(folder)
    checked = time.monotonic() - began
    workbench = Workbench(session)
    page = create_app(workbench)
    with urllib.request.urlopen(serve(page, workbench)) as answer:
        answer.read()
    seconds, computed = time.monotonic() - began, time.process_time() - computed
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    page.close(verbose=False)
    return (
        f"{len(session.examples)} prompts, {session.recording.size / 1e6:.1f} MB: checked in {checked:.2f} s, given "
        f"out {seconds:.2f} s after the imports ({computed:.2f} s of processor time), {peak:.0f} MB of memory at most"
    )


def table() -> str:
    """Markdown: a line a model, set and GPU."""
    from app.workbench.recording.command import layer_seconds

    parameters = {preset.id: preset for preset in read_presets()}
    lines = [
        "| model | of 100 prompts in words | memory | size | " + " | ".join(GPUS) + " |",
        "|---|---|---|---|" + "---|" * len(GPUS),
    ]
    for name, (layers, width) in MODELS.items():
        weights = round(parameters[name].gib() * 2**30)
        shape = Shape(layers, width, REPLY_TOKENS, POINTS, POINT_BYTES)
        for told, settings in SETTINGS.items():
            times = []
            for memory, speed in GPUS.values():
                found = estimate(PROMPTS, settings.at(0, layers), shape, weights, speed, layer_seconds())
                fits = found.memory <= memory * 2**30
                times.append(f"{found.seconds / 60:.0f} min" if fits else "does not fit")
            size = f"{found.memory / 2**30:.0f} GiB | {found.size / 1e6:.0f} MB"
            lines.append(f"| {name} | {told} | {size} | {' | '.join(times)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
