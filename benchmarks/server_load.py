"""Load on the explorer's search: requests a second, p50, p99, errors, memory of the server.

    python benchmarks/server_load.py news.atlas --seconds 60 --connections 50
    python benchmarks/server_load.py --passages 20000 --out load.json

Starts `isogloss explore` as a process on a free port of loopback and drives it with wrk (Debian's
package `wrk`) over different queries, which are words of the atlas itself. Without an atlas it
builds one of made-up texts. Prints a table in Markdown; `--out` writes JSON.
"""

import argparse
import json
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path
from urllib.parse import quote

import numpy as np

LONGEST = 300  # seconds of load, at most
SCRIPT = """
local paths = {{}}
for line in io.lines("{paths}") do paths[#paths + 1] = line end
local threads = 0
function setup(thread) thread:set("number", threads); threads = threads + 1 end
function init() place = math.floor(number * #paths / {threads}) end
function request()
  place = place % #paths + 1
  return wrk.format("GET", paths[place])
end
function done(summary, latency)
  local e = summary.errors
  io.write(string.format(
    'RESULT {{"requests":%d,"microseconds":%d,"bytes":%d,"p50":%d,"p90":%d,"p99":%d,"max":%d,' ..
    '"connect":%d,"read":%d,"write":%d,"status":%d,"timeout":%d}}\\n',
    summary.requests, summary.duration, summary.bytes, latency:percentile(50),
    latency:percentile(90), latency:percentile(99), latency.max,
    e.connect, e.read, e.write, e.status, e.timeout))
end
"""


def make_atlas(folder: Path, passages: int, seed: int) -> Path:
    """Build an atlas of made-up texts: words by Zipf's law, those of a topic more often."""
    from isogloss.atlas import Atlas

    generator = np.random.default_rng(seed)
    words = np.array([f"w{n:04d}" for n in range(5000)])
    law = 1 / np.arange(1, 5001)
    topics = [generator.permutation(5000) for _ in range(40)]
    rows = []
    for n in range(passages):
        drawn = generator.choice(5000, 60, p=law / law.sum())
        own = generator.random(60) < 0.5
        text = " ".join(words[np.where(own, topics[n % 40][drawn], drawn)])
        rows.append({"id": n, "text": text, "label": f"group {n % 40}"})
    Atlas.build(rows, folder, text="text", id="id", seed=seed)
    return folder


def queries(atlas: Path, count: int, seed: int) -> list[str]:
    """Draw queries of one to four neighbouring words from passages of an atlas."""
    from isogloss.atlas import Atlas

    opened = Atlas.open(atlas)
    texts: list[str] = []
    for batch in opened.passages(["text"]):
        texts += [text[:2000] for text in batch.column("text").to_pylist() if text]
        if len(texts) >= 20_000:
            break
    generator = np.random.default_rng(seed)
    found: list[str] = []
    while len(found) < count:
        words = re.findall(r"\w{3,}", texts[generator.integers(len(texts))])
        if not words:
            continue
        begin = int(generator.integers(len(words)))
        found.append(" ".join(words[begin : begin + int(generator.integers(1, 5))]))
    return found


class Memory(threading.Thread):
    """Resident megabytes of a process, once a second."""

    def __init__(self, process: int) -> None:
        super().__init__(daemon=True)
        self.process = process
        self.values: list[float] = []
        self.ended = threading.Event()

    def now(self) -> float:
        """Give the megabytes of this moment."""
        pages = int(Path(f"/proc/{self.process}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20

    def run(self) -> None:
        """Look until `ended` is set."""
        while not self.ended.wait(1.0):
            self.values.append(self.now())


def start(atlas: Path, environment: dict[str, str]) -> tuple[subprocess.Popen[str], str]:
    """Start the explorer; give the process and its address."""
    process = subprocess.Popen(
        [sys.executable, "-m", "isogloss", "explore", str(atlas), "--no-browser", "--port", "0"],
        stderr=subprocess.PIPE, text=True, env={**os.environ, **environment},
    )  # fmt: skip
    assert process.stderr is not None
    for line in process.stderr:
        if found := re.search(r"http://[^/]+/", line):
            return process, found[0]
    raise SystemExit(f"the server did not start: exit code {process.wait()}")


def drive(address: str, paths: list[str], seconds: int, connections: int, threads: int) -> dict:
    """Let wrk ask for the paths, one after the other."""
    with tempfile.TemporaryDirectory() as folder:
        listed, script = Path(folder) / "paths.txt", Path(folder) / "load.lua"
        listed.write_text("\n".join(paths) + "\n")
        script.write_text(SCRIPT.format(paths=listed, threads=threads))
        done = subprocess.run(
            ["wrk", f"-t{threads}", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s",
             "--latency", "-s", str(script), address],
            capture_output=True, text=True, timeout=seconds + 120, check=True,
        )  # fmt: skip
    for line in done.stdout.splitlines():
        if line.startswith("RESULT "):
            return json.loads(line[7:])
    raise SystemExit(f"wrk said no result: {done.stdout[-500:]} {done.stderr[-500:]}")


def measure(atlas: Path, options: argparse.Namespace) -> dict:
    """Start, warm up, load, wait, and give all figures."""
    texts = queries(atlas, options.queries, options.seed)
    paths = [f"/api/search?query={quote(text)}&k=10&mode={options.mode}" for text in texts]
    environment = {}
    if options.threads:
        environment["ISOGLOSS_SEARCH_THREADS"] = str(options.threads)
    process, address = start(atlas, environment)
    try:
        memory = Memory(process.pid)
        for path in paths[:50]:  # opens what is opened once
            urllib.request.urlopen(address.rstrip("/") + path, timeout=60).read()
        before = memory.now()
        memory.start()
        began = cpu_seconds(process.pid)
        result = drive(address, paths, options.seconds, options.connections, options.wrk_threads)
        used = cpu_seconds(process.pid) - began
        time.sleep(2)
        memory.ended.set()
        after = memory.now()
        about = json.loads(urllib.request.urlopen(address + "api/atlas", timeout=60).read())
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
    failed = sum(result[name] for name in ("connect", "read", "write", "status", "timeout"))
    seconds = result["microseconds"] / 1e6
    tenth = max(1, len(memory.values) // 10)
    first, last = (float(np.mean(part)) for part in (memory.values[:tenth], memory.values[-tenth:]))
    rss = {
        "before": before, "first_tenth": first, "peak": max([*memory.values, after]),
        "last_tenth": last, "after": after,
    }  # fmt: skip
    return {
        "atlas": about["name"], "passages": about["passages"], "encoder": about["encoder"]["spec"],
        "mode": options.mode, "queries": len(paths), "connections": options.connections,
        "search_threads": options.threads or "default", "seconds": round(seconds, 1),
        "requests": result["requests"],
        "requests_per_second": round(result["requests"] / seconds, 1),
        "p50_ms": result["p50"] / 1e3, "p90_ms": result["p90"] / 1e3, "p99_ms": result["p99"] / 1e3,
        "max_ms": result["max"] / 1e3, "errors": failed, "bytes": result["bytes"],
        "server_cpu_seconds": round(used, 1),
        "cpu_ms_per_request": round(1e3 * used / max(1, result["requests"]), 2),
        "rss_mb": {name: round(value, 1) for name, value in rss.items()},
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, "
                   f"Python {platform.python_version()}",
    }  # fmt: skip


def cpu_seconds(process: int) -> float:
    """CPU time of a process, user and system."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def table(found: dict) -> str:
    """Write the figures as a table in Markdown."""
    rss = found["rss_mb"]
    rows = {
        "atlas": f"{found['atlas']}, {found['passages']:,} passages, {found['encoder']}",
        "load": f"{found['mode']}, {found['queries']:,} different queries, "
                f"{found['connections']} connections, {found['seconds']} s",
        "requests a second": found["requests_per_second"],
        "p50 / p90 / p99 / max, ms": " / ".join(
            f"{found[name]:.1f}" for name in ("p50_ms", "p90_ms", "p99_ms", "max_ms")
        ),
        "errors": f"{found['errors']} of {found['requests']:,}",
        "CPU of the server, ms a request": found["cpu_ms_per_request"],
        "memory before / peak / after, MB": f"{rss['before']} / {rss['peak']} / {rss['after']}",
        "machine": found["machine"],
    }  # fmt: skip
    lines = ["| what | measured |", "|---|---|"]
    return "\n".join(lines + [f"| {name} | {value} |" for name, value in rows.items()])


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("atlas", nargs="?", type=Path, help="default: one of made-up texts")
    parser.add_argument("--passages", type=int, default=20_000, help="of a made-up atlas")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--connections", type=int, default=50)
    parser.add_argument("--wrk-threads", type=int, default=1)
    parser.add_argument("--queries", type=int, default=5000)
    parser.add_argument("--mode", default="hybrid", choices=["hybrid", "vector", "text"])
    parser.add_argument("--threads", type=int, help="searches that run at once")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    if not shutil.which("wrk"):
        raise SystemExit("wrk is not there: apt-get install wrk")
    if not 1 <= options.seconds <= LONGEST:
        raise SystemExit(f"--seconds is {options.seconds}; it must be 1 to {LONGEST}")
    with tempfile.TemporaryDirectory() as folder:
        atlas = options.atlas or make_atlas(
            Path(folder) / "load.atlas", options.passages, options.seed
        )
        found = measure(atlas, options)
    print(table(found))
    if options.out:
        options.out.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
