"""The engines of `filtered_search.py`, one in a process of its own; the peers' Python runs it.

    python filtered_engines.py GRID ENGINE FOLDER build THREADS   # once; then it is kept
    python filtered_engines.py GRID ENGINE FOLDER serve [CORE]    # commands as lines of JSON

GRID holds vectors.npy, queries.npy, attributes.parquet, masks.npy and cells.json. Each engine takes
a filter in its own way: a bitmap, a callback, a filter string, or conditions over its own indexes.
What can be prepared once a filter (`ready_filter`) or once a query (`ready_query`) is not timed.
Searching runs on one thread and, where the system allows, on one core.
"""

import json
import os
import shutil
import sys
import time
from importlib import import_module
from itertools import cycle
from pathlib import Path

import numpy as np

from filtered_base import Engine, K


class Isogloss(Engine):
    """Ours, with one setting for all cells."""

    note = "one setting everywhere"

    def build(self, threads):
        """Write the index, which is made anew for every run."""
        from isogloss.search.vector_index import VectorIndex

        rows, dim = self.vectors.shape

        def blocks():
            for start in range(0, rows, 16_384):
                yield np.ascontiguousarray(self.vectors[start : start + 16_384])

        VectorIndex.write(self.folder / "vectors.index", blocks, np.arange(rows), dim, seed=0)

    def open(self):
        """Open it."""
        from isogloss.search.vector_index import VectorIndex

        self.index = VectorIndex.open(self.folder / "vectors.index")

    def ready_filter(self, cell):
        """Prepare a subset."""
        self.plans, self.expected = {}, []
        mask = super().ready_filter(cell)
        return None if mask is None else self.index.subset(mask)

    def search(self, query, ready, setting, cell):
        """Search by the plan that it chooses."""
        found = self.index.search(query, k=K, subset=ready)
        plan = found.plan
        self.plans[plan.strategy] = self.plans.get(plan.strategy, 0) + 1
        self.expected.append(plan.expected_recall)
        return found.rows

    def chose(self):
        """Tell the strategies since the last time, and the mean recall that was expected."""
        mean = sum(self.expected) / max(1, len(self.expected))
        told = {"strategies": self.plans, "expected_recall": float(mean)}
        self.plans, self.expected = {}, []
        return told


class Numpy(Engine):
    """The plain exact baseline: every passing row is scored in float32."""

    note = "exact"

    def open(self):
        """Read the vectors."""
        self.rows = np.array(self.vectors)

    def settings(self):
        """Score all rows and mask, or gather the passing rows and score those."""
        return [{"way": "gather"}, {"way": "mask"}]

    def ready_filter(self, cell):
        """Give the mask as what to add to scores, and the numbers of the passing rows."""
        mask = super().ready_filter(cell)
        if mask is None:
            return None
        return np.where(mask, 0, -np.inf).astype(np.float32), np.flatnonzero(mask)

    def search(self, query, ready, setting, cell):
        """Score, and take the best."""
        if ready is None or setting["way"] == "mask":
            scores, rows = self.rows @ query, None
            if ready is not None:
                scores += ready[0]
        else:
            rows = ready[1]
            scores = self.rows[rows] @ query
        best = min(K, len(scores) if ready is None else len(ready[1]))
        if not best:
            return []
        part = np.argpartition(-scores, best - 1)[:best]
        part = part[np.argsort(-scores[part], kind="stable")]
        return part if rows is None else rows[part]


ENGINES = {  # name: module and class
    "isogloss": ("filtered_engines", "Isogloss"),
    "numpy": ("filtered_engines", "Numpy"),
    "faiss flat": ("filtered_faiss", "Faiss"),
    "faiss ivf": ("filtered_faiss", "FaissIvf"),
    "faiss hnsw16": ("filtered_faiss", "FaissHnsw16"),
    "faiss hnsw32": ("filtered_faiss", "FaissHnsw32"),
    "hnswlib": ("filtered_graphs", "Hnswlib"),
    "usearch": ("filtered_graphs", "Usearch"),
    "lancedb ivf-pq": ("filtered_lance", "Lance"),
    "lancedb hnsw-sq": ("filtered_lance", "LanceHnsw"),
    "qdrant edge": ("filtered_qdrant", "Qdrant"),
}


def engine(name, grid, folder):
    """Give an engine by its name, or by its class."""
    if isinstance(name, str):
        module, kind = ENGINES[name]
        name = getattr(import_module(module), kind)
    return name(grid, folder)


def peak_mb():
    """Give the peak memory of this process; that of getrusage counts the parent's as well."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise SystemExit("this system does not tell the peak memory of a process")


def size_mb(folder):
    """Give what all files of a folder take on disk, in MiB."""
    return sum(path.stat().st_blocks for path in Path(folder).rglob("*") if path.is_file()) / 2048


def build(grid, name, folder, threads):
    """Build beside the folder, and move it there when it is whole."""
    part = Path(f"{folder}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    made = engine(name, grid, part)
    before = peak_mb()
    wall, cpu = time.perf_counter(), time.process_time()
    made.build(threads)
    told = {
        "seconds": time.perf_counter() - wall,
        "cpu_seconds": time.process_time() - cpu,
        "rss_mb": peak_mb(),
        "rss_before_mb": before,
        "disk_mb": size_mb(part),
        "threads": threads,
    }
    (part / "build.json").write_text(json.dumps(told))
    part.rename(folder)


def serve(grid, name, folder, answers):
    """Answer commands until there are no more."""
    made = engine(name, grid, folder)
    queries = np.load(Path(grid) / "queries.npy")
    wall, cpu = time.perf_counter(), time.process_time()
    made.open()
    opened = {"seconds": time.perf_counter() - wall, "cpu_seconds": time.process_time() - cpu}
    ready, cell, asks = None, None, []

    def ask(command):
        """Search one query after the other until all are asked, or again until time is up."""
        setting, spent, found = command["setting"], [], []
        until = time.perf_counter() + command["seconds"]
        order = asks[: command["queries"]]
        for query in cycle(order) if command["again"] else order:
            began = time.perf_counter()
            rows = made.search(query, ready, setting, cell)
            ended = time.perf_counter()
            spent.append(ended - began)
            if command["rows"]:
                found.append([int(row) for row in rows])
            if ended > until and len(spent) >= command["least"]:
                break
        return {"seconds": spent, "rows": found, "chose": made.chose()}

    for line in sys.stdin:
        command = json.loads(line)
        if command["do"] == "tell":
            told = {"settings": made.settings(), "filter": made.filter, "note": made.note,
                    "rising": made.rising, "open": opened,
                    "rss_mb": peak_mb()}  # fmt: skip
        elif command["do"] == "cell":
            cell = command["cell"]
            asks = [made.ready_query(queries[row]) for row in made.cells[cell]["asks"]]
            began = time.perf_counter()
            ready = made.ready_filter(cell)
            told = {"prepare_seconds": time.perf_counter() - began}
        else:
            told = ask(command)
        answers.write(json.dumps(told) + "\n")
        answers.flush()


def main():
    """Build or serve."""
    grid, name, folder, what = sys.argv[1:5]
    if what == "build":
        build(grid, name, folder, int(sys.argv[5]))
        return
    if len(sys.argv) > 5 and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {int(sys.argv[5])})
    # What libraries print must not come between the answers.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    serve(grid, name, folder, answers)


if __name__ == "__main__":
    main()
