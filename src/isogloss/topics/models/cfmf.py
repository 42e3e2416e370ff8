"""CFMF and CFMF-emb: neural-gas clusters of passages, labelled by feature maximization.

Papers: Lamirel, Lareau & Malaterre, CFMf topic-model: comparison with LDA and Top2Vec,
Scientometrics 129(10), 2024; Lamirel, Mall, Cuxac & Safi, Variations to incremental growing neural
gas algorithm based on label maximization, 2011; Prouteau et al. 2026 (arXiv 2603.01945: CFMF-emb).
"""

from collections.abc import Sequence
from functools import partial
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from isogloss._core.checks import one_of
from isogloss._core.errors import ParameterError
from isogloss.topics.estimator import AT_LEAST_ONE
from isogloss.topics.graph import WordWeights
from isogloss.topics.models.feature_maximization import feature_maximization
from isogloss.topics.models.gas import Stress, grow_gas, nearest_unit, scores_of
from isogloss.topics.models.inputs import (
    checked_counts,
    checked_topics,
    checked_vectors,
    checked_words,
    top_words,
)
from isogloss.topics.models.kept import KeptModel
from isogloss.topics.models.number import found_number
from isogloss.topics.result import TopicResult

__all__ = ["CFMF", "CFMFEmb"]

Floats = NDArray[np.float64]


class _Gas(KeptModel):
    """What both have in common: the parameters, and how many topics there are by default."""

    limits: ClassVar = {"n_keywords": AT_LEAST_ONE}

    def __init__(
        self,
        n_topics: int | None = None,
        *,
        n_keywords: int = 20,
        random_state: int = 0,
    ) -> None:
        self.n_topics = n_topics
        self.n_keywords = n_keywords
        self.random_state = random_state

    def _units(
        self,
        rows: Any,
        words: Any,
        vectors: NDArray[np.float32] | None = None,
        stress: Stress | None = None,
    ) -> Floats:
        """Grow the gas to the wanted number of units, or to the number that the graph suggests."""
        checked_topics(self.n_topics, rows.shape[0])
        if rows.shape[0] == 0:
            return np.zeros((0, rows.shape[1]))
        units = self.n_topics
        if units is None:
            units = found_number(words.astype(np.float32), vectors, seed=self.random_state)
        return grow_gas(rows, units, seed=self.random_state, stress=stress)[0]

    def _result(self, labels: NDArray[np.int32], weights: Any, words: Any, t: int) -> TopicResult:
        measured = feature_maximization(weights, labels, count=t)
        return TopicResult.hard(
            labels,
            keywords=top_words(measured.active, words, self.n_keywords),
            topic_word=measured.active,
            vocabulary=words,
            weighting="feature maximization",
            provenance={"model": type(self).__name__, "parameters": self.get_params()},
        )


class CFMF(_Gas):
    """Cluster TF-IDF rows with a growing neural gas steered by feature maximization.

    A passage goes to the unit whose active words, by their contrast, it holds most of. Units and
    their active words are found anew in every pass, and units are added until there are enough.

    Parameters
    ----------
    n_topics : int, optional
        Topics wanted; by default as many as the graph of nearest neighbours has communities
        (`isogloss.topics.models.number`).
    n_keywords : int, default 20
        Words of a topic.
    winner : {"features", "distance"}, default "features"
        Where a passage goes: to the unit whose active words it holds most of, or to the nearest.
    random_state : int, default 0

    Attributes
    ----------
    units_ : float64 (t, v)
        Unit row of each topic: its mean, active words only, by their contrast.

    Notes
    -----
    Time O(topics^2 nnz). That feature maximization chooses the winner while learning is the papers'
    point; the exact rule is not public. What is done otherwise, as far as we know: passes over all
    passages instead of single steps; the unit's words weighted by contrast, then cosine; units born
    at a passage of the unit of greatest error until there are enough, without ages and thresholds.

    Related
    -------
    `CFMFEmb` clusters embeddings, which follow meaning better.

    Examples
    --------
    >>> counts = np.repeat([[3, 3, 0, 0], [0, 0, 3, 3]], 10, axis=0)
    >>> model = CFMF(n_topics=2).fit(counts, vocabulary=["cat", "paw", "moon", "sun"])
    >>> sorted(sorted(words) for words in model.result_.keywords)
    [['cat', 'paw'], ['moon', 'sun']]
    """

    input_kind: ClassVar[Literal["counts"]] = "counts"
    limits: ClassVar = _Gas.limits | {"winner": partial(one_of, known=("features", "distance"))}
    kept: ClassVar[dict[str, str]] = {"units_": "tv", "_weights": "v"}

    def __init__(
        self,
        n_topics: int | None = None,
        *,
        n_keywords: int = 20,
        winner: str = "features",
        random_state: int = 0,
    ) -> None:
        super().__init__(n_topics, n_keywords=n_keywords, random_state=random_state)
        self.winner = winner

    def fit(  # type: ignore[override]
        self, X: Any, y: Any = None, *, vocabulary: Sequence[str] | None = None
    ) -> "CFMF":
        """Find the topics.

        Parameters
        ----------
        X : CSR (n, v)
            Word counts, 0 or more.
        y : None
            Ignored.
        vocabulary : sequence of str (v,), optional
            Word of each column; by default their numbers.

        Raises
        ------
        ParameterError
            For counts or parameters that cannot be used.
        """
        self._check_params()
        counts = checked_counts(X)
        words = checked_words(vocabulary, counts.shape[1])
        self._weights = WordWeights.fit(counts)
        weighed = self._weights.transform(counts).astype(np.float64)
        full = np.flatnonzero(np.diff(weighed.indptr))
        rows = weighed[full]
        stress = _active_contrast(rows) if self.winner == "features" else None
        self.units_ = self._units(rows, rows, stress=stress)
        labels = self._labels(weighed)
        kept = np.flatnonzero(np.bincount(labels[labels >= 0], minlength=len(self.units_)))
        if len(kept) < len(self.units_):  # passages too few or too equal for so many
            self.units_ = self.units_[kept]
            labels = self._labels(weighed)
        self.result_ = self._result(labels, weighed, words, len(self.units_))
        return self

    def transform(self, X: Any) -> Any:
        """Give the topic of each passage as float32 CSR (n, t) of ones; empty rows for none."""
        self._need_fit("result_")
        counts = checked_counts(X, columns=self.units_.shape[1])
        labels = self._labels(self._weights.transform(counts).astype(np.float64))
        return TopicResult.hard(labels, keywords=self.result_.keywords).membership

    def _labels(self, weighed: Any) -> NDArray[np.int32]:
        labels = np.full(weighed.shape[0], -1, dtype=np.int32)
        full = np.flatnonzero(np.diff(weighed.indptr))
        if len(full) and len(self.units_):
            labels[full] = nearest_unit(scores_of(weighed[full], self.units_))
        return labels


class CFMFEmb(_Gas):
    """Cluster embeddings with a growing neural gas; take words by feature maximization.

    Parameters
    ----------
    n_topics : int, optional
        Topics wanted; by default as many as the graph of nearest neighbours has communities
        (`isogloss.topics.models.number`).
    n_keywords : int, default 20
        Words of a topic.
    random_state : int, default 0

    Attributes
    ----------
    units_ : float64 (t, d)
        Unit vector of each topic.

    Notes
    -----
    Time O(topics^2 n d). That the papers' CFMF-emb is this is inferred from its name.

    Examples
    --------
    >>> vectors = np.repeat(np.eye(2), 10, axis=0)
    >>> counts = np.repeat([[3, 3, 0, 0], [0, 0, 3, 3]], 10, axis=0)
    >>> model = CFMFEmb(n_topics=2).fit(
    ...     vectors, counts=counts, vocabulary=["cat", "paw", "moon", "sun"]
    ... )
    >>> sorted(sorted(words) for words in model.result_.keywords)
    [['cat', 'paw'], ['moon', 'sun']]
    """

    input_kind: ClassVar[Literal["vectors"]] = "vectors"
    kept: ClassVar[dict[str, str]] = {"units_": "td"}

    def fit(  # type: ignore[override]
        self,
        X: Any,
        y: Any = None,
        *,
        counts: Any = None,
        vocabulary: Sequence[str] | None = None,
    ) -> "CFMFEmb":
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
        rows = checked_vectors(X)
        if counts is None:
            raise ParameterError("counts is missing: keywords are chosen from word counts (n, v)")
        held = checked_counts(counts, name="counts")
        if held.shape[0] != len(rows):
            raise ParameterError(f"counts has {held.shape[0]} rows for {len(rows)} vectors")
        words = checked_words(vocabulary, held.shape[1])
        weighed = WordWeights.fit(held).transform(held).astype(np.float64)
        full = np.flatnonzero(rows.any(axis=1))
        self.units_ = self._units(rows[full], weighed[full], rows[full])
        labels = self._labels(rows)
        self.result_ = self._result(labels, weighed, words, len(self.units_))
        return self

    def transform(self, X: Any) -> Any:
        """Give the topic of each passage as float32 CSR (n, t) of ones; empty rows for none."""
        self._need_fit("result_")
        labels = self._labels(checked_vectors(X, columns=self.units_.shape[1]))
        return TopicResult.hard(labels, keywords=self.result_.keywords).membership

    def _labels(self, rows: NDArray[np.float32]) -> NDArray[np.int32]:
        labels = np.full(len(rows), -1, dtype=np.int32)
        full = np.flatnonzero(rows.any(axis=1))
        if len(full) and len(self.units_):
            labels[full] = nearest_unit(scores_of(rows[full], self.units_))
        return labels


def _active_contrast(rows: Any) -> Stress:
    """Tell how much words count in units: by their contrast where they are active, else not."""

    def stress(winner: NDArray[np.int64], count: int) -> Any:
        measured = feature_maximization(rows, winner, count=count)
        return measured.contrast.multiply(measured.active > 0).tocsr()

    return stress
