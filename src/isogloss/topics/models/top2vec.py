"""A Top2Vec-like model of our own parts: dense areas of passages, and the words nearest to them.

Paper: Angelov, Top2Vec: distributed representations of topics, 2020 (arXiv 2008.09470).
"""

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from isogloss._core.errors import ParameterError
from isogloss._math.topk import nearest_rows
from isogloss.topics.graph import WordWeights
from isogloss.topics.models.bertopic import CLUSTER_LIMITS, clusters_of, mean_vectors
from isogloss.topics.models.inputs import (
    checked_counts,
    checked_vectors,
    checked_words,
    top_words,
)
from isogloss.topics.models.kept import KeptModel
from isogloss.topics.models.merge import by_size
from isogloss.topics.result import TopicResult

__all__ = ["Top2VecTopics", "word_vectors_of"]

KEPT_WORDS = 100  # of a topic, in topic_word


class Top2VecTopics(KeptModel):
    """Mean vectors of dense areas of passages; words and passages belong to the nearest one.

    It follows Top2Vec step by step, with parts of our own. It is not the package:

    - The reduction is the spectral embedding of the graph of nearest neighbours, not UMAP, whose
      random layout would make results differ between machines.
    - Vectors of words come from where those of the passages come from (`word_vectors`), or, without
      them, a word is the mean of the passages that hold it, less the mean of all.

    Parameters
    ----------
    n_topics : int, optional
        Topics wanted: the smallest joins the topic nearest to it until so many are left, and where
        there are too few, dense areas are split. By default as many as there are dense areas.
    min_topic_size : int, default 15
        Passages of the smallest dense area, 2 or more; also how many neighbours make one dense.
    reduction : {"spectral", "pca"} or None, default "spectral"
    components : int, default 10
        Directions after the reduction, and at least as many as the topics that are wanted.
    neighbours : int, default 15
        Of the graph of the spectral reduction.
    method : {"eom", "leaf"}, default "eom"
        Clusters of largest excess of mass, or leaves of the density tree.
    min_count : int, default 50
        Words that stand fewer times in `counts` (where it is given) are no keywords; less is asked
        of small corpora: a fiftieth of the passages.
    n_keywords : int, default 20
        Words of a topic.
    max_passages : int, default 50,000
        More are refused: time grows with their square.
    random_state : int, default 0

    Attributes
    ----------
    topic_vectors_ : float32 (t, d)
        Unit vectors.

    Notes
    -----
    Time O(n^2 (d + components)), memory O(n d).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> vectors = np.repeat(np.eye(3), 30, axis=0) + rng.normal(0, 0.05, (90, 3))
    >>> model = Top2VecTopics().fit(
    ...     vectors, word_vectors=np.eye(3), vocabulary=["cat", "moon", "car"]
    ... )
    >>> sorted(words[0] for words in model.result_.keywords)
    ['car', 'cat', 'moon']
    """

    input_kind: ClassVar[Literal["vectors"]] = "vectors"
    limits: ClassVar = CLUSTER_LIMITS
    kept: ClassVar[dict[str, str]] = {"topic_vectors_": "td"}

    def __init__(
        self,
        n_topics: int | None = None,
        *,
        min_topic_size: int = 15,
        reduction: str | None = "spectral",
        components: int = 10,
        neighbours: int = 15,
        method: str = "eom",
        min_count: int = 50,
        n_keywords: int = 20,
        max_passages: int = 50_000,
        random_state: int = 0,
    ) -> None:
        self.n_topics = n_topics
        self.min_topic_size = min_topic_size
        self.reduction = reduction
        self.components = components
        self.neighbours = neighbours
        self.method = method
        self.min_count = min_count
        self.n_keywords = n_keywords
        self.max_passages = max_passages
        self.random_state = random_state

    def fit(  # type: ignore[override]
        self,
        X: Any,
        y: Any = None,
        *,
        vocabulary: Sequence[str] | None = None,
        word_vectors: Any = None,
        counts: Any = None,
    ) -> "Top2VecTopics":
        """Find the topics.

        Parameters
        ----------
        X : array (n, d)
            Vectors of the passages.
        y : None
            Ignored.
        vocabulary : sequence of str (v,), optional
            The words; by default their numbers.
        word_vectors : array (v, d), optional
            Vectors of the words, in the space of the passages.
        counts : CSR (n, v), optional
            Word counts of the same passages, to leave rare words out, and to make vectors of words
            from where `word_vectors` is not given. One of both is needed.

        Raises
        ------
        ParameterError
            For vectors, counts or parameters that cannot be used.
        """
        self._check_params()
        vectors = checked_vectors(X)
        known, centre = self._word_vectors(vectors, word_vectors, counts)
        words = checked_words(vocabulary, len(known))
        labels = clusters_of(self, vectors)
        found = mean_vectors(vectors, labels, int(labels.max(initial=-1)) + 1)
        if self.n_topics is not None:
            found = _fewer(vectors, found, self.n_topics)
        self.topic_vectors_ = found
        labels = self._labels(vectors)
        sizes = np.bincount(labels[labels >= 0], minlength=len(found))
        order = np.argsort(-sizes, kind="stable")
        self.topic_vectors_ = found[order]
        labels = self._labels(vectors)
        near = checked_vectors(self.topic_vectors_ - centre)
        kept = max(KEPT_WORDS, self.n_keywords)
        columns, scores = nearest_rows(near, known, min(kept, len(known)))
        weights = sp.csr_matrix(
            (np.maximum(scores, 0).ravel(), columns.ravel(),
             np.arange(len(near) + 1) * columns.shape[1]),
            shape=(len(near), len(known)),
        )  # fmt: skip
        weights.sort_indices()
        self.result_ = TopicResult.hard(
            labels,
            keywords=top_words(weights, words, self.n_keywords),
            topic_word=weights,
            vocabulary=words,
            weighting="cosine",
            provenance={"model": "Top2VecTopics", "parameters": self.get_params()},
        )
        return self

    def _word_vectors(
        self, vectors: NDArray[np.float32], given: Any, counts: Any
    ) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
        """Give vectors of words, zeros for rare ones, and the centre of passages in their space."""
        centre = np.zeros(vectors.shape[1])
        if given is None and counts is None:
            raise ParameterError("give word_vectors (v, d), or counts (n, v) to make them from")
        known = None if given is None else checked_vectors(given, columns=vectors.shape[1])
        if counts is None:
            assert known is not None
            return known, centre
        columns = None if known is None else len(known)
        held = checked_counts(counts, columns=columns, name="counts")
        if held.shape[0] != len(vectors):
            raise ParameterError(f"counts has {held.shape[0]} rows for {len(vectors)} vectors")
        if known is None:
            known = word_vectors_of(vectors, held)
            full = vectors.any(axis=1)
            centre = vectors[full].mean(axis=0, dtype=np.float64) if full.any() else centre
        least = min(self.min_count, max(1, len(vectors) // 50))
        known[np.asarray(held.sum(axis=0)).ravel() < least] = 0.0
        return known, centre

    def transform(self, X: Any) -> Any:
        """Give the topic of each passage as float32 CSR (n, t) of ones; empty rows for none."""
        self._need_fit("result_")
        labels = self._labels(checked_vectors(X, columns=self.topic_vectors_.shape[1]))
        return TopicResult.hard(labels, keywords=self.result_.keywords).membership

    def _labels(self, vectors: NDArray[np.float32]) -> NDArray[np.int32]:
        return _nearest_topic(vectors, self.topic_vectors_)


def _nearest_topic(vectors: NDArray[np.float32], topics: NDArray[np.float32]) -> NDArray[np.int32]:
    labels = np.full(len(vectors), -1, dtype=np.int32)
    full = np.flatnonzero(vectors.any(axis=1))
    if len(full) and len(topics):
        labels[full] = nearest_rows(vectors[full], topics, 1)[0][:, 0]
    return labels


def _fewer(
    vectors: NDArray[np.float32], topics: NDArray[np.float32], wanted: int
) -> NDArray[np.float32]:
    """Join the smallest topic to the nearest one, again and again."""
    labels = by_size(_nearest_topic(vectors, topics))
    topics = mean_vectors(vectors, labels, int(labels.max(initial=-1)) + 1)
    while len(topics) > wanted:
        likeness = topics[:-1] @ topics[-1]
        labels = by_size(np.where(labels == len(topics) - 1, int(likeness.argmax()), labels))
        topics = mean_vectors(vectors, labels, len(topics) - 1)
    return topics


def word_vectors_of(vectors: NDArray[np.float32], counts: Any) -> NDArray[np.float32]:
    """Make vectors of words out of the passages that hold them, float32 (v, d).

    A word is the TF-IDF weighted mean of the vectors, less the mean of all vectors; unit rows.

    Examples
    --------
    >>> rows = np.array([[1, 0], [0, 1]], dtype=np.float32)
    >>> word_vectors_of(rows, sp.csr_matrix([[2, 0], [0, 1]])).round(2).tolist()
    [[0.7099999785423279, -0.7099999785423279], [-0.7099999785423279, 0.7099999785423279]]
    """
    held = sp.csr_matrix(counts, dtype=np.float32)
    weighed = WordWeights.fit(held).transform(held).astype(np.float64)
    total = np.maximum(np.asarray(weighed.sum(axis=0)).ravel(), 1e-300)
    full = vectors.any(axis=1)
    centre = vectors[full].mean(axis=0, dtype=np.float64) if full.any() else 0.0
    sums = np.asarray(weighed.T @ vectors.astype(np.float64)) / total[:, None]
    sums[total < 1e-200] = 0.0
    return checked_vectors(np.where(total[:, None] < 1e-200, 0.0, sums - centre))
