"""An explorer of a small atlas as a process, and what its tests do again and again."""

import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar
from urllib.request import Request, urlopen

import pyarrow as pa
import pyarrow.parquet as pq

HOSTILE = [
    "<script>window.wounded = 1</script> a launch that costs",
    '<img src=x onerror="window.wounded = 1"> a launch that costs',
    "</bdi></p><svg onload=window.wounded=1> a launch that costs",
    "javascript:window.wounded=1 [a](javascript:window.wounded=1) a launch that costs",
    "a launch \u202e that runs from right to left \u2066 and costs",
    "launch " + "a" * 200_000,
]
ROWS = 1500


def write_corpus(path: Path) -> None:
    """Write questions of many kinds, each with a kind, a number and a day; and hostile texts."""
    sample = resources.files("isogloss.samples") / "clinc150.parquet"
    table = pq.read_table(str(sample)).slice(0, ROWS)
    texts = [*HOSTILE, *table["text"].to_pylist()]
    n = len(texts)
    first = date(2020, 1, 1)
    columns = {
        "text": texts,
        "kind": [("even", "odd", "third <b>")[i % 3] for i in range(n)],
        "weight": [float(i % 97) for i in range(n)],
        "day": [first + timedelta(days=i % 700) for i in range(n)],
    }
    pq.write_table(pa.table(columns), path)


T = TypeVar("T")
PATIENCE = 120.0
"""Seconds that anything may take on a slow and busy machine before it counts as missing."""


def eventually(check: Callable[[], T], patience: float = PATIENCE) -> T:
    """Repeat a check until its assertions hold; give what it gives.

    A page is drawn in its own time, and text within `content-visibility: auto` reads as empty
    until the first frame that has it: whoever looks once has looked too early on some machine.
    """
    ends = time.monotonic() + patience
    while True:
        try:
            return check()
        except AssertionError:
            if time.monotonic() > ends:
                raise
        time.sleep(0.05)


def says(place: Any, *parts: str) -> str:
    """Wait until there is text at a place of the page, with all parts; give all of it."""

    def read() -> str:
        text: str = place.inner_text()
        assert text
        for part in parts:
            assert part in text
        return text

    return eventually(read)


def true(page: Any, expression: str) -> None:
    """Wait until an expression holds in the page."""

    def holds() -> None:
        assert page.evaluate(expression), expression

    eventually(holds)


def address_of(page: Any) -> str:
    """Give the address as the page has it now; `page.url` lags behind."""
    found: str = page.evaluate("location.href")
    return found


def in_address(page: Any, part: str, there: bool = True) -> None:
    """Wait until the address of the page has a part, or has it no more."""

    def holds() -> None:
        now = address_of(page)
        assert (part in now) is there, now

    eventually(holds)


def notice(page: Any, text: str) -> None:
    """Wait for a notice; one that has gone by itself meanwhile counts, but only once."""

    def told() -> None:
        heard = page.evaluate("() => window.__said")
        at = next((i for i, said in enumerate(heard) if text in said), None)
        assert at is not None, heard
        page.evaluate("at => window.__said.splice(0, at + 1)", at)

    eventually(told)


ENDED: set[str] = set()
"""Addresses of explorers that have been ended: their pages may say that no one answers."""


@contextmanager
def explorer(atlas: Path, *more: str) -> Iterator[str]:
    """Run `isogloss explore` on an atlas; give its address."""
    command = [sys.executable, "-m", "isogloss", "explore", str(atlas), "--no-browser"]
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen([*command, "--port", "0", *more], stderr=log)

        def said() -> str:
            log.seek(0)
            return log.read()

        def ready() -> str:
            if process.poll() is not None:
                raise RuntimeError(f"the explorer did not start: {said()}")
            found = re.search(r"http://127\.0\.0\.1:\d+/", said())
            assert found, said()
            try:
                with urlopen(found[0] + "ready", timeout=PATIENCE):
                    return found[0]
            except OSError as error:
                raise AssertionError(f"{error}: {said()}") from None

        address = ""
        try:
            address = eventually(ready, 3 * PATIENCE)
            yield address
        finally:
            if address:
                ENDED.add(address)
            process.terminate()
            try:
                process.wait(PATIENCE)
            finally:
                process.kill()


def api(server: str, path: str, body: Any = None) -> Any:
    """Ask the explorer's API as a program does: GET, or POST where there is a body."""
    data = None if body is None else json.dumps(body).encode()
    asked = Request(f"{server}api/{path}", data, {"Content-Type": "application/json"})
    with urlopen(asked, timeout=PATIENCE) as reply:
        return json.load(reply)


def settled(page: Any) -> dict[str, Any]:
    """Wait until all points of the view are drawn and the map rests; give what it says."""
    two_frames = (
        "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() =>"
        " done({...window.__isogloss, view: {...window.__isogloss.view}}))))"
    )

    def rests() -> dict[str, Any]:
        before, found = page.evaluate(two_frames), page.evaluate(two_frames)
        assert found["firstPaint"] is not None
        assert found["still"]
        # nothing is drawn when nothing changes
        assert found["frames"] == before["frames"]
        assert found["view"] == before["view"]
        return found  # type: ignore[no-any-return]

    return eventually(rests)


def corner(page: Any) -> tuple[int, ...]:
    """Give the colour at the left edge of the map, where the sea is."""
    import io

    from PIL import Image

    box = page.get_by_role("application").bounding_box()
    clip = {"x": box["x"] + 8, "y": box["y"] + box["height"] / 2, "width": 2, "height": 2}
    with Image.open(io.BytesIO(page.screenshot(clip=clip))) as shot:
        return tuple(shot.convert("RGB").getpixel((0, 0)))  # type: ignore[arg-type]


def colours(page: Any) -> int:
    """Count colours, coarsely, in what is seen of the map."""
    import io

    from PIL import Image

    with Image.open(io.BytesIO(page.get_by_role("main", name="Map").screenshot())) as shot:
        small = shot.convert("RGB").quantize(64)
        return sum(count > 20 for count, _ in small.getcolors() or [])
