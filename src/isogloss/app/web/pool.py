"""Threads with a bounded queue: what blocks is kept off the loop, and refused when too much."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from isogloss.app.web.asgi import Refusal

P = ParamSpec("P")
T = TypeVar("T")


class WorkPool:
    """Threads that do what would block the others, and a queue before them.

    Parameters
    ----------
    name : str
        Of the threads and of the metric.
    threads : int
        Calls that run at once, 1 or more.
    waiting : int
        Calls that may wait; more are refused with 503 and ``Retry-After``.

    Examples
    --------
    >>> asyncio.run(WorkPool("search", threads=1, waiting=1).run(sum, [1, 2]))
    3
    """

    def __init__(self, name: str, *, threads: int, waiting: int) -> None:
        self.name = name
        self.threads = threads
        self.waiting = waiting
        self.held = 0  # running or waiting
        self.refused = 0
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix=f"isogloss-{name}")

    async def run(self, work: Callable[P, T], *args: P.args, **options: P.kwargs) -> T:
        """Do a piece of work in a thread.

        Raises
        ------
        Refusal
            When the queue is full: 503, kind ``"busy"``.
        """
        if self.held >= self.threads + self.waiting:
            self.refused += 1
            raise Refusal(
                503,
                "busy",
                f"{self.waiting} requests are waiting already: ask again in a second",
                headers={"retry-after": "1"},
            )
        self.held += 1
        try:
            future = self._executor.submit(work, *args, **options)
        except BaseException:
            self.held -= 1
            raise
        # Counted until it has run, even when the one who asked has left.
        loop = asyncio.get_running_loop()
        future.add_done_callback(lambda _: loop.call_soon_threadsafe(self._let_go))
        return await asyncio.wrap_future(future)

    def _let_go(self) -> None:
        self.held -= 1

    def close(self) -> None:
        """Wait for what runs; drop what waits."""
        self._executor.shutdown(wait=True, cancel_futures=True)
