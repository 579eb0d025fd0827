"""Work on a Ray cluster, or on this machine's cores through a local one: Ray Data with a pool of actors.

The only file that imports ray. Scheduling, shipping, restarts and retries are Ray's.
"""

import logging
import math
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

try:
    import pyarrow as pa
    import ray
    import ray.data
    from ray import cloudpickle
except ImportError:
    ray = None

from mars.bundled import ASSETS, ASSETS_AT
from mars.distributed.executor import Item, Prepared, Result
from mars.model.load_checks import first_line

LOCAL = "local"
"""The address of a Ray on this machine alone, started for the work and shut down after it."""
RETRIES = 2
"""How often Ray gives an item to another worker after one died of it."""
RESTARTS = 16
"""How often Ray restarts each worker that died."""
PREPARING = 1
"""CPUs of a task that prepares an item."""
COLUMN = "pickled"
"""The only column of the tables in which items travel."""


class RayError(ValueError):
    """A cluster that cannot be used; the message says why and what to do."""


@dataclass(frozen=True)
class RayCluster:
    """Workers on one Ray, each an actor that holds a model of its own. A `Cluster`."""

    workers: int | None = None
    """Number of workers; None is as many as the cluster holds at once."""
    cpus_per_worker: float = 1
    """CPUs of a worker, which uses as many threads."""
    gpus_per_worker: float | None = None
    """GPUs of a worker; a fraction shares one between workers, and None is one where the cluster has any."""
    packages: tuple[Path, ...] = ()
    """Folders of packages that travel to the workers, besides that of the engine."""

    def __post_init__(self) -> None:
        if self.workers is not None and self.workers < 1:
            raise RayError(f"{self.workers} workers do nothing; ask for at least 1.")
        gpus = self.gpus_per_worker or 0
        if not self.cpus_per_worker > 0 or not gpus >= 0:
            raise RayError("A worker needs more than 0 CPUs, and no less than 0 GPUs.")
        if gpus > 1 and gpus != int(gpus):
            raise RayError(f"A worker cannot hold {gpus} GPUs: give a fraction of one, or whole ones.")

    @contextmanager
    def at(self, address: str = LOCAL) -> Iterator["RayCluster"]:
        """A connection to a Ray: LOCAL, "auto", or HOST:PORT of its head. Raises RayError.

        A connection that is open already is used, and left open.
        """
        if ray is None:
            raise RayError("Ray is not installed. Install it with: pip install -r requirements-ray.txt")
        if ray.is_initialized():
            yield self
            return
        modules = [str(path) for path in (Path(__file__).parents[1], *self.packages)]
        code = {"py_modules": modules, "excludes": ["**/__pycache__"], "env_vars": {ASSETS_AT: str(ASSETS)}}
        where = {"address": address} if address != LOCAL else {
            "address": LOCAL,
            "num_cpus": math.ceil(max(os.cpu_count() or 1, (self.workers or 1) * self.cpus_per_worker)) + PREPARING,
            "include_dashboard": False,
        }  # fmt: skip
        try:
            ray.init(**where, runtime_env=code, log_to_driver=False, logging_level=logging.ERROR)
        except Exception as error:  # Ray raises many kinds here, some of them bare
            raise RayError(
                f"No Ray can be reached at {address} ({first_line(error)}). Start one with: ray start "
                "--head, or leave the address out for one of this machine."
            ) from error
        try:
            yield self
        finally:
            ray.shutdown()

    def once(self, work: Callable[[], Result]) -> Result:
        """Run a function in a task with the resources of a worker. Raises what the function raises, or RayError."""
        task = ray.remote(num_cpus=self.cpus_per_worker, num_gpus=self._gpus(), max_retries=RETRIES)(_once)
        try:
            return _result_of(ray.get(task.remote(cloudpickle.dumps(work))))
        except ray.exceptions.RayError as error:
            raise RayError(f"Ray could not load the model on a worker: {first_line(error)}") from error

    def execute(
        self,
        items: Sequence[Item],
        prepare: Callable[[Item], Prepared],
        make: Callable[[], Callable[[Prepared], Result]],
    ) -> Iterator[tuple[int, Result | None]]:
        """As `Executor`. Items are prepared in tasks, ahead of the workers. Raises what is raised there, or RayError.

        An item whose worker died goes to another RETRIES times at most.
        """
        if not items:
            return
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = context.print_on_execution_start = False
        context.max_errored_blocks = -1  # an item that no worker survives is yielded at the end, and stops nothing
        size = min(self._size(), len(items))
        blocks = [_block((number, item)) for number, item in enumerate(items)]
        whole = {"batch_size": None, "batch_format": "pyarrow"}
        # Referenced here until the end: a worker that is restarted needs them again.
        preparing, making = ray.put(cloudpickle.dumps(prepare)), ray.put(cloudpickle.dumps(make))
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*ray_remote_args", category=DeprecationWarning)
            results = (
                ray.data.from_arrow(blocks)
                .map_batches(_prepared, fn_args=(preparing,), num_cpus=PREPARING, **whole)
                .map_batches(
                    _Worker,
                    fn_constructor_args=(making,),
                    compute=ray.data.ActorPoolStrategy(size=size, max_tasks_in_flight_per_actor=2),
                    num_cpus=self.cpus_per_worker,
                    num_gpus=self._gpus(),
                    max_restarts=RESTARTS,
                    max_task_retries=RETRIES,
                    **whole,
                )
            )
        _silence_console()
        missing = dict.fromkeys(range(len(items)))
        try:
            for block in results.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=0):
                for number, result in _contents(block):
                    del missing[number]
                    yield number, _result_of(result)
        except ray.exceptions.RayError as error:
            raise RayError(f"The Ray run ended early: {first_line(error)}") from error
        for number in missing:
            yield number, None

    def _gpus(self) -> float:
        if self.gpus_per_worker is not None:
            return self.gpus_per_worker
        return min(1, ray.cluster_resources().get("GPU", 0))

    def _size(self) -> int:
        """Number of workers to start. Raises RayError where the cluster has no room for one."""
        if self.workers is not None:
            return self.workers
        resources = ray.cluster_resources()
        by_cpu = (resources.get("CPU", 0) - PREPARING) / self.cpus_per_worker
        gpus = self._gpus()
        by_gpu = resources.get("GPU", 0) / gpus if gpus else by_cpu
        size = math.floor(min(by_cpu, by_gpu))
        if size < 1:
            raise RayError(
                f"The Ray cluster has {resources.get('CPU', 0):g} CPUs and {resources.get('GPU', 0):g} GPUs: too "
                f"little for a worker of {self.cpus_per_worker:g} and {gpus:g}, and {PREPARING} CPU to read ahead. "
                "Give workers less, or set with --workers how many the cluster shall grow to."
            )
        return size


class _Worker:
    """An actor: makes its worker once, then gives it one item after the other."""

    def __init__(self, making: Any) -> None:
        self._worker = _attempt(lambda: cloudpickle.loads(ray.get(making))())

    def __call__(self, block: Any) -> Any:
        ((number, prepared),) = _contents(block)
        return _block((number, _attempt(lambda: _result_of(self._worker)(_result_of(prepared)))))


def _prepared(block: Any, preparing: Any) -> Any:
    ((number, item),) = _contents(block)
    return _block((number, _attempt(lambda: cloudpickle.loads(ray.get(preparing))(item))))


def _once(pickled: bytes) -> Any:
    return _attempt(lambda: cloudpickle.loads(pickled)())


class _Failure(NamedTuple):
    """An exception to be raised again by the receiver: raised inside Ray, it would end the run."""

    error: Exception


def _attempt(work: Callable[[], Any]) -> Any:
    try:
        return work()
    except Exception as error:
        try:
            return _Failure(cloudpickle.loads(cloudpickle.dumps(error)))
        except Exception:  # some exceptions cannot be unpickled
            return _Failure(RayError(f"{type(error).__name__}: {first_line(error)}"))


def _result_of(result: Any) -> Any:
    if isinstance(result, _Failure):
        raise result.error
    return result


def _block(content: tuple[int, Any]) -> Any:
    """A table of one row: Ray Data gives it to one task."""
    return pa.table({COLUMN: pa.array([cloudpickle.dumps(content)], pa.large_binary())})


def _contents(block: Any) -> list[tuple[int, Any]]:
    return [cloudpickle.loads(value.as_py()) for value in block[COLUMN]]


def _silence_console() -> None:
    """Keep Ray Data's log of each task off the console; its log file still has it all."""
    for handler in logging.getLogger("ray.data").handlers:
        if isinstance(handler, logging.StreamHandler):
            handler.setLevel(logging.CRITICAL + 1)
