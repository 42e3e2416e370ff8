"""Ways to search under a filter that the entry `filtered-search` compares."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from isogloss.ledger.filter_cells import Cell, Floats

Found = NDArray[np.int64]

LINKS = 16
BUILD_EF = 100
EXTRA = "search-peers"


class Method(Protocol):
    """A way to search: its settings, and a search with one of them.

    Parameters
    ----------
    settings : tuple of int
        What is swept; one where there is nothing to set.
    """

    settings: tuple[int, ...]

    def prepared(self, cell: Cell) -> Any:
        """Give the filter of a cell as the method takes it; not timed."""

    def search(self, query: Floats, prepared: Any, setting: int, k: int) -> Found:
        """Give at most k rows, best first."""


class Exact:
    """Score the passing rows, all of them, in float32.

    Examples
    --------
    >>> rows = np.eye(3, dtype=np.float32)
    >>> cell = Cell("x", "random", "y", np.array([False, True, True]), np.array([0]))
    >>> method = Exact(rows)
    >>> method.search(rows[2], method.prepared(cell), 0, 1).tolist()
    [2]
    """

    settings: tuple[int, ...] = (0,)

    def __init__(self, vectors: Floats) -> None:
        self._vectors = vectors

    def prepared(self, cell: Cell) -> Found | None:
        """Give the numbers of the passing rows; None for all rows."""
        return np.flatnonzero(cell.mask) if cell.where else None

    def search(self, query: Floats, prepared: Found | None, setting: int, k: int) -> Found:
        """Gather, score, and take the best."""
        rows = self._vectors if prepared is None else self._vectors[prepared]
        scores = rows @ query
        best = min(k, len(scores))
        if not best:
            return np.empty(0, dtype=np.int64)
        part = np.argpartition(-scores, best - 1)[:best]
        part = part[np.argsort(-scores[part], kind="stable")]
        return np.asarray(part if prepared is None else prepared[part], dtype=np.int64)


class _Faiss:
    """An index of faiss with a bitmap of the passing rows."""

    settings: tuple[int, ...] = ()

    def __init__(self, vectors: Floats) -> None:
        self._faiss: Any = need_faiss()
        self._index = self._made(vectors)

    def _made(self, vectors: Floats) -> Any:
        raise NotImplementedError

    def _parameters(self, setting: int, chosen: dict[str, Any]) -> Any:
        raise NotImplementedError

    def prepared(self, cell: Cell) -> tuple[Any, NDArray[np.uint8]] | None:
        """Give a selector over packed bits, with the bits, which it does not own."""
        if not cell.where:
            return None
        bits = np.packbits(cell.mask, bitorder="little")
        return self._faiss.IDSelectorBitmap(bits), bits

    def search(self, query: Floats, prepared: Any, setting: int, k: int) -> Found:
        """Search with the selector passed through."""
        chosen = {} if prepared is None else {"sel": prepared[0]}
        parameters = self._parameters(setting, chosen)
        rows = self._index.search(query[None], k, params=parameters)[1][0]
        return np.asarray(rows[rows >= 0], dtype=np.int64)


class Graph(_Faiss):
    """faiss' HNSW: failing rows are walked through but not returned; the setting is ef."""

    settings: tuple[int, ...] = (64, 256, 1024)

    def _made(self, vectors: Floats) -> Any:
        index = self._faiss.IndexHNSWFlat(vectors.shape[1], LINKS, self._faiss.METRIC_INNER_PRODUCT)
        index.hnsw.efConstruction = BUILD_EF
        index.add(vectors)
        return index

    def _parameters(self, setting: int, chosen: dict[str, Any]) -> Any:
        return self._faiss.SearchParametersHNSW(efSearch=setting, **chosen)


class Partition(_Faiss):
    """faiss' inverted file over float32 rows; the setting is the number of cells probed."""

    settings: tuple[int, ...] = (16, 64, 256)
    rows_a_cell = 195  # 512 cells for 100,000 rows

    def _made(self, vectors: Floats) -> Any:
        cells = max(4, len(vectors) // self.rows_a_cell)
        flat = self._faiss.IndexFlatIP(vectors.shape[1])
        index = self._faiss.IndexIVFFlat(
            flat, vectors.shape[1], cells, self._faiss.METRIC_INNER_PRODUCT
        )
        index.own_fields = False
        self._flat = flat  # the index does not own it
        index.train(vectors)
        index.add(vectors)
        return index

    def _parameters(self, setting: int, chosen: dict[str, Any]) -> Any:
        return self._faiss.SearchParametersIVF(nprobe=setting, **chosen)


class Planner:
    """Ours, with one setting for all filters."""

    settings: tuple[int, ...] = (0,)

    def __init__(self, vectors: Floats) -> None:
        from isogloss.search.vector_index import VectorIndex

        self._index = VectorIndex.build(vectors, seed=0)

    def prepared(self, cell: Cell) -> Any:
        """Give a subset; None for all rows."""
        return self._index.subset(cell.mask) if cell.where else None

    def search(self, query: Floats, prepared: Any, setting: int, k: int) -> Found:
        """Search by the plan that it chooses."""
        return np.asarray(self._index.search(query, k=k, subset=prepared).rows, dtype=np.int64)


def need_faiss() -> Any:
    """Give faiss, or say how to install it.

    Raises
    ------
    MissingExtra
        When it is not installed.
    """
    from isogloss._core.extras import need

    return need("faiss", extra=EXTRA)


@contextmanager
def one_thread() -> Iterator[None]:
    """Hold faiss and matrix libraries to one thread: a graph built by several is never the same."""
    from isogloss._core.threads import single_threaded_blas

    faiss = need_faiss()
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        with single_threaded_blas():
            yield
    finally:
        faiss.omp_set_num_threads(before)


def answers(
    method: Method, prepared: Any, queries: Floats, setting: int, k: int
) -> list[list[int]]:
    """Give the rows found for every query.

    Examples
    --------
    >>> rows = np.eye(2, dtype=np.float32)
    >>> answers(Exact(rows), None, rows, 0, 1)
    [[0], [1]]
    """
    return [method.search(query, prepared, setting, k).tolist() for query in queries]


def asking(
    method: Method, prepared: Any, queries: Floats, setting: int, k: int
) -> Callable[[], None]:
    """Give a call that asks all queries, to be timed."""

    def ask() -> None:
        for query in queries:
            method.search(query, prepared, setting, k)

    return ask
