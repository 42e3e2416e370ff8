"""What topic models are given, checked; and words in order of their weight."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from isogloss._core.checks import whole_number
from isogloss._core.errors import ParameterError
from isogloss.topics.rows import checked_vocabulary, count_rows, real_array

__all__ = ["checked_counts", "checked_topics", "checked_vectors", "checked_words", "top_words"]

BLOCK = 4096


def checked_counts(X: Any, *, columns: int | None = None, name: str = "X") -> Any:
    """Give word counts (or other weights of words) as sorted float64 CSR (n, v) without zeros.

    Parameters
    ----------
    X : CSR or array (n, v)
        Finite, not negative.
    columns : int, optional
        How many there must be.
    name : str
        What to call it in an error.

    Raises
    ------
    ParameterError
        For NaN, infinite or negative values, or another shape.

    Examples
    --------
    >>> checked_counts([[0, 2], [1, 0]]).data.tolist()
    [2.0, 1.0]
    """
    counts = sp.csr_matrix(count_rows(X, name), dtype=np.float64, copy=True)
    if columns is not None and counts.shape[1] != columns:
        raise ParameterError(f"{name} has {counts.shape[1]} columns, the words are {columns}")
    counts.eliminate_zeros()
    return counts


def checked_vectors(X: Any, *, columns: int | None = None) -> NDArray[np.float32]:
    """Give vectors as unit rows, float32 (n, d); rows of zeros stay.

    Parameters
    ----------
    X : array (n, d)
        Finite rows of any length.
    columns : int, optional
        How many there must be.

    Raises
    ------
    ParameterError
        For NaN or infinite values, or another shape.

    Examples
    --------
    >>> checked_vectors([[3, 4], [0, 0]]).round(2).tolist()
    [[0.6000000238418579, 0.800000011920929], [0.0, 0.0]]
    """
    rows = real_array(X, "X", "vectors (n, d)")
    if rows.ndim != 2:
        raise ParameterError(f"X has shape {rows.shape}: give vectors (n, d)")
    if columns is not None and rows.shape[1] != columns:
        raise ParameterError(f"X has {rows.shape[1]} columns, fit had {columns}")
    found = np.empty(rows.shape, dtype=np.float32)
    for first in range(0, len(rows), BLOCK):
        part = rows[first : first + BLOCK].astype(np.float64)
        if not np.isfinite(part).all():
            raise ParameterError("X has NaN or infinite values: give finite vectors")
        lengths = np.linalg.norm(part, axis=1, keepdims=True)
        found[first : first + BLOCK] = part / np.where(lengths > 0, lengths, 1.0)
    return found


def checked_words(vocabulary: Sequence[str] | None, columns: int) -> tuple[str, ...]:
    """Give the word of each column; without words their numbers.

    Raises
    ------
    ParameterError
        When the number of words is not that of the columns.

    Examples
    --------
    >>> checked_words(None, 2)
    ('0', '1')
    """
    if vocabulary is None:
        return tuple(map(str, range(columns)))
    return checked_vocabulary(vocabulary, columns)


def checked_topics(n_topics: int | None, passages: int) -> None:
    """Refuse a number of topics that cannot be had.

    Raises
    ------
    ParameterError
        For less than 1, or more than there are passages with content.
    """
    if n_topics is None:
        return
    whole_number(n_topics, "n_topics", 1)
    if n_topics > passages:
        raise ParameterError(f"n_topics is {n_topics}, but only {passages} passages are not empty")


def top_words(weights: Any, vocabulary: Sequence[str], n: int) -> tuple[tuple[str, ...], ...]:
    """Give the n words of largest weight in each row, best first, ties by column.

    Words of no weight are left out.

    Examples
    --------
    >>> top_words(sp.csr_matrix([[1.0, 3.0, 0.0]]), ["a", "b", "c"], 10)
    (('b', 'a'),)
    """
    rows = sp.csr_matrix(weights)
    found = []
    for start, end in zip(rows.indptr[:-1], rows.indptr[1:], strict=True):
        data, columns = rows.data[start:end], rows.indices[start:end]
        order = np.lexsort((columns, -data))[:n]
        found.append(tuple(vocabulary[int(columns[i])] for i in order if data[i] > 0))
    return tuple(found)
