"""Scores of trees of texts against labels."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def class_counts(merges: Ints, classes: Ints, kept: NDArray[np.bool_] | None = None) -> Ints:
    """Count the classes in every cluster of a dendrogram.

    Parameters
    ----------
    merges : int64 (n - 1, 2)
        Points are 0 to n - 1, the cluster of row j is n + j.
    classes : int64 (n,)
        Class numbers from 0.
    kept : bool (n,), optional
        Points that count; None for all.

    Returns
    -------
    int64 (2n - 1, c)

    Examples
    --------
    >>> class_counts(np.array([[0, 1]]), np.array([0, 1])).tolist()
    [[1, 0], [0, 1], [1, 1]]
    """
    n = len(classes)
    counts = np.zeros((n + len(merges), int(classes.max()) + 1), dtype=np.int64)
    counts[np.arange(n), classes] = 1 if kept is None else kept
    for row, (one, other) in enumerate(merges.tolist()):
        counts[n + row] = counts[one] + counts[other]
    return counts


def dendrogram_purity(merges: Ints, counts: Ints) -> float:
    """Give the mean, over pairs of texts of one class, of its share in their lowest common node.

    Parameters
    ----------
    merges : int64 (n - 1, 2)
    counts : int64 (2n - 1, c)
        From `class_counts`.

    Returns
    -------
    float
        Between 0 and 1; NaN when no two texts share a class.

    Paper
    -----
    Heller & Ghahramani, Bayesian hierarchical clustering, 2005.

    Examples
    --------
    >>> merges = np.array([[0, 1], [2, 3], [4, 5]])
    >>> dendrogram_purity(merges, class_counts(merges, np.array([0, 0, 1, 1])))
    1.0
    >>> round(dendrogram_purity(merges, class_counts(merges, np.array([0, 1, 0, 1]))), 3)
    0.5
    """
    above = counts[len(counts) - len(merges) :]
    pairs = counts[merges[:, 0]] * counts[merges[:, 1]]
    share = above / np.maximum(1, above.sum(axis=1, keepdims=True))
    total = pairs.sum()
    return float((pairs * share).sum() / total) if total else float("nan")


def nested_purity(parents: Sequence[int], labels: Ints, classes: Ints) -> float:
    """Give the same for a tree whose nodes hold texts of their own and any number of children.

    Parameters
    ----------
    parents : sequence of int
        Parent of each node, before it in order; -1 for the root.
    labels : int64 (n,)
        Node of each text.
    classes : int64 (n,)

    Examples
    --------
    >>> round(nested_purity([-1, 0], np.array([0, 1, 1]), np.array([0, 1, 1])), 3)
    1.0
    """
    counts = np.zeros((len(parents), int(classes.max()) + 1), dtype=np.int64)
    np.add.at(counts, (labels, classes), 1)
    below = np.zeros_like(counts)  # pairs that meet further down
    for node in range(len(parents) - 1, 0, -1):
        counts[parents[node]] += counts[node]
        below[parents[node]] += counts[node] * (counts[node] - 1) // 2
    pairs = counts * (counts - 1) // 2 - below
    share = counts / np.maximum(1, counts.sum(axis=1, keepdims=True))
    total = pairs.sum()
    return float((pairs * share).sum() / total) if total else float("nan")


def chance_purity(classes: Ints) -> float:
    """Give the purity of a tree that knows nothing: all pairs meet in the root.

    Examples
    --------
    >>> chance_purity(np.array([0, 0, 1, 1]))
    0.5
    """
    sizes = np.bincount(classes).astype(np.float64)
    pairs = sizes * (sizes - 1)
    return float((pairs * sizes / sizes.sum()).sum() / pairs.sum()) if pairs.any() else float("nan")


def best_f1(counts: Ints, groups: Sequence[Sequence[int]]) -> Floats:
    """Give for each group of classes the best F1 that one node has as that group.

    Parameters
    ----------
    counts : int64 (m, c)
        Classes in each node.
    groups : sequence of sequences of int
        Class numbers.

    Returns
    -------
    float64 (g,)

    Examples
    --------
    >>> best_f1(np.array([[2, 0], [2, 2]]), [[0]]).tolist()
    [1.0]
    """
    sizes = counts.sum(axis=1)
    found = []
    for group in groups:
        inside: Any = counts[:, list(group)].sum(axis=1)
        found.append(float((2 * inside / np.maximum(1, sizes + inside.max(initial=0))).max()))
    return np.array(found, dtype=np.float64)
