"""LanceDB for `filtered_engines.py`."""

from filtered_base import Engine, K, below


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
