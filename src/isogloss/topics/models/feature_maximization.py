"""Feature maximization: which words belong to a class of passages, by recall and predominance.

The F-measure of a word in a class is the harmonic mean of its recall (the share of the word's whole
weight that lies in the class) and its predominance (the share of the class's whole weight that is
the word's). Words that reach the mean F-measure in some class are selected; a selected word is
active in the classes in which its F-measure is above its own mean over the classes.

Paper: Lamirel, Cuxac, Chivukula & Hajlaoui, Optimizing text classification through efficient
feature selection based on quality metric, 2015.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from isogloss._core.checks import real_number
from isogloss._core.errors import ParameterError

__all__ = ["FeatureMaximization", "feature_maximization"]


@dataclass(frozen=True, slots=True, eq=False)
class FeatureMaximization:
    """Measures of v words in t classes; what is not stored is 0.

    Parameters
    ----------
    recall, predominance, f_measure : float64 CSR (t, v)
    contrast : float64 CSR (t, v)
        F-measure over the word's mean F-measure, to the power of the amplification.
    selected : bool (v,)
        Words whose largest F-measure is above the mean of all.
    active : float64 CSR (t, v)
        F-measure of the words that are active in a class: selected, and of contrast above 1.
    """

    recall: Any
    predominance: Any
    f_measure: Any
    contrast: Any
    selected: NDArray[np.bool_]
    active: Any


def feature_maximization(
    weights: Any,
    labels: NDArray[np.integer[Any]],
    *,
    count: int | None = None,
    amplification: float = 1.0,
) -> FeatureMaximization:
    """Measure every word in every class.

    Parameters
    ----------
    weights : CSR or array (n, v)
        Weight of each word in each passage, 0 or more: counts, or TF-IDF.
    labels : int (n,)
        Class of each passage; passages of -1 take no part.
    count : int, optional
        Number of classes; by default the largest label and 1.
    amplification : float, default 1
        Power of the contrast, above 0.

    Returns
    -------
    FeatureMaximization

    Raises
    ------
    ParameterError
        For negative or infinite weights, labels that do not fit, or an amplification of 0 or less.

    Notes
    -----
    Time and memory O(nnz). Means run over all classes, zeros included. With one class no word is
    above its own mean: every selected word then counts as active.

    Examples
    --------
    Two classes and three words. "cat" stands only in the first class: recall 1, predominance 3/4.

    >>> found = feature_maximization([[3, 0, 1], [0, 2, 2]], np.array([0, 1]))
    >>> found.f_measure.toarray().round(3).tolist()
    [[0.857, 0.0, 0.286], [0.0, 0.667, 0.571]]
    >>> found.contrast.toarray().round(3).tolist()
    [[2.0, 0.0, 0.667], [0.0, 2.0, 1.333]]
    >>> found.active.toarray().round(3).tolist()
    [[0.857, 0.0, 0.0], [0.0, 0.667, 0.571]]
    """
    from isogloss.topics.models.inputs import checked_counts

    rows = checked_counts(weights, name="weights")
    topics = np.asarray(labels)
    n, v = rows.shape
    if topics.shape != (n,) or not np.issubdtype(topics.dtype, np.integer):
        raise ParameterError(f"labels is {topics.dtype} {topics.shape} for {n} passages")
    largest = int(topics.max()) if n else -1
    t = largest + 1 if count is None else count
    if (n and int(topics.min()) < -1) or largest >= t:
        raise ParameterError(f"labels reach from {topics.min()} to {largest}, classes are {t}")
    real_number(amplification, "amplification", 0, above=True)
    held = np.flatnonzero(topics >= 0)
    members = sp.csr_matrix((np.ones(len(held)), (topics[held], held)), shape=(t, n))
    sums = (members @ rows).tocsr()
    sums.sort_indices()
    owner = np.repeat(np.arange(t), np.diff(sums.indptr))
    word = sums.indices
    of_word = np.bincount(word, weights=sums.data, minlength=v)
    of_class = np.bincount(owner, weights=sums.data, minlength=t)

    def like(data: NDArray[Any]) -> Any:
        return sp.csr_matrix((data, sums.indices, sums.indptr), shape=(t, v))

    recall = sums.data / of_word[word]
    predominance = sums.data / of_class[owner]
    f_measure = 2 * recall * predominance / (recall + predominance)
    best = np.zeros(v)
    np.maximum.at(best, word, f_measure)
    # Compared as float32-like figures: a word that equals the mean must not pass by rounding.
    selected = best > f_measure.sum() / max(1, t * v) * (1 + 1e-9)
    mean = np.bincount(word, weights=f_measure, minlength=v) / max(1, t)
    contrast = (f_measure / mean[word]) ** amplification
    above = (contrast > 1 + 1e-9) | (t == 1)
    active = like(np.where(selected[word] & above, f_measure, 0.0)).copy()
    active.eliminate_zeros()
    return FeatureMaximization(
        like(recall), like(predominance), like(f_measure), like(contrast), selected, active
    )
