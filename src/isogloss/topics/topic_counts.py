"""The words of topics as counts: what every keyword rule is given, and nearness to a topic."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from isogloss._core.errors import ParameterError
from isogloss.topics.keywords import Nearness, descent

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

    from isogloss.encoders.base import Encoder

__all__ = ["TopicCounts", "near_centres"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class TopicCounts:
    """The words of some topics: what every rule is given.

    Parameters
    ----------
    documents : (leaves, v) dense or csr
        For each leaf, in how many of its documents each word occurs.
    vocabulary : list of str (v,)
        An entry with a space is a phrase.
    sizes : int (leaves,)
        Documents in each leaf.
    parent : int (nodes,), optional
        Parent of each node, -1 for a root; by default all leaves are roots.
    occurrences : (leaves, v) dense or csr, optional
        How often each word occurs in each leaf; rules that ask for it take `documents` otherwise.
    passages : csr (n, v) or iterable of such batches, optional
        Words of the documents, or of a sample, to see which words occur together.
    centres : float (leaves, d), optional
        Sum (or mean) of the vectors of each leaf's documents, for `VectorRelevance`.
    stop_words : collection of str
        Never chosen.

    Examples
    --------
    >>> counts = TopicCounts(np.array([[9, 0], [0, 9]]), ["cat", "moon"], np.array([10, 10]))
    >>> counts.above().toarray().tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """

    documents: Any
    vocabulary: Sequence[str]
    sizes: NDArray[Any]
    parent: NDArray[Any] | None = None
    occurrences: Any = None
    passages: "csr_matrix | Iterable[csr_matrix] | None" = None
    centres: NDArray[Any] | None = None
    stop_words: Collection[str] = ()

    def above(self) -> "csr_matrix":
        """Ones (nodes, leaves) where a leaf lies under a node, itself included.

        Raises
        ------
        ParameterError
            When shapes do not fit, or parents form no tree.
        """
        leaves = len(self.sizes)
        tree = np.full(leaves, -1) if self.parent is None else np.asarray(self.parent, np.int64)
        leaf_ids = np.setdiff1d(np.arange(tree.size), tree)
        for name in ("documents", "occurrences"):
            table = getattr(self, name)
            shape = (leaf_ids.size, len(self.vocabulary))
            if table is not None and (table.shape != shape or leaves != leaf_ids.size):
                raise ParameterError(
                    f"{name} is {table.shape} with {leaves} sizes; the tree has {leaf_ids.size} "
                    f"leaves and the vocabulary {len(self.vocabulary)} words: give {shape}"
                )
        return descent(tree, leaf_ids)

    def node_centres(self, dim: int) -> Floats:
        """Give unit vectors of the nodes, float64 (nodes, dim).

        Raises
        ------
        ParameterError
            When `centres` are missing or do not fit.
        """
        shape = (len(self.sizes), dim)
        if self.centres is None or self.centres.shape != shape:
            found = None if self.centres is None else self.centres.shape
            raise ParameterError(
                f"centres are {found}: nearness needs the encoder's vectors summed for each leaf, "
                f"{shape}"
            )
        rows = np.asarray(self.above() @ np.asarray(self.centres, np.float64))
        unit: Floats = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
        return unit


def near_centres(encoder: "Encoder", centres: Floats, weight: float) -> Nearness:
    """Give the nearness for `topic_keywords`: weight times the cosine of word and topic.

    Parameters
    ----------
    encoder : Encoder
    centres : float64 (nodes, d)
        Unit rows in the encoder's space.
    weight : float
    """

    def nearness(words: list[str], places: list[NDArray[np.int64]]) -> list[Floats]:
        vectors = np.zeros((len(words), encoder.dim), dtype=np.float32)
        if words:
            vectors = encoder.encode(words)
        return [
            weight * np.round(vectors[mine].astype(np.float64) @ centre, 6)
            for mine, centre in zip(places, centres, strict=True)
        ]

    return nearness
