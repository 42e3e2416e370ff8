"""Latent Dirichlet allocation, trained by tomotopy or scikit-learn.

Paper: Blei, Ng & Jordan, Latent Dirichlet allocation, 2003; Griffiths & Steyvers 2004 (Gibbs
sampling); Hoffman, Blei & Bach 2010 (online variational inference).
"""

from collections.abc import Sequence
from functools import partial
from typing import Any, ClassVar, Literal

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from isogloss._core.checks import folded_seed, one_of
from isogloss._core.extras import need
from isogloss._core.threads import map_blocks
from isogloss.topics.estimator import ABOVE_ZERO, AT_LEAST_ONE, largest_part
from isogloss.topics.models.inputs import (
    checked_counts,
    checked_topics,
    checked_words,
    top_words,
)
from isogloss.topics.models.kept import KeptModel
from isogloss.topics.result import TopicResult

__all__ = ["LDATopics", "document_parts"]

BLOCK = 128  # passages inferred at once


class LDATopics(KeptModel):
    """Topics as distributions over words, passages as mixtures of topics.

    Parameters
    ----------
    n_topics : int, default 20
        Topics wanted, 1 or more.
    engine : {"tomotopy", "sklearn"}, default "tomotopy"
        Gibbs sampling by tomotopy on one thread, or online variational inference by scikit-learn.
    alpha : float, optional
        Prior of topics in a passage, above 0; ``1 / n_topics`` by default. tomotopy goes on to
        estimate it.
    eta : float, default 0.01
        Prior of words in a topic, above 0.
    iterations : int, optional
        Sweeps over the passages: 500 with tomotopy, 20 with scikit-learn.
    n_keywords : int, default 20
        Words of a topic.
    random_state : int, default 0

    Attributes
    ----------
    topic_word_ : float64 (t, v)
        Probability of each word in each topic.
    alpha_ : float64 (t,)
        Prior of the topics, as trained.

    Notes
    -----
    Words are rounded to whole counts for tomotopy. Whatever the engine, the parts of topics in a
    passage come from one rule that draws nothing (`document_parts`), so that `transform` gives what
    `fit` gave.

    Examples
    --------
    >>> counts = np.repeat([[3, 3, 0, 0], [0, 0, 3, 3]], 10, axis=0)
    >>> model = LDATopics(n_topics=2, engine="sklearn").fit(
    ...     counts, vocabulary=["cat", "paw", "moon", "sun"]
    ... )
    >>> sorted(sorted(words[:2]) for words in model.result_.keywords)
    [['cat', 'paw'], ['moon', 'sun']]
    """

    input_kind: ClassVar[Literal["counts"]] = "counts"
    limits: ClassVar = {
        "engine": partial(one_of, known=("tomotopy", "sklearn")),
        "alpha": ABOVE_ZERO,
        "eta": ABOVE_ZERO,
        "iterations": AT_LEAST_ONE,
        "n_keywords": AT_LEAST_ONE,
    }
    kept: ClassVar[dict[str, str]] = {"topic_word_": "tv", "alpha_": "t"}

    def __init__(
        self,
        n_topics: int = 20,
        *,
        engine: str = "tomotopy",
        alpha: float | None = None,
        eta: float = 0.01,
        iterations: int | None = None,
        n_keywords: int = 20,
        random_state: int = 0,
    ) -> None:
        self.n_topics = n_topics
        self.engine = engine
        self.alpha = alpha
        self.eta = eta
        self.iterations = iterations
        self.n_keywords = n_keywords
        self.random_state = random_state

    def fit(  # type: ignore[override]
        self, X: Any, y: Any = None, *, vocabulary: Sequence[str] | None = None
    ) -> "LDATopics":
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
        MissingExtra
            When the engine is not installed.
        """
        self._check_params()
        engines = {"tomotopy": _by_tomotopy, "sklearn": _by_sklearn}
        counts = checked_counts(X)
        words = checked_words(vocabulary, counts.shape[1])
        full = np.flatnonzero(np.diff(counts.indptr))
        checked_topics(self.n_topics, len(full))
        self.topic_word_, self.alpha_ = engines[self.engine](self, counts[full])
        membership = self._parts(counts)
        self.result_ = TopicResult(
            membership,
            largest_part(membership),
            top_words(self.topic_word_, words, self.n_keywords),
            topic_word=self.topic_word_,
            vocabulary=words,
            weighting="probability",
            provenance={"model": "LDATopics", "parameters": self.get_params()},
        )
        return self

    def transform(self, X: Any) -> Any:
        """Give the part of each topic in each passage, float32 CSR (n, t); rows sum to 1."""
        self._need_fit("result_")
        return self._parts(checked_counts(X, columns=self.topic_word_.shape[1]))

    def _parts(self, counts: Any) -> Any:
        return sp.csr_matrix(document_parts(counts, self.topic_word_, self.alpha_))


def document_parts(
    counts: Any,
    topic_word: NDArray[np.float64],
    alpha: NDArray[np.float64],
    *,
    steps: int = 50,
) -> NDArray[np.float32]:
    """Infer the mixture of topics of passages, given the topics.

    Variational inference of Blei, Ng & Jordan with the topics held, from an even start, always with
    the same number of steps: nothing depends on the other passages.

    Parameters
    ----------
    counts : CSR (n, v)
    topic_word : float64 (t, v)
        Probabilities.
    alpha : float64 (t,)
        Prior of the topics.
    steps : int, default 50

    Returns
    -------
    float32 (n, t)
        Rows sum to 1; those of passages without words are 0.

    Notes
    -----
    Time O(steps nnz t), memory O(block words t).

    Examples
    --------
    >>> topics = np.array([[0.9, 0.1], [0.1, 0.9]])
    >>> parts = document_parts(sp.csr_matrix([[5, 0], [0, 0]]), topics, np.ones(2))
    >>> bool(parts[0, 0] > 0.7), parts[1].tolist()
    (True, [0.0, 0.0])
    """
    from scipy.special import digamma

    t, n = len(alpha), counts.shape[0]
    columns = np.ascontiguousarray(topic_word.T)
    parts = np.zeros((n, t), dtype=np.float32)

    def infer(first: int) -> None:
        rows = counts[first : first + BLOCK]
        owner = np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr))
        chances = columns[rows.indices]  # (nnz, t)
        sums = sp.csr_matrix(
            (rows.data, np.arange(rows.nnz), rows.indptr), shape=(rows.shape[0], rows.nnz)
        )
        gamma = alpha + np.diff(rows.indptr)[:, None] / t
        for _ in range(steps):
            mixture = np.exp(digamma(gamma) - digamma(gamma.sum(axis=1, keepdims=True)))
            share = chances * mixture[owner]
            share /= np.maximum(share.sum(axis=1, keepdims=True), 1e-300)
            gamma = alpha + sums @ share
        gamma[np.diff(rows.indptr) == 0] = 0.0
        total = gamma.sum(axis=1, keepdims=True)
        parts[first : first + BLOCK] = gamma / np.where(total > 0, total, 1.0)

    map_blocks(infer, range(0, n, BLOCK))
    return parts


def _by_tomotopy(model: LDATopics, counts: Any) -> tuple[Any, Any]:
    """Give topics (t, v) and their prior (t,) by Gibbs sampling on one thread."""
    tomotopy = need("tomotopy", extra="topics")
    k = model.n_topics
    prior = 1.0 / k if model.alpha is None else model.alpha
    seed = folded_seed(model.random_state)
    sampler = tomotopy.LDAModel(k=k, alpha=prior, eta=model.eta, seed=seed)
    times = np.rint(counts.data).astype(np.int64)
    names = [str(column) for column in range(counts.shape[1])]
    for start, end in zip(counts.indptr[:-1], counts.indptr[1:], strict=True):
        columns = np.repeat(counts.indices[start:end], times[start:end])
        if len(columns):
            sampler.add_doc([names[column] for column in columns])
    sampler.train(500 if model.iterations is None else model.iterations, workers=1)
    found = np.stack([sampler.get_topic_word_dist(topic) for topic in range(k)])
    topics = np.zeros((k, counts.shape[1]))
    topics[:, [int(word) for word in sampler.used_vocabs]] = found
    return topics, np.asarray(sampler.alpha, dtype=np.float64)


def _by_sklearn(model: LDATopics, counts: Any) -> tuple[Any, Any]:
    """Give topics (t, v) and their prior (t,) by online variational inference."""
    decomposition = need("sklearn.decomposition", extra="topics")
    prior = 1.0 / model.n_topics if model.alpha is None else model.alpha
    trainer = decomposition.LatentDirichletAllocation(
        model.n_topics,
        doc_topic_prior=prior,
        topic_word_prior=model.eta,
        learning_method="online",
        batch_size=256,
        max_iter=20 if model.iterations is None else model.iterations,
        random_state=folded_seed(model.random_state),
        n_jobs=1,
    ).fit(counts)
    topics = trainer.components_ / trainer.components_.sum(axis=1, keepdims=True)
    return topics, np.full(model.n_topics, prior)
