"""Scores of vectors against truth: graded pairs, classes to tell apart, classes to find again."""

import warnings

import numpy as np
from numpy.typing import NDArray

from isogloss._core.threads import single_threaded_blas
from isogloss._math.bootstrap import interval, resample_cells
from isogloss.evaluate.score import Score

__all__ = ["cluster_score", "probe", "spearman"]

Floats = NDArray[np.float64]

PROBE_STRENGTH = 10.0  # inverse of the L2 penalty, as scikit-learn's C
PROBE_STEPS = 300
CLUSTER_SEEDS = 3


def spearman(
    x: NDArray[np.floating], y: NDArray[np.floating], *, resamples: int = 1000, seed: int = 0
) -> Score:
    """Give the rank correlation of two series.

    Parameters
    ----------
    x, y : float (n,)
    resamples, seed : int
        Of the bootstrap over pairs, whose ranks are kept.

    Returns
    -------
    Score
        -1 to 1; not a number when one of the series never changes.

    Examples
    --------
    >>> spearman(np.array([1.0, 2.0, 3.0]), np.array([1.0, 4.0, 9.0])).value
    1.0
    """
    from scipy.stats import rankdata

    one, other = rankdata(x), rankdata(y)
    one, other = one - one.mean(), other - other.mean()

    def pearson(counts: NDArray[np.int64]) -> Floats:
        total = counts.sum(axis=1)
        mean, second = counts @ one / total, counts @ other / total
        shared = counts @ (one * other) / total - mean * second
        spread = (counts @ (one * one) / total - mean**2) * (
            counts @ (other * other) / total - second**2
        )
        found = np.full(len(counts), np.nan)
        np.divide(shared, np.sqrt(np.maximum(spread, 0)), out=found, where=spread > 1e-12)
        return found

    ones = np.ones(len(one), dtype=np.int64)
    with single_threaded_blas():
        value = round(float(pearson(ones[None])[0]), 12)
        blocks = resample_cells(ones, resamples=resamples, seed=seed)
        draws = np.concatenate([pearson(block) for block in blocks])
    low, high = interval(draws, value, bounds=(-1.0, 1.0))
    return Score("spearman", value, low, high, len(one), "pairs")


def probe(
    train: NDArray[np.float32],
    classes: NDArray[np.int64],
    test: NDArray[np.float32],
    truth: NDArray[np.int64],
) -> Floats:
    """Fit multinomial logistic regression on frozen vectors, and say which tests it gets right.

    Parameters
    ----------
    train : float32 (n, d)
    classes : int64 (n,)
        Class numbers from 0.
    test : float32 (m, d)
    truth : int64 (m,)

    Returns
    -------
    float64 (m,)
        1 where the class is right, else 0.

    Notes
    -----
    L2 penalty ``1 / (2 C)`` with C = 10, intercepts free, at most 300 steps of L-BFGS: what
    scikit-learn's `LogisticRegression` minimises. BLAS runs on one thread, so that the fit does
    not depend on the number of threads.

    Examples
    --------
    >>> x = np.array([[1, 0], [0, 1]], dtype=np.float32)
    >>> probe(x, np.array([0, 1]), x, np.array([0, 0])).tolist()
    [1.0, 0.0]
    """
    from scipy.optimize import minimize

    kinds = int(classes.max()) + 1
    rows = np.asarray(train, dtype=np.float64)
    dim = rows.shape[1]
    hot = np.zeros((len(rows), kinds))
    hot[np.arange(len(rows)), classes] = 1.0

    def loss(flat: Floats) -> tuple[float, Floats]:
        weights = flat.reshape(dim + 1, kinds)
        scores = rows @ weights[:dim] + weights[dim]
        scores -= scores.max(axis=1, keepdims=True)
        total = np.log(np.exp(scores).sum(axis=1, keepdims=True))
        value = -float((hot * (scores - total)).sum())
        value += float((weights[:dim] ** 2).sum()) / (2 * PROBE_STRENGTH)
        error = np.exp(scores - total) - hot
        slope = np.empty_like(weights)
        slope[:dim] = rows.T @ error + weights[:dim] / PROBE_STRENGTH
        slope[dim] = error.sum(axis=0)
        return value, slope.ravel()

    start = np.zeros((dim + 1) * kinds)
    with single_threaded_blas():
        found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": PROBE_STEPS})
        weights = found.x.reshape(dim + 1, kinds)
        said = (np.asarray(test, dtype=np.float64) @ weights[:dim] + weights[dim]).argmax(axis=1)
    return np.asarray(said == truth, dtype=np.float64)


def cluster_score(
    vectors: NDArray[np.float32], classes: NDArray[np.int64], *, seed: int = 0
) -> Score:
    """Give the mutual information of k-means clusters with classes, k the number of classes.

    Parameters
    ----------
    vectors : float32 (n, d)
    classes : int64 (n,)
        Class numbers from 0.
    seed : int
        Of the first of three runs.

    Returns
    -------
    Score
        Mean NMI of the runs, 0 to 1; the interval reaches over the bootstrap of each.

    Examples
    --------
    >>> x = np.repeat(np.eye(3, dtype=np.float32), 5, axis=0)
    >>> cluster_score(x, np.repeat(np.arange(3), 5)).value
    1.0
    """
    from scipy.cluster.vq import kmeans2

    from isogloss.evaluate.partition import partition_scores

    kinds = len(np.unique(classes))
    rows = np.asarray(vectors, dtype=np.float64)
    runs = []
    for number in range(CLUSTER_SEEDS):
        with single_threaded_blas(), warnings.catch_warnings():
            # An empty cluster is a worse answer, not a fault: the score says so.
            warnings.filterwarnings("ignore", message="One of the clusters is empty")
            found = kmeans2(rows, kinds, iter=30, minit="++", seed=seed + number)[1]
        labels = np.asarray(found, dtype=np.int64)
        runs.append(partition_scores(labels, classes, resamples=200, seed=seed)["nmi"])
    value = round(float(np.mean([one.value for one in runs])), 6)
    low, high = min(one.low for one in runs), max(one.high for one in runs)
    return Score("nmi", value, low, high, len(classes), "texts", notes="k-means, three runs")
