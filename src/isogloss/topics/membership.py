"""How strongly a passage belongs to its leaf and to every topic above it."""

from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from isogloss.topics.tree import TopicTree


class Assignment(NamedTuple):
    """Where passages belong.

    Attributes
    ----------
    labels : int32 (n,)
        Leaf of each passage, -1 for none.
    membership : float32 CSR (n, t)
        Row i holds the strengths of passage i on the path to its leaf, stored from root to leaf.
    """

    labels: NDArray[np.int32]
    membership: Any


def path_strengths(labels: NDArray[np.int32], shares: NDArray[np.float32], tree: TopicTree) -> Any:
    """Sum the shares of the leaves below each topic on a passage's path.

    Parameters
    ----------
    labels : int32 (n,)
        Leaf topic of each passage, -1 for none.
    shares : float32 (n, l)
        Probability of each leaf, leaves by rising topic id.
    tree : TopicTree
        With l leaves.

    Returns
    -------
    float32 CSR (n, t)
        Stored from root to leaf; never falling towards the root, never above 1.

    Examples
    --------
    >>> tree = TopicTree(parent=[2, 2, -1], size=[1, 1, 2], persistence=[1.0, 1.0, 1.0])
    >>> path_strengths(np.array([1]), np.array([[0.25, 0.5]], np.float32), tree).toarray().tolist()
    [[0.0, 0.5, 0.75]]
    """
    n, leaves = shares.shape
    leaf_ids = [topic.id for topic in tree.leaves]
    paths = [tree.path(leaf) for leaf in leaf_ids]
    # Leaves in order of their paths: those below one topic stand side by side.
    order = sorted(range(leaves), key=paths.__getitem__)
    first = np.full(len(tree), leaves, dtype=np.int64)
    last = np.zeros(len(tree), dtype=np.int64)
    for place, leaf in enumerate(order):
        for topic in paths[leaf]:
            first[topic] = min(first[topic], place)
            last[topic] = place + 1
    # Running sums in double: their differences grow with the range, so strengths do too.
    running = np.zeros((n, leaves + 1))
    np.cumsum(shares[:, order], axis=1, dtype=np.float64, out=running[:, 1:])
    lengths = np.array([len(path) for path in paths] + [0], dtype=np.int64)
    column = np.full(len(tree) + 1, leaves, dtype=np.int64)
    column[leaf_ids] = np.arange(leaves)
    own = column[labels]  # -1 takes the last: a path of no topics
    start = np.concatenate([[0], np.cumsum(lengths[own])])
    topics = np.array([topic for path in paths for topic in path], dtype=np.int32)
    path_start = np.concatenate([[0], np.cumsum(lengths[:-1])])
    rows = np.repeat(np.arange(n), lengths[own])
    step = np.arange(start[-1]) - start[rows]
    topic = topics[path_start[own[rows]] + step]
    strengths = running[rows, last[topic]] - running[rows, first[topic]]
    data = np.minimum(strengths, 1.0).astype(np.float32)
    return sp.csr_matrix((data, topic, start), shape=(n, len(tree)))
