"""Measure how topics grow with the number of passages: time and memory, ours and the peers'.

    python benchmarks/topic_growth.py --data DIR --peers-python PYTHON --sizes 10000,100000

Vectors are the MiniLM vectors of all sets of DIR that carry some, in one random order; beyond
their number, copies with jitter (normal, a tenth of the mean distance to the nearest neighbour).
Each method and size runs in a process of its own. "cpu first" is the first fit in that process,
compilation included; "cpu again" a second fit of the same rows in the same process (left out
above --again rows). EVoC compiles once an installation, so its first column is that of a machine
on which it ran before, unless --fresh-cache gives it an empty cache. Prints a Markdown table with
the slope of log time over log rows.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

METHODS = ("isogloss", "evoc", "umap_hdbscan")
# Rows above which a method is not tried: memory or hours.
MOST = {"isogloss": 10**9, "evoc": 10**9, "umap_hdbscan": 300_000}


def real_vectors(data):
    """Give all ready MiniLM vectors, unit rows in random order."""
    parts = []
    for path in sorted(data.glob("*/*minilm*.npy")):
        rows = np.load(path).astype(np.float32)
        length = np.linalg.norm(rows, axis=1, keepdims=True)
        parts.append((rows / np.maximum(length, 1e-9))[length[:, 0] > 0])
    rows = np.concatenate(parts)
    return rows[np.random.default_rng(0).permutation(len(rows))]


def sized(rows, size):
    """Give `size` rows: real ones, then jittered copies."""
    if size <= len(rows):
        return np.ascontiguousarray(rows[:size])
    draw = np.random.default_rng(size)
    sample = rows[:2000]
    cosines = sample @ rows[2000:40_000].T
    gap = float(np.sqrt(np.maximum(2 - 2 * cosines.max(axis=1), 0)).mean())
    more = rows[draw.integers(0, len(rows), size - len(rows))]
    for first in range(0, len(more), 50_000):
        block = more[first : first + 50_000]
        block += draw.normal(0, gap / 10 / np.sqrt(rows.shape[1]), block.shape).astype(np.float32)
        block /= np.linalg.norm(block, axis=1, keepdims=True)
    return np.concatenate([rows, more])


def fit(method, vectors):
    """Give the labels of one method with its defaults."""
    if method == "isogloss":
        from isogloss.topics.model import TopicModel

        return TopicModel().fit(vectors).labels_
    if method == "evoc":
        from evoc import EVoC

        return np.asarray(EVoC(random_state=0).fit_predict(vectors))
    import hdbscan
    import umap

    low = umap.UMAP(n_components=5, n_neighbors=15, min_dist=0.0, metric="cosine").fit_transform(
        vectors
    )
    return hdbscan.HDBSCAN(min_cluster_size=10).fit_predict(low)


def peak_mb():
    """Give the peak memory of this process; that of getrusage counts the parent's as well."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise SystemExit("this system does not tell the peak memory of a process")


def worker(method, path, again):
    """Fit in this process and print what it took, as JSON."""
    vectors = np.load(path, mmap_mode="r")
    vectors = np.ascontiguousarray(vectors)
    result = {"base_mb": peak_mb()}
    for name in ("first", "again")[: 2 if again == "1" else 1]:
        cpu, wall = time.process_time(), time.perf_counter()
        labels = fit(method, vectors)
        result[name] = {
            "cpu": time.process_time() - cpu,
            "wall": time.perf_counter() - wall,
        }
    result["topics"] = int(labels.max()) + 1
    result["unassigned"] = float((labels < 0).mean())
    result["rss_mb"] = peak_mb()
    print(json.dumps(result))


def main():
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--sizes", default="10000,30000,100000,300000,1000000")
    parser.add_argument("--methods", default=",".join(METHODS))
    parser.add_argument("--peers-python", default=sys.executable)
    parser.add_argument("--again", type=int, default=100_000, help="most rows fitted twice")
    parser.add_argument("--fresh-cache", action="store_true", help="compile anew, each time")
    parser.add_argument("--timeout", type=int, default=1800)
    parser.add_argument("--out", type=Path, default=Path("topic_growth.json"))
    options = parser.parse_args()
    every = real_vectors(options.data)
    print(f"{len(every):,} real vectors of {every.shape[1]} numbers\n")
    print("| rows | method | topics | unassigned | cpu first | wall | cpu again | RSS MB |")
    print("|---" * 8 + "|")
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for size in map(int, options.sizes.split(",")):
            path = Path(folder) / "vectors.npy"
            np.save(path, sized(every, size))
            for method in options.methods.split(","):
                if size > MOST[method]:
                    continue
                python = sys.executable if method == "isogloss" else options.peers_python
                command = [python, __file__, "--worker", method, str(path)]
                command.append("1" if size <= options.again else "0")
                environment = dict(os.environ)
                if options.fresh_cache:
                    environment["NUMBA_CACHE_DIR"] = tempfile.mkdtemp(dir=folder)
                try:
                    done = subprocess.run(
                        command, check=False, capture_output=True, text=True, env=environment,
                        timeout=options.timeout,
                    )  # fmt: skip
                except subprocess.TimeoutExpired:
                    print(f"| {size:,} | {method} | over {options.timeout} s |", flush=True)
                    continue
                if done.returncode:
                    print(f"| {size:,} | {method} | failed: {done.stderr[-200:]!r} |", flush=True)
                    continue
                found = json.loads(done.stdout.splitlines()[-1])
                rows.append({"rows": size, "method": method, **found})
                again = f"{found['again']['cpu']:.1f}" if "again" in found else "-"
                print(
                    f"| {size:,} | {method} | {found['topics']} | {found['unassigned']:.1%} "
                    f"| {found['first']['cpu']:.1f} | {found['first']['wall']:.1f} | {again} "
                    f"| {found['rss_mb']:.0f} |",
                    flush=True,
                )
    for method in options.methods.split(","):
        points = [(row["rows"], row["first"]["cpu"]) for row in rows if row["method"] == method]
        if len(points) > 2:
            slope = np.polyfit(*np.log(np.array(points)).T, 1)[0]
            print(f"\n{method}: time grows with rows to the power {slope:.2f}")
    options.out.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        worker(*sys.argv[2:])
    else:
        main()
