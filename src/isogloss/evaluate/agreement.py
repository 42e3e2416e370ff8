"""How far several annotators agree: Krippendorff's alpha and Fleiss' kappa, for categories.

Papers: Krippendorff 2011, Computing Krippendorff's Alpha-Reliability; Fleiss 1971, Measuring
nominal scale agreement among many raters.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogloss._core.plural import plural
from isogloss._math.bootstrap import interval, resample_cells
from isogloss.evaluate.score import Score

__all__ = ["answer_counts", "fleiss_kappa", "krippendorff_alpha"]

Floats = NDArray[np.float64]


def answer_counts(answers: Sequence[Sequence[Any]]) -> NDArray[np.int64]:
    """Count how often each category was given to each item.

    Parameters
    ----------
    answers : sequence of sequence
        For each item the answers of its annotators, of any hashable type.

    Returns
    -------
    int64 (items, categories)
        Categories in order of appearance.

    Examples
    --------
    >>> answer_counts([["a", "b"], ["a"]]).tolist()
    [[1, 1], [1, 0]]
    """
    place: dict[Any, int] = {}
    rows = [[place.setdefault(answer, len(place)) for answer in item] for item in answers]
    counts = np.zeros((len(rows), len(place)), dtype=np.int64)
    for row, columns in enumerate(rows):
        np.add.at(counts[row], columns, 1)
    return counts


def krippendorff_alpha(
    counts: NDArray[np.integer[Any]], *, name: str = "alpha", resamples: int = 1000, seed: int = 0
) -> Score:
    """Give Krippendorff's alpha for nominal answers; annotators may skip items.

    Parameters
    ----------
    counts : int (items, categories)
        From `answer_counts`. Items with fewer than two answers do not count.
    name : str
        Of the score.
    resamples, seed
        Of the bootstrap over items.

    Returns
    -------
    Score
        1 for full agreement, 0 for that of chance; NaN when all answers are alike, for then
        nothing tells agreement from habit.

    Examples
    --------
    >>> round(krippendorff_alpha(np.array([[2, 0], [0, 2], [1, 1]])).value, 4)
    0.4444
    """
    table = np.asarray(counts, dtype=np.float64)
    table = table[table.sum(axis=1) >= 2]
    many = table.sum(axis=1)
    # pairs of unlike answers in an item, each answer weighing as much in every item
    unlike = (many**2 - (table**2).sum(axis=1)) / np.maximum(many - 1, 1)

    def alpha(draws: Floats) -> Floats:
        totals = draws @ table
        n = totals.sum(axis=1)
        expected = (n**2 - (totals**2).sum(axis=1)) / np.maximum(n - 1, 1)
        with np.errstate(divide="ignore", invalid="ignore"):
            found = 1 - (draws @ unlike) / expected
        return np.where(expected > 0, found, np.nan)

    note = "items with two answers or more, nominal"
    return _over_items(name, alpha, len(table), note, resamples, seed)


def fleiss_kappa(
    counts: NDArray[np.integer[Any]], *, name: str = "kappa", resamples: int = 1000, seed: int = 0
) -> Score:
    """Give Fleiss' kappa, over the items with the most common number of answers.

    Parameters
    ----------
    counts : int (items, categories)
        From `answer_counts`.
    name : str
        Of the score.
    resamples, seed
        Of the bootstrap over items.

    Returns
    -------
    Score
        1 for full agreement, 0 for that of chance; NaN when all answers are alike. The notes say
        how many items had another number of answers.

    Examples
    --------
    >>> round(fleiss_kappa(np.array([[2, 0], [0, 2], [1, 1]])).value, 4)
    0.3333
    """
    table = np.asarray(counts, dtype=np.float64)
    many = table.sum(axis=1).astype(np.int64)
    sizes, times = np.unique(many[many >= 2], return_counts=True)
    # of equally common numbers the larger
    size = int(sizes[::-1][np.argmax(times[::-1])]) if len(sizes) else 2
    table = table[many == size]
    left = int((many != size).sum())
    agreed = ((table**2).sum(axis=1) - size) / (size * (size - 1))

    def kappa(draws: Floats) -> Floats:
        items = draws.sum(axis=1)
        share = draws @ table / np.maximum(items * size, 1)[:, None]
        chance = (share**2).sum(axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            found = (draws @ agreed / items - chance) / (1 - chance)
        return np.where(chance < 1 - 1e-12, found, np.nan)

    note = f"items with {size} answers" + (f"; {plural(left, 'other')} left out" if left else "")
    return _over_items(name, kappa, len(table), note, resamples, seed)


def _over_items(
    name: str,
    statistic: Callable[[Floats], Floats],
    n: int,
    note: str,
    resamples: int,
    seed: int,
) -> Score:
    if not n:
        return Score(name, *(float("nan"),) * 3, 0, "items", True, "no item has two answers")
    ones = np.ones(n, dtype=np.int64)
    value = float(statistic(ones[None, :].astype(np.float64))[0])
    draws = np.concatenate(
        [
            statistic(block.astype(np.float64))
            for block in resample_cells(ones, resamples=resamples, seed=seed)
        ]
    )
    low, high = interval(draws, value, bounds=(-1.0, 1.0))
    return Score(name, value, low, high, n, "items", True, note)
