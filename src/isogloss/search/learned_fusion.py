"""Fusion with weights learned from judged queries: logistic regression over both rankings.

For each candidate and each ranking three facts count: its score scaled to 0..1 within the ranking,
its reciprocal rank, and whether the ranking holds it at all. The ridge that keeps the weights small
is chosen by cross-validation over queries.
"""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogloss._core.checks import whole_number
from isogloss._core.errors import NotFitted, ParameterError
from isogloss._core.files import write_json
from isogloss.search.fusion import DAMPING, Ranking, scaled

__all__ = ["LearnedFusion", "collect"]

FORMAT = "isogloss learned fusion"
LISTS = ("vector", "text")
FACTS = ("score", "reciprocal rank", "found")
RIDGES = (0.01, 0.1, 1.0, 10.0, 100.0)
_STEPS = 50

Judged = Mapping[int, float]


class LearnedFusion:
    """Score candidates by a logistic regression that was fitted on judged queries.

    The score is the estimated probability of relevance among candidates such as those it was
    fitted on, 0 to 1.

    Parameters
    ----------
    folds : int, default 5
        Parts of the queries for the choice of the ridge, at least 2.
    seed : int, default 0
        Of the parting.

    Attributes
    ----------
    weights_ : float64 (7,)
        Constant, then score, reciprocal rank and found, of vectors and of words.
    ridge_ : float
        The ridge that was chosen.
    losses_ : dict of float to float
        Mean log loss out of fold of each ridge.

    Examples
    --------
    The words are right, the vectors are not:

    >>> lists = [{"vector": Ranking([1, 2], [0.9, 0.8]), "text": Ranking([2, 1], [9.0, 1.0])},
    ...          {"vector": Ranking([3, 4], [0.9, 0.8]), "text": Ranking([4, 3], [7.0, 2.0])}]
    >>> learned = LearnedFusion(folds=2).fit(lists, [{2: 1}, {4: 1}])
    >>> [passage for passage, _ in learned.fuse(lists[0])]
    [2, 1]
    """

    def __init__(self, *, folds: int = 5, seed: int = 0) -> None:
        self.folds = folds
        self.seed = seed

    @property
    def name(self) -> str:
        """What it is, in a few words."""
        return "learned fusion"

    def fit(
        self, rankings: Sequence[Mapping[str, Ranking]], judged: Sequence[Judged]
    ) -> "LearnedFusion":
        """Learn the weights.

        Parameters
        ----------
        rankings : sequence of mapping of "vector" and "text" to Ranking
            The candidates of each query, as deep as they will be fused; see `collect`.
        judged : sequence of mapping of passage to grade
            For each query; a passage without a grade above 0 is not relevant.

        Returns
        -------
        LearnedFusion
            Itself.

        Raises
        ------
        ParameterError
            When the two differ in length, there are fewer queries with a relevant candidate than
            folds, or all candidates are relevant.
        """
        whole_number(self.folds, "folds", 2)
        if len(rankings) != len(judged):
            raise ParameterError(
                f"{len(rankings)} queries were ranked and {len(judged)} judged: give one for each"
            )
        parts = []
        for lists, grades in zip(rankings, judged, strict=True):
            passages, rows = _facts(lists)
            right = np.array([grades.get(passage, 0) > 0 for passage in passages], dtype=bool)
            if right.any():  # others say nothing about what raises a relevant one
                parts.append((rows, right))
        if len(parts) < self.folds:
            raise ParameterError(
                f"{len(parts)} queries have a relevant candidate: judge at least {self.folds}, "
                "or take fewer folds"
            )
        if all(right.all() for _, right in parts):
            raise ParameterError("all candidates are relevant: there is nothing to learn")
        order = np.random.default_rng(self.seed).permutation(len(parts))
        held = [set(order[fold :: self.folds].tolist()) for fold in range(self.folds)]
        self.losses_ = _held_out_losses(parts, held)
        self.ridge_ = min(RIDGES, key=lambda ridge: (self.losses_[ridge], -ridge))
        self.weights_ = _logistic(parts, self.ridge_)
        self.queries_ = len(parts)
        return self

    def fuse(self, rankings: Mapping[str, Ranking]) -> list[tuple[int, float]]:
        """Merge by the learned weights.

        Raises
        ------
        NotFitted
            Before `fit` or `load`.
        """
        if not hasattr(self, "weights_"):
            raise NotFitted("the weights of this fusion are not learned: call fit or load first")
        passages, rows = _facts(rankings)
        if not passages:
            return []
        chances = _chance(rows @ self.weights_).tolist()
        pairs = zip(passages, chances, strict=True)
        return sorted(pairs, key=lambda pair: (-pair[1], pair[0]))

    def save(self, path: str | Path) -> None:
        """Write the weights as JSON.

        Raises
        ------
        NotFitted
            Before `fit` or `load`.
        """
        if not hasattr(self, "weights_"):
            raise NotFitted("the weights of this fusion are not learned: call fit first")
        names = ["constant", *(f"{kind} {fact}" for kind in LISTS for fact in FACTS)]
        weights = dict(zip(names, self.weights_.tolist(), strict=True))
        write_json(
            Path(path),
            {
                "format": FORMAT,
                "version": 1,
                "weights": weights,
                "ridge": self.ridge_,
                "queries": self.queries_,
            },
        )

    @classmethod
    def load(cls, path: str | Path) -> "LearnedFusion":
        """Read weights that `save` wrote.

        Raises
        ------
        ParameterError
            When the file is missing, no JSON, or holds something else.
        """
        try:
            value: Any = json.loads(Path(path).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            reason = " ".join(str(error).split())[:120]
            raise ParameterError(f"cannot read a learned fusion from {path}: {reason}") from error
        known = isinstance(value, dict) and value.get("format") == FORMAT
        if not known or value.get("version") != 1 or not isinstance(value.get("weights"), dict):
            raise ParameterError(f"{path} holds no learned fusion that this version can read")
        names = ["constant", *(f"{kind} {fact}" for kind in LISTS for fact in FACTS)]
        numbers = [value["weights"].get(name) for name in names]
        if not all(isinstance(n, int | float) and math.isfinite(n) for n in numbers):
            raise ParameterError(f"{path} lacks a weight: it needs {', '.join(names)}")
        learned = cls()
        learned.weights_ = np.array(numbers, dtype=np.float64)
        learned.ridge_ = float(value.get("ridge", 1.0))
        learned.queries_ = int(value.get("queries", 0))
        return learned


def collect(
    search: Callable[..., Any],
    queries: Mapping[str, str],
    qrels: Mapping[str, Mapping[str, float]],
    *,
    depth: int = 100,
) -> tuple[list[dict[str, Ranking]], list[dict[int, float]]]:
    """Gather the candidates of judged queries, for `LearnedFusion.fit`.

    Parameters
    ----------
    search : callable
        `Atlas.search`, or one like it.
    queries : mapping of query id to text
        Those without judgements are left out.
    qrels : mapping of query id to mapping of document id to grade
        Ids as strings.
    depth : int, default 100
        Candidates of each ranking: as many as the fusion will see.

    Returns
    -------
    rankings, judged
        As `LearnedFusion.fit` takes them.
    """
    rankings, judged = [], []
    for query in sorted(set(queries) & set(qrels)):
        lists, grades = {}, {}
        for mode in LISTS:
            hits = search(queries[query], k=depth, mode=mode).hits
            lists[mode] = Ranking([hit.passage for hit in hits], [hit.score for hit in hits])
            for hit in hits:
                grades[hit.passage] = qrels[query].get(str(hit.id), 0.0)
        rankings.append(lists)
        judged.append(grades)
    return rankings, judged


def _facts(rankings: Mapping[str, Ranking]) -> tuple[list[int], NDArray[np.float64]]:
    """Passages of either ranking, and for each the constant and six facts."""
    known = {p for name in LISTS if name in rankings for p in rankings[name].passages}
    passages = sorted(known)
    place = {passage: row for row, passage in enumerate(passages)}
    rows = np.zeros((len(passages), 1 + len(LISTS) * len(FACTS)))
    rows[:, 0] = 1.0
    for number, name in enumerate(LISTS):
        if name not in rankings or not len(rankings[name].passages):
            continue
        at = [place[passage] for passage in rankings[name].passages]
        first = 1 + number * len(FACTS)
        rows[at, first] = scaled(rankings[name].scores, "min-max")
        rows[at, first + 1] = (1 + DAMPING) / (DAMPING + np.arange(1.0, len(at) + 1))
        rows[at, first + 2] = 1.0
    return passages, rows


def _chance(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * sums)))


def _logistic(
    parts: Sequence[tuple[NDArray[np.float64], NDArray[np.bool_]]],
    ridge: float,
    start: NDArray[np.float64] | None = None,
) -> NDArray[np.float64]:
    """Newton's method from `start`; the constant is not held down."""
    X = np.concatenate([rows for rows, _ in parts])
    y = np.concatenate([right for _, right in parts]).astype(np.float64)
    penalty = np.full(X.shape[1], ridge)
    penalty[0] = 1e-6
    weights = np.zeros(X.shape[1]) if start is None else start
    for _ in range(_STEPS):
        chance = _chance(X @ weights)
        slope = X.T @ (y - chance) - penalty * weights
        bend = (X * (chance * (1 - chance))[:, None]).T @ X + np.diag(penalty)
        step = np.linalg.solve(bend, slope)
        weights = weights + step * min(1.0, 5.0 / max(float(np.abs(step).max()), 1e-12))
        if float(np.abs(step).max()) < 1e-9:
            break
    return weights


def _held_out_losses(
    parts: Sequence[tuple[NDArray[np.float64], NDArray[np.bool_]]], held: Sequence[set[int]]
) -> dict[float, float]:
    """Mean log loss of each ridge over queries that did not teach it."""
    losses: dict[float, list[float]] = {ridge: [] for ridge in RIDGES}
    for fold in held:
        rest = [part for i, part in enumerate(parts) if i not in fold]
        weights = None
        for ridge in reversed(RIDGES):  # each starts where the one before ended
            weights = _logistic(rest, ridge, weights)
            for i in sorted(fold):
                rows, right = parts[i]
                sums = rows @ weights
                loss = np.logaddexp(0.0, np.where(right, -sums, sums))
                losses[ridge].append(float(np.mean(loss)))
    return {ridge: math.fsum(values) / len(values) for ridge, values in losses.items()}
