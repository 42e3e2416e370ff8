"""How many threads to use, and sums that do not depend on it."""

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def thread_count() -> int:
    """Give the number of threads to use: ``ISOGLOSS_THREADS``, else the cores we may run on.

    Examples
    --------
    >>> thread_count() >= 1
    True
    """
    wanted = os.environ.get("ISOGLOSS_THREADS", "")
    if wanted.isdigit() and int(wanted) > 0:
        return int(wanted)
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return max(1, os.cpu_count() or 1)


@contextmanager
def single_threaded_blas() -> Iterator[None]:
    """Hold matrix libraries to one thread.

    A product split over other numbers of threads may round otherwise. Under this guard each
    product is computed by one thread; work over several products is shared out with `map_blocks`.

    Examples
    --------
    >>> with single_threaded_blas():
    ...     pass
    """
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1):
        yield


def map_blocks(work: Callable[[T], R], blocks: Iterable[T]) -> list[R]:
    """Apply a function to blocks on all threads; results in the order of the blocks.

    The blocks are the caller's, so they, and with them every rounding, are the same for any
    number of threads. BLAS is held to one thread meanwhile.

    Examples
    --------
    >>> map_blocks(lambda x: x * x, [1, 2, 3])
    [1, 4, 9]
    """
    items = list(blocks)
    threads = min(thread_count(), len(items))
    with single_threaded_blas():
        if threads <= 1:
            return [work(item) for item in items]
        with ThreadPoolExecutor(threads) as pool:
            return list(pool.map(work, items))
