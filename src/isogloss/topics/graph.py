"""The graph of nearest neighbours: who resembles whom, by vector and by words."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from isogloss import _native
from isogloss._core.threads import map_blocks
from isogloss._math.cells import near_rows
from isogloss._math.topk import nearest_rows
from isogloss.topics.communities import row_sums

# Up to so many rows neighbours are exact; above, nearly all are found in a partition.
EXACT_ROWS = 30_000
# Rows of one piece of work on edges.
BLOCK = 4096
# Words that are hardly ever shared are not blown up beyond this.
MOST_BALANCE = 20.0
# Neighbours are at most this share of the passages, but not fewer than so many.
SHARE, FEW = 10, 10
# Edges below this are no ties: rounding, and neighbours of empty vectors.
LEAST_WEIGHT = 1e-6


@dataclass(frozen=True, slots=True)
class WordWeights:
    """Inverse document frequencies, learned once, that turn counts into unit TF-IDF rows.

    Parameters
    ----------
    idf : float32 (v,)
        ``1 + log((1 + n) / (1 + passages with the word))``.

    Examples
    --------
    >>> counts = sp.csr_matrix(np.array([[1, 0], [3, 1]], dtype=np.float32))
    >>> words = WordWeights.fit(counts)
    >>> [round(float(x), 3) for x in words.idf]
    [1.0, 1.405]
    >>> np.linalg.norm(words.transform(counts).toarray(), axis=1).round(3).astype(float).tolist()
    [1.0, 1.0]
    """

    idf: NDArray[np.float32]

    @classmethod
    def fit(cls, counts: Any) -> "WordWeights":
        """Count the passages of each word; `counts` is a CSR matrix (n, v)."""
        present = counts.indices[counts.data > 0]
        passages = np.bincount(present, minlength=counts.shape[1])
        idf = 1.0 + np.log((1.0 + counts.shape[0]) / (1.0 + passages))
        return cls(idf.astype(np.float32))

    def transform(self, counts: Any) -> Any:
        """Give unit rows ``(1 + log count) * idf``, float32 CSR (n, v); empty rows stay empty."""
        rows = sp.csr_matrix(counts, dtype=np.float32, copy=True)
        rows.sum_duplicates()  # also sorts, so that sums have one order
        rows.data[rows.data < 0] = 0
        rows.eliminate_zeros()
        data = (1.0 + np.log(np.maximum(rows.data, 1.0))) * self.idf[rows.indices]
        owner = np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr))
        length = np.sqrt(np.bincount(owner, weights=data * data, minlength=rows.shape[0]))
        rows.data = (data / length[owner]).astype(np.float32)
        return rows


def neighbour_graph(
    vectors: NDArray[np.float32],
    words: Any,
    *,
    neighbours: int,
    lexical_weight: float,
) -> Any:
    """Join each passage to its nearest ones, with weights from vectors and words.

    An edge stands where either end is among the other's `neighbours` nearest by cosine. Its weight
    is the square of the cosine of the vectors (at least 0) plus a multiple of that of the TF-IDF
    rows; the multiple is such that words give, over all edges, `lexical_weight` times what vectors
    give. Long texts share few of their many words, so a fixed multiple would suit one length only.

    Parameters
    ----------
    vectors : float32 (n, d)
        Unit rows.
    words : float32 CSR (n, v) or None
        Unit TF-IDF rows.
    neighbours : int
        Neighbours a passage; fewer where there are fewer passages.
    lexical_weight : float
        Weight of the words as a share of that of the vectors, 0 or more.

    Returns
    -------
    float64 CSR (n, n)
        Symmetric, sorted, without loops.

    Notes
    -----
    Time O(n^2 d) for exact neighbours, up to 30,000 rows; above, those of
    `isogloss._math.cells.near_rows`. Memory O(n neighbours).

    Examples
    --------
    >>> rows = np.array([[1, 0], [0.8, 0.6], [0, 1]], dtype=np.float32)
    >>> neighbour_graph(rows, None, neighbours=1, lexical_weight=0.5).toarray().round(2).tolist()
    [[0.0, 0.64, 0.0], [0.64, 0.0, 0.36], [0.0, 0.36, 0.0]]
    """
    n = len(vectors)
    most = min(neighbours, max(0, n - 1))
    if n <= EXACT_ROWS:
        columns, scores = nearest_rows(vectors, vectors, most, same=True)
    else:
        columns, scores = near_rows(vectors, most)
    found = columns >= 0
    rows = np.repeat(np.arange(n), found.sum(axis=1))
    weights = np.maximum(scores[found], 0.0).astype(np.float64)
    # A little more than nothing keeps an edge in its place until the words are added.
    graph = sp.csr_matrix((weights + LEAST_WEIGHT, (rows, columns[found])), shape=(n, n))
    graph = graph.maximum(graph.T).tocsr()
    graph.sort_indices()
    graph.data -= LEAST_WEIGHT
    if words is not None and lexical_weight > 0.0:
        lexical = _edge_cosines(words, graph).astype(np.float64)
        if lexical.sum() > 0.0:
            balance = graph.data.sum() / lexical.sum() if graph.data.sum() > 0.0 else 1.0
            graph.data += lexical_weight * min(balance, MOST_BALANCE) * lexical
    graph.data[graph.data < LEAST_WEIGHT] = 0.0
    graph.data **= 2
    graph.eliminate_zeros()
    return graph


def even_graph(graph: Any) -> Any:
    """Weigh the edges so that every node has about as much to say.

    The weight w of an edge becomes ``w / sqrt(s_i s_j)``, where s is the sum of the weights at each
    end. Passages in the middle of everything, which are neighbours of hundreds, then decide less
    about what belongs together, and those at the margin more.

    Parameters
    ----------
    graph : CSR (n, n)
        Symmetric weights, 0 or more.

    Returns
    -------
    float64 CSR (n, n)
        The same edges; it shares their places with the original, which is left as it is.

    Examples
    --------
    >>> star = sp.csr_matrix(np.array([[0, 2, 2], [2, 0, 0], [2, 0, 0]]))
    >>> even_graph(star).toarray().round(2).tolist()
    [[0.0, 0.71, 0.71], [0.71, 0.0, 0.0], [0.71, 0.0, 0.0]]
    """
    root = np.sqrt(row_sums(graph))
    scale = np.divide(1.0, root, out=np.zeros_like(root), where=root > 0.0)
    weights = np.repeat(scale, np.diff(graph.indptr))
    weights *= scale[graph.indices]
    weights *= graph.data
    return sp.csr_matrix((weights, graph.indices, graph.indptr), shape=graph.shape)


def neighbour_graphs(
    vectors: NDArray[np.float32],
    words: Any,
    *,
    neighbours: int,
    lexical_weight: float,
    even_edges: bool,
) -> tuple[Any, Any]:
    """Give the graph of nearest neighbours, and the one whose communities are sought.

    Parameters
    ----------
    vectors, words, neighbours, lexical_weight
        As in `neighbour_graph`; of few passages at most a tenth are neighbours, but 10, because
        larger neighbourhoods than topics run into each other.
    even_edges : bool
        Whether communities are those of even edges (`even_graph`), or of the graph as it is.

    Returns
    -------
    two float64 CSR (n, n)
        The same one twice where edges are not evened.

    Examples
    --------
    >>> rows = np.array([[1, 0], [0.8, 0.6], [0, 1]], dtype=np.float32)
    >>> graph, sought = neighbour_graphs(
    ...     rows, None, neighbours=1, lexical_weight=0.5, even_edges=True
    ... )
    >>> graph.data.round(2).tolist(), sought.data.round(2).tolist()
    ([0.64, 0.64, 0.36, 0.36], [0.8, 0.8, 0.6, 0.6])
    """
    most = min(neighbours, max(FEW, len(vectors) // SHARE))
    graph = neighbour_graph(vectors, words, neighbours=most, lexical_weight=lexical_weight)
    return graph, even_graph(graph) if even_edges else graph


def knows_other_texts(spec: str) -> bool:
    """Tell whether an encoder knows more than the passages that it encodes: all do but `lsa`.

    Examples
    --------
    >>> knows_other_texts("lexical"), knows_other_texts("lsa:folder")
    (True, False)
    """
    return spec.partition(":")[0] != "lsa"


def _edge_cosines(words: Any, graph: Any) -> NDArray[np.float32]:
    n = graph.shape[0]
    start, column = words.indptr.astype(np.int64), words.indices.astype(np.int32)
    edge_start, target = graph.indptr.astype(np.int64), graph.indices.astype(np.int32)
    cosines = np.zeros(len(target), dtype=np.float32)

    def work(first: int) -> None:
        _native.edge_dots(
            start, column, words.data, words.shape[1], edge_start, target,
            first, min(n, first + BLOCK), cosines,
        )  # fmt: skip

    map_blocks(work, range(0, n, BLOCK))
    return cosines
