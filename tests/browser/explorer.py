"""An explorer of a small atlas as a process, and what its tests do again and again."""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from importlib import resources
from pathlib import Path
from typing import Any
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


def free_port() -> int:
    """Give a port that nobody listens to."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def explorer(atlas: Path, *more: str) -> Iterator[str]:
    """Run `isogloss explore` on an atlas; give its address."""
    port = free_port()
    command = [sys.executable, "-m", "isogloss", "explore", str(atlas), "--no-browser"]
    process = subprocess.Popen([*command, "--port", str(port), *more], stderr=subprocess.PIPE)
    address = f"http://127.0.0.1:{port}/"
    try:
        ends = time.monotonic() + 60
        while True:
            try:
                with urlopen(address + "ready", timeout=10):
                    break
            except OSError:
                if process.poll() is not None or time.monotonic() > ends:
                    said = process.stderr.read().decode() if process.stderr else ""
                    raise RuntimeError(f"the explorer did not start: {said}") from None
                time.sleep(0.05)
        yield address
    finally:
        process.terminate()
        process.wait(20)
        if process.stderr:
            process.stderr.close()


def api(server: str, path: str, body: Any = None) -> Any:
    """Ask the explorer's API as a program does: GET, or POST where there is a body."""
    data = None if body is None else json.dumps(body).encode()
    asked = Request(f"{server}api/{path}", data, {"Content-Type": "application/json"})
    with urlopen(asked) as reply:
        return json.load(reply)


def settled(page: Any) -> dict[str, Any]:
    """Wait until all points of the view are drawn; give what the page says of itself."""
    page.wait_for_function(
        "() => { const s = window.__isogloss; return s && s.firstPaint !== null && s.pending === 0"
        " && s.tilesLoaded === s.tilesWanted && s.tilesWanted > 0; }"
    )
    page.wait_for_timeout(300)
    found: dict[str, Any] = page.evaluate(
        "() => ({...window.__isogloss, view: {...window.__isogloss.view}})"
    )
    return found


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
