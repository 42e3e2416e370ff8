"""Qdrant's embedded edition for `filtered_engines.py`."""

import numpy as np

from filtered_base import Engine, K

KEYWORDS = ("source", "section", "label", "licence", "tags")
NUMBERS = ("words", "s50", "s10", "s1", "s0_1", "s0_01", "few", "cluster")
BATCH = 2000


def condition(edge, test):
    """Give a condition of Qdrant from one of ours, which is a list."""
    word, *rest = test
    if word in ("all", "some", "none"):
        parts = [condition(edge, one) for one in rest]
        return edge.Filter(**{{"all": "must", "some": "should", "none": "must_not"}[word]: parts})
    column, *values = rest
    if word == "equal":
        return edge.FieldCondition(column, match=edge.MatchValue(values[0]))
    if word == "any":
        return edge.FieldCondition(column, match=edge.MatchAny(values))
    ends = {name: float(end) for name, end in values[0].items()}
    return edge.FieldCondition(column, range=edge.RangeFloat(**ends))


class Qdrant(Engine):
    """A shard with an index on every attribute, so that the graph has links for filters."""

    filter = "conditions"
    note = "reads its conditions at every query"

    def config(self, threads):
        """Give the shard's settings: 16 links, as the other graphs have."""
        import qdrant_edge as edge

        graph = edge.HnswIndexConfig(16, 100, 10_000, max_indexing_threads=threads)
        return edge.EdgeConfig(
            vectors=edge.EdgeVectorParams(self.vectors.shape[1], edge.Distance.Dot),
            hnsw_config=graph,
            optimizers=edge.EdgeOptimizersConfig(default_segment_number=1, indexing_threshold=1000),
            max_search_threads=1,
        )

    def build(self, threads):
        """Add the points with their attributes, index those, and make the graph."""
        import pyarrow.parquet as pq
        import qdrant_edge as edge

        shard = edge.EdgeShard.create(str(self.folder), self.config(threads))
        update = edge.UpdateOperation
        for names, kind in ((KEYWORDS, "Keyword"), (NUMBERS, "Integer")):
            for name in names:
                schema = getattr(edge.PayloadSchemaType, kind)
                shard.update(update.create_field_index(name, schema))
        table = pq.read_table(self.grid / "attributes.parquet", columns=[*KEYWORDS, *NUMBERS])
        for start in range(0, len(table), BATCH):
            payloads = table.slice(start, BATCH).to_pylist()
            rows = np.asarray(self.vectors[start : start + BATCH]).tolist()
            shard.update(
                update.upsert_points(
                    [
                        edge.Point(start + i, row, {k: v for k, v in p.items() if v is not None})
                        for i, (row, p) in enumerate(zip(rows, payloads, strict=True))
                    ]
                )
            )
        shard.optimize()
        shard.flush()
        shard.close()

    def open(self):
        """Load the shard."""
        import qdrant_edge as edge

        self.edge = edge
        self.shard = edge.EdgeShard.load(str(self.folder), self.config(1))

    def settings(self):
        """Sweep ef, with ACORN too; and search exactly."""
        plain = [{"ef": n} for n in (16, 24, 32, 48, 64, 128, 256)]
        return [*plain, {"ef": 64, "acorn": True}, {"exact": True}]

    def ready_filter(self, cell):
        """Give the conditions."""
        test = self.cells[cell]["conditions"]
        if test is None:
            return None
        made = condition(self.edge, test)
        return made if isinstance(made, self.edge.Filter) else self.edge.Filter(must=[made])

    def ready_query(self, query):
        """Give a list of numbers, which is what it takes."""
        return self.edge.Query.Nearest(query.tolist())

    def search(self, query, ready, setting, cell):
        """Search as its own planner will have it."""
        params = self.edge.SearchParams(
            hnsw_ef=setting.get("ef"),
            exact=setting.get("exact", False),
            acorn=self.edge.AcornSearchParams(enable=True) if "acorn" in setting else None,
        )
        request = self.edge.SearchRequest(query, K, filter=ready, params=params)
        return [point.id for point in self.shard.search(request)]
