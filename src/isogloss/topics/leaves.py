"""From communities to leaf topics: an assigner for them, their sizes, and the tree over them."""

from collections.abc import Callable, Collection
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from isogloss.topics.assign import Assigner
from isogloss.topics.communities import contract, row_sums
from isogloss.topics.hierarchy import condense, leaf_limits, leaf_persistence, ward_merges
from isogloss.topics.target import Joins, complete_joins
from isogloss.topics.tree import TopicTree

Ints = NDArray[np.int32]
# Inner topics join others at 1.4 times the cost at which they were made, or more.
LEAST_PERSISTENCE = 0.3


class Leaves(NamedTuple):
    """Leaves that keep passages, by falling size.

    Parameters
    ----------
    assigner : Assigner
        One column a leaf.
    labels : int32 (n,)
        Leaf of each passage that was looked at, by the assigner.
    sizes : int64 (l,)
        Passages in each, of all that there are.
    origin : int64 (l,)
        The community that each came from.
    cosine : float32 (n,)
        Of each passage that was looked at to the centroid of its best leaf.
    """

    assigner: Assigner
    labels: Ints
    sizes: NDArray[np.int64]
    origin: NDArray[np.int64]
    cosine: NDArray[np.float32]


def numbered(labels: Ints, full: NDArray[np.bool_], least: int, fixed: int = 0) -> Ints:
    """Give the communities that are topics numbers by falling size, and the others -1.

    Parameters
    ----------
    labels : int32 (n,)
        Communities; -1 for none.
    full : bool (n,)
        Passages that are not empty: only these count, and get a topic.
    least : int
        Passages that make a topic.
    fixed : int, default 0
        Communities 0..fixed-1 are topics of any size.

    Examples
    --------
    >>> numbered(np.array([0, 1, 1], np.int32), np.ones(3, bool), 2).tolist()
    [-1, 0, 0]
    """
    used = full & (labels >= 0)
    sizes = np.bincount(labels[used], minlength=1) if used.any() else np.zeros(1, np.int64)
    kept = np.flatnonzero((sizes >= least) | ((np.arange(len(sizes)) < fixed) & (sizes > 0)))
    if len(kept) == 0:  # too few to speak of topics: all that is there is one
        return np.where(full, 0, -1).astype(np.int32)
    number = np.full(len(sizes) + 1, -1, dtype=np.int32)
    number[kept[np.argsort(-sizes[kept], kind="stable")]] = np.arange(len(kept))
    return np.where(full, number[np.minimum(labels, len(sizes) - 1)], -1).astype(np.int32)


def fit_leaves(
    rows: NDArray[np.float32], words: Any, labels: Ints,
    sizes_of: Callable[[Assigner], NDArray[np.int64]] | None = None, fixed: Collection[int] = (),
) -> Leaves:  # fmt: skip
    """Learn an assigner, drop leaves that nobody keeps, and order the rest by size.

    Parameters
    ----------
    rows : float32 (n, d)
    words : float32 CSR (n, v) or None
    labels : int32 (n,)
        Communities 0, 1, ..., -1 for none.
    sizes_of : callable, optional
        Counts the passages of each leaf of an assigner, where there are more than these rows.
    fixed : collection of int
        Communities whose leaves stay even when nobody keeps them.
    """
    count = int(labels.max(initial=-1)) + 1
    origin = np.arange(count)
    if count == 0:
        assigner = no_leaves(0 if words is None else words.shape[1])
        nothing = np.zeros(len(labels), np.float32)
        return Leaves(assigner, labels, np.zeros(0, np.int64), origin, nothing)
    assigner = Assigner.fit(rows, words, labels, count)
    while True:
        # Where the rows are all that there is, what they keep to is counted from their labels.
        own = None
        if sizes_of is None:
            own, cosine = assigner.placed(rows, words)
            sizes = np.bincount(own[own >= 0], minlength=assigner.leaves).astype(np.int64)
        else:
            sizes = sizes_of(assigner)
        kept = np.flatnonzero((sizes > 0) | np.isin(origin, list(fixed)))
        order = kept[np.argsort(-sizes[kept], kind="stable")]
        if np.array_equal(order, np.arange(assigner.leaves)):
            if own is None:
                own, cosine = assigner.placed(rows, words)
            return Leaves(assigner, own, sizes, origin, cosine)
        assigner = assigner.kept(order)
        origin = origin[order]


def no_leaves(words: int) -> Assigner:
    """Give the assigner of no topics over so many words."""
    none = np.zeros(0, dtype=np.float32)
    return Assigner(
        weights=np.zeros((0, 0), np.float32), bias=none, words=np.zeros((words, 0), np.float32),
        near=np.zeros((2, 0), np.float32), floor=np.zeros((), np.float32),
        temperature=np.ones((), np.float32),
    )  # fmt: skip


def tree_over(
    graph: Any, leaves: Leaves, *, resolution: float, seed: int, least: float = LEAST_PERSISTENCE
) -> tuple[TopicTree, Joins]:
    """Build the tree over leaves, and say in which order they join.

    Parameters
    ----------
    graph : CSR (n, n)
    leaves : Leaves
        Of the same passages.
    resolution : float
        At which the leaves were found.
    seed : int
    least : float
        Persistence that an inner topic needs; above 1 makes none.

    Returns
    -------
    TopicTree
        Leaves first, then inner topics by falling size.
    list of (int, int, float)
        As `complete_joins` gives them.
    """
    count = leaves.assigner.leaves
    placed = np.flatnonzero(leaves.labels >= 0)
    inner = graph[placed][:, placed].tocsr()
    inner.sort_indices()
    own = leaves.labels[placed]
    strengths = row_sums(inner)
    coarse = contract(inner, own, count).toarray()
    mass = np.bincount(own, weights=strengths, minlength=count).astype(np.float64)
    limits = leaf_limits(inner, own, count, resolution=resolution, seed=seed)
    alone = leaf_persistence(coarse, mass, float(strengths.sum()), limits)
    # Of unit length: the centres of diffuse leaves, near the middle of all, would draw all to them.
    centroids = leaves.assigner.weights[:, count:].T.astype(np.float64)
    merges = ward_merges(centroids, np.maximum(leaves.sizes[:count], 1))
    parent, above = condense(merges, leaves.sizes[:count], least=least)
    persistence = np.concatenate([alone, above])
    parent, persistence, size = _by_size(parent, persistence, leaves.sizes[:count])
    tree = TopicTree(parent=parent, size=size, persistence=persistence.astype(np.float32))
    return tree, complete_joins(merges, centroids * leaves.sizes[:count, None])


def _by_size(
    parent: Ints, persistence: NDArray[np.float64], leaf_sizes: NDArray[np.int64]
) -> tuple[Ints, NDArray[np.float64], NDArray[np.int64]]:
    """Give the inner topics numbers by falling size, after the leaves."""
    count, t = len(leaf_sizes), len(parent)
    size = np.concatenate([leaf_sizes, np.zeros(t - count, dtype=np.int64)])
    for leaf in range(count):
        above = parent[leaf]
        while above >= 0:
            size[above] += leaf_sizes[leaf]
            above = parent[above]
    order = np.concatenate(
        [np.arange(count), count + np.argsort(-size[count:], kind="stable")]
    ).astype(np.intp)
    number = np.empty(t + 1, dtype=np.int32)
    number[order] = np.arange(t)
    number[-1] = -1
    return number[parent[order]], persistence[order], size[order]
