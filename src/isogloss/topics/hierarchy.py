"""From leaf topics to a tree: linkage of leaves, condensed by persistence."""

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from isogloss.topics.communities import contract, leiden, row_sums

Floats: TypeAlias = NDArray[np.float64]

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


def ward_merges(
    rows: NDArray[np.floating[Any]], sizes: NDArray[np.number[Any]]
) -> list[tuple[int, int, float]]:
    """Merge groups into one, each time those two whose merging costs least.

    The cost is by how much the sum of squared distances to the centres grows:
    ``n m / (n + m) |a - b|^2`` for groups of n and m at the centres a and b. It never falls.

    Parameters
    ----------
    rows : float (k, d)
        Centres of the groups.
    sizes : float (k,)
        Weights of the groups, above 0.

    Returns
    -------
    list of (int, int, float)
        Groups merged, the smaller number first, and the cost; merge i makes group ``k + i``.

    Notes
    -----
    Memory O(k^2), and nearly always that much time, by the recurrence of Lance and Williams. Sums
    run in one order, so the result does not depend on the number of threads.

    Paper
    -----
    J. H. Ward, Hierarchical grouping to optimize an objective function, JASA 1963.

    Examples
    --------
    >>> ward_merges(np.array([[0.0], [1.0], [5.0]]), np.ones(3))
    [(0, 1, 0.5), (2, 3, 13.5)]
    """
    mass = np.array(sizes, dtype=np.float64)
    cost = _square_distances(rows)
    cost *= mass[:, None] * mass[None] / (mass[:, None] + mass[None])

    def join(a: int, b: int) -> Floats:
        sums = (mass + mass[a]) * cost[a] + (mass + mass[b]) * cost[b] - mass * cost[a, b]
        joined: Floats = np.maximum(sums / (mass + mass[a] + mass[b]), 0.0)
        mass[a] += mass[b]
        return joined

    return _merged(cost, join)


def average_merges(rows: NDArray[np.floating[Any]]) -> list[tuple[int, int, float]]:
    """Merge groups into one, each time those two that lie nearest, by the mean of all distances.

    However large a group is, it counts as its parts do: a far one stays apart though it is small,
    and parts of one subject join though they are large.

    Parameters
    ----------
    rows : float (k, d)
        Centres of the groups.

    Returns
    -------
    list of (int, int, float)
        Groups merged, the smaller number first, and their distance; merge i makes group ``k + i``.

    Notes
    -----
    Time and memory as of `ward_merges`.

    Paper
    -----
    R. Sokal, C. Michener, A statistical method for evaluating systematic relationships, 1958.

    Examples
    --------
    >>> average_merges(np.array([[0.0], [1.0], [5.0]]))
    [(0, 1, 1.0), (2, 3, 4.5)]
    """
    parts = np.ones(len(rows))
    cost = np.sqrt(_square_distances(rows))

    def join(a: int, b: int) -> Floats:
        joined: Floats = (parts[a] * cost[a] + parts[b] * cost[b]) / (parts[a] + parts[b])
        parts[a] += parts[b]
        return joined

    return _merged(cost, join)


def _square_distances(rows: NDArray[np.floating[Any]]) -> Floats:
    """Give the squared distances of rows, summed in one order whatever the threads."""
    centres = np.asarray(rows, dtype=np.float64)
    dots = np.einsum("id,jd->ij", centres, centres)
    length = np.diagonal(dots)
    squares: Floats = np.maximum(length[:, None] + length[None] - 2 * dots, 0.0)
    return squares


def _merged(cost: Floats, join: Callable[[int, int], Floats]) -> list[tuple[int, int, float]]:
    """Merge the nearest two groups until one is left.

    `cost` is that of merging any two, and changes; `join` gives the costs of the group that the
    groups a and b become, with all others.
    """
    k = len(cost)
    np.fill_diagonal(cost, np.inf)
    group = np.arange(k)
    # Of each row, where it is least: only rows that lose that place are looked through again.
    place = cost.argmin(axis=1) if k else group
    least = cost[group, place]
    merges: list[tuple[int, int, float]] = []
    highest = 0.0
    for step in range(k - 1):
        a = int(least.argmin())
        b = int(place[a])
        # Rounding must not let a later merge cost less than an earlier one.
        highest = max(highest, float(cost[a, b]))
        one, other = sorted((int(group[a]), int(group[b])))
        merges.append((one, other, highest))
        # What is gone is at infinity, and stays there.
        joined = join(a, b)
        joined[[a, b]] = np.inf
        group[a] = k + step
        cost[a] = cost[:, a] = joined
        cost[b] = cost[:, b] = np.inf
        nearer = (joined < least) | ((joined == least) & (a < place))
        place[nearer], least[nearer] = a, joined[nearer]
        for row in np.flatnonzero(((place == a) & ~nearer) | (place == b) | (np.arange(k) == a)):
            place[row] = cost[row].argmin()
            least[row] = cost[row, place[row]]
        least[b] = np.inf
    return merges


def leaf_persistence(
    weights: NDArray[np.float64],
    strengths: NDArray[np.float64],
    total: float,
    limits: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Give ``1 - low / high`` of each leaf, float64 (k,).

    It stands alone between the resolution at which it would join its nearest neighbour (`low`, see
    `merge_heights`) and the one at which it falls apart (`high`, its limit): 0 for one that falls
    apart as soon as it stands alone, near 1 for one that stands over many scales.

    Examples
    --------
    >>> weights = np.array([[0, 1.0], [1.0, 0]])
    >>> leaf_persistence(weights, np.array([2.0, 2.0]), 4.0, np.array([4.0, 2.0])).tolist()
    [0.75, 0.5]
    """
    between = weights.astype(np.float64, copy=True)
    np.fill_diagonal(between, 0.0)
    mass = np.outer(strengths, strengths)
    near = np.divide(total * between, mass, out=np.zeros_like(between), where=mass > 0)
    low = np.minimum(near.max(axis=1, initial=0.0), limits)
    share: NDArray[np.float64] = np.divide(low, limits, out=np.zeros(len(limits)), where=limits > 0)
    return 1.0 - share


def condense(
    merges: list[tuple[int, int, float]],
    sizes: NDArray[np.number[Any]],
    *,
    least: float,
    least_large: float = 0.6,
) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Keep the groups of a merge tree that stand out.

    A group is made at a cost (`low`) and joins another at a higher one (`high`). Its persistence is
    ``1 - low / high``: 0 for one that joins as soon as it is made, near 1 for one whose parts are
    near each other and far from all else. Groups below `least` give their children to their parent.
    A group of more than half of everything says little, and has to stand out more.

    Parameters
    ----------
    merges : list of (int, int, float)
        As `ward_merges` gives them.
    sizes : float (k,)
        Of the leaves.
    least : float
        Least persistence of an inner group, in 0..1.
    least_large : float, default 0.6
        Least persistence of one that holds more than half of everything.

    Returns
    -------
    parent : int32 (t,)
        -1 for roots; leaves are 0..k-1, kept inner groups follow.
    persistence : float64 (t - k,)
        Of the inner groups, in 0..1.

    Examples
    --------
    >>> merges = [(0, 1, 1.0), (2, 3, 2.0), (4, 5, 4.0)]
    >>> parent, persistence = condense(merges, np.ones(4), least=0.6)
    >>> parent.tolist(), persistence.tolist()
    ([4, 4, -1, -1, -1], [0.75])
    """
    k = len(sizes)
    size = k + len(merges)
    above = np.full(size, -1, dtype=np.int64)
    mass = np.zeros(size)
    mass[:k] = sizes
    cost = np.concatenate([np.zeros(k), np.array([height for _, _, height in merges])])
    for i, (a, b, _) in enumerate(merges):
        above[a] = above[b] = k + i
        mass[k + i] = mass[a] + mass[b]
    high = np.where(above >= 0, cost[above], 0.0)
    lasting = 1.0 - np.divide(cost, high, out=np.ones(size), where=high > 0)
    keep = lasting >= np.where(2 * mass > mass[:k].sum(), max(least, least_large), least)
    keep[k:] &= above[k:] >= 0  # a group of everything is no topic
    keep[:k] = True
    number = np.cumsum(keep) - 1
    parent = np.full(int(keep.sum()), -1, dtype=np.int32)
    for node in np.flatnonzero(keep):
        up = above[node]
        while up >= 0 and not keep[up]:
            up = above[up]
        parent[number[node]] = number[up] if up >= 0 else -1
    return parent, lasting[k:][keep[k:]]
