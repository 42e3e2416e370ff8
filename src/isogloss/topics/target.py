"""A wanted number of communities, and the order in which leaves join into fewer."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogloss._core.errors import ParameterError
from isogloss._core.plural import plural
from isogloss.topics.communities import contract, leiden, row_sums
from isogloss.topics.hierarchy import merge_heights
from isogloss.topics.scale import Communities
from isogloss.topics.votes import agreed_communities

Ints = NDArray[np.int32]
Joins = list[tuple[int, int, float]]

# Scales that are tried, as powers of two; at the finest nearly every node stands alone.
COARSEST, FINEST = -5, 14
# Halvings of the step between the scales that give too few and enough.
HALVINGS = 4


def communities_of(
    graph: Any,
    count: int,
    *,
    seed: int,
    least: int,
    rows: NDArray[np.float32],
    full: NDArray[np.bool_] | None = None,
) -> tuple[Communities, int]:
    """Find agreed communities, exactly `count` of them large enough.

    The coarsest scale with at least that many is taken; where it has more, the nearest join.

    Parameters
    ----------
    graph : CSR (n, n)
        Symmetric weights.
    count : int
        Communities wanted.
    seed : int
        Of the runs that vote.
    least : int
        Nodes that a community needs to count; lowered where there are too few such.
    rows : float32 (n, d)
        Vectors of the nodes: parts of the graph without an edge between join by their cosine.
    full : bool (n,), optional
        Nodes that count; all by default.

    Returns
    -------
    Communities
        Labels are -1 for nodes of communities that are too small.
    int
        The least size that was used.

    Raises
    ------
    ParameterError
        When there are not so many.

    Examples
    --------
    >>> import scipy.sparse as sp
    >>> cliques = sp.csr_matrix(np.kron(np.eye(3), 1 - np.eye(4)))
    >>> rows = np.repeat(np.array([[1, 0], [1, 1], [0, 1]], np.float32), 4, axis=0)
    >>> found, _ = communities_of(cliques, 2, seed=0, least=2, rows=rows)
    >>> len(set(found.labels.tolist()))
    2
    """
    n = graph.shape[0] if full is None else int(full.sum())
    if count > n:
        raise ParameterError(
            f"{count:,} topics are wanted, but only {plural(n, 'passage')} can be grouped: "
            "give that many at most"
        )
    most = 0
    while True:
        step = _scale_for(graph, count, least)
        for finer in range(5):  # the vote may join what one run keeps apart
            if step is None:
                break
            scale = 2.0 ** (step + finer / 4)
            labels = agreed_communities(graph, resolution=scale, seed=seed)
            if full is not None:
                labels = np.where(full, labels, np.int32(-1))
            labels, enough = large_only(labels, least)
            most = max(most, enough)
            if enough >= count:
                labels = joined(graph, labels, enough, count, rows)
                return Communities(labels, scale), least
        if least == 1:
            break
        least = max(1, least // 2)
    raise ParameterError(
        f"{count:,} topics are wanted, but these {n:,} passages fall into {max(most, 1):,}: "
        "give a smaller number"
    )


def _scale_for(graph: Any, count: int, least: int) -> float | None:
    """Give the coarsest scale, as a power of two, with `count` communities or more."""

    def enough(step: float) -> bool:
        labels = leiden(graph, resolution=2.0**step, passes=1)
        return bool((np.bincount(labels) >= least).sum() >= count)

    for high in range(COARSEST, FINEST + 1):
        if not enough(high):
            continue
        low, top = float(high - 1), float(high)
        for _ in range(HALVINGS):
            middle = (low + top) / 2
            low, top = (low, middle) if enough(middle) else (middle, top)
        return top
    return None


def large_only(labels: Ints, least: int) -> tuple[Ints, int]:
    """Give numbers to the communities of at least so many nodes; the others get -1.

    Examples
    --------
    >>> large_only(np.array([0, 1, 1, 2, 2], np.int32), 2)
    (array([-1,  0,  0,  1,  1], dtype=int32), 2)
    """
    sizes = np.bincount(labels[labels >= 0], minlength=1)
    kept = np.flatnonzero(sizes >= least)
    number = np.full(len(sizes) + 1, -1, dtype=np.int32)  # the last is for -1
    number[kept] = np.arange(len(kept))
    return number[labels], len(kept)


def joined(graph: Any, labels: Ints, count: int, wanted: int, rows: NDArray[np.float32]) -> Ints:
    """Join the nearest of `count` communities until `wanted` are left; -1 stays."""
    if count <= wanted:
        return labels
    placed = np.flatnonzero(labels >= 0)
    inner = graph[placed][:, placed].tocsr()
    own = labels[placed]
    strengths = row_sums(inner)
    mass = np.bincount(own, weights=strengths, minlength=count).astype(np.float64)
    merges = merge_heights(contract(inner, own, count).toarray(), mass, float(strengths.sum()))
    sums = np.zeros((count, rows.shape[1]))
    np.add.at(sums, own, rows[placed])
    group = groups_of(complete_joins(merges, sums), np.arange(count), wanted)
    return np.where(labels >= 0, group[labels], -1).astype(np.int32)


def complete_joins(merges: Joins, sums: NDArray[np.floating[Any]]) -> Joins:
    """Say which leaves join in which order, until all are one.

    Parameters
    ----------
    merges : list of (int, int, float)
        As `merge_heights` gives them, for k leaves.
    sums : float (k, d)
        Sum of the vectors of each leaf: what no merge joined, joins by cosine, at height 0.

    Returns
    -------
    list of (int, int, float)
        k - 1 joins of two leaves (each stands for its group), nearest first.

    Examples
    --------
    >>> complete_joins([(0, 1, 2.0)], np.array([[1.0, 0], [1, 0], [0, 1]]))
    [(0, 1, 2.0), (0, 2, 0.0)]
    """
    k = len(sums)
    first = list(range(k))
    joins: Joins = []
    total = np.array(sums, dtype=np.float64)
    alive = list(range(k))
    for a, b, height in merges:
        one, other = first[a], first[b]
        first.append(min(one, other))
        joins.append((min(one, other), max(one, other), height))
        total[min(one, other)] += total[max(one, other)]
        alive.remove(max(one, other))
    while len(alive) > 1:
        unit = total[alive] / np.maximum(np.linalg.norm(total[alive], axis=1, keepdims=True), 1e-12)
        near = np.einsum("id,jd->ij", unit, unit)  # no BLAS: the same for any number of threads
        near = np.round(near, 9)
        np.fill_diagonal(near, -np.inf)
        i, j = sorted(divmod(int(near.argmax()), len(alive)))
        joins.append((alive[i], alive[j], 0.0))
        total[alive[i]] += total[alive[j]]
        del alive[j]
    return joins


def groups_of(joins: Joins, topic: NDArray[np.integer[Any]], wanted: int) -> Ints:
    """Join slots in order until so many groups are left.

    Parameters
    ----------
    joins : list of (int, int, float)
        Which slots join, nearest first.
    topic : int (slots,)
        Slots of one topic stand together from the start; -1 for slots that hold no passages.
    wanted : int
        Groups, 1 or more.

    Returns
    -------
    int32 (slots,)
        Groups 0, 1, ... in order of their first slot; -1 for slots that hold no passages.

    Examples
    --------
    >>> groups_of([(0, 1, 2.0), (0, 2, 0.0)], np.arange(3), 2).tolist()
    [0, 0, 1]
    """
    home = list(range(len(topic)))

    def find(slot: int) -> int:
        while home[slot] != slot:
            slot = home[slot]
        return slot

    held = [int(t) >= 0 for t in topic]  # whether a group has passages, by its first slot
    first: dict[int, int] = {}
    for slot, number in enumerate(np.asarray(topic).tolist()):
        if number >= 0:
            home[slot] = first.setdefault(number, slot)
    left = len(first)
    for a, b, _ in joins:
        if left <= wanted:
            break
        one, other = sorted((find(a), find(b)))
        if one != other:
            left -= held[one] and held[other]
            held[one] = held[one] or held[other]
            home[other] = one
    group: dict[int, int] = {}
    out = np.full(len(topic), -1, dtype=np.int32)
    for slot in range(len(topic)):
        if topic[slot] >= 0:
            out[slot] = group.setdefault(find(slot), len(group))
    return out
