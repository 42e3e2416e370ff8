"""Passages that stand for a topic: central, sure of it, and no copies of one another."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogloss._core.errors import ParameterError

__all__ = ["ExemplarPicker", "choose_exemplars", "inner_exemplars"]

Ids = NDArray[np.int64]
Vectors = NDArray[np.float32]


class ExemplarPicker:
    """Keep the most central passages of each topic over a stream of batches.

    A passage's worth is its cosine to the topic's centre times its membership. Of passages with
    one vector the best is kept, and a fixed number of passages a topic, so that neither the order
    nor the size of the batches changes the result.

    Parameters
    ----------
    centres : float (t, d)
        Centre of each topic; need not be of unit length.
    k : int
        Exemplars a topic.
    pool : int
        Passages kept a topic, of which `result` leaves out near copies.
    alike : float
        Cosine from which two passages are near copies.

    Examples
    --------
    >>> picker = ExemplarPicker(np.array([[1.0, 0.0]]), k=1)
    >>> vectors = np.array([[0.6, 0.8], [1.0, 0.0]], dtype=np.float32)
    >>> picker.add(vectors, np.array([0, 0]), np.array([1.0, 1.0]))
    >>> [ids.tolist() for ids in picker.result()]
    [[1]]
    """

    def __init__(
        self, centres: NDArray[np.floating[Any]], *, k: int = 3, pool: int = 30, alike: float = 0.95
    ) -> None:
        if k < 1 or pool < k:
            raise ParameterError(f"k={k!r}, pool={pool!r}: give 1 <= k <= pool")
        rows = np.asarray(centres, dtype=np.float64)
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        self.centres = rows / np.where(lengths > 0, lengths, 1.0)
        self.k, self.pool, self.alike = k, pool, alike
        dim = self.centres.shape[1]
        nothing = (np.empty(0), np.empty(0, np.int64), np.empty((0, dim), np.float32))
        self._kept = [nothing] * len(self.centres)
        self._seen = 0

    def add(
        self,
        vectors: Vectors,
        labels: NDArray[np.integer[Any]],
        membership: NDArray[np.floating[Any]] | None = None,
        ids: NDArray[np.integer[Any]] | None = None,
    ) -> None:
        """Take a batch.

        Parameters
        ----------
        vectors : float32 (b, d), unit rows
        labels : int (b,)
            Topic of each passage, -1 for none.
        membership : float (b,), optional
            In [0, 1]; all 1 by default.
        ids : int (b,), optional
            Row numbers; by default they go on from the last batch.
        """
        count = len(vectors)
        numbers = np.arange(self._seen, self._seen + count) if ids is None else np.asarray(ids)
        sure = np.ones(count) if membership is None else np.asarray(membership, dtype=np.float64)
        if not len(labels) == numbers.size == sure.size == count:
            raise ParameterError(
                f"{count} vectors, {len(labels)} labels, {sure.size} memberships, "
                f"{numbers.size} ids: give one each a passage"
            )
        self._seen += count
        order = np.argsort(labels, kind="stable")
        topics, starts = np.unique(np.asarray(labels)[order], return_index=True)
        stops = [*starts[1:].tolist(), count]
        for topic, start, stop in zip(topics.tolist(), starts.tolist(), stops, strict=True):
            if topic < 0:
                continue
            rows = order[start:stop]
            near = np.asarray(vectors[rows], dtype=np.float64) * self.centres[topic]
            # rounded: the last bits of a sum may depend on the batch
            worth = np.round(near.sum(axis=1) * sure[rows], 6)
            kept = self._kept[topic]
            self._kept[topic] = self._best(
                np.concatenate([kept[0], worth]),
                np.concatenate([kept[1], numbers[rows].astype(np.int64)]),
                np.concatenate([kept[2], np.asarray(vectors[rows], dtype=np.float32)]),
            )

    def _best(
        self, worth: NDArray[np.float64], ids: Ids, vectors: Vectors
    ) -> tuple[NDArray[np.float64], Ids, Vectors]:
        """Keep the best `pool` passages of distinct vectors; ties by id."""
        order = np.lexsort((ids, -worth))
        seen: set[bytes] = set()
        rows: list[int] = []
        for row in order.tolist():
            key = vectors[row].tobytes()
            if key not in seen:
                seen.add(key)
                rows.append(row)
                if len(rows) == self.pool:
                    break
        return worth[rows], ids[rows], vectors[rows]

    def result(self) -> list[Ids]:
        """Give the ids of each topic's exemplars, best first: int64 (at most k,) a topic.

        Near copies stand back: they are taken only where a topic has nothing else.
        """
        return [self._spread(ids, vectors) for _, ids, vectors in self._kept]

    def _spread(self, ids: Ids, vectors: Vectors) -> Ids:
        taken: list[int] = []
        spare: list[int] = []
        for row in range(ids.size):
            others = vectors[taken].astype(np.float64) @ vectors[row].astype(np.float64)
            (spare if (others >= self.alike).any() else taken).append(row)
            if len(taken) == self.k:
                break
        return ids[[*taken, *spare][: self.k]]


def choose_exemplars(
    vectors: Vectors,
    labels: NDArray[np.integer[Any]],
    membership: NDArray[np.floating[Any]] | None = None,
    *,
    k: int = 3,
    alike: float = 0.95,
    block: int = 65_536,
) -> list[Ids]:
    """Choose central passages of each topic, no near copies of one another.

    Parameters
    ----------
    vectors : float32 (n, d), unit rows
        May be a memory map: it is read twice in blocks.
    labels : int (n,)
        Topic of each passage from 0, -1 for none.
    membership : float (n,), optional
        In [0, 1]; weighs the centre and the passages. All 1 by default.
    k : int
        Exemplars a topic.
    alike : float
        Cosine from which two passages are near copies.
    block : int
        Rows read at once.

    Returns
    -------
    list of int64 (at most k,)
        Row numbers for each topic, best first; ties by row.

    Examples
    --------
    >>> vectors = np.eye(3, dtype=np.float32)[[0, 0, 1]]
    >>> [rows.tolist() for rows in choose_exemplars(vectors, np.array([0, 0, 1]), k=1)]
    [[0], [2]]
    """
    topics = int(np.max(labels, initial=-1)) + 1
    sure = np.ones(len(labels)) if membership is None else np.asarray(membership)
    if len(vectors) != len(labels) or sure.size != len(labels):
        raise ParameterError(
            f"{len(vectors)} vectors, {len(labels)} labels, {sure.size} memberships: "
            "give one each a passage"
        )
    centres = np.zeros((topics, vectors.shape[1]))
    starts = range(0, len(labels), block)
    for start in starts:
        part = slice(start, start + block)
        known = np.flatnonzero(np.asarray(labels[part]) >= 0)
        weighted = np.asarray(vectors[part], dtype=np.float64)[known] * sure[part][known, None]
        np.add.at(centres, np.asarray(labels[part])[known], weighted)
    picker = ExemplarPicker(centres, k=k, pool=max(30, 4 * k), alike=alike)
    for start in starts:
        part = slice(start, start + block)
        picker.add(np.asarray(vectors[part]), labels[part], sure[part])
    return picker.result()


def inner_exemplars(
    leaves: Sequence[Ids],
    parent: NDArray[np.integer[Any]],
    sizes: NDArray[np.integer[Any]],
    *,
    k: int = 3,
) -> list[Ids]:
    """Give every node of a tree exemplars: an inner one takes turns among its leaves.

    Parameters
    ----------
    leaves : list of int64
        Exemplars of each leaf, leaves by rising node number.
    parent : int (nodes,)
        Parent of each node, -1 for a root.
    sizes : int (t,)
        Passages in each leaf: the largest leaf comes first.
    k : int
        Exemplars a node.

    Returns
    -------
    list of int64 (nodes,)

    Examples
    --------
    >>> found = inner_exemplars(
    ...     [np.array([4, 5]), np.array([9])], np.array([2, 2, -1]), np.array([3, 8]), k=2
    ... )
    >>> [ids.tolist() for ids in found]
    [[4, 5], [9], [9, 4]]
    """
    tree = np.asarray(parent, dtype=np.int64)
    leaf_ids = np.setdiff1d(np.arange(tree.size), tree)
    below: list[list[int]] = [[] for _ in range(tree.size)]
    for row in np.lexsort((leaf_ids, -np.asarray(sizes))).tolist():
        node = int(leaf_ids[row])
        while node != -1:
            below[node].append(row)
            node = int(tree[node])
    out: list[Ids] = []
    for rows in below:
        depth = max((len(leaves[row]) for row in rows), default=0)
        turns = [
            leaves[row][place] for place in range(depth) for row in rows if place < len(leaves[row])
        ]
        out.append(np.array(turns[:k], dtype=np.int64))
    return out
