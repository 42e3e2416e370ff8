"""Relevance judgements as a sparse matrix, and how densely they tie queries together."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from isogloss._core.errors import ParameterError

if TYPE_CHECKING:
    import scipy.sparse as sp

__all__ = ["Distinct", "Judgements", "QueryGraph", "distinct_documents", "query_graph", "relevance"]

# Pairs of queries held at once while they are compared.
_PAIRS = 4_000_000


@dataclass(frozen=True, slots=True)
class Judgements:
    """Which document is relevant to which query.

    Parameters
    ----------
    queries, documents : tuple of str
        Names; a query has a relevant document, a document is relevant to a query.
    matrix : float64 sparse (m, n), compressed rows
        Gains above 0; what is not stored is not relevant.
    without : int
        Queries that were left out because they have no relevant document.

    Examples
    --------
    >>> judged = Judgements.of({"q": {"a": 1, "b": 0}, "r": {"a": 2, "c": 1}, "s": {}})
    >>> judged.documents, judged.matrix.shape, judged.without
    (('a', 'c'), (2, 2), 1)
    """

    queries: tuple[str, ...]
    documents: tuple[str, ...]
    matrix: "sp.csr_matrix"
    without: int = 0

    @classmethod
    def of(cls, qrels: Mapping[str, Mapping[str, float]]) -> "Judgements":
        """Take judgements as mappings, in their order.

        Parameters
        ----------
        qrels : mapping of query to mapping of document to float
            Gains; 0 and less is not relevant.

        Returns
        -------
        Judgements

        Raises
        ------
        ParameterError
            For a gain that is no finite number, or when nothing is relevant.
        """
        import scipy.sparse as sp

        places: dict[str, int] = {}
        names: list[str] = []
        starts, columns = [0], []
        gains: list[float] = []
        for query, grades in qrels.items():
            for document, grade in grades.items():
                if not math.isfinite(grade):
                    raise ParameterError(
                        f"query {query!r}: document {document!r} has the grade {grade}; give a "
                        "finite number"
                    )
            found = {doc: float(grade) for doc, grade in grades.items() if grade > 0}
            if not found:
                continue
            names.append(query)
            columns += [places.setdefault(document, len(places)) for document in found]
            gains += found.values()
            starts.append(len(columns))
        if not names:
            raise ParameterError("no query has a relevant document: give one a grade above 0")
        matrix = sp.csr_matrix(
            (np.array(gains), np.array(columns), np.array(starts)), shape=(len(names), len(places))
        )
        matrix.sort_indices()
        return cls(tuple(names), tuple(places), matrix, len(qrels) - len(names))


@dataclass(frozen=True, slots=True)
class QueryGraph:
    """How queries hang together: two are joined where they share a relevant document.

    Parameters
    ----------
    density : float
        Share of all pairs of queries that are joined, 0 to 1.
    strength : float
        Mean over the queries of the sum of the Jaccard similarities of its relevant documents with
        those of the queries that it is joined with.
    """

    density: float
    strength: float


@dataclass(frozen=True, slots=True)
class Distinct:
    """Judgements with one column for all documents that are relevant to the same queries.

    Vectors that order these columns order the documents, each group sharing a vector, and the
    other way round.

    Parameters
    ----------
    matrix : float64 sparse (m, c), compressed rows
        The last column is empty when some documents are relevant to nothing.
    group : int64 (n,)
        Column of each judged document.
    counts : int64 (c,)
        Documents behind each column.
    """

    matrix: "sp.csr_matrix"
    group: NDArray[np.int64]
    counts: NDArray[np.int64]


def relevance(given: Any) -> "sp.csr_matrix":
    """Take a relevance matrix in any form as compressed rows of gains.

    Parameters
    ----------
    given : Judgements, array (m, n), sparse matrix (m, n)
        Rows are queries, columns documents, entries above 0 relevant.

    Returns
    -------
    float64 sparse (m, n)
        Each row has an entry.

    Raises
    ------
    ParameterError
        For another shape, entries that are negative or no finite numbers, or a query without a
        relevant document.

    Examples
    --------
    >>> relevance([[1, 0], [1, 1]]).nnz
    3
    >>> relevance([[1, 0], [0, 0]])
    Traceback (most recent call last):
    ...
    isogloss._core.errors.ParameterError: query 1 has no relevant document: drop it
    """
    import scipy.sparse as sp

    if isinstance(given, Judgements):
        return given.matrix
    try:
        matrix = sp.csr_matrix(given, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ParameterError(
            f"a relevance matrix has queries as rows and documents as columns; got "
            f"{type(given).__name__}"
        ) from error
    if not np.isfinite(matrix.data).all() or (matrix.data < 0).any():
        raise ParameterError("the relevance matrix holds NaN, infinity or negative numbers")
    matrix.sum_duplicates()
    matrix.eliminate_zeros()
    matrix.sort_indices()
    if matrix.shape[0] == 0:
        raise ParameterError("the relevance matrix has no rows: give one a query")
    empty = np.flatnonzero(np.diff(matrix.indptr) == 0)
    if empty.size:
        raise ParameterError(f"query {empty[0]} has no relevant document: drop it")
    return matrix


def distinct_documents(given: Any, *, others: int = 0) -> Distinct:
    """Merge documents that are relevant to the same queries with the same gains.

    Parameters
    ----------
    given : Judgements, array (m, n), sparse matrix (m, n)
    others : int
        Documents beside these, relevant to nothing.

    Returns
    -------
    Distinct

    Examples
    --------
    >>> one = distinct_documents([[1, 1, 0], [0, 0, 1]], others=7)
    >>> one.matrix.toarray().tolist(), one.counts.tolist()
    ([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]], [2, 1, 7])
    """
    import scipy.sparse as sp

    matrix = relevance(given)
    columns = matrix.tocsc()
    columns.sort_indices()
    seen: dict[tuple[bytes, bytes], int] = {}
    group = np.empty(columns.shape[1], dtype=np.int64)
    first: list[int] = []
    nothing = (b"", b"")
    for column in range(columns.shape[1]):
        part = slice(columns.indptr[column], columns.indptr[column + 1])
        key = (columns.indices[part].tobytes(), columns.data[part].tobytes())
        if key == nothing:
            group[column] = -1
            continue
        if key not in seen:
            seen[key] = len(first)
            first.append(column)
        group[column] = seen[key]
    counts = np.bincount(group[group >= 0], minlength=len(first))
    kept = columns[:, first].tocsr()
    empty = int((group < 0).sum()) + others
    if empty:
        kept = sp.hstack([kept, sp.csr_matrix((matrix.shape[0], 1))], format="csr")
        group[group < 0] = len(first)
        counts = np.append(counts, empty)
    kept.sort_indices()
    return Distinct(kept, group, counts.astype(np.int64))


def query_graph(given: Any) -> QueryGraph:
    """Measure how densely judgements tie queries together.

    Sparse judgements, where each document answers one query, are easy for any vectors; judgements
    that combine the same documents in all ways are hard.

    Parameters
    ----------
    given : Judgements, array (m, n), sparse matrix (m, n)

    Returns
    -------
    QueryGraph
        Both 0 for a single query.

    Notes
    -----
    Time in proportion to the pairs of queries that share a document; a block of queries at once.

    Paper
    -----
    Weller et al., On the Theoretical Limitations of Embedding-Based Retrieval (2025), table of
    graph density and average query strength.

    Examples
    --------
    Of three queries two share one of three documents: one pair of three, and 1/3 twice over three.

    >>> graph = query_graph([[1, 1, 0, 0], [0, 1, 1, 0], [0, 0, 0, 1]])
    >>> round(graph.density, 4), round(graph.strength, 4)
    (0.3333, 0.2222)
    """
    matrix = relevance(given).copy()
    matrix.data[:] = 1.0
    rows = matrix.shape[0]
    if rows < 2:
        return QueryGraph(0.0, 0.0)
    sizes = np.diff(matrix.indptr)
    columns = matrix.T.tocsr()
    edges, total = 0, []
    step = max(1, _PAIRS // rows)
    for start in range(0, rows, step):
        shared = (matrix[start : start + step] @ columns).tocoo()
        own = shared.row + start
        union = sizes[own] + sizes[shared.col] - shared.data
        apart = own != shared.col
        edges += int(apart.sum())
        total.append(math.fsum((shared.data / union)[apart].tolist()))
    return QueryGraph(edges / (rows * (rows - 1)), math.fsum(total) / rows)
