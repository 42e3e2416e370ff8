"""A BERTopic-like model of our own parts: reduce, cluster by density, weigh words by class.

Paper: Grootendorst, BERTopic: neural topic modeling with a class-based TF-IDF procedure, 2022
(arXiv 2203.05794).
"""

from collections.abc import Sequence
from functools import partial
from typing import Any, ClassVar, Literal

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from isogloss._core.checks import one_of, whole_number
from isogloss._core.errors import ParameterError
from isogloss._math.topk import nearest_rows
from isogloss.topics.estimator import AT_LEAST_ONE
from isogloss.topics.models.class_tfidf import class_sums, class_tfidf
from isogloss.topics.models.density_clusters import density_clusters, reduced
from isogloss.topics.models.inputs import (
    checked_counts,
    checked_topics,
    checked_vectors,
    checked_words,
    top_words,
)
from isogloss.topics.models.kept import KeptModel
from isogloss.topics.models.merge import merged_to
from isogloss.topics.result import TopicResult

__all__ = ["BERTopicTopics"]

# Of models that look for dense areas.
CLUSTER_LIMITS = {
    "min_topic_size": partial(whole_number, least=2),
    "components": AT_LEAST_ONE,
    "neighbours": AT_LEAST_ONE,
    "n_keywords": AT_LEAST_ONE,
}


class BERTopicTopics(KeptModel):
    """Density clusters of reduced vectors, with words by class-based TF-IDF.

    It follows BERTopic step by step, with parts of our own: vectors, reduction, density tree,
    excess of mass, class-based TF-IDF, merging of the most alike topics. It is not the package:

    - The reduction is the spectral embedding of the graph of nearest neighbours, not UMAP, whose
      random layout would make results differ between machines.
    - The density tree is exact, over the reduced vectors.
    - A new passage gets the topic of the nearest passage of `fit`.

    Parameters
    ----------
    n_topics : int, optional
        Topics wanted: topics of the most alike mean vectors are merged until so many are left, and
        where there are too few, dense areas are split. By default as many as there are dense areas.
    min_topic_size : int, default 10
        Passages of the smallest topic, 2 or more; also how many neighbours make a passage dense.
    reduction : {"spectral", "pca"} or None, default "spectral"
    components : int, default 10
        Directions after the reduction, and at least as many as the topics that are wanted.
    neighbours : int, default 15
        Of the graph of the spectral reduction.
    method : {"eom", "leaf"}, default "eom"
        Clusters of largest excess of mass, or leaves of the density tree.
    outliers : {"keep", "reassign"}, default "keep"
        Passages of no dense area keep label -1, or go to the topic whose mean vector is nearest.
        Words are chosen by the passages of dense areas in both cases.
    n_keywords : int, default 20
        Words of a topic.
    max_passages : int, default 50,000
        More are refused: time grows with their square.
    random_state : int, default 0

    Attributes
    ----------
    topic_vectors_ : float32 (t, d)
        Unit mean vector of each topic.

    Notes
    -----
    Time O(n^2 (d + components)), memory O(n d).

    Related
    -------
    `isogloss.topics.TopicModel` leaves hardly any passage out, and follows labels better.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> vectors = np.repeat(np.eye(3), 30, axis=0) + rng.normal(0, 0.05, (90, 3))
    >>> counts = np.repeat(np.eye(3, dtype=int), 30, axis=0)
    >>> model = BERTopicTopics().fit(vectors, counts=counts, vocabulary=["cat", "moon", "car"])
    >>> sorted(model.result_.keywords)
    [('car',), ('cat',), ('moon',)]
    """

    input_kind: ClassVar[Literal["vectors"]] = "vectors"
    limits: ClassVar = CLUSTER_LIMITS | {"outliers": partial(one_of, known=("keep", "reassign"))}
    kept: ClassVar[dict[str, str]] = {"topic_vectors_": "td", "_vectors": "nd", "_nearest": "n"}

    def __init__(
        self,
        n_topics: int | None = None,
        *,
        min_topic_size: int = 10,
        reduction: str | None = "spectral",
        components: int = 10,
        neighbours: int = 15,
        method: str = "eom",
        outliers: str = "keep",
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
        self.outliers = outliers
        self.n_keywords = n_keywords
        self.max_passages = max_passages
        self.random_state = random_state

    def fit(  # type: ignore[override]
        self,
        X: Any,
        y: Any = None,
        *,
        counts: Any = None,
        vocabulary: Sequence[str] | None = None,
    ) -> "BERTopicTopics":
        """Find the topics.

        Parameters
        ----------
        X : array (n, d)
            Vectors of the passages.
        y : None
            Ignored.
        counts : CSR (n, v)
            Word counts of the same passages, 0 or more; needed.
        vocabulary : sequence of str (v,), optional
            Word of each column; by default their numbers.

        Raises
        ------
        ParameterError
            For vectors, counts or parameters that cannot be used.
        """
        self._check_params()
        if counts is None:
            raise ParameterError("counts is missing: keywords are chosen from word counts (n, v)")
        vectors = checked_vectors(X)
        held = checked_counts(counts, name="counts")
        if held.shape[0] != len(vectors):
            raise ParameterError(f"counts has {held.shape[0]} rows for {len(vectors)} vectors")
        words = checked_words(vocabulary, held.shape[1])
        labels = clusters_of(self, vectors)
        if self.n_topics is not None:
            found = mean_vectors(vectors, labels, int(labels.max(initial=-1)) + 1)
            labels = merged_to(labels, found, self.n_topics)
        t = int(labels.max(initial=-1)) + 1
        self._vectors, self._nearest = vectors, labels
        self.topic_vectors_ = mean_vectors(vectors, labels, t)
        labels = self._labels(vectors)
        # Words are those of dense areas, also where the other passages are given to topics.
        sums = class_sums(held, self._nearest, t)
        rest = np.asarray(held[self._nearest < 0].sum(axis=0), dtype=np.float64).ravel()
        weights = class_tfidf(sums, outside=rest if rest.any() else None)
        self.result_ = TopicResult.hard(
            labels,
            keywords=top_words(weights, words, self.n_keywords),
            topic_word=weights,
            vocabulary=words,
            weighting="class tf-idf",
            provenance={"model": "BERTopicTopics", "parameters": self.get_params()},
        )
        return self

    def transform(self, X: Any) -> Any:
        """Give the topic of each passage as float32 CSR (n, t) of ones; empty rows for none."""
        self._need_fit("result_")
        labels = self._labels(checked_vectors(X, columns=self._vectors.shape[1]))
        return TopicResult.hard(labels, keywords=self.result_.keywords).membership

    def _check_kept(self) -> None:
        topics = self._nearest
        if len(topics) and not -1 <= topics.min() <= topics.max() < self.result_.count:
            raise ValueError("_nearest holds numbers that are no topics")

    def _labels(self, vectors: NDArray[np.float32]) -> NDArray[np.int32]:
        """Give each passage the topic of the nearest one of `fit`."""
        labels = np.full(len(vectors), -1, dtype=np.int32)
        full = np.flatnonzero(vectors.any(axis=1))
        if not len(full) or not len(self.topic_vectors_):
            return labels
        columns, _ = nearest_rows(vectors[full], self._vectors, 1)
        labels[full] = self._nearest[columns[:, 0]]
        if self.outliers == "reassign":
            out = full[labels[full] < 0]
            labels[out] = nearest_rows(vectors[out], self.topic_vectors_, 1)[0][:, 0]
        return labels


def clusters_of(model: Any, vectors: NDArray[np.float32]) -> NDArray[np.int32]:
    """Give the density cluster of each vector, int32 (n,); -1 for outliers and rows of zeros."""
    labels = np.full(len(vectors), -1, dtype=np.int32)
    full = np.flatnonzero(vectors.any(axis=1))
    checked_topics(model.n_topics, len(full))
    if len(full) > model.max_passages:
        raise ParameterError(
            f"{len(full):,} passages, and time grows with their square: give a sample, or raise "
            f"max_passages (now {model.max_passages:,})"
        )
    if not len(full):
        return labels
    # A graph that falls into k parts shows it in k eigenvectors.
    components = max(model.components, model.n_topics or 0)
    points = reduced(
        vectors[full], how=model.reduction, components=components,
        neighbours=model.neighbours, seed=model.random_state,
    )  # fmt: skip
    labels[full] = density_clusters(
        points, min_cluster_size=model.min_topic_size, method=model.method,
        n_clusters=model.n_topics, max_points=model.max_passages,
    )  # fmt: skip
    if labels.max() < 0:  # no dense area stands apart: all that is there is one topic
        labels[full] = 0
    return labels


def mean_vectors(
    vectors: NDArray[np.float32], labels: NDArray[np.int32], count: int
) -> NDArray[np.float32]:
    """Give the mean vector of each topic at unit length, float32 (t, d).

    Examples
    --------
    >>> rows = np.array([[1, 0], [0, 1], [0, 1]], dtype=np.float32)
    >>> mean_vectors(rows, np.array([-1, 0, 0], dtype=np.int32), 1).tolist()
    [[0.0, 1.0]]
    """
    return checked_vectors(class_sums(sp.csr_matrix(vectors), labels, count).toarray())
