"""How different the word lists of topics are: inverted rank-biased overlap.

Papers: Webber, Moffat & Zobel 2010 (rank-biased overlap, its extrapolation for lists of uneven
length); Bianchi, Terragni & Hovy 2021 (its inverse as diversity of topics).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from isogloss._core.errors import ParameterError
from isogloss._core.plural import plural
from isogloss._math.bootstrap import jackknife_interval
from isogloss.evaluate.score import Score

__all__ = ["inverted_rbo_score", "rank_biased_overlap"]

Floats = NDArray[np.float64]


def rank_biased_overlap(
    lists: Sequence[Sequence[str]], *, weight: float = 0.9, top: int = 10
) -> Floats:
    """Give the extrapolated rank-biased overlap of every two lists.

    Parameters
    ----------
    lists : sequence of sequence of str
        Best first; repeated words count once.
    weight : float
        Between 0 and 1: how much a rank counts beside the one before it.
    top : int
        Words of each list that count.

    Returns
    -------
    float64 (k, k)
        Symmetric, in [0, 1]; NaN for an empty list.

    Notes
    -----
    Time O(top k^2). Ties do not occur in lists.

    Examples
    --------
    >>> rank_biased_overlap([["a", "b"], ["a", "b"], ["c", "d"]])[0].round(6).tolist()
    [1.0, 1.0, 0.0]
    """
    from scipy.sparse import csr_matrix

    if not 0 < weight < 1 or top < 1:
        raise ParameterError(f"weight={weight!r}, top={top!r}: give 0 < weight < 1 and top >= 1")
    held = [list(dict.fromkeys(words))[:top] for words in lists]
    number: dict[str, int] = {}
    columns = [[number.setdefault(word, len(number)) for word in words] for words in held]
    length = np.array([len(words) for words in held], dtype=np.int64)
    deepest = int(length.max(initial=0))
    shape = (len(held), max(1, len(number)))
    depths = np.arange(deepest + 1)
    overlap = np.zeros((deepest + 1, len(held), len(held)))
    for depth in depths[1:]:
        rows = np.repeat(np.arange(len(held)), np.minimum(length, depth))
        cells = [column for words in columns for column in words[:depth]]
        first = csr_matrix((np.ones(len(cells)), (rows, cells)), shape=shape)
        overlap[depth] = (first @ first.T).toarray()
    short = np.minimum(length[:, None], length)
    long = np.maximum(length[:, None], length)
    whole, part = np.maximum(long, 1), np.maximum(short, 1)
    at_short = np.take_along_axis(overlap, short[None], axis=0)[0]
    at_long = np.take_along_axis(overlap, long[None], axis=0)[0]
    total = np.zeros(short.shape)
    for depth in depths[1:]:
        agreed = overlap[depth] / depth
        agreed = agreed + np.where(depth > short, at_short * (depth - short) / (part * depth), 0.0)
        total += np.where(depth <= long, agreed * weight**depth, 0.0)
    tail = ((at_long - at_short) / whole + at_short / part) * weight ** long.astype(np.float64)
    found = np.clip((1 - weight) / weight * total + tail, 0.0, 1.0)
    found[(short == 0)] = np.nan
    return np.asarray(found, dtype=np.float64)


def inverted_rbo_score(
    keywords: Sequence[Sequence[str]],
    *,
    weight: float = 0.9,
    top: int = 10,
    resamples: int = 1000,
    seed: int = 0,
) -> Score:
    """Give one minus the mean rank-biased overlap of two topics.

    Unlike the share of distinct words it counts a shared word more the higher it stands.

    Parameters
    ----------
    keywords : sequence of sequence of str
        Words of each topic, best first; topics without words are left out, and counted.
    weight, top
        As in `rank_biased_overlap`.
    resamples, seed
        Of the bootstrap over the topics' jackknife pseudo-values.

    Returns
    -------
    Score
        1 when no word is shared; NaN for fewer than two topics.

    Examples
    --------
    >>> round(inverted_rbo_score([["a", "b"], ["a", "c"], ["d", "e"]]).value, 4)
    0.8167
    """
    held = [words for words in keywords if len(words)]
    left = len(keywords) - len(held)
    notes = f"top {top} words, weight {weight}; interval from the jackknife over topics"
    if left:
        notes += f"; {plural(left, 'topic')} without words left out"
    if len(held) < 2:
        return Score("inverted_rbo", *(float("nan"),) * 3, len(held), "topics", True, notes)
    overlap = rank_biased_overlap(held, weight=weight, top=top)
    np.fill_diagonal(overlap, 0.0)
    k, rows = len(held), overlap.sum(axis=1)
    total = float(rows.sum())
    value = 1 - total / (k * (k - 1))
    without = 1 - (total - 2 * rows) / max(1, (k - 1) * (k - 2))
    if k == 2:
        without = np.full(2, value)
    low, high = jackknife_interval(
        value, without, resamples=resamples, seed=seed, bounds=(0.0, 1.0)
    )
    return Score("inverted_rbo", round(value, 12), low, high, k, "topics", True, notes)
