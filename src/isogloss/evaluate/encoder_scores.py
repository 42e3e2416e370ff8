"""Scores of vectors against truth: graded pairs, classes to tell apart, classes to find again."""

import numpy as np
from numpy.typing import NDArray

from isogloss._core.threads import single_threaded_blas
from isogloss._math.bootstrap import interval, resample_cells
from isogloss.evaluate.score import Score

__all__ = ["cluster_score", "k_means", "probe", "spearman"]

Floats = NDArray[np.float64]

PROBE_STRENGTH = 10.0  # inverse of the L2 penalty, as scikit-learn's C
PROBE_STEPS = 300
CLUSTER_SEEDS = 3
STARTS, ROUNDS = 4, 50  # of k-means


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


def k_means(rows: Floats, k: int, *, seed: int = 0) -> NDArray[np.int64]:
    """Part rows into k clusters around means: the best of four starts, each drawn by k-means++.

    Parameters
    ----------
    rows : float64 (n, d)
    k : int
        Clusters at most; fewer when fewer rows differ.
    seed : int

    Returns
    -------
    int64 (n,)

    References
    ----------
    Arthur & Vassilvitskii, k-means++: the advantages of careful seeding (2007).

    Examples
    --------
    >>> k_means(np.array([[0.0], [0.1], [5.0]]), 2).tolist() in ([0, 0, 1], [1, 1, 0])
    True
    """
    best, least = np.zeros(len(rows), dtype=np.int64), np.inf
    with single_threaded_blas():
        squares = (rows**2).sum(axis=1)
        for start in range(STARTS):
            means = _spread_rows(rows, squares, k, np.random.default_rng([seed, start]))
            labels, cost = _settle(rows, squares, means)
            if cost < least:
                best, least = labels, cost
    return best


def _spread_rows(rows: Floats, squares: Floats, k: int, rng: np.random.Generator) -> Floats:
    """Draw rows as first means, each with a chance by its squared distance to those before."""
    chosen = [int(rng.integers(len(rows)))]
    near = np.full(len(rows), np.inf)
    while len(chosen) < k:
        last = chosen[-1]
        near = np.minimum(near, np.maximum(squares + squares[last] - 2 * rows @ rows[last], 0))
        near[chosen] = 0
        total = near.sum()
        if total < 1e-12:
            break
        chosen.append(int(rng.choice(len(rows), p=near / total)))
    return rows[chosen].copy()


def _settle(rows: Floats, squares: Floats, means: Floats) -> tuple[NDArray[np.int64], float]:
    """Move means until no row changes its own, 50 times at most."""
    labels = np.full(len(rows), -1, dtype=np.int64)
    cost = np.inf
    for _ in range(ROUNDS):
        distances = (means**2).sum(axis=1)[None] - 2 * rows @ means.T
        found = distances.argmin(axis=1)
        cost = float((distances[np.arange(len(rows)), found] + squares).sum())
        if (found == labels).all():
            break
        labels = found
        counts = np.bincount(labels, minlength=len(means))
        sums = np.zeros_like(means)
        np.add.at(sums, labels, rows)
        means = np.where(counts[:, None] > 0, sums / np.maximum(counts, 1)[:, None], means)
    return labels, cost


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
    from isogloss.evaluate.partition import partition_scores

    kinds = len(np.unique(classes))
    rows = np.asarray(vectors, dtype=np.float64)
    runs = []
    for number in range(CLUSTER_SEEDS):
        labels = k_means(rows, kinds, seed=seed + number)
        runs.append(partition_scores(labels, classes, resamples=200, seed=seed)["nmi"])
    value = round(float(np.mean([one.value for one in runs])), 6)
    low, high = min(one.low for one in runs), max(one.high for one in runs)
    return Score("nmi", value, low, high, len(classes), "texts", notes="k-means, three runs")
