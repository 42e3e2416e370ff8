"""Threads that are kept for many small pieces of work."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

from isogloss._core.threads import single_threaded_blas, thread_count


class Workers:
    """A pool of threads for work over fixed blocks of rows; BLAS is held to one thread meanwhile.

    As `isogloss._core.threads.map_blocks`, but for thousands of calls of a millisecond each.

    Examples
    --------
    >>> seen = []
    >>> with Workers() as workers:
    ...     workers.each(lambda first, last: seen.append((first, last)), 5, block=3)
    >>> sorted(seen)
    [(0, 3), (3, 5)]
    """

    def __init__(self) -> None:
        self._threads = thread_count()
        self._stack = ExitStack()
        self._pool: ThreadPoolExecutor | None = None

    def __enter__(self) -> "Workers":
        self._stack.enter_context(single_threaded_blas())
        if self._threads > 1:
            self._pool = self._stack.enter_context(ThreadPoolExecutor(self._threads))
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def each(self, work: Callable[[int, int], object], rows: int, *, block: int) -> None:
        """Call ``work(first, last)`` for each block of rows; blocks must not share what they write.

        Parameters
        ----------
        work : callable
        rows : int
        block : int
            Rows of a block.
        """
        firsts = range(0, rows, block)
        if self._pool is None or len(firsts) < 2:
            for first in firsts:
                work(first, min(rows, first + block))
            return
        list(self._pool.map(lambda first: work(first, min(rows, first + block)), firsts))
