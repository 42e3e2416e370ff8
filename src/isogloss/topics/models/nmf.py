"""Non-negative matrix factorization of TF-IDF rows.

Paper: Lee & Seung 1999; Boutsidis & Gallopoulos 2008 (the start, NNDSVD).
"""

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from isogloss._core.checks import folded_seed
from isogloss._core.errors import ParameterError
from isogloss._core.extras import need
from isogloss._core.threads import map_blocks, single_threaded_blas
from isogloss.topics.estimator import AT_LEAST_ONE, largest_part
from isogloss.topics.graph import WordWeights
from isogloss.topics.models.inputs import (
    checked_counts,
    checked_topics,
    checked_words,
    top_words,
)
from isogloss.topics.models.kept import KeptModel
from isogloss.topics.result import TopicResult

__all__ = ["NMFTopics", "nonnegative_parts", "singular_start"]

BLOCK = 1024  # passages solved at once


class NMFTopics(KeptModel):
    """Topics as non-negative parts of which TF-IDF rows are sums.

    Parameters
    ----------
    n_topics : int, default 20
        Topics wanted, 1 or more, at most the words.
    iterations : int, default 300
        Most sweeps of the solver.
    n_keywords : int, default 20
        Words of a topic.
    random_state : int, default 0
        Of the search for the singular vectors from which it starts; they are exact, so it hardly
        matters.

    Attributes
    ----------
    topic_word_ : float64 (t, v)
        Weight of each word in each topic.

    Notes
    -----
    The factors are scikit-learn's. The parts of a passage are then solved for row by row, the same
    way in `fit` and `transform`. The start is NNDSVD; scikit-learn's own takes singular vectors
    from a short random search, and topics change with its seed.

    Examples
    --------
    >>> counts = np.repeat([[3, 3, 0, 0], [0, 0, 3, 3]], 10, axis=0)
    >>> model = NMFTopics(n_topics=2).fit(counts, vocabulary=["cat", "paw", "moon", "sun"])
    >>> sorted(sorted(words) for words in model.result_.keywords)
    [['cat', 'paw'], ['moon', 'sun']]
    """

    input_kind: ClassVar[Literal["counts"]] = "counts"
    limits: ClassVar = {"iterations": AT_LEAST_ONE, "n_keywords": AT_LEAST_ONE}
    kept: ClassVar[dict[str, str]] = {"topic_word_": "tv", "_weights": "v"}

    def __init__(
        self,
        n_topics: int = 20,
        *,
        iterations: int = 300,
        n_keywords: int = 20,
        random_state: int = 0,
    ) -> None:
        self.n_topics = n_topics
        self.iterations = iterations
        self.n_keywords = n_keywords
        self.random_state = random_state

    def fit(  # type: ignore[override]
        self, X: Any, y: Any = None, *, vocabulary: Sequence[str] | None = None
    ) -> "NMFTopics":
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
            Without scikit-learn.
        """
        decomposition = need("sklearn.decomposition", extra="topics")
        self._check_params()
        counts = checked_counts(X)
        words = checked_words(vocabulary, counts.shape[1])
        full = np.flatnonzero(np.diff(counts.indptr))
        checked_topics(self.n_topics, len(full))
        if self.n_topics > counts.shape[1]:
            raise ParameterError(f"n_topics is {self.n_topics} for {counts.shape[1]} words")
        self._weights = WordWeights.fit(counts)
        weighed = self._weights.transform(counts).astype(np.float64)
        solver = decomposition.NMF(
            self.n_topics,
            init="custom",
            max_iter=self.iterations,
            random_state=folded_seed(self.random_state),
        )
        left, right = singular_start(weighed[full], self.n_topics, seed=self.random_state)
        import warnings

        with single_threaded_blas(), warnings.catch_warnings(), np.errstate(invalid="ignore"):
            # Stopping after `iterations` is what the parameter says; and the error of a perfect fit
            # can come out as the root of a tiny negative number (it is not used).
            warnings.filterwarnings("ignore", message="Maximum number of iterations")
            solver.fit_transform(weighed[full], W=left, H=right)
        self.topic_word_ = np.asarray(solver.components_, dtype=np.float64)
        membership = self._parts(weighed)
        self.result_ = TopicResult(
            membership,
            largest_part(membership),
            top_words(self.topic_word_, words, self.n_keywords),
            topic_word=self.topic_word_,
            vocabulary=words,
            weighting="factor",
            provenance={"model": "NMFTopics", "parameters": self.get_params()},
        )
        return self

    def transform(self, X: Any) -> Any:
        """Give the part of each topic in each passage, float32 CSR (n, t).

        Rows sum to 1; those of passages without known words are empty.
        """
        self._need_fit("result_")
        counts = checked_counts(X, columns=self.topic_word_.shape[1])
        return self._parts(self._weights.transform(counts).astype(np.float64))

    def _parts(self, weighed: Any) -> Any:
        parts = nonnegative_parts(weighed, self.topic_word_)
        # A topic counts by its whole weight, whichever factor holds the scale.
        parts *= np.linalg.norm(self.topic_word_, axis=1)
        total = parts.sum(axis=1, keepdims=True)
        return sp.csr_matrix(np.asarray(parts / np.where(total > 0, total, 1.0), dtype=np.float32))


def singular_start(
    rows: Any, count: int, *, seed: int = 0
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give non-negative factors to start from, by the signs of the singular vectors (NNDSVD).

    Parameters
    ----------
    rows : CSR (n, v)
        0 or more.
    count : int
        Topics.
    seed : int, default 0
        Of the first vector of the search.

    Returns
    -------
    float64 (n, count), float64 (count, v)

    Examples
    --------
    >>> left, right = singular_start(sp.csr_matrix([[3.0, 0, 0], [0, 2, 0], [0, 0, 1]]), 2)
    >>> (left @ right).round(6).tolist()
    [[3.0, 0.0, 0.0], [0.0, 2.0, 0.0], [0.0, 0.0, 0.0]]
    """
    from scipy.sparse.linalg import svds

    n, v = rows.shape
    with single_threaded_blas():
        if count < min(n, v):
            first = np.random.default_rng(seed).uniform(0.5, 1.5, min(n, v))
            u, values, w = svds(rows, k=count, v0=first, solver="arpack")
        else:
            u, values, w = np.linalg.svd(rows.toarray(), full_matrices=False)
    order = np.argsort(-values, kind="stable")
    left, right = np.zeros((n, count)), np.zeros((count, v))
    for topic, one in enumerate(order[:count]):
        sides = [(np.maximum(s * u[:, one], 0), np.maximum(s * w[one], 0)) for s in (1, -1)]
        # Vectors come with either sign: the heavier side of both is taken.
        lengths = [float(np.linalg.norm(a) * np.linalg.norm(b)) for a, b in sides]
        a, b = sides[0] if lengths[0] >= lengths[1] else sides[1]
        if max(lengths) > 0:
            scale = np.sqrt(values[one] * max(lengths))
            left[:, topic] = scale * a / np.linalg.norm(a)
            right[topic] = scale * b / np.linalg.norm(b)
    # What is nothing but rounding would never leave zero again, or grow into a word.
    left[left < 1e-6], right[right < 1e-6] = 0.0, 0.0
    return left, right


def nonnegative_parts(
    rows: Any, parts: NDArray[np.float64], *, sweeps: int = 100
) -> NDArray[np.float64]:
    """Solve ``rows ~ weights @ parts`` for weights of 0 or more, row by row.

    Parameters
    ----------
    rows : CSR (n, v)
    parts : float64 (t, v)
    sweeps : int, default 100
        Rounds of coordinate descent, always as many, from zeros.

    Returns
    -------
    float64 (n, t)

    Examples
    --------
    >>> nonnegative_parts(sp.csr_matrix([[2.0, 0.0]]), np.array([[1.0, 0.0], [1.0, 1.0]])).tolist()
    [[2.0, 0.0]]
    """
    n, t = rows.shape[0], len(parts)
    found = np.zeros((n, t))
    with single_threaded_blas():
        gram = parts @ parts.T
    columns = np.ascontiguousarray(parts.T)
    scale = np.diag(gram).copy()

    def solve(first: int) -> None:
        target = (rows[first : first + BLOCK] @ columns).T  # (t, block)
        weights = np.zeros_like(target)
        for _ in range(sweeps):
            for j in range(t):
                if scale[j] > 0:
                    step = (target[j] - gram[j] @ weights) / scale[j]
                    weights[j] = np.maximum(0.0, weights[j] + step)
        found[first : first + BLOCK] = weights.T

    map_blocks(solve, range(0, n, BLOCK))
    return found
