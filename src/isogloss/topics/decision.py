"""The whole decision where a passage belongs: assigners one after the other, and their topics.

The first assigner places every passage in a slot. A later one parts the passages of some slots
further (a split), and slots may share a topic (a merge). So merging and splitting change the topics
they name and no others, and nothing of the training set is needed to decide.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogloss.topics.assign import Assigner

Ints = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Stage:
    """One assigner of a decision.

    Parameters
    ----------
    assigner : Assigner
    slots : int32 (columns,)
        The slot of each of its columns; no slot belongs to two stages.
    gate : int32 (g,)
        Slots whose passages it parts further; empty for the first stage.
    """

    assigner: Assigner
    slots: Ints
    gate: Ints


@dataclass(frozen=True, eq=False)
class Decision:
    """Stages, and the leaf topic of each slot.

    Parameters
    ----------
    stages : tuple of Stage
        The first takes all passages.
    leaf_of : int32 (slots,)
        Topic of each slot, -1 for one that a later stage parts.
    """

    stages: tuple[Stage, ...]
    leaf_of: Ints

    @classmethod
    def plain(cls, assigner: Assigner) -> "Decision":
        """Give the decision of one assigner whose columns are the topics."""
        slots = np.arange(assigner.leaves, dtype=np.int32)
        return cls((Stage(assigner, slots, slots[:0]),), slots)

    @property
    def leaves(self) -> Ints:
        """Ids of the leaf topics, rising: the columns of the shares."""
        return np.unique(self.leaf_of[self.leaf_of >= 0])

    def __call__(
        self, vectors: NDArray[np.float32], words: Any
    ) -> tuple[Ints, NDArray[np.float32]]:
        """Give the leaf topic of each passage and its share in each leaf.

        Parameters
        ----------
        vectors : float32 (n, d)
            Unit or zero rows.
        words : float32 CSR (n, v) or None
            Unit TF-IDF rows.

        Returns
        -------
        labels : int32 (n,)
            Topic ids, -1 for passages that belong nowhere.
        shares : float32 (n, l)
            Columns as in `leaves`; rows sum to 1, or to 0 for passages that belong nowhere.
        """
        slots, held = self.slots(vectors, words)
        topic = np.append(self.leaf_of, np.int32(-1))
        labels = topic[slots]
        leaves = self.leaves
        if len(leaves) == len(self.leaf_of) and (self.leaf_of[:-1] <= self.leaf_of[1:]).all():
            return labels, held
        shares = np.zeros((len(held), len(leaves)), dtype=np.float32)
        for slot in np.flatnonzero(self.leaf_of >= 0):
            shares[:, np.searchsorted(leaves, self.leaf_of[slot])] += held[:, slot]
        return labels, shares

    def slots(self, vectors: NDArray[np.float32], words: Any) -> tuple[Ints, NDArray[np.float32]]:
        """Give the slot of each passage, int32 (n,), and its share in each, float32 (n, slots)."""
        first = self.stages[0]
        column, shares = first.assigner(vectors, words)
        if len(self.leaf_of) == len(first.slots):
            return column, shares
        held = np.zeros((len(column), len(self.leaf_of)), dtype=np.float32)
        held[:, first.slots] = shares
        slots = np.append(first.slots, np.int32(-1))[column]
        for stage in self.stages[1:]:
            column, shares = stage.assigner(vectors, words)
            inside = np.isin(slots, stage.gate)
            slots[inside] = stage.slots[column[inside]]
            whole = np.zeros(len(slots), dtype=np.float32)
            for slot in stage.gate:  # one after the other: no sum depends on the batch
                whole += held[:, slot]
            held[:, stage.gate] = 0.0
            held[:, stage.slots] = whole[:, None] * shares
        return slots, held

    def renumbered(self, number: Ints) -> "Decision":
        """Give the same decision with topic ids replaced: ``number[old]`` is the new one."""
        return Decision(self.stages, np.append(number, np.int32(-1))[self.leaf_of])

    def parted(self, topic: int, assigner: Assigner, topics: Ints) -> "Decision":
        """Give the decision that parts one leaf topic further into others."""
        gate = np.flatnonzero(self.leaf_of == topic).astype(np.int32)
        slots = np.arange(len(topics), dtype=np.int32) + np.int32(len(self.leaf_of))
        leaf_of = np.concatenate([self.leaf_of, topics]).astype(np.int32)
        leaf_of[gate] = -1
        return Decision((*self.stages, Stage(assigner, slots, gate)), leaf_of)
