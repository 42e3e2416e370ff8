"""Clusters of mined sets: single link where they overlap, and a cut where that runs too wide."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogloss import _native
from isogloss._core.threads import map_blocks, thread_count
from isogloss.topics.communities import leiden
from isogloss.topics.mined_sets import LANES, MinedSets, Rows, canonical, tables_held

# Sets of a bucket that each is compared with for the graph of overlaps.
WINDOW = 64
# Leiden cuts of one giant, each at twice the resolution of the one before.
MOST_CUTS = 8
# First words of a cluster that its rank is taken from.
RANKED_BY = 10
BLOCK_ROWS = 4096


def link_sets(
    sets: MinedSets,
    *,
    overlap: float,
    tuple_size: int = 3,
    tables: int = 255,
    seed: int = 0,
    memory_mb: int = 1024,
) -> NDArray[np.int32]:
    """Join sets that overlap, in chains: single link over the pairs that a second hashing finds.

    Parameters
    ----------
    sets : MinedSets
    overlap : float
        Two sets of one bucket are joined when they share more than this part of the smaller.
    tuple_size, tables : int
        Of the second Min-Hashing, over the columns of each set.
    seed : int
    memory_mb : int
        For the least places.

    Returns
    -------
    int32 (s,)
        For each set the first set of its cluster; the same for any number of threads.

    Examples
    --------
    >>> from scipy.sparse import csr_matrix
    >>> from isogloss.topics.mined_sets import mine_sets
    >>> counts = csr_matrix(np.kron(np.eye(2, dtype=int), np.ones((2, 3), dtype=int)))
    >>> sets = mine_sets(
    ...     [counts], tuple_size=1, tables=3, expand=True, least=3, seed=0, memory_mb=10
    ... )
    >>> link_sets(sets, overlap=0.9).tolist()
    [0, 1]
    """
    parents = np.arange(len(sets), dtype=np.int32)
    if not len(sets):
        return parents
    rows = _transposed(sets)
    groups = list(_second(sets, tuple_size, tables, memory_mb))
    threads = thread_count()
    for at in range(0, len(groups), threads):

        def link(group: tuple[int, int]) -> NDArray[np.int32]:
            first, many = group
            hashed = _native.MinHashTables(len(sets), tuple_size, first, many, int(seed) % 2**64)
            hashed.add(*rows, 0)
            own = parents.copy()
            for k in range(many):
                found = hashed.buckets(k, 2)
                _native.link_overlapping(
                    sets.start, sets.members, sets.columns, *found, overlap, own
                )
            return own

        for own in map_blocks(link, groups[at : at + threads]):
            _native.join_parents(parents, own)
    return parents


def overlap_graph(
    sets: MinedSets,
    kept: NDArray[np.int64],
    *,
    overlap: float,
    tuple_size: int = 3,
    tables: int = 255,
    seed: int = 0,
    memory_mb: int = 1024,
) -> Any:
    """Give the graph of some sets that `link_sets` joins, weighted by their Jaccard similarity.

    Parameters
    ----------
    sets : MinedSets
    kept : int64 (k,)
        The sets to take, rising.
    overlap, tuple_size, tables, seed, memory_mb
        As for `link_sets`.

    Returns
    -------
    float64 CSR (k, k)
        Symmetric; a set has at most 2 * 64 * `tables` neighbours, and mostly far fewer.
    """
    import scipy.sparse as sp

    part = sets.matrix(kept)
    sizes = np.diff(part.indptr)
    some = MinedSets(
        part.indptr.astype(np.int64), part.indices.astype(np.int32), sets.times[kept],
        sets.columns, sets.rows, sets.frequency, sets.passes,
    )  # fmt: skip
    rows = _transposed(some)
    n = len(some)

    def pairs(group: tuple[int, int]) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        first, many = group
        hashed = _native.MinHashTables(n, tuple_size, first, many, int(seed) % 2**64)
        hashed.add(*rows, 0)
        found = [
            _native.overlap_pairs(
                some.start, some.members, some.columns, *hashed.buckets(k, 2), overlap, WINDOW
            )
            for k in range(many)
        ]
        one, other, shared = (np.concatenate(column) for column in zip(*found, strict=True))
        keys, places = np.unique(one.astype(np.int64) * n + other, return_index=True)
        return keys, shared[places]

    keys, shared = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int32)
    for more, sizes_shared in map_blocks(pairs, _second(some, tuple_size, tables, memory_mb)):
        keys, places = np.unique(np.concatenate([keys, more]), return_index=True)
        shared = np.concatenate([shared, sizes_shared])[places]
    one, other = keys // n, keys % n
    weight = shared / (sizes[one] + sizes[other] - shared)
    both = (np.concatenate([one, other]), np.concatenate([other, one]))
    graph = sp.csr_matrix((np.concatenate([weight, weight]), both), shape=(n, n))
    graph.sort_indices()
    return graph


def _transposed(sets: MinedSets) -> Rows:
    """Give the columns as rows, which hold sets."""
    turned = sets.matrix().T.tocsr()
    turned.sort_indices()
    none = np.zeros(0, dtype=np.int32)
    return turned.indptr.astype(np.int64), turned.indices.astype(np.int32), none


def _second(
    sets: MinedSets, tuple_size: int, tables: int, memory_mb: int
) -> Iterator[tuple[int, int]]:
    """Cut the tables of the second hashing into groups that fit beside those of other threads."""
    fitting = tables_held(len(sets), tuple_size, tables, memory_mb) // thread_count()
    many = max(1, min(fitting, LANES // tuple_size))
    for first in range(0, tables, many):
        yield first, min(many, tables - first)


@dataclass(frozen=True, slots=True)
class Giant:
    """A cluster that held too many columns, and what became of it.

    Parameters
    ----------
    sets : int
        Distinct sets of the cluster.
    words : int
        Columns of the cluster.
    parts : int
        Clusters that it was cut into.
    widest : int
        Columns of the widest part; above the bound only when one set alone is wider.
    """

    sets: int
    words: int
    parts: int
    widest: int


def split_giants(
    sets: MinedSets, clusters: NDArray[np.int32], *, most: int, seed: int = 0, **second: Any
) -> tuple[NDArray[np.int32], list[Giant]]:
    """Cut clusters that hold too many columns, which single link makes by chains of small sets.

    A higher overlap does not cut them: a small set that lies whole in two large ones overlaps with
    both by 1. So the graph of overlaps, weighted by Jaccard similarity, is cut into communities.

    Parameters
    ----------
    sets : MinedSets
    clusters : int32 (s,)
        The first set of each set's cluster, as `link_sets` gives.
    most : int
        Columns that a cluster may hold.
    seed : int
        Of the second hashing and of the Leiden method.
    **second
        ``overlap``, ``tuple_size``, ``tables`` and ``memory_mb`` as for `link_sets`.

    Returns
    -------
    clusters : int32 (s,)
        The first set of each set's cluster, after the cuts.
    giants : list of Giant
        In order of their first sets.
    """
    matrix = sets.matrix()
    clusters = clusters.copy()
    giants = []
    for cluster in np.flatnonzero(_widths(matrix, clusters) > most):
        members = np.flatnonzero(clusters == cluster).astype(np.int64)
        graph = overlap_graph(sets, members, seed=seed, **second)
        parts = _cut(graph, matrix[members], most, seed)
        clusters[members] = members[_firsts(parts)][parts]
        widest = int(_widths(matrix[members], parts).max())
        words = len(np.unique(matrix[members].indices))
        giants.append(Giant(len(members), words, int(parts.max()) + 1, widest))
    return clusters, giants


def _cut(graph: Any, matrix: Any, most: int, seed: int) -> NDArray[np.int32]:
    """Cut a graph of sets until no part of two sets or more holds too many columns."""
    parts = np.zeros(graph.shape[0], dtype=np.int32)
    for cut in range(MOST_CUTS):
        wide = np.flatnonzero((_widths(matrix, parts) > most) & (np.bincount(parts) > 1))
        if not len(wide):
            break
        for part in wide:
            members = np.flatnonzero(parts == part)
            inner = leiden(graph[members][:, members], resolution=float(2**cut), seed=seed)
            parts[members] = np.where(inner == 0, part, parts.max() + inner)
    return np.unique(parts, return_inverse=True)[1].astype(np.int32)


def _widths(matrix: Any, clusters: NDArray[np.int32]) -> NDArray[np.int64]:
    """Count the distinct columns of each cluster, int64 (largest number + 1,)."""
    owner = np.repeat(clusters.astype(np.int64), np.diff(matrix.indptr))
    pairs = np.unique(owner * matrix.shape[1] + matrix.indices)
    counts = np.bincount(pairs // matrix.shape[1], minlength=int(clusters.max(initial=-1)) + 1)
    return counts.astype(np.int64)


def _firsts(labels: NDArray[np.int32]) -> NDArray[np.int64]:
    """Give the first place of each label 0, 1, ..."""
    return np.unique(labels, return_index=True)[1].astype(np.int64)


def cluster_words(
    sets: MinedSets, clusters: NDArray[np.int32], *, least_sets: int, least_words: int
) -> Any:
    """Give in how many sets of each cluster each column is.

    Parameters
    ----------
    sets : MinedSets
    clusters : int32 (s,)
        As `link_sets` gives.
    least_sets : int
        Sets that a cluster must have, one that was found in several tables counted as often.
    least_words : int
        Columns that a cluster must have.

    Returns
    -------
    int CSR (t, columns)
        Columns of a row are stored best first: in most sets, then in most documents, then first.
        Rows are ranked by the mean number of documents of their first ten columns.

    Examples
    --------
    >>> from scipy.sparse import csr_matrix
    >>> from isogloss.topics.mined_sets import mine_sets
    >>> counts = csr_matrix(np.kron(np.eye(2, dtype=int), np.ones((2, 3), dtype=int)))
    >>> sets = mine_sets(
    ...     [counts], tuple_size=1, tables=3, expand=True, least=3, seed=0, memory_mb=10
    ... )
    >>> clusters = link_sets(sets, overlap=0.9)
    >>> cluster_words(sets, clusters, least_sets=2, least_words=3).toarray().tolist()
    [[3, 3, 3, 0, 0, 0], [0, 0, 0, 3, 3, 3]]
    """
    import scipy.sparse as sp

    n = len(sets)
    owners = sp.csr_matrix((sets.times, (clusters, np.arange(n))), shape=(n, n))
    words = (owners @ sets.matrix()).tocsr()
    times = np.bincount(clusters, weights=sets.times, minlength=n)
    wide = np.diff(words.indptr) >= least_words
    words = words[np.flatnonzero(wide & (times >= least_sets))]
    row = np.repeat(np.arange(words.shape[0]), np.diff(words.indptr))
    common = sets.frequency[words.indices]
    order = np.lexsort((words.indices, -common, -words.data, row))
    words = sp.csr_matrix(
        (words.data[order], words.indices[order], words.indptr), shape=words.shape
    )
    bounds = zip(words.indptr, words.indptr[1:], strict=False)
    means = [
        float(sets.frequency[words.indices[first : min(last, first + RANKED_BY)]].mean())
        for first, last in bounds
    ]
    return words[np.argsort(-np.array(means), kind="stable")]


def passages_holding(words: Any, batches: Iterable[Any]) -> NDArray[np.int64]:
    """Count the passages that hold at least half of each cluster's ten first columns.

    Parameters
    ----------
    words : CSR (t, columns)
        From `cluster_words`, columns of a row best first.
    batches : iterable of csr (n, columns)
        Counts.

    Returns
    -------
    int64 (t,)

    Examples
    --------
    >>> from scipy.sparse import csr_matrix
    >>> words = csr_matrix([[5, 4, 3, 2, 0], [0, 0, 1, 1, 1]])
    >>> passages_holding(words, [csr_matrix([[1, 0, 0, 1, 1], [9, 0, 0, 0, 0]])]).tolist()
    [1, 1]
    """
    import scipy.sparse as sp

    many = np.minimum(np.diff(words.indptr), RANKED_BY)
    row = np.repeat(np.arange(len(many)), many)
    rank = np.arange(len(row)) - np.repeat(np.cumsum(many) - many, many)
    first = words.indices[words.indptr[row] + rank]
    ones = np.ones(len(row), dtype=np.int32)
    core = sp.csr_matrix((ones, (first, row)), shape=words.shape[::-1])
    total = np.zeros(len(many), dtype=np.int64)

    def count(rows: Any) -> NDArray[np.int64]:
        held = ((canonical(rows) > 0).astype(np.int32) @ core).tocsr()
        enough = 2 * held.data >= many[held.indices]
        return np.bincount(held.indices[enough], minlength=len(many)).astype(np.int64)

    for batch in batches:
        firsts = range(0, batch.shape[0], BLOCK_ROWS)
        for found in map_blocks(count, (batch[at : at + BLOCK_ROWS] for at in firsts)):
            total += found
    return total
