"""Where the time of a lexical encoder goes, by stage.

    python benchmarks/lexical_stages.py --data ../shared/data [--encoder lexical:FOLDER]

CPU time of one thread, the best of --rounds; a stage is the difference of two runs that share all
stages before it; the second weighing is what both sums take beyond one. `rows MB/s` is what the
table's rows, read once a feature, would need; the copy of 64 MB that is printed first is what the
memory gives. One passage: a fresh process (import, load, encode), and the median of 1,000 calls.
Prints Markdown.
"""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

CORPORA = {
    "newsgroups20": "body",
    "debian_packages": "text",
    "banking77": "text",
    "marathi_news_headlines": "text",
    "sts_hi_mr": "text1",
}
COLD = """
import time
began = time.perf_counter()
from isogloss import load_encoder
imported = time.perf_counter()
encoder = load_encoder(ENCODER)
loaded = time.perf_counter()
encoder.encode(["Where can I see the northern lights in March?"])
done = time.perf_counter()
print(imported - began, loaded - imported, done - loaded)
"""


def best(call, rounds):
    """Give the least CPU seconds of some rounds."""
    taken = []
    for _ in range(rounds):
        began = time.process_time()
        call()
        taken.append(time.process_time() - began)
    return min(taken)


def stages(encoder, texts, rounds):
    """Give CPU seconds by stage, all seconds of encode, and features a text."""
    from isogloss import _native
    from isogloss.text import text_buffers

    data, offsets = text_buffers(texts)
    n, made, table = len(offsets) - 1, encoder.weights, encoder._features
    sums = np.empty((n, made.table.shape[1]), np.float32)
    out = np.empty((n, encoder.dim), np.float32)
    step = 512

    def blocks(call):
        for first in range(0, n, step):
            call(first, min(first + step, n))

    def add(weighing):
        return lambda first, last: table.sums(
            data, offsets, made.idf, made.table, made.scale, first, last, sums[first:last], weighing
        )  # fmt: skip

    def network(unit):
        return lambda: blocks(lambda i, j: encoder._network.vectors(sums[i:j], out[i:j], unit=unit))

    scan = best(lambda: _native.word_counts(data, offsets), rounds)
    look = best(lambda: blocks(lambda i, j: table.sequences(data, offsets, i, j)), rounds)
    weigh = best(lambda: blocks(lambda i, j: table.weigh(data, offsets, made.idf, i, j)), rounds)
    rows = best(lambda: blocks(add(None)), rounds)
    again = best(lambda: blocks(add(encoder._weighing)), rounds) if encoder._weighing else rows
    layers, unit = (best(network(unit), rounds) for unit in (False, True))
    found = {
        "scan": scan, "look up words": look - scan, "pairs, pieces, weights": weigh - look,
        "table rows": rows - weigh, "second weighing": again - rows,
        "network": layers, "unit length": unit - layers,
    }  # fmt: skip
    features = len(table.weigh(data, offsets, made.idf, 0, n)[1]) / n
    return found, best(lambda: encoder.encode(texts), rounds), features


def cold(spec, rounds):
    """Give seconds of import, load and first text in fresh processes, the best of each."""
    command = [sys.executable, "-c", COLD.replace("ENCODER", repr(spec))]
    taken = [
        [float(x) for x in subprocess.run(command, check=True, capture_output=True).stdout.split()]
        for _ in range(rounds)
    ]
    return np.min(taken, axis=0)


def main():
    """Measure and print."""
    os.environ["ISOGLOSS_THREADS"] = "1"
    import pyarrow.parquet as pq

    from isogloss import load_encoder

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--encoder", default="lexical")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--count", type=int, default=8000)
    options = parser.parse_args()
    encoder = load_encoder(options.encoder)
    memory = np.ones(64 << 20, np.uint8)
    other = np.empty_like(memory)
    copied = 2 * len(memory) / best(lambda: np.copyto(other, memory), options.rounds) / 1e6
    print(f"Memory, read and written by a copy: {copied:,.0f} MB / s\n")
    print(
        "| corpus | bytes | texts / CPU s | MB / CPU s | stage | us a text | share | rows MB / s |"
    )
    print("|---" * 8 + "|")
    for name, column in CORPORA.items():
        texts = pq.read_table(options.data / name / "data.parquet", columns=[column])[column]
        texts = texts.drop_null().slice(0, options.count).combine_chunks()
        found, whole, features = stages(encoder, texts, options.rounds)
        n = len(texts)
        size = sum(len(text.encode()) for text in texts.to_pylist())
        head = f"| {name} | {size / n:,.0f} | {n / whole:,.0f} | {size / whole / 1e6:,.1f} "
        for stage, taken in found.items():
            rows = "-"
            if stage == "table rows":
                rows = f"{features * n * encoder.weights.table.shape[1] / taken / 1e6:,.0f}"
            print(
                f"{head}| {stage} | {1e6 * taken / n:.2f} | {taken / sum(found.values()):.0%} "
                f"| {rows} |",
                flush=True,
            )
            head = "| | | | "
    parts = 1e3 * cold(options.encoder, options.rounds)
    one = []
    for _ in range(1000):
        began = time.perf_counter()
        encoder.encode(["Where can I see the northern lights in March?"])
        one.append(time.perf_counter() - began)
    print(
        f"\nOne passage, cold: {parts.sum():.0f} ms (import {parts[0]:.0f}, load {parts[1]:.0f}, "
        f"encode {parts[2]:.1f}); warm: {1e6 * np.median(one):.0f} us"
    )


if __name__ == "__main__":
    main()
