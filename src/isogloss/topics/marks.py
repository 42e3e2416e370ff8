"""Words that mark a topic in one period or class against its other ones.

Paper: B. L. Monroe, M. P. Colaresi & K. M. Quinn, Fightin' words (2008), equation 22: log-odds
with a prior from the whole corpus, divided by their standard error.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from isogloss.topics.tree import TopicTree

Marks = tuple[tuple[tuple[str, ...], ...], ...]

# Words that the prior counts for; a word marks from this z and so many passages on.
PRIOR_WORDS = 100.0
LEAST_Z, LEAST_PASSAGES = 1.96, 2


def word_cells(
    labels: NDArray[np.integer[Any]],
    groups: NDArray[np.int64],
    counts: Any,
    topics: int,
    count: int,
) -> Any:
    """Count in how many passages each word stands, by topic and group.

    Parameters
    ----------
    labels : int (n,)
        Topic of each passage, -1 for none.
    groups : int64 (n,)
        Group of each, -1 for none.
    counts : CSR (n, v)
    topics, count : int
        Topics and groups in all.

    Returns
    -------
    int64 CSR (topics * count, v)
        Row ``topic * count + group``; batches add up.

    Examples
    --------
    >>> words = sp.csr_matrix([[2, 0], [1, 1]])
    >>> word_cells(np.array([0, 0]), np.array([1, 1]), words, 1, 2).toarray().tolist()
    [[0, 0], [2, 1]]
    """
    held = np.flatnonzero((np.asarray(labels) >= 0) & (groups >= 0))
    cells = np.asarray(labels, dtype=np.int64)[held] * count + groups[held]
    ones = np.ones(len(held), dtype=np.int64)
    rows = sp.csr_matrix((ones, (cells, held)), shape=(topics * count, len(groups)))
    return (rows @ sp.csr_matrix(counts > 0, dtype=np.int64)).tocsr()


def marking_words(
    cells: Any, vocabulary: Sequence[str], tree: TopicTree, groups: int, *, n: int = 5
) -> Marks:
    """Choose for every topic and group the words that mark it against the topic's other groups.

    Parameters
    ----------
    cells : int64 CSR (t * groups, v)
        As `word_cells` gives them, for leaves.
    vocabulary : sequence of str (v,)
    tree : TopicTree
        Inner topics get the words of all their leaves.
    groups : int
    n : int, default 5
        Words at most: only those with z above 1.96, in 2 passages or more.

    Returns
    -------
    tuple (t,) of tuple (groups,) of tuple of str
        Largest z first; equal ones by word.

    Examples
    --------
    >>> tree = TopicTree(parent=[-1], size=[40], persistence=[1.0])
    >>> cells = sp.csr_matrix(np.array([[20, 20, 0], [20, 0, 20]]))
    >>> marking_words(cells, ["the", "old", "new"], tree, 2)
    ((('old',), ('new',)),)
    """
    background = np.asarray(cells.sum(axis=0), dtype=np.float64).ravel()
    prior = PRIOR_WORDS * background / max(1.0, float(background.sum()))
    leaf_ids = [topic.id for topic in tree.leaves]
    found: list[tuple[tuple[str, ...], ...]] = []
    for topic in range(len(tree)):
        below = [leaf for leaf in leaf_ids if topic in tree.path(leaf)]
        own = cells[below[0] * groups : (below[0] + 1) * groups]
        for leaf in below[1:]:
            own = own + cells[leaf * groups : (leaf + 1) * groups]
        used = np.unique(own.indices)
        table = np.asarray(own[:, used].toarray(), dtype=np.float64)
        rest = table.sum(axis=0) - table
        here, there = table + prior[used], rest + prior[used]
        odds = _log_odds(here, table.sum(axis=1) + prior.sum())
        odds -= _log_odds(there, rest.sum(axis=1) + prior.sum())
        z = np.round(odds / np.sqrt(1 / here + 1 / there), 9)
        found.append(tuple(_best(z[g], table[g], used, vocabulary, n) for g in range(groups)))
    return tuple(found)


def _log_odds(counts: NDArray[np.float64], totals: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.log(counts) - np.log(np.maximum(totals[:, None] - counts, 1e-9))


def _best(
    z: NDArray[np.float64], counts: NDArray[np.float64], used: NDArray[np.int32],
    vocabulary: Sequence[str], n: int,
) -> tuple[str, ...]:  # fmt: skip
    good = np.flatnonzero((z > LEAST_Z) & (counts >= LEAST_PASSAGES))
    words = [(-float(z[at]), vocabulary[int(used[at])]) for at in good]
    return tuple(word for _, word in sorted(words)[:n])
