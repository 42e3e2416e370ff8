"""A wanted number of communities, and the order in which leaves join into fewer."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from isogloss._core.errors import ParameterError
from isogloss._core.plural import plural
from isogloss.topics.communities import contract, leiden, row_sums
from isogloss.topics.hierarchy import average_merges, merge_heights
from isogloss.topics.scale import Communities
from isogloss.topics.separation import least_apart, mean_silhouette
from isogloss.topics.votes import agreed_communities

Ints = NDArray[np.int32]
Joins = list[tuple[int, int, float]]

# Scales that are tried, as powers of two; at the finest nearly every node stands alone.
COARSEST, FINEST = -5, 14
# Halvings of the step between the scales that give too few and enough.
HALVINGS = 4
# So many times the wanted communities are cut as well, and joined: modularity cuts a large subject
# before it lets go of a small one.
FINER = (1.5, 2.0, 3.0, 5.0)
# By what share of it the mean silhouette has to grow for that.
CLEARLY = 0.1
# Communities that are joined by average linkage at most: it holds all their distances.
MOST_JOINED = 2000


class _Cut(NamedTuple):
    """Communities of a scale; labels are -1 for nodes of those that are too small."""

    labels: Ints
    many: int
    scale: float


class _Scales:
    """Cuts of one graph, whose single runs are kept."""

    def __init__(self, graph: Any, seed: int, full: NDArray[np.bool_] | None) -> None:
        self.graph, self.seed, self.full = graph, seed, full
        self._runs: dict[float, Ints] = {}

    def once(self, step: float, least: int) -> _Cut:
        """Cut by a single run, `step` as a power of two."""
        if step not in self._runs:
            self._runs[step] = leiden(self.graph, resolution=2.0**step, passes=1)
        return self._cut(self._runs[step], least, 2.0**step)

    def coarsest(self, count: int, least: int) -> float | None:
        """Give the coarsest scale, as a power of two, with `count` communities or more."""
        for high in range(COARSEST, FINEST + 1):
            if self.once(high, least).many < count:
                continue
            low, top = float(high - 1), float(high)
            for _ in range(HALVINGS):
                middle = (low + top) / 2
                enough = self.once(middle, least).many >= count
                low, top = (low, middle) if enough else (middle, top)
            return top
        return None

    def agreed(self, count: int, least: int) -> _Cut | None:
        """Give the agreed communities of that scale, or of one a little finer."""
        step = self.coarsest(count, least)
        most = None
        for finer in range(5):  # the vote may join what one run keeps apart
            if step is None:
                break
            scale = 2.0 ** (step + finer / 4)
            cut = self._cut(
                agreed_communities(self.graph, resolution=scale, seed=self.seed), least, scale
            )
            if most is None or cut.many > most.many:
                most = cut
            if cut.many >= count:
                break
        return most

    def _cut(self, labels: Ints, least: int, scale: float) -> _Cut:
        if self.full is not None:
            labels = np.where(self.full, labels, np.int32(-1))
        return _Cut(*large_only(labels, least), scale)


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

    The coarsest scale with at least that many is cut; where it has more, the nearest by their
    edges join. Finer scales, of up to five times as many, are cut as well, and joined by average
    linkage of their directions; the one with the largest mean silhouette is taken instead where it
    is clearly larger. That is so where one subject is much larger than others.

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
        Vectors of the nodes.
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
    scales = _Scales(graph, seed, full)
    most = 0
    while True:
        cut = scales.agreed(count, least)
        most = max(most, 0 if cut is None else cut.many)
        if cut is not None and cut.many >= count:
            first = cut._replace(labels=joined(graph, cut.labels, cut.many, count, rows))
            best = _farther_apart(first, scales, count, least, rows) or first
            return Communities(best.labels, best.scale), least
        if least == 1:
            break
        least = max(1, least // 2)
    raise ParameterError(
        f"{count:,} topics are wanted, but these {n:,} passages fall into {max(most, 1):,}: "
        "give a smaller number"
    )


def _farther_apart(
    first: _Cut, scales: _Scales, count: int, least: int, rows: NDArray[np.float32]
) -> _Cut | None:
    """Give the joined cut of a finer scale that lies clearly farther apart than the first, if any.

    Single runs say which scale it is; its communities are then agreed upon.
    """
    unit = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), np.float32(1e-12))

    def apart(labels: Ints) -> float:
        placed = labels >= 0
        least = least_apart(len(unit))
        return round(mean_silhouette(unit[placed], labels[placed], least=least), 9)

    before = apart(first.labels)
    best, wanted = before + CLEARLY * abs(before), 0
    for factor in FINER if count > 1 else ():
        many = int(np.ceil(factor * count))
        step = scales.coarsest(many, least) if many <= MOST_JOINED else None
        if step is None:
            break
        now = apart(_average_joined(scales.once(step, least), count, rows))
        if now > best:
            best, wanted = now, many
    agreed = scales.agreed(wanted, least) if wanted else None
    if agreed is None or agreed.many < count:
        return None
    agreed = agreed._replace(labels=_average_joined(agreed, count, rows))
    return agreed if apart(agreed.labels) > before else None


def _average_joined(cut: _Cut, wanted: int, rows: NDArray[np.float32]) -> Ints:
    """Join the communities of a cut by average linkage of their directions; -1 stays."""
    sums = _sums(cut.labels, cut.many, rows)
    merges = average_merges(sums / np.maximum(np.linalg.norm(sums, axis=1)[:, None], 1e-12))
    group = groups_of(complete_joins(merges, sums), np.arange(cut.many), wanted)
    return np.where(cut.labels >= 0, group[cut.labels], -1).astype(np.int32)


def _sums(labels: Ints, count: int, rows: NDArray[np.float32]) -> NDArray[np.float64]:
    """Sum the vectors of each community."""
    placed = np.flatnonzero(labels >= 0)
    sums = np.zeros((count, rows.shape[1]))
    np.add.at(sums, labels[placed], rows[placed])
    return sums


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
    sums = _sums(labels, count, rows)
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
