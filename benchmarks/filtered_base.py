"""What all engines of `filtered_search.py` share."""

import json
from pathlib import Path

import numpy as np

K = 10


def below(rows):
    """Give the cells of an inverted file: 512 at 100,000 rows, growing with the root."""
    return int(2 ** round(np.log2(512 * (rows / 100_000) ** 0.5)))


class Engine:
    """One engine: builds into a folder, opens it, and searches."""

    filter = "bitmap"
    note = ""
    rising = False  # whether each setting is slower and surer than the one before

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

    def chose(self):
        """Tell what the engine chose in this cell, if it tells."""

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
