"""From leaf topics to a tree: average linkage over the graph, condensed by persistence."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogloss.topics.communities import contract, leiden, row_sums

# The finest scale at which the inside of a leaf is looked at, as a multiple of the leaves' own.
FINER = 8.0


def merge_heights(
    weights: NDArray[np.float64], strengths: NDArray[np.float64], total: float
) -> list[tuple[int, int, float]]:
    """Merge groups, nearest first, until none touch.

    The nearness of two groups is ``total * weight between / (strength * strength)``: the
    resolution below which modularity gains by merging them. It falls from merge to merge.

    Parameters
    ----------
    weights : float64 (k, k)
        Symmetric; the diagonal is ignored.
    strengths : float64 (k,)
        Sum of the edge weights at the members of each group.
    total : float
        Sum of all strengths of the graph.

    Returns
    -------
    list of (int, int, float)
        Groups merged and at which resolution; merge i makes group ``k + i``.

    Paper
    -----
    T. Bonald, B. Charpentier, A. Galland, A. Hollocou, Hierarchical graph clustering using node
    pair sampling, 2018.

    Examples
    --------
    >>> weights = np.array([[0, 2, 0.1], [2, 0, 0.1], [0.1, 0.1, 0]])
    >>> [(a, b) for a, b, _ in merge_heights(weights, weights.sum(axis=1), weights.sum())]
    [(0, 1), (3, 2)]
    """
    k = len(strengths)
    between = weights.astype(np.float64, copy=True)
    np.fill_diagonal(between, 0.0)
    mass = strengths.astype(np.float64, copy=True)
    group = np.arange(k)
    with np.errstate(divide="ignore", invalid="ignore"):
        near = total * between / np.outer(mass, mass)
    near[~np.isfinite(near)] = 0.0
    merges: list[tuple[int, int, float]] = []
    while len(merges) < k - 1:
        a, b = divmod(int(near.argmax()), k)
        height = float(near[a, b])
        if height <= 0.0:
            break
        merges.append((int(group[a]), int(group[b]), height))
        group[a] = k + len(merges) - 1
        between[a] += between[b]
        between[:, a] = between[a]
        between[a, a] = 0.0
        between[b] = 0.0
        between[:, b] = 0.0
        mass[a] += mass[b]
        near[b] = 0.0
        near[:, b] = 0.0
        # Rounding must not let a later merge stand above an earlier one.
        scale = mass[a] * mass
        tied = (between[a] > 0) & (scale > 0)
        row = np.divide(total * between[a], scale, out=np.zeros_like(scale), where=tied)
        near[a] = np.minimum(row, height)
        near[:, a] = near[a]
    return merges


def leaf_limits(
    graph: Any, labels: NDArray[np.int32], count: int, *, resolution: float, seed: int
) -> NDArray[np.float64]:
    """Give the resolution at which each leaf topic would fall apart, float64 (count,).

    Each leaf is split at a much finer scale; its parts are merged again, and the last merge that
    makes it whole is the limit. A leaf that no scale splits gets the finest scale.
    """
    owner = np.repeat(labels, np.diff(graph.indptr))
    inside = graph.copy()
    inside.data = np.where(owner == labels[graph.indices], graph.data, 0.0)
    inside.eliminate_zeros()
    strengths = row_sums(graph)
    total = float(strengths.sum())
    finest = resolution * FINER
    parts = leiden(inside, resolution=finest, seed=seed, strengths=strengths)
    parts_count = int(parts.max()) + 1 if len(parts) else 0
    coarse = contract(inside, parts, parts_count)
    mass = np.bincount(parts, weights=strengths, minlength=parts_count).astype(np.float64)
    home = np.zeros(parts_count, dtype=np.int32)
    home[parts] = labels
    limits = np.full(count, finest)
    for leaf in range(count):
        members = np.flatnonzero(home == leaf)
        if len(members) < 2:
            continue
        merges = merge_heights(coarse[members][:, members].toarray(), mass[members], total)
        if merges:
            limits[leaf] = merges[-1][2]
    return np.asarray(np.clip(limits, resolution, finest), dtype=np.float64)


def condense(
    merges: list[tuple[int, int, float]], limits: NDArray[np.float64], *, least: float
) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Keep the groups of a merge tree that survive a wide range of scales.

    A group exists between the resolution at which it joins its neighbour (`low`) and the one at
    which it falls apart (`high`). Its persistence is ``1 - low / high``: 0 for one that falls
    apart as soon as it stands alone, near 1 for one that stands over many scales. Inner groups
    below `least` give their children to their parent; so does the group of everything.

    Parameters
    ----------
    merges : list of (int, int, float)
        As `merge_heights` gives them.
    limits : float64 (k,)
        Where each leaf falls apart.
    least : float
        Least persistence of an inner group, in 0..1.

    Returns
    -------
    parent : int32 (t,)
        -1 for roots; leaves are 0..k-1, kept inner groups follow.
    persistence : float64 (t,)
        In 0..1.

    Examples
    --------
    >>> merges = [(0, 1, 4.0), (3, 2, 0.5)]
    >>> parent, persistence = condense(merges, np.array([8.0, 8.0, 2.0]), least=0.3)
    >>> parent.tolist(), persistence.tolist()
    ([3, 3, -1, -1], [0.5, 0.5, 0.75, 0.875])
    """
    k = len(limits)
    size = k + len(merges)
    above = np.full(size, -1, dtype=np.int64)
    high = np.concatenate([limits, np.array([height for _, _, height in merges])])
    for i, (a, b, _) in enumerate(merges):
        above[a] = above[b] = k + i
    low = np.where(above >= 0, high[above], 0.0)
    low = np.minimum(low, high)
    lasting = 1.0 - np.divide(low, high, out=np.zeros(size), where=high > 0)
    keep = lasting >= least
    keep[:k] = True
    keep[k:] &= above[k:] >= 0  # a group of everything it touches is no topic
    number = np.cumsum(keep) - 1
    parent = np.full(int(keep.sum()), -1, dtype=np.int32)
    for node in np.flatnonzero(keep):
        up = above[node]
        while up >= 0 and not keep[up]:
            up = above[up]
        parent[number[node]] = number[up] if up >= 0 else -1
    return parent, lasting[keep]
