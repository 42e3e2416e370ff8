"""What benchmarks/retrieval.py stands on: vectors kept on disk, first rankings held in memory.

The steps themselves are the package's own (`search_in_steps`); only the first rankings are held:
vectors as a matrix (every product is taken, as the exact scan does), BM25 from the package's Lance
index, each query asked once. `Bench.check` compares some answers with `search_passages` itself.
"""

import atexit
import hashlib
import json
import shutil
import tempfile
from functools import lru_cache

import numpy as np
import pyarrow as pa

from isogloss.search.fusion import DEFAULT, Ranking
from isogloss.search.passages import _by_text, search_passages
from isogloss.search.results import Hit, SearchResult
from isogloss.search.second_stage import search_in_steps
from isogloss.search.steps import Steps
from isogloss.search.text_index import create_text_index


def digest(texts):
    """Give a short name of a list of texts."""
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:12]


def vectors(spec, texts, kind, cache, encoders):
    """Give unit rows of texts, kept under `cache`."""
    name = "lexical" if spec == "lexical" else "model"
    path = cache / f"{name}-{kind}-{digest(texts)}.npy"
    if not path.exists():
        if spec not in encoders:
            from isogloss.encoders.spec import load_encoder

            encoders[spec] = load_encoder(spec, threads=1)
        encoder = encoders[spec]
        rows = encoder.encode_query(texts) if kind == "query" else encoder.encode(texts)
        np.save(path, rows, allow_pickle=False)
    return np.load(path, allow_pickle=False)


class Bench:
    """One judged set, one encoder's vectors, and the searches over them."""

    def __init__(self, judged, rows, query_rows, table=None):
        self.judged = judged
        self.rows = rows
        self.query_rows = dict(zip(judged.queries, query_rows, strict=True))
        self.table = table if table is not None else text_table(judged)
        self._text = lru_cache(maxsize=100_000)(self._ask)

    def _ask(self, text, depth, terms):
        found = _by_text(self.table, text, None, k=depth, total=len(self.rows), terms=dict(terms))
        return Ranking(found.passages, found.scores)

    def lists(self, text, vector, depth, mode="hybrid", terms=None):
        """Give the rankings that a mode fuses."""
        depth = min(depth, len(self.rows))
        found = {}
        if mode != "text":
            unit = vector / (np.linalg.norm(vector) or 1.0)
            cosines = self.rows @ unit.astype(np.float32)
            best = np.argpartition(-cosines, depth - 1)[:depth]
            best = best[np.lexsort((best, -cosines[best]))]
            found["vector"] = Ranking(best.tolist(), cosines[best].tolist())
        if mode != "vector":
            found["text"] = self._text(text, depth, tuple((terms or {}).items()))
        return found

    def search(self, query, *, mode="hybrid", k=100, depth=None, **steps):
        """Search with the package's own steps; `steps` are objects."""
        text = self.judged.queries[query]

        def first(*, k, vector, terms):
            depth = max(100, 3 * k) if mode == "hybrid" else k
            lists = self.lists(text, vector, depth, mode, terms)
            if mode == "hybrid":
                best = (steps.get("fusion") or DEFAULT).fuse(lists)[:k]
            else:
                best = list(zip(lists[mode].passages, lists[mode].scores, strict=True))
            hits = tuple(Hit(self.judged.ids[p], p, s, self.judged.texts[p], {}, -1)
                         for p, s in best)  # fmt: skip
            return SearchResult(hits, mode, 0.0)

        vector = None if mode == "text" else self.query_rows[query]
        return search_in_steps(first, text, vector=vector, vectors_of=lambda p: self.rows[list(p)],
                               mode=mode, k=k, steps=Steps(**steps), depth=depth)  # fmt: skip

    def run(self, **options):
        """Give each query's passages in order: mapping of query to list of ids."""
        found = {query: self.search(query, **options) for query in self.judged.queries}
        self.strategies = [one.strategy for one in found.values()]
        return {query: [hit.id for hit in one.hits] for query, one in found.items()}

    def check(self, count=10):
        """Compare with the package's search over a Lance table with the vectors in it."""
        import lancedb

        flat = pa.array(self.rows.ravel().astype(np.float32))
        column = pa.FixedSizeListArray.from_arrays(flat, self.rows.shape[1])
        data = _columns(self.judged) | {"vector": column}
        with tempfile.TemporaryDirectory() as folder:
            table = lancedb.connect(folder).create_table("passages", pa.table(data))
            create_text_index(table)
            for query in list(self.judged.queries)[:count]:
                real = search_passages(table, query_text=self.judged.queries[query], k=100,
                                       query_vector=self.query_rows[query], schema=table.schema,
                                       attributes=[])  # fmt: skip
                ours = self.search(query)
                left = np.array([hit.score for hit in real.hits])
                np.testing.assert_allclose(left, [hit.score for hit in ours.hits], atol=2e-4)


def _columns(judged):
    n = len(judged.ids)
    return {"passage": pa.array(range(n), pa.int64()), "id": pa.array(judged.ids),
            "text": pa.array(judged.texts), "topic": pa.array([-1] * n, pa.int32()),
            "content_hash": pa.array(range(n), pa.int64())}  # fmt: skip


def text_table(judged):
    """Give a Lance table with the package's text index, in a folder of its own."""
    import lancedb

    folder = tempfile.mkdtemp(prefix="isogloss-retrieval-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    table = lancedb.connect(folder).create_table("passages", pa.table(_columns(judged)))
    create_text_index(table)
    return table


class Remembered:
    """A reranker whose scores are kept on disk, since a cross-encoder takes its time."""

    def __init__(self, make, name, path):
        self._make, self.name, self._path = make, name, path
        self._inner, self._unsaved = None, 0
        self._known = json.loads(path.read_text()) if path.exists() else {}

    def score(self, query, texts):
        """Give the scores, new ones by the reranker."""
        keys = [digest([query, text]) for text in texts]
        missing = [i for i, key in enumerate(keys) if key not in self._known]
        if missing:
            self._inner = self._inner or self._make()
            fresh = self._inner.score(query, [texts[i] for i in missing])
            self._known |= {keys[i]: float(v) for i, v in zip(missing, fresh, strict=True)}
            self._unsaved += len(missing)
            if self._unsaved >= 200:
                self.save()
        return np.array([self._known[key] for key in keys])

    def save(self):
        """Write what is known."""
        self._unsaved = 0
        self._path.write_text(json.dumps(self._known))
