"""Work in threads: bounded, counted, refused when too much."""

import asyncio
import threading

import pytest

from isogloss.app.web.asgi import Refusal
from isogloss.app.web.pool import WorkPool


def test_a_full_queue_is_said():
    async def fill():
        pool, gate = WorkPool("test", threads=2, waiting=3), threading.Event()
        tasks = [asyncio.ensure_future(pool.run(gate.wait)) for _ in range(5)]
        await asyncio.sleep(0.05)
        with pytest.raises(Refusal) as refused:
            await pool.run(int)
        held = pool.held
        gate.set()
        assert await asyncio.gather(*tasks) == [True] * 5
        await asyncio.sleep(0)
        assert await pool.run(int, "7") == 7
        pool.close()
        return refused.value, held, pool

    refusal, held, pool = asyncio.run(fill())
    assert (refusal.status, refusal.kind, refusal.headers) == (503, "busy", {"retry-after": "1"})
    assert held == 5 and pool.refused == 1


def test_what_was_given_up_still_counts_until_it_ends():
    async def leave():
        pool, gate = WorkPool("test", threads=1, waiting=0), threading.Event()
        begun = threading.Event()
        task = asyncio.ensure_future(pool.run(lambda: (begun.set(), gate.wait(300))))
        async with asyncio.timeout(120):
            while not begun.is_set():  # what has not begun is taken back whole
                await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        with pytest.raises(Refusal):
            await asyncio.wait_for(pool.run(int), 120)
        gate.set()
        async with asyncio.timeout(120):
            while pool.held:
                await asyncio.sleep(0.01)
        assert await pool.run(int) == 0
        pool.close()

    asyncio.run(leave())


def test_errors_come_back():
    async def fail():
        pool = WorkPool("test", threads=1, waiting=1)
        with pytest.raises(ValueError, match="invalid literal"):
            await pool.run(int, "x")
        await asyncio.sleep(0)
        assert pool.held == 0

    asyncio.run(fail())
