"""Graphs of a discussion: who writes in the same threads, and who answers whom.

Paper: Price, AlMuhanna, Bassani, Ho, Evans, Let There Be Claws, 2026 (co-participation and the
directed comment graph). The weight of large threads follows Newman, Scientific collaboration
networks II, 2001: an account gets 1 from a thread, shared among those it meets there.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogloss._core.errors import ParameterError

__all__ = ["CoParticipation", "ReplyGraph", "co_participation", "reply_graph"]

Integers = NDArray[np.integer[Any]]

# Pairs of one product at a time: 12 bytes each before equal pairs are added up.
_BLOCK_PAIRS = 4_000_000


@dataclass(frozen=True, slots=True, eq=False)
class CoParticipation:
    """Accounts joined by threads in which both wrote.

    Parameters
    ----------
    graph : float64 CSR (a, a)
        Symmetric weights without a diagonal: 1 a shared thread, less for large ones.
    threads : int
        Threads with two or more accounts.
    cap, full : int
        Bounds on the accounts of a thread, as in `co_participation`.
    down_weighted : int
        Threads with more than `cap` accounts.
    rings : int
        Threads with more than `full` accounts.
    """

    graph: Any
    threads: int
    cap: int
    full: int
    down_weighted: int
    rings: int

    @property
    def edges(self) -> int:
        """Pairs of accounts that are joined."""
        return int(self.graph.nnz // 2)

    @property
    def joined(self) -> int:
        """Accounts with at least one edge."""
        return int((np.diff(self.graph.indptr) > 0).sum())

    def to_json(self) -> dict[str, Any]:
        """Give sizes and bounds."""
        return {
            "accounts": self.joined,
            "alone": int(self.graph.shape[0]) - self.joined,
            "edges": self.edges,
            "weight": float(self.graph.sum()) / 2,
            "threads": self.threads,
            "cap": self.cap,
            "threads_down_weighted": self.down_weighted,
            "full": self.full,
            "threads_as_rings": self.rings,
        }


@dataclass(frozen=True, slots=True, eq=False)
class ReplyGraph:
    """Who answers whom.

    Parameters
    ----------
    graph : float64 CSR (a, a)
        Row: who writes; column: who is answered; weight: how often. No diagonal.
    to_self : int
        Answers to oneself, which are no edges.
    unknown : int
        Answers of or to an unknown account, which are no edges.
    """

    graph: Any
    to_self: int
    unknown: int

    @property
    def edges(self) -> int:
        """Ordered pairs of accounts."""
        return int(self.graph.nnz)

    def to_json(self) -> dict[str, Any]:
        """Give sizes and what was left out."""
        writes = np.diff(self.graph.indptr) > 0
        answered = np.bincount(self.graph.indices, minlength=self.graph.shape[0]) > 0
        return {
            "accounts": int((writes | answered).sum()),
            "edges": self.edges,
            "replies": int(self.graph.sum()),
            "writers": int(writes.sum()),
            "answered": int(answered.sum()),
            "to_self": self.to_self,
            "of_or_to_unknown": self.unknown,
        }


def co_participation(
    accounts: Integers,
    threads: Integers,
    *,
    count: int | None = None,
    cap: int = 50,
    full: int = 500,
    most_pairs: int = 200_000_000,
    seed: int = 0,
) -> CoParticipation:
    """Join accounts that wrote in the same thread.

    Every thread joins each pair of its accounts with weight 1; one with s > `cap` accounts joins
    them with weight 1 / (s - 1), so that it gives each account 1 in all. The pairs of a thread
    grow with s squared: one with more than `full` accounts joins each account to `full` others
    only, on a ring in seeded random order, with weight 1 / `full`; the sum of each account's
    weights stays as it would be.

    Parameters
    ----------
    accounts, threads : int (m,)
        Account and thread of each entry; a negative number in either leaves the entry out.
        Several entries of an account in a thread count as one.
    count : int, optional
        Number of accounts; one more than the largest by default.
    cap, full : int, default 50 and 500
        Accounts of a thread above which it weighs less, and above which it is a ring. `full` is
        not below `cap`.
    most_pairs : int, default 2e8
        Refuses to start where more pairs would have to be held.
    seed : int, default 0
        Order of the rings.

    Returns
    -------
    CoParticipation
        ``.graph`` is float64 CSR (count, count).

    Raises
    ------
    ParameterError
        For lengths that differ, `cap` below 2, `full` below `cap`, or too many pairs.

    Examples
    --------
    >>> made = co_participation(np.array([0, 1, 2, 0, 1]), np.array([7, 7, 7, 9, 9]))
    >>> made.graph.toarray().tolist()
    [[0.0, 2.0, 1.0], [2.0, 0.0, 1.0], [1.0, 1.0, 0.0]]
    """
    import scipy.sparse as sp

    who = np.asarray(accounts, dtype=np.int64)
    where = np.asarray(threads, dtype=np.int64)
    if who.shape != where.shape:
        raise ParameterError(f"there are {len(who)} accounts for {len(where)} threads")
    if cap < 2 or full < cap:
        raise ParameterError(f"cap is {cap} and full {full}; give 2 <= cap <= full")
    n = int(who.max(initial=-1)) + 1 if count is None else count
    known = (who >= 0) & (where >= 0)
    place, sizes = _incidence(who[known], where[known], max(1, n))
    pairs = int(np.where(sizes > full, sizes * full, sizes * (sizes - 1)).sum())
    if pairs > most_pairs:
        raise ParameterError(
            f"the threads hold {pairs:,} pairs of accounts, more than most_pairs={most_pairs:,}: "
            f"lower full (now {full}) or raise most_pairs"
        )
    starts = np.concatenate([[0], np.cumsum(sizes)])
    graph = sp.csr_matrix((n, n), dtype=np.float64)
    for first, last in _blocks(sizes, full):
        inside = np.arange(starts[first], starts[last])
        rows = np.repeat(np.arange(last - first), sizes[first:last])
        shared = sp.csr_matrix(
            (np.ones(len(inside)), (rows, place[inside])), shape=(last - first, n)
        )
        size = sizes[first:last]
        weight = np.where(size > full, 0.0, np.where(size > cap, 1 / np.maximum(1, size - 1), 1.0))
        graph = graph + shared.T @ sp.diags_array(weight) @ shared
    for thread in np.flatnonzero(sizes > full):
        members = place[starts[thread] : starts[thread + 1]]
        graph = graph + _ring(members, n, full, seed + int(thread))
    graph = graph.tocsr()
    graph.setdiag(0.0)
    graph.eliminate_zeros()
    graph.sort_indices()
    shared_threads, heavy, rings = (int((sizes > bound).sum()) for bound in (1, cap, full))
    return CoParticipation(graph, shared_threads, cap, full, heavy, rings)


def _incidence(who: Integers, where: Integers, n: int) -> tuple[Integers, Integers]:
    """Give the accounts of all threads one after another, each once, and the threads' sizes."""
    numbers = np.unique(where, return_inverse=True)[1].astype(np.int64)
    cells = np.unique(numbers * n + who)
    return cells % n, np.bincount(cells // n)


def _blocks(sizes: Integers, full: int) -> list[tuple[int, int]]:
    """Cut threads into runs that hold a bounded number of pairs."""
    load = np.where(sizes > full, 0, sizes * sizes)
    block = (np.cumsum(load) - load) // _BLOCK_PAIRS
    edges = [*np.flatnonzero(np.diff(block, prepend=-1)).tolist(), len(sizes)]
    return list(pairwise(edges))


def _ring(members: Integers, n: int, degree: int, seed: int) -> Any:
    import scipy.sparse as sp

    order = np.random.default_rng(seed).permutation(members)
    half = degree // 2
    left = np.repeat(order, half)
    steps = (np.arange(len(order))[:, None] + np.arange(1, half + 1)) % len(order)
    right = order[steps].ravel()
    weights = np.full(len(left), 1.0 / (2 * half))
    one_way = sp.csr_matrix((weights, (left, right)), shape=(n, n))
    return one_way + one_way.T


def reply_graph(writers: Integers, answered: Integers, *, count: int | None = None) -> ReplyGraph:
    """Count who answers whom.

    Parameters
    ----------
    writers, answered : int (m,)
        Account that writes and account that is answered, one pair a reply; negative for unknown.
    count : int, optional
        Number of accounts; one more than the largest by default.

    Returns
    -------
    ReplyGraph
        ``.graph`` is float64 CSR (count, count), the weights are numbers of replies.

    Raises
    ------
    ParameterError
        For lengths that differ.

    Examples
    --------
    >>> made = reply_graph(np.array([0, 0, 1, 1, -1]), np.array([1, 1, 0, 1, 0]))
    >>> made.graph.toarray().tolist(), made.to_self, made.unknown
    ([[0.0, 2.0], [1.0, 0.0]], 1, 1)
    """
    import scipy.sparse as sp

    source = np.asarray(writers, dtype=np.int64)
    target = np.asarray(answered, dtype=np.int64)
    if source.shape != target.shape:
        raise ParameterError(f"there are {len(source)} writers for {len(target)} answered")
    most = max(source.max(initial=-1), target.max(initial=-1))
    n = int(most) + 1 if count is None else count
    known = (source >= 0) & (target >= 0)
    itself = known & (source == target)
    kept = known & ~itself
    graph = sp.csr_matrix(
        (np.ones(int(kept.sum())), (source[kept], target[kept])), shape=(n, n), dtype=np.float64
    )
    graph.sum_duplicates()
    graph.sort_indices()
    return ReplyGraph(graph, int(itself.sum()), int((~known).sum()))
