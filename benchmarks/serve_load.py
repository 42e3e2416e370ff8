"""Load on `isogloss serve`: requests and passages a second, latency, memory, with wrk.

    python benchmarks/serve_load.py --seconds 60
    python benchmarks/serve_load.py --seconds 20 --encoder FOLDER-OF-A-MODEL

Every run starts a server of its own on loopback and drives it with `wrk` (threads: 1) at a fixed
number of connections, each of which sends its next request when the last is answered. Texts are
those of the sample corpus (questions of eight words on average), or pieces of it of the lengths
that --words names; the same for every run. Each encoder is served twice:
as it is, and with `--batch-passages 1`, which encodes every passage by itself; the ratio of
passages a second is what batching gives.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path
from typing import Any

LUA = """
local bodies, n, failed = {{}}, 0, 0
for line in io.lines("{bodies}") do bodies[#bodies + 1] = line end
local headers = {{["Content-Type"] = "application/json"}}
request = function()
  n = n + 1
  return wrk.format("POST", "/v1/embeddings", headers, bodies[(n - 1) % #bodies + 1])
end
done = function(summary, latency, requests)
  local e = summary.errors
  io.write(string.format(
    'RESULT {{"requests":%d,"microseconds":%d,"p50_us":%d,"p99_us":%d,"max_us":%d,' ..
    '"status_errors":%d,"socket_errors":%d,"timeouts":%d,"bytes":%d}}\\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    latency.max, e.status, e.connect + e.read + e.write, e.timeout, summary.bytes))
end
"""


def make_bodies(folder: Path, model: str, passages: int, form: str, lengths: list[int]) -> Path:
    """Write 256 requests, one a line."""
    import pyarrow.parquet as pq

    from isogloss.samples import sample_path

    sample = pq.read_table(sample_path())["text"].to_pylist()
    words, at, lines = " ".join(sample).split(), 0, []
    for number in range(256):
        texts = []
        for row in range(passages):
            place = number * passages + row
            if not lengths:
                texts.append(sample[place % len(sample)])
                continue
            length = lengths[place % len(lengths)]
            texts.append(" ".join(words[at : at + length]))
            at = (at + length) % (len(words) - max(lengths))
        lines.append(json.dumps({"model": model, "input": texts, "encoding_format": form}))
    path = folder / "bodies.txt"
    path.write_text("\n".join(lines) + "\n")
    return path


class Memory(threading.Thread):
    """Reads a process's resident memory and CPU time once a second."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.pid, self.rss, self.ended = pid, [], threading.Event()

    def run(self) -> None:
        """Read until told to end."""
        while not self.ended.wait(1.0):
            text = Path(f"/proc/{self.pid}/statm").read_text()
            self.rss.append(int(text.split()[1]) * os.sysconf("SC_PAGE_SIZE") // (1 << 20))


def cpu_seconds(pid: int) -> float:
    """Give the CPU time of a process so far."""
    parts = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(parts[11]) + int(parts[12])) / os.sysconf("SC_CLK_TCK")


def measure(args: argparse.Namespace, encoder: str, *, batching: bool) -> dict[str, Any]:
    """Serve, load, stop."""
    command = [sys.executable, "-m", "isogloss", "serve", "--encoder", encoder, "--name", "m",
               "--port", "0", "--json", "--quiet", *args.server]  # fmt: skip
    if not batching:
        command += ["--batch-passages", "1"]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            assert server.stdout is not None
            url = json.loads(_document(server.stdout))["url"]
            bodies = make_bodies(folder, "m", args.passages, args.form, args.words)
            script = folder / "post.lua"
            script.write_text(LUA.format(bodies=bodies))
            load = ["wrk", "-t1", f"-c{args.connections}", "--timeout", "30s", "-s", str(script)]
            subprocess.run([*load, "-d1s", url], check=True, capture_output=True, timeout=90)
            memory = Memory(server.pid)
            memory.start()
            before = cpu_seconds(server.pid)
            done = subprocess.run(
                [*load, f"-d{args.seconds}s", url], check=True, capture_output=True, text=True,
                timeout=args.seconds + 90,
            )  # fmt: skip
            cpu = cpu_seconds(server.pid) - before
            memory.ended.set()
            with urllib.request.urlopen(f"{url}/metrics") as answer:
                counts = answer.read().decode()
        finally:
            server.terminate()
            code = server.wait(timeout=90)
    found: dict[str, Any] = json.loads(done.stdout.partition("RESULT ")[2].splitlines()[0])
    seconds = found["microseconds"] / 1e6
    batches = int(re.findall(r"batch_passages_count (\d+)", counts)[0])
    total = float(re.findall(r"batch_passages_sum ([\d.]+)", counts)[0])
    return {
        "encoder": "lexical" if encoder == "lexical" else Path(encoder).parent.name,
        "batching": batching,
        "connections": args.connections,
        "passages_per_request": args.passages,
        "words": args.words or "sample",
        "seconds": round(seconds, 1),
        "requests_per_second": round(found["requests"] / seconds, 1),
        "passages_per_second": round(found["requests"] * args.passages / seconds, 1),
        "p50_ms": found["p50_us"] / 1000,
        "p99_ms": found["p99_us"] / 1000,
        "max_ms": found["max_us"] / 1000,
        "errors": found["status_errors"] + found["socket_errors"] + found["timeouts"],
        "megabytes_per_second": round(found["bytes"] / seconds / 1e6, 1),
        "mean_batch": round(total / max(1, batches), 1),
        "server_cpu_ms_per_request": round(1000 * cpu / max(1, found["requests"]), 3),
        "rss_mb": memory.rss[:: max(1, len(memory.rss) // 10)],
        "exit_code": code,
    }


def _document(stream: Any) -> str:
    """Read one JSON document, however it is laid out."""
    lines = ""
    for line in stream:
        lines += line
        try:
            json.loads(lines)
        except ValueError:
            continue
        return lines
    raise SystemExit("the server did not start")


def main() -> None:
    """Measure, and print one JSON line a run and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--encoder", action="append", help="default: lexical; again for another")
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--connections", type=int, default=50)
    parser.add_argument("--passages", type=int, default=1, help="in one request")
    parser.add_argument(
        "--words", type=lambda text: [int(one) for one in text.split(",")], default=[],
        help="lengths of the texts, as 8,16,24,40 (default: the sample's own texts, 8 on average)",
    )  # fmt: skip
    parser.add_argument("--form", default="float", choices=["float", "base64"])
    parser.add_argument("--out", type=Path, help="JSON file with all runs")
    parser.add_argument("server", nargs="*", help="further options of isogloss serve, after --")
    args = parser.parse_args()
    if shutil.which("wrk") is None:
        raise SystemExit("this needs wrk, the load tool")
    runs = []
    for encoder in args.encoder or ["lexical"]:
        pair = []
        for batching in (True, False):
            pair.append(measure(args, encoder, batching=batching))
            print(json.dumps(pair[-1]), flush=True)
            time.sleep(1)
        ratio = pair[0]["passages_per_second"] / pair[1]["passages_per_second"]
        print(f"{pair[0]['encoder']}: batching gives {ratio:.2f} times the passages a second")
        runs += pair
    if args.out:
        args.out.write_text(json.dumps(runs, indent=1) + "\n")


if __name__ == "__main__":
    main()
