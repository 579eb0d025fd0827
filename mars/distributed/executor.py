"""Work on many items: prepared ahead, then given to one worker after the other or to many at once.

Who spreads work knows neither models nor cases: it takes a worker's maker, since workers are made where they run.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, TypeVar

Item = TypeVar("Item")
Prepared = TypeVar("Prepared")
Result = TypeVar("Result")


class Executor(Protocol):
    """Prepares every item, gives it to a worker, and yields its number with what the worker makes of it.

    Results come in the order in which they are finished; None is that of an item which no worker survived.
    """

    def __call__(
        self,
        items: Sequence[Item],
        prepare: Callable[[Item], Prepared],
        make: Callable[[], Callable[[Prepared], Result]],
    ) -> Iterator[tuple[int, Result | None]]: ...


class Cluster(Protocol):
    """Machines that work for this one. What they are given, and give back, can be pickled."""

    def once(self, work: Callable[[], Result]) -> Result:
        """Do something where a worker could be, and raise here what is raised there."""
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
        coming = reader.submit(prepare, items[0]) if items else None
        for number in range(len(items)):
            prepared = coming.result()
            coming = reader.submit(prepare, items[number + 1]) if number + 1 < len(items) else None
            yield number, worker(prepared)
