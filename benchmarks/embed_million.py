"""A million passages to vectors, Parquet to Parquet, and the start of `embed` for ten passages.

    python benchmarks/embed_million.py --data DATA [--rows 1000000] [--rounds 3]

Passages are stretches of 60 words of package descriptions, posts and news, with a number each,
drawn with seed 0. Each run is a process of its own, whose largest resident size is given.
"""

import argparse
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SOURCES = (("debian_packages", "text"), ("newsgroups20", "body"), ("agnews_test", "text"))


def write(path, data, rows):
    """Write the passages."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    pieces = []
    for name, column in SOURCES:
        for text in pq.read_table(data / name / "data.parquet")[column].to_pylist():
            words = (text or "").split()
            pieces += [" ".join(words[i : i + 60]) for i in range(0, len(words), 60)]
    draw = random.Random(0)
    schema = pa.schema([("id", pa.int64()), ("text", pa.string())])
    with pq.ParquetWriter(path, schema) as writer:
        for first in range(0, rows, 50_000):
            ids = list(range(first, min(first + 50_000, rows)))
            texts = [f"{draw.choice(pieces)} {number}" for number in ids]
            writer.write_table(pa.table({"id": ids, "text": texts}))


def embed(source, *more):
    """Embed in a process of its own: seconds of the process, and the report."""
    out = source.with_suffix(".vectors.parquet")
    command = [sys.executable, "-m", "isogloss", "embed", str(source), "-o", str(out), "--json",
               "-q", "--text", "text", "--encoder", "lexical", *more]  # fmt: skip
    began = time.perf_counter()
    done = subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - began, json.loads(done.stdout), out.stat().st_size


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=".") as folder:
        big, small = Path(folder) / "big.parquet", Path(folder) / "ten.parquet"
        write(big, options.data, options.rows)
        write(small, options.data, 10)
        print("| dtype | passages | seconds: min, median, max | passages/s | RSS MB | output MB |")
        print("|---" * 6 + "|")
        for dtype in ("float32", "int8"):
            runs = [embed(big, "--dtype", dtype) for _ in range(options.rounds)]
            seconds = sorted(run[0] for run in runs)
            middle = statistics.median(seconds)
            peak = max(run[1]["peak_rss_mb"] for run in runs)
            cells = [
                dtype, f"{options.rows:,}", f"{seconds[0]:.1f}, {middle:.1f}, {seconds[-1]:.1f}",
                f"{options.rows / middle:,.0f}", f"{peak:,.0f}", f"{runs[0][2] / 1e6:,.0f}",
            ]  # fmt: skip
            print(f"| {' | '.join(cells)} |")
        first, *more = (embed(small)[0] for _ in range(5))
        print(f"\nten passages: first {first:.2f} s, then {statistics.median(more):.2f} s")


if __name__ == "__main__":
    main()
