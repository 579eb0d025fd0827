"""Peak memory of capturing, of the page and of a fit, each in a process of its own.

python -m benchmarks.memory {capture,bare} PROMPTS
python -m benchmarks.memory {fit,page} MODEL [DTYPE]

prints the peak of that process, in bytes, with what else was found, as JSON. A fit shows its progress on stderr.
"""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import torch

from benchmarks.measured import Measured, check, dtype_name
from benchmarks.models import TWO_CORES, gallery_prompt, random_model, short_prompts
from benchmarks.timing import Spread, seconds_of, spread
from mars.artifact.artifact import Artifact
from mars.model.capture import batches_of, capture
from mars.model.inputs import encode
from mars.model.loading import load_model
from mars.pocket_vl.splits import own_clouds
from mars.printing import ProgressBar


def capture_memory(prompts: int, repetitions: int) -> Measured:
    """What capturing adds to the peak, in sizes of its own result; 1.0 is the result and nothing else."""
    shares = []
    for _ in range(repetitions):
        captured, bare = _measured("capture", str(prompts)), _measured("bare", str(prompts))
        shares.append((captured["peak"] - bare["peak"]) / captured["result"])
    size = Spread(*[captured["result"] / 2**20] * 3)
    return Measured(
        {"capture.memory": spread(shares)},
        {},
        [],
        f"{prompts} short prompts; the result takes {size.value:.0f} MiB; peaks of the resident set, each in a "
        "process of its own.",
    )


def whole_fit(source: str, dtype: str) -> Measured:
    """A fit with all that it can hold but verdicts: its time, its peak in GB, the longest wait for progress."""
    found = _measured("fit", source, dtype)
    return Measured(
        {
            "fit.seconds": spread([found["seconds"]]),
            "fit.silence": spread([found["silence"]]),
            "fit.memory": spread([found["peak"] / 1e9]),
        },
        {},
        [],
        f"A fit in {found['dtype']} with calibration, effect by layer and gain, clouds and UMAP, nothing from a "
        "cache; its peak is of the resident set and holds the loading of the model.",
    )


def page_memory(source: str) -> Measured:
    """The peak of the page's process, in GB."""
    found = _measured("page", source)
    return Measured(
        {"page.memory": spread([found["peak"] / 1e9])},
        {},
        [],
        f"The page, served in {found['dtype']}: loaded, both replies to an image, the map of layers and gains, the "
        "map of tokens, and UMAP and numbers of the chosen layer; peak of the resident set.",
    )


def _measured(what: str, *given: str) -> dict[str, Any]:
    """What a process of its own prints last."""
    command = [sys.executable, "-m", "benchmarks.memory", what, *given]
    root = Path(__file__).parent.parent
    return json.loads(subprocess.run(command, cwd=root, check=True, stdout=subprocess.PIPE).stdout.splitlines()[-1])


def _resident_peak() -> int:
    """Peak resident set of this process since it began, in bytes."""
    status = Path("/proc/self/status")
    if status.exists():  # getrusage would count what the parent held when it forked
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return 1024 * int(line.split()[1])
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


def _capture(count: str) -> dict[str, Any]:
    found = capture(random_model(TWO_CORES), short_prompts(int(count)))
    return {"result": found.values.nbytes + found.logits.nbytes}


@torch.inference_mode()
def _bare(count: str) -> dict[str, Any]:
    model, prompts = random_model(TWO_CORES), short_prompts(int(count))
    for batch in batches_of(prompts, 16):
        inputs = encode(model, [prompts[index] for index in batch])
        model.model(**inputs, use_cache=False, logits_to_keep=1)
    return {}


def _fit(source: str, dtype: str | None = None) -> dict[str, Any]:
    model = load_model(source, dtype=dtype and getattr(torch, dtype))
    bar, waits, has_ended = ProgressBar(), [], {}
    told = time.perf_counter()

    def progress(step: str, done: int, total: int) -> None:
        nonlocal told
        before, told = told, time.perf_counter()
        waits.append(told - before)
        has_ended[step] = done == total
        bar(step, done, total)

    seconds = seconds_of(lambda: Artifact.fit(model, clouds=own_clouds(source), with_umap=True, progress=progress))
    waits.append(time.perf_counter() - told)
    check(all(has_ended.values()), "progress does not come to its end")
    return {"seconds": seconds, "silence": max(waits), "dtype": dtype_name(model)}


def _page(source: str) -> dict[str, Any]:
    from app.serving import serve
    from app.ui import create_app
    from app.workbench import LiveSession, Workbench

    workbench = Workbench(LiveSession.to_load(source))
    page = create_app(workbench)
    serve(page, workbench)
    session = workbench.session.load()
    session.warm_up()
    text, media = gallery_prompt(source)
    for answers in (session.compare, session.gain_map):
        list(answers(text, [media]))
    session.token_map(text, [media])
    session.measured(session.chosen_layer)
    while session.picture("umap", session.chosen_layer).is_temporary:
        time.sleep(0.2)
    page.close(verbose=False)
    return {"dtype": dtype_name(session.model)}


def main() -> None:
    what, *given = sys.argv[1:]
    found = {"capture": _capture, "bare": _bare, "fit": _fit, "page": _page}[what](*given)
    print(json.dumps({"peak": _resident_peak(), **found}))


if __name__ == "__main__":
    main()
