"""Class-based TF-IDF: each topic one long document.

Paper: Grootendorst, BERTopic, 2022 (arXiv 2203.05794), section 3.3.
"""

from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

__all__ = ["class_sums", "class_tfidf"]


def class_sums(counts: Any, labels: NDArray[np.integer[Any]], count: int) -> Any:
    """Sum word counts over the passages of each class, float64 CSR (t, v); -1 takes no part.

    Examples
    --------
    >>> class_sums(sp.csr_matrix([[1, 0], [2, 1], [5, 5]]), np.array([0, 0, -1]), 1).toarray()
    array([[3., 1.]])
    """
    held = np.flatnonzero(labels >= 0)
    members = (np.ones(len(held)), (labels[held], held))
    return (sp.csr_matrix(members, shape=(count, counts.shape[0])) @ counts).tocsr()


def class_tfidf(sums: Any, *, outside: Any = None) -> Any:
    """Weigh words of classes: their share of the class times ``log(1 + A / f)``.

    A is the mean number of words a class, f how often the word stands in all classes.

    Parameters
    ----------
    sums : CSR (t, v)
        Word counts of each class.
    outside : float (v,), optional
        Counts of passages that have no class: they too tell how common a word is, and count as one
        class more.

    Returns
    -------
    float64 CSR (t, v)

    Examples
    --------
    >>> weights = class_tfidf(sp.csr_matrix([[4.0, 2.0], [0.0, 6.0]]))
    >>> weights.toarray().round(3).tolist()
    [[0.611, 0.187], [0.0, 0.56]]
    """
    rows = sp.csr_matrix(sums, dtype=np.float64)
    per_class = np.asarray(rows.sum(axis=1)).ravel()
    per_word = np.asarray(rows.sum(axis=0)).ravel()
    classes = rows.shape[0]
    if outside is not None:
        per_word = per_word + outside
        classes += 1
    weight = np.log1p(per_word.sum() / max(1, classes) / np.maximum(per_word, 1e-300))
    scaled = sp.diags(1.0 / np.maximum(per_class, 1e-300)) @ rows
    return sp.csr_matrix(scaled.multiply(weight[None, :]))
