"""python -m benchmarks.scaling --json FILE: cases a second with one and two workers on Ray, and what a case moves.

Workers have one thread each. The pace is measured between the first and the last window to come back, without the
start of processes and the loading of the model, which are reported separately. Needs idle cores, and
requirements-ray.txt.
"""

import argparse
import json
import pickle
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from mars.artifact.artifact import Artifact
from mars.distributed.ray_cluster import RayCluster
from mars.evaluation.evaluate import measure_on
from mars.evaluation.runner import CaseRunner, Settings, read_window, windows_of
from mars.evaluation.strategies import draws_of
from mars.model.loading import load_model
from mars.pocket_vl.splits import test_cases

POCKET = Path(__file__).parent.parent / "assets" / "pocket-vl"
STRATEGIES = ("unsteered", "addition", "mars")


class Pace(NamedTuple):
    """How fast cases were answered."""

    workers: int
    cases: int
    cases_per_second: float
    seconds_to_first: float
    """From the connection to Ray to the first window: processes, imports, two loads of the model, one window."""


class Moved(NamedTuple):
    """Bytes per case, mean over the set."""

    asked: float
    """From the driver to a task that reads; of a set in files these are paths."""
    decoded: float
    """From that task to a worker: pixels."""
    answered: float
    """From the worker to the driver."""
    kept: float
    """In the table on disk."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scaling", description=__doc__)
    parser.add_argument("--json", type=Path, required=True, metavar="FILE", help="where the results go")
    parser.add_argument("--per-cell", type=int, default=20, help="cases per modality and label of the bundled split")
    options = parser.parse_args()
    cases, load = test_cases(options.per_cell), partial(load_model, str(POCKET))
    settings = Settings(window=4)
    results: dict[str, Any] = {"strategies": STRATEGIES, "window": settings.window}
    with tempfile.TemporaryDirectory() as folder:
        paces = []
        for workers in (1, 2):
            table = Path(folder) / f"{workers}.parquet"
            paces.append(pace(workers, load, cases, settings, table))
            print(paces[-1], flush=True)
        kept = sum(path.stat().st_size for path in table.glob("*.parquet")) / len(cases)
    started = time.perf_counter()
    model = load()
    results["seconds_to_load"] = time.perf_counter() - started
    results["paces"] = [one._asdict() for one in paces]
    results["speedup"] = paces[1].cases_per_second / paces[0].cases_per_second
    results["bytes_a_case"] = moved(model, cases, settings, kept)._asdict()
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(results, indent=1))


def pace(workers: int, load: partial, cases: list, settings: Settings, table: Path) -> Pace:
    """Answer all cases with this number of workers."""
    arrivals: list[float] = []
    with RayCluster(workers=workers).at() as cluster:
        begun = time.perf_counter()
        measure_on(
            cluster, load, POCKET / "artifact", cases, STRATEGIES, settings, run_path=table,
            progress=lambda done, total: arrivals.append(time.perf_counter()),  # noqa: ARG005
        )  # fmt: skip
    counted = len(arrivals) - settings.window
    return Pace(workers, len(cases), counted / (arrivals[-1] - arrivals[settings.window - 1]), arrivals[0] - begun)


def moved(model: Any, cases: list, settings: Settings, kept: float) -> Moved:
    """Bytes per case at each step, as they are pickled for Ray."""
    artifact = Artifact.load(POCKET / "artifact", model)
    runner = CaseRunner(model, artifact, settings)
    windows = windows_of(cases, settings.window)
    read = [read_window(window, draws_of(STRATEGIES), {}) for window in windows]
    sizes = [
        sum(len(pickle.dumps(entry)) for entry in entries) / len(cases)
        for entries in (windows, read, [runner(entries) for entries in read])
    ]
    return Moved(*sizes, kept=kept)


if __name__ == "__main__":
    main()
