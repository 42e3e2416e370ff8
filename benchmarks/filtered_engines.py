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
from pathlib import Path

import numpy as np

K = 10
WIDEST = 20_000  # rows that widening may ask a graph for


def below(rows):
    """Give the cells of an inverted file: 512 at 100,000 rows, growing with the root."""
    return int(2 ** round(np.log2(512 * (rows / 100_000) ** 0.5)))


class Engine:
    """One engine: builds into a folder, opens it, and searches."""

    filter = "bitmap"
    note = ""

    def __init__(self, grid, folder):
        self.grid, self.folder = Path(grid), Path(folder)
        self.vectors = np.load(self.grid / "vectors.npy", mmap_mode="r")
        self.masks = np.load(self.grid / "masks.npy", mmap_mode="r")
        self.cells = json.loads((self.grid / "cells.json").read_text())
        self.ready = {}

    def build(self, threads):
        """Make what is kept on disk."""

    def open(self):
        """Open what was built."""

    def settings(self):
        """Give the settings to sweep."""
        return [{}]

    def ready_filter(self, cell):
        """Give the filter of a cell as the engine takes it; None where all rows pass."""
        return None if not self.cells[cell]["where"] else np.array(self.masks[cell])

    def ready_query(self, query):
        """Give a query as the engine takes it."""
        return query

    def table(self):
        """Give vectors and attributes as one Arrow table."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        flat = pa.array(np.asarray(self.vectors).ravel())
        rows = pa.FixedSizeListArray.from_arrays(flat, self.vectors.shape[1])
        table = pq.read_table(self.grid / "attributes.parquet")
        return table.append_column("row", pa.array(np.arange(len(table)))).append_column(
            "vector", rows
        )


class Isogloss(Engine):
    """Ours, with one setting for all cells."""

    note = "one setting everywhere"

    def open(self):
        """Build it: it is made in memory from the vectors."""
        from isogloss.search.vector_index import VectorIndex

        self.index = VectorIndex.build(np.asarray(self.vectors), seed=0)
        self.plans = {}

    def ready_filter(self, cell):
        """Prepare a subset."""
        mask = super().ready_filter(cell)
        return None if mask is None else self.index.subset(mask)

    def search(self, query, ready, setting, cell):
        """Search by the plan that it chooses."""
        found = self.index.search(query, k=K, subset=ready)
        self.plans[found.plan.strategy] = self.plans.get(found.plan.strategy, 0) + 1
        return found.rows


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


class Faiss(Engine):
    """faiss with a bitmap selector."""

    kind = "flat"

    def build(self, threads):
        """Train, add and write."""
        import faiss

        faiss.omp_set_num_threads(threads)
        rows, dim = self.vectors.shape
        product = faiss.METRIC_INNER_PRODUCT
        if self.kind == "flat":
            return
        if self.kind == "ivf":
            index = faiss.IndexIVFFlat(faiss.IndexFlatIP(dim), dim, below(rows), product)
            index.train(np.asarray(self.vectors))
        else:
            index = faiss.IndexHNSWFlat(dim, int(self.kind), product)
            index.hnsw.efConstruction = 100
        index.add(np.asarray(self.vectors))
        faiss.write_index(index, str(self.folder / "index.faiss"))

    def open(self):
        """Read the index; the flat one is filled from the vectors."""
        import faiss

        faiss.omp_set_num_threads(1)
        self.faiss = faiss
        if self.kind == "flat":
            self.index = faiss.IndexFlatIP(self.vectors.shape[1])
            self.index.add(np.asarray(self.vectors))
        else:
            self.index = faiss.read_index(str(self.folder / "index.faiss"))

    def settings(self):
        """Sweep nprobe or ef."""
        if self.kind == "flat":
            return [{}]
        if self.kind == "ivf":
            return [{"nprobe": n} for n in (4, 16, 64, 256, below(len(self.vectors)))]
        return [{"ef": n} for n in (16, 32, 64, 128, 256, 1024)]

    def ready_filter(self, cell):
        """Give a selector over packed bits, and the bits, which it does not own."""
        mask = super().ready_filter(cell)
        if mask is None:
            return None
        bits = np.packbits(mask, bitorder="little")
        return self.faiss.IDSelectorBitmap(bits), bits

    def ready_query(self, query):
        """Give it as one row."""
        return np.ascontiguousarray(query[None])

    def search(self, query, ready, setting, cell):
        """Search with the selector passed through."""
        chosen = {} if ready is None else {"sel": ready[0]}
        if self.kind == "flat":
            asked = self.faiss.SearchParameters(**chosen)
        elif self.kind == "ivf":
            asked = self.faiss.SearchParametersIVF(nprobe=setting["nprobe"], **chosen)
        else:
            asked = self.faiss.SearchParametersHNSW(efSearch=setting["ef"], **chosen)
        rows = self.index.search(query, K, params=asked)[1][0]
        return rows[rows >= 0]


class FaissIvf(Faiss):
    """The inverted file."""

    kind = "ivf"


class FaissHnsw16(Faiss):
    """The graph with 16 links."""

    kind = "16"


class FaissHnsw32(Faiss):
    """The graph with 32 links."""

    kind = "32"


class Hnswlib(Engine):
    """hnswlib; its filter is a Python callback, asked once a visited row."""

    filter = "Python callback"
    note = "the callback is Python's: much of the time is not the index's"

    def build(self, threads):
        """Add all rows and save."""
        import hnswlib

        index = hnswlib.Index(space="ip", dim=self.vectors.shape[1])
        index.init_index(max_elements=len(self.vectors), M=16, ef_construction=100, random_seed=0)
        index.add_items(np.asarray(self.vectors), num_threads=threads)
        index.save_index(str(self.folder / "index.bin"))

    def open(self):
        """Load it."""
        import hnswlib

        self.index = hnswlib.Index(space="ip", dim=self.vectors.shape[1])
        self.index.load_index(str(self.folder / "index.bin"))
        self.index.set_num_threads(1)

    def settings(self):
        """Sweep ef."""
        return [{"ef": n} for n in (16, 64, 256)]

    def ready_filter(self, cell):
        """Give the look-up of a list, the quickest callback that Python has."""
        mask = super().ready_filter(cell)
        return None if mask is None else mask.tolist().__getitem__

    def search(self, query, ready, setting, cell):
        """Search; it raises where it finds fewer rows than asked, and is then asked for fewer."""
        self.index.set_ef(max(setting["ef"], K))
        wanted = min(K, self.cells[cell]["passing"])
        while wanted:
            try:
                return self.index.knn_query(query, k=wanted, num_threads=1, filter=ready)[0][0]
            except RuntimeError:
                wanted //= 2
        return []


class Usearch(Engine):
    """usearch, whose Python binding has no filter: what does not pass is dropped afterwards."""

    filter = "dropped afterwards"

    def build(self, threads):
        """Add all rows and save."""
        from usearch.index import Index

        index = Index(ndim=self.vectors.shape[1], metric="ip", dtype="f32", connectivity=16,
                      expansion_add=128)  # fmt: skip
        index.add(np.arange(len(self.vectors)), np.asarray(self.vectors), threads=threads)
        index.save(str(self.folder / "index.usearch"))

    def open(self):
        """Load it."""
        from usearch.index import Index

        self.index = Index.restore(str(self.folder / "index.usearch"))

    def settings(self):
        """Ask for so many times too many; once, or ever more until there are enough."""
        return [
            {"ef": 64, "times": 10},
            {"ef": 64, "times": 100},
            {"ef": 64, "times": 4, "widen": 4},
            {"ef": 256, "times": 4, "widen": 4},
        ]

    def ready_query(self, query):
        """Give a query of its own memory."""
        return np.ascontiguousarray(query)

    def search(self, query, ready, setting, cell):
        """Search wider until enough rows pass."""
        self.index.expansion_search = setting["ef"]
        if ready is None:
            return self.index.search(query, K, threads=1).keys.astype(np.int64)
        enough = min(K, self.cells[cell]["passing"])
        wanted = K * setting["times"]
        while True:
            wanted = min(wanted, len(self.vectors))
            rows = self.index.search(query, wanted, threads=1).keys.astype(np.int64)
            rows = rows[ready[rows]][:K]
            last = wanted >= min(WIDEST, len(self.vectors)) or "widen" not in setting
            if len(rows) >= enough or last:
                return rows
            wanted *= setting["widen"]


class Lance(Engine):
    """LanceDB with an inverted file of product codes, and scalar indexes on what filters name."""

    filter = "filter string"
    note = "reads the filter string at every query"
    bitmap = ("source", "section", "label", "licence", "s50", "s10", "s1", "s0_1", "s0_01", "few",
              "cluster")  # fmt: skip

    def build(self, threads):
        """Write the table, its scalar indexes and its vector index."""
        import warnings

        import lancedb

        warnings.simplefilter("ignore")  # its older names of index types serve old versions too
        table = lancedb.connect(self.folder).create_table("passages", self.table())
        for column in self.bitmap:
            table.create_scalar_index(column, index_type="BITMAP")
        table.create_scalar_index("words", index_type="BTREE")
        table.create_scalar_index("tags", index_type="LABEL_LIST")
        self.index(table)

    def index(self, table):
        """Make the vector index."""
        table.create_index(metric="dot", vector_column_name="vector", index_type="IVF_PQ",
                           num_partitions=below(len(self.vectors)) // 2)  # fmt: skip

    def open(self):
        """Open the table."""
        import lancedb

        self.lance = lancedb.connect(self.folder).open_table("passages")

    def settings(self):
        """Sweep probes, fixed and adaptive, always refined; and search without the index."""
        return [
            {"nprobes": 8, "refine": 10},
            {"nprobes": 64, "refine": 10},
            {"least": 8, "refine": 10},
            {"least": 32, "refine": 40},
            {"bypass": True},
        ]

    def ready_filter(self, cell):
        """Give the filter as Lance reads it."""
        return self.cells[cell]["lance"]

    def search(self, query, ready, setting, cell):
        """Search with the filter applied before ranking."""
        asked = self.lance.search(query, vector_column_name="vector").distance_type("dot")
        if "bypass" in setting:
            asked = asked.bypass_vector_index()
        if "nprobes" in setting:
            asked = asked.nprobes(setting["nprobes"])
        if "least" in setting:
            asked = asked.minimum_nprobes(setting["least"]).maximum_nprobes(0)
        if "refine" in setting:
            asked = asked.refine_factor(setting["refine"])
        if "ef" in setting:
            asked = asked.ef(setting["ef"])
        if ready:
            asked = asked.where(ready, prefilter=True)
        return asked.select(["row", "_distance"]).limit(K).to_arrow()["row"].to_numpy()


class LanceHnsw(Lance):
    """LanceDB with a graph over scalar codes in one partition."""

    def index(self, table):
        """Make the vector index."""
        table.create_index(metric="dot", vector_column_name="vector", index_type="IVF_HNSW_SQ",
                           num_partitions=1, m=16, ef_construction=100)  # fmt: skip

    def settings(self):
        """Sweep ef, refined."""
        return [{"nprobes": 1, "ef": n, "refine": 5} for n in (64, 128, 512)]


ENGINES = {
    "isogloss": Isogloss,
    "numpy": Numpy,
    "faiss flat": Faiss,
    "faiss ivf": FaissIvf,
    "faiss hnsw16": FaissHnsw16,
    "faiss hnsw32": FaissHnsw32,
    "hnswlib": Hnswlib,
    "usearch": Usearch,
    "lancedb ivf-pq": Lance,
    "lancedb hnsw-sq": LanceHnsw,
}


def engine(name, grid, folder):
    """Give an engine by its name."""
    if name == "qdrant edge":
        from filtered_qdrant import Qdrant

        return Qdrant(grid, folder)
    return ENGINES[name](grid, folder)


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
        """Search one query after the other, for at most so many seconds."""
        setting, spent, found = command["setting"], [], []
        until = time.perf_counter() + command["seconds"]
        for query in asks[: command["queries"]]:
            began = time.perf_counter()
            rows = made.search(query, ready, setting, cell)
            spent.append(time.perf_counter() - began)
            found.append([int(row) for row in rows] if command["rows"] else None)
            if time.perf_counter() > until and len(spent) >= command["least"]:
                break
        return {"seconds": spent, "rows": found if command["rows"] else None}

    for line in sys.stdin:
        command = json.loads(line)
        if command["do"] == "tell":
            told = {"settings": made.settings(), "filter": made.filter, "note": made.note,
                    "open": opened, "plans": getattr(made, "plans", None),
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
