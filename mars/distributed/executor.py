"""Work on many items: prepared ahead of time, then given to one worker in turn or to many at once.

An executor knows neither models nor cases. It is given a function that makes a worker, since workers are made where
they run.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, TypeVar

Item = TypeVar("Item")
Prepared = TypeVar("Prepared")
Result = TypeVar("Result")


class Executor(Protocol):
    """Prepares every item, gives it to a worker, and yields its number with the worker's result.

    Results come in the order in which they are finished; None is that of an item that no worker survived.
    """

    def __call__(
        self,
        items: Sequence[Item],
        prepare: Callable[[Item], Prepared],
        make: Callable[[], Callable[[Prepared], Result]],
    ) -> Iterator[tuple[int, Result | None]]: ...


class Cluster(Protocol):
    """Machines that work for this one. Their arguments and results can be pickled."""

    def once(self, work: Callable[[], Result]) -> Result:
        """Run a function where a worker could be, and raise here what is raised there."""
        ...

    execute: Executor


def run_serial(
    items: Sequence[Item],
    prepare: Callable[[Item], Prepared],
    make: Callable[[], Callable[[Prepared], Result]],
) -> Iterator[tuple[int, Result]]:
    """One worker, in this process; the next item is prepared while it works."""
    worker = make()
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="preparing") as reader:
        pending = reader.submit(prepare, items[0]) if items else None
        for number in range(len(items)):
            prepared = pending.result()
            pending = reader.submit(prepare, items[number + 1]) if number + 1 < len(items) else None
            yield number, worker(prepared)
