"""The same topics over other vectors: what decides where new passages belong is learned anew."""

import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from isogloss._core.errors import ParameterError
from isogloss.topics.assign import Assigner
from isogloss.topics.decision import Decision, Stage
from isogloss.topics.emerge import measure_base
from isogloss.topics.leaves import no_leaves
from isogloss.topics.rows import checked_rows
from isogloss.topics.stream import Stream
from isogloss.topics.target import complete_joins

if TYPE_CHECKING:
    from isogloss.topics.model import TopicModel

# The score of a leaf that has no passage to learn from.
NEVER = np.float32(-1e30)


def reseated(
    model: "TopicModel",
    vectors: NDArray[np.float32],
    counts: Any,
    labels: NDArray[np.int32],
    sizes: NDArray[np.int64],
) -> "TopicModel":
    """Give a model with the same topics that assigns vectors of another encoder.

    Numbers, names and tree stay. The discriminants are learned from passages that have their topic
    already, so a passage near the border of two topics may be assigned to the other.

    Parameters
    ----------
    model : TopicModel
        Fitted on vectors of any dimension.
    vectors : float32 (n, d)
        Passages by the other encoder, unit or zero rows.
    counts : CSR (n, v) or None
        Their word counts, where the model was fitted with some.
    labels : int32 (n,)
        The leaf topic that each of them has, -1 for none.
    sizes : int64 (t,)
        Passages of each topic in all.

    Returns
    -------
    TopicModel

    Raises
    ------
    ParameterError
        For a label that is no leaf of the model, or lengths that differ.
    """
    vectors, counts = checked_rows(vectors, counts)
    leaves = np.array([topic.id for topic in model.tree_.leaves], dtype=np.int32)
    if len(labels) != len(vectors):
        raise ParameterError(f"{len(labels)} labels for {len(vectors)} vectors: give one for each")
    strange = np.setdiff1d(labels[labels >= 0], leaves)
    if len(strange):
        raise ParameterError(f"label {strange[0]} is no leaf topic of the model")
    weights = model._words
    words = None if counts is None or weights is None else weights.transform(counts)
    made: TopicModel = copy.copy(model)
    made._dim = int(vectors.shape[1])
    column = np.full(len(model.tree_) + 1, -1, dtype=np.int32)
    column[leaves] = np.arange(len(leaves))
    own = column[labels]
    assigner = _learned(vectors, words, own, len(leaves), 0 if weights is None else weights.idf)
    slots = np.arange(len(leaves), dtype=np.int32)
    made._decision = Decision((Stage(assigner, slots, slots[:0]),), leaves)
    base = measure_base(vectors, words, own, assigner, sizes[leaves])
    made._stream = Stream.begin(base, made._dim, None if weights is None else len(weights.idf))
    centroids = assigner.weights[:, len(leaves) :].T.astype(np.float64)
    made._joins = complete_joins([], centroids * np.maximum(sizes[leaves], 1)[:, None])
    for name in ("labels_", "membership_", "renumbered_", "novelty_", "new_topics_"):
        made.__dict__.pop(name, None)
    return made


def _learned(
    vectors: NDArray[np.float32], words: Any, own: NDArray[np.int32], count: int, idf: Any
) -> Assigner:
    if not count:
        return no_leaves(0 if words is None else len(idf))
    missing = np.setdiff1d(np.arange(count, dtype=np.int32), own)
    if len(missing):  # a row that says nothing stands for the passages that are not there
        import scipy.sparse as sp

        nothing = np.zeros((len(missing), vectors.shape[1]), dtype=np.float32)
        vectors = np.vstack([vectors, nothing])
        own = np.concatenate([own, missing])
        if words is not None:
            empty = sp.csr_matrix((len(missing), words.shape[1]), dtype=words.dtype)
            words = sp.vstack([words, empty], format="csr")
    found = Assigner.fit(vectors, words, own, count)
    bias = found.bias.copy()
    bias[missing] = NEVER
    return replace(found, bias=bias)
