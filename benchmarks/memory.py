"""Peak memory of capturing many prompts over the forward alone, each in a process of its own.

python -m benchmarks.memory {capture,bare} PROMPTS prints the peak of that process, in bytes.
"""

import json
import subprocess
import sys
from pathlib import Path

import torch

from benchmarks.measures import Measured
from benchmarks.models import TWO_CORES, random_model, short_prompts
from benchmarks.timing import Spread, spread
from mars.model.capture import batches_of, capture
from mars.model.inputs import encode


def capture_memory(prompts: int, repetitions: int) -> Measured:
    """What capturing adds to the peak, in sizes of its own result; 1.0 is the result and nothing else."""
    shares = []
    for _ in range(repetitions):
        captured, bare = _peak("capture", prompts), _peak("bare", prompts)
        shares.append((captured["peak"] - bare["peak"]) / captured["result"])
    size = Spread(*[captured["result"] / 2**20] * 3)
    return Measured(
        {"capture.memory": spread(shares)},
        {},
        [],
        f"{prompts} short prompts; the result takes {size.value:.0f} MiB; peaks of the resident set, each in a "
        "process of its own.",
    )


def _peak(what: str, prompts: int) -> dict[str, int]:
    command = [sys.executable, "-m", "benchmarks.memory", what, str(prompts)]
    root = Path(__file__).parent.parent
    return json.loads(subprocess.run(command, cwd=root, check=True, stdout=subprocess.PIPE).stdout)


def _resident_peak() -> int:
    """Peak resident set of this process since it began, in bytes."""
    status = Path("/proc/self/status")
    if status.exists():  # getrusage would count what the parent held when it forked
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return 1024 * int(line.split()[1])
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


def main() -> None:
    what, count = sys.argv[1], int(sys.argv[2])
    model, prompts = random_model(TWO_CORES), short_prompts(count)
    result = 0
    if what == "capture":
        found = capture(model, prompts)
        result = found.values.nbytes + found.logits.nbytes
    else:
        with torch.inference_mode():
            for batch in batches_of(prompts, 16):
                inputs = encode(model, [prompts[index] for index in batch])
                model.model(**inputs, use_cache=False, logits_to_keep=1)
    print(json.dumps({"peak": _resident_peak(), "result": result}))


if __name__ == "__main__":
    main()
