"""Smaller tasks that rank models as the full ones do.

K. Enevoldsen et al.: MMTEB: Massive Multilingual Text Embedding Benchmark. ICLR 2025, section 3:
hard negatives for retrieval, bootstraps for clustering, and tasks that the others predict.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from isogloss._core.errors import ParameterError
from isogloss._core.extras import need
from isogloss._core.threads import single_threaded_blas
from isogloss.mteb.data import RetrievalData
from isogloss.mteb.run import trec_order

Run = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class HardNegatives:
    """A retrieval set cut to what is hard in it.

    Parameters
    ----------
    data : RetrievalData
        The kept documents, queries and judgements.
    documents, queries : float
        Shares that were kept, 0 to 1.
    pooled : dict of str to int
        Documents that each retriever put into the pool, shared ones with each.
    """

    data: RetrievalData
    documents: float
    queries: float
    pooled: dict[str, int]


def hard_negatives(
    data: RetrievalData,
    runs: Mapping[str, Run],
    *,
    depth: int = 250,
    queries: int = 1000,
    seed: int = 0,
) -> HardNegatives:
    """Keep the best documents of several retrievers for each query, and all judged ones.

    Parameters
    ----------
    data : RetrievalData
        The full set.
    runs : mapping of str to mapping of query to mapping of document to score
        What at least two retrievers found, as unlike each other as can be had: of words and of
        vectors. The documents that all of them leave out are those that are easily told apart.
    depth : int
        Documents of each retriever a query; the paper has 250.
    queries : int
        Queries kept at most, drawn with `seed`; the paper has 1,000.
    seed : int

    Returns
    -------
    HardNegatives

    Raises
    ------
    ParameterError
        For fewer than two runs, a depth or a number of queries below 1, or a run that lacks a
        query.

    Notes
    -----
    Retrievers of the pool meet their own hardest negatives in full, and others only those that
    they share: compare models that took no part apart from those that did.

    Examples
    --------
    >>> data = RetrievalData(
    ...     {name: ("", name) for name in "abcd"}, {"q": "?"}, {"q": {"a": 1}})
    >>> runs = {"words": {"q": {"b": 2.0, "a": 1.0}}, "vectors": {"q": {"c": 0.5, "d": 0.4}}}
    >>> list(hard_negatives(data, runs, depth=1).data.documents)
    ['a', 'b', 'c']
    """
    if len(runs) < 2:
        raise ParameterError(
            f"{len(runs)} retrievers: give two or more, or the pool is one model's own"
        )
    if depth < 1 or queries < 1:
        raise ParameterError(f"depth is {depth} and queries is {queries}: give 1 or more")
    judged = data.judged
    order = np.random.default_rng(seed).permutation(len(judged))[:queries]
    asked = [judged[place] for place in sorted(order.tolist())]
    kept = {document for query in asked for document in data.qrels[query]}
    pooled = {}
    for name, run in runs.items():
        own: set[str] = set()
        for query in asked:
            if query not in run:
                raise ParameterError(f"the run of {name!r} lacks the query {query!r}")
            own.update(trec_order(run[query])[:depth])
        pooled[name] = len(own)
        kept |= own
    small = data.subset(kept, asked)
    return HardNegatives(
        small, len(small.documents) / len(data.documents), len(asked) / len(judged), pooled
    )


def v_measures(
    vectors: NDArray[np.float32],
    labels: Sequence[str],
    *,
    sample: int = 16_384,
    bootstraps: int = 10,
    most: int | None = None,
    seed: int = 42,
) -> list[float]:
    """Cluster bootstraps of labelled vectors and score each: mteb's clustering, by our own scorer.

    Parameters
    ----------
    vectors : float32 (n, d)
    labels : sequence of str (n)
    sample : int
        Vectors of each clustering, drawn with replacement.
    bootstraps : int
    most : int, optional
        Vectors that are drawn from, chosen once without replacement; all by default.
    seed : int
        mteb's is 42.

    Returns
    -------
    list of float
        V-measures (mutual information over the mean entropy), 0 to 1.

    Raises
    ------
    ParameterError
        When vectors and labels do not fit.
    MissingExtra
        Without scikit-learn, whose k-means mteb uses.

    Examples
    --------
    >>> rows = np.array([[1, 0], [1, 0], [0, 1], [0, 1]], dtype=np.float32)
    >>> v_measures(rows, ["a", "a", "b", "b"], sample=40, bootstraps=2)
    [1.0, 1.0]
    """
    from isogloss.evaluate.contingency import Contingency

    cluster = need("sklearn.cluster", extra="mteb")
    if len(vectors) != len(labels) or not len(labels):
        raise ParameterError(f"{len(vectors)} vectors and {len(labels)} labels: give one of each")
    draw = random.Random(seed)  # mteb draws by it, and equal draws are wanted
    rows = np.arange(len(labels))
    if most is not None:
        rows = np.array(draw.sample(range(len(labels)), k=min(most, len(labels))))
    _, numbers = np.unique(np.array(labels, dtype=object)[rows].astype(str), return_inverse=True)
    kept = np.asarray(vectors)[rows]
    kmeans = cluster.MiniBatchKMeans(
        n_clusters=int(numbers.max()) + 1,
        batch_size=512,
        init="k-means++",
        n_init=1,
        random_state=seed,
    )
    scores = []
    for _ in range(bootstraps):
        drawn = draw.choices(range(len(kept)), k=sample)
        with single_threaded_blas():
            found = kmeans.fit_predict(kept[drawn])
        table = Contingency.of(numbers[drawn].tolist(), found.tolist())
        scores.append(float(table.nmi(table.cells[None])[0]))
    return scores


@dataclass(frozen=True, slots=True)
class Selection:
    """Tasks that were kept, and those that the others predict.

    Parameters
    ----------
    kept : list of str
        In the order given.
    removed : list of (str, float)
        In the order of removal, with the rank correlation of predicted and true scores.
    """

    kept: list[str]
    removed: list[tuple[str, float]]


def select_tasks(
    scores: NDArray[np.float64],
    tasks: Sequence[str],
    groups: Sequence[Sequence[str]] = (),
    *,
    least: float = 0.8,
) -> Selection:
    """Remove, one at a time, the task that the others predict best.

    For each task a linear regression on the other tasks is fitted on all models but one, and
    predicts that one; the task with the highest rank correlation of predicted and true scores
    goes, while it is above `least`.

    Parameters
    ----------
    scores : float64 (models, tasks)
    tasks : sequence of str
        Names of the columns.
    groups : sequence of sequences of str
        What each task stands for (its type, its languages); the last task of a group stays.
    least : float
        The paper's bar is 0.8.

    Returns
    -------
    Selection

    Raises
    ------
    ParameterError
        For fewer than four models, scores that are not finite, or sizes that do not fit.

    Notes
    -----
    Where there are more tasks than models the regression is the one of least norm. Scores are
    centred and scaled by the models that are left in.

    Examples
    --------
    >>> ability = np.linspace(0.2, 0.8, 8)
    >>> other = np.array([5, 1, 7, 3, 2, 8, 4, 6]) / 10
    >>> table = np.column_stack([ability, 0.9 * ability, other])
    >>> select_tasks(table, ["a", "b", "c"]).kept
    ['b', 'c']
    """
    table = np.asarray(scores, dtype=np.float64)
    names = list(tasks)
    of = [tuple(one) for one in groups] if groups else [()] * len(names)
    if table.ndim != 2 or table.shape[1] != len(names) or len(of) != len(names):
        raise ParameterError(
            f"scores have shape {table.shape} for {len(names)} tasks and {len(of)} groups"
        )
    if len(table) < 4:
        raise ParameterError(f"{len(table)} models: ranks of fewer than 4 say nothing")
    if not np.isfinite(table).all():
        raise ParameterError("a score is missing or not finite: measure every model on every task")
    left = list(range(len(names)))
    removed: list[tuple[str, float]] = []
    while len(left) > 1:
        counts: dict[str, int] = {}
        for place in left:
            for group in of[place]:
                counts[group] = counts.get(group, 0) + 1
        free = [place for place in left if all(counts[group] > 1 for group in of[place])]
        judged = [
            (spearman(_predicted(table, place, left), table[:, place]), -place) for place in free
        ]
        if not judged or max(judged)[0] <= least:
            break
        value, place = max(judged)
        left.remove(-place)
        removed.append((names[-place], value))
    return Selection([names[place] for place in left], removed)


def _predicted(table: NDArray[np.float64], task: int, left: Sequence[int]) -> NDArray[np.float64]:
    others = [place for place in left if place != task]
    out = np.zeros(len(table))
    for model in range(len(table)):
        rest = np.arange(len(table)) != model
        x, y = table[np.ix_(rest, others)], table[rest, task]
        centre, spread = x.mean(axis=0), x.std(axis=0)
        spread[spread == 0] = 1.0
        with single_threaded_blas():
            weights = np.linalg.lstsq((x - centre) / spread, y - y.mean(), rcond=1e-9)[0]
        out[model] = float(((table[model, others] - centre) / spread) @ weights) + y.mean()
    return out


def spearman(one: Sequence[float] | NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Give the rank correlation of two lists, -1 to 1; 0 where one of them is constant.

    Examples
    --------
    >>> spearman([1.0, 2.0, 3.0], np.array([0.1, 0.2, 0.15]))
    0.5
    """
    from scipy.stats import rankdata

    a, b = (rankdata(np.round(np.asarray(x, dtype=np.float64), 12)) for x in (one, other))
    a, b = a - a.mean(), b - b.mean()
    below = float(np.sqrt((a @ a) * (b @ b)))
    return round(float(a @ b) / below, 12) if below else 0.0
