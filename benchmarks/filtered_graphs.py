"""hnswlib and usearch for `filtered_engines.py`."""

import numpy as np

from filtered_base import Engine, K

WIDEST = 20_000  # rows that widening may ask a graph for


class Hnswlib(Engine):
    """hnswlib; its filter is a Python callback, asked once a visited row."""

    filter = "Python callback"
    rising = True
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
        return [{"ef": n} for n in (16, 24, 32, 48, 64, 256)]

    def ready_filter(self, cell):
        """Give the look-up of a list, the quickest callback that Python has."""
        mask = super().ready_filter(cell)
        return None if mask is None else mask.tolist().__getitem__

    def search(self, query, ready, setting, cell):
        """Search; it raises where it finds fewer rows than asked, and is then asked for fewer."""
        self.index.set_ef(max(setting["ef"], K))
        wanted = max(1, min(K, self.cells[cell]["passing"]))
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
